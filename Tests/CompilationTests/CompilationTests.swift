// Tests of Compilation.
