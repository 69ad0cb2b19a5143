// The PieceCounting module.
