// The MicroHTTP module.
