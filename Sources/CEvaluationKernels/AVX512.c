#include "Variants.h"

#if defined(__x86_64__)
#pragma clang attribute push( \
    __attribute__((target("avx512f,avx512vl,avx512dq,avx2,fma"))), apply_to = function)
#define LANES 8
#define TILE_VECTORS 2
#define TILE_UNITS 8
#define ROW_PANELS 4
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VARIANT_NAME "AVX-512"
#define VARIANT crease_kernels_avx512
#include "KernelTemplate.h"
#pragma clang attribute pop
#endif
