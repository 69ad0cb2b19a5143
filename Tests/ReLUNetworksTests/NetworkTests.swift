// Tests of ReLUNetworks.
