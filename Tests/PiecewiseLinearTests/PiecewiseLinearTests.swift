// Tests of PiecewiseLinear.
