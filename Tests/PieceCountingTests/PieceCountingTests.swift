// Tests of PieceCounting.
