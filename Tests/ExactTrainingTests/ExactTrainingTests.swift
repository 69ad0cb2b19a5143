// Tests of ExactTraining.
