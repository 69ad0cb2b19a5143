#include "Variants.h"

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define LANES 4
#define TILE_VECTORS 2
#define TILE_UNITS 4
#define ROW_PANELS 4
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VARIANT_NAME "AVX2"
#define VARIANT crease_kernels_avx2
#include "KernelTemplate.h"
#pragma clang attribute pop
#endif
