#include "Variants.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma,popcnt"))), apply_to = function)
#define LANES 4
#define VARIANT_NAME "AVX2"
#define VARIANT crease_cell_kernels_avx2
#include "KernelTemplate.h"
#pragma clang attribute pop
#endif
