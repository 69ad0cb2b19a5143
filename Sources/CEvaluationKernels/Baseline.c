// The instruction set that the compiler assumes anyway: SSE2 on x86-64, NEON with FMA on 64-bit Arm.
#include "Variants.h"

#define LANES 2
#define TILE_VECTORS 2
#define TILE_UNITS 4
#define ROW_PANELS 2
#if defined(__aarch64__)
#define MULTIPLY_ADD(a, b, c) __builtin_elementwise_fma(a, b, c)
#define VARIANT_NAME "NEON"
#else
#define MULTIPLY_ADD(a, b, c) ((a) * (b) + (c))
#define VARIANT_NAME "SSE2"
#endif
#define VARIANT crease_kernels_baseline
#include "KernelTemplate.h"
