#pragma once
#include "CEvaluationKernels.h"

extern const crease_kernels crease_kernels_baseline;
#if defined(__x86_64__)
extern const crease_kernels crease_kernels_avx2;
extern const crease_kernels crease_kernels_avx512;
#endif
