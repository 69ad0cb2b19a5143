// Chooses among the variants at run time, and moves rows into and out of tiles.
#include "Variants.h"

const crease_kernels *crease_kernels_at(size_t index) {
    const crease_kernels *variants[4] = {NULL, NULL, NULL, NULL};
    size_t count = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("fma"))
        variants[count++] = &crease_kernels_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        variants[count++] = &crease_kernels_avx2;
#endif
    variants[count++] = &crease_kernels_baseline;
    return index < count ? variants[index] : NULL;
}

const crease_kernels *crease_best_kernels(void) { return crease_kernels_at(0); }

static double entry(const double *weights, size_t inputs, size_t outputs, int transposed, size_t unit,
                    size_t input) {
    return transposed ? weights[input * outputs + unit] : weights[unit * inputs + input];
}

void crease_pack(const double *weights, size_t inputs, size_t outputs, int transposed, double *panels) {
    size_t unit = 0;
    while (unit < outputs) {
        size_t rest = outputs - unit;
        size_t width = rest >= 8 ? 8 : rest >= 4 ? 4 : rest >= 2 ? 2 : 1;
        for (size_t k = 0; k < inputs; k++)
            for (size_t u = 0; u < width; u++)
                panels[unit * inputs + k * width + u] =
                    entry(weights, inputs, outputs, transposed, unit + u, k);
        unit += width;
    }
}

int crease_load_tile(const double *rows, size_t row_count, size_t columns, size_t tile_rows, double limit,
                     double *tile) {
    int within = 1;
    for (size_t k = 0; k < columns; k++) {
        double *target = tile + k * tile_rows;
        for (size_t r = 0; r < row_count; r++) {
            double value = rows[r * columns + k];
            target[r] = value;
            within &= __builtin_fabs(value) <= limit;
        }
        for (size_t r = row_count; r < tile_rows; r++) target[r] = 0;
    }
    return within;
}

int crease_store_tile(const double *tile, size_t row_count, size_t columns, size_t tile_rows, double *rows,
                      size_t row_stride, size_t column_stride) {
    int finite = 1;
    for (size_t k = 0; k < columns; k++) {
        for (size_t r = 0; r < row_count; r++) {
            double value = tile[k * tile_rows + r];
            rows[r * row_stride + k * column_stride] = value;
            finite &= __builtin_isfinite(value) != 0;
        }
    }
    return finite;
}

void crease_store_signs(const double *tile, size_t row_count, size_t columns, size_t tile_rows, uint8_t *rows,
                        size_t row_stride) {
    for (size_t r = 0; r < row_count; r++)
        for (size_t k = 0; k < columns; k++) rows[r * row_stride + k] = tile[k * tile_rows + r] > 0;
}

void crease_masked_column(const double *weights, size_t stride, size_t units, size_t tile_rows,
                          const double *masks, double *tile) {
    for (size_t u = 0; u < units; u++)
        for (size_t r = 0; r < tile_rows; r++)
            tile[u * tile_rows + r] = masks[u * tile_rows + r] > 0 ? weights[u * stride] : 0;
}
