// The ExactTraining module.
