// The PiecewiseLinear module.
