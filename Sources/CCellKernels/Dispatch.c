// Chooses among the variants at run time.
#include "Variants.h"

const crease_cell_kernels *crease_best_cell_kernels(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
        __builtin_cpu_supports("popcnt"))
        return &crease_cell_kernels_avx2;
#endif
    return &crease_cell_kernels_baseline;
}
