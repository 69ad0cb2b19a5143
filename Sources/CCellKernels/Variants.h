#pragma once
#include "CCellKernels.h"
#include <string.h>
extern const crease_cell_kernels crease_cell_kernels_baseline;
#if defined(__x86_64__)
extern const crease_cell_kernels crease_cell_kernels_avx2;
#endif
