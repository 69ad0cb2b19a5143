// The LinearProgramming module.
