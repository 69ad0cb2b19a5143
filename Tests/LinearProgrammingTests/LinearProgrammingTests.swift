// Tests of LinearProgramming.
