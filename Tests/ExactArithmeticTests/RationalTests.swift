// Tests of ExactArithmetic.
