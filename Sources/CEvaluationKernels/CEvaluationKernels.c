#include "CEvaluationKernels.h"
