// The kernels of one instruction set. Included once by each variant, which defines before:
//   LANES              doubles of a vector
//   TILE_VECTORS       vectors of rows of a tile
//   TILE_UNITS         units whose sums are held in registers together (8 or 4)
//   ROW_PANELS         panels of 8 units whose sums are held in registers together, for one row
//   MULTIPLY_ADD(a, b, c)   a·b + c on vectors and on doubles
//   VARIANT, VARIANT_NAME   the table of functions and its name
#include <string.h>

#include "CEvaluationKernels.h"

#pragma STDC FP_CONTRACT OFF

#define TILE_ROWS (LANES * TILE_VECTORS)
#define INLINE static inline __attribute__((always_inline))

typedef double rows_vector __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t rows_mask __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef double units8 __attribute__((vector_size(64), aligned(8), may_alias));
typedef double units4 __attribute__((vector_size(32), aligned(8), may_alias));
typedef double units2 __attribute__((vector_size(16), aligned(8), may_alias));

/// A vector of equal numbers. (0 + number is no substitute: it changes −0.)
#define EQUAL(type, number)                                                                      \
    ({                                                                                           \
        type vector_;                                                                            \
        _Pragma("clang loop unroll(full)") for (size_t i_ = 0; i_ < sizeof(type) / 8; i_++)      \
            vector_[i_] = (number);                                                              \
        vector_;                                                                                 \
    })

// MARK: Tiles of rows

/// `units` sums for one tile: units ≤ 8 rows of TILE_VECTORS vectors in registers.
INLINE void tile_units(const int units, const size_t panel_width, const double *panel, const double *bias,
                       size_t inputs, const double *input, double *output, crease_epilogue epilogue,
                       const double *masks) {
    rows_vector sums[8][TILE_VECTORS];
#pragma clang loop unroll(full)
    for (int u = 0; u < units; u++)
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++) sums[u][v] = EQUAL(rows_vector, bias ? bias[u] : 0.0);
    for (size_t k = 0; k < inputs; k++) {
        rows_vector x[TILE_VECTORS];
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++)
            x[v] = *(const rows_vector *)(input + k * TILE_ROWS + v * LANES);
#pragma clang loop unroll(full)
        for (int u = 0; u < units; u++) {
            rows_vector weight = EQUAL(rows_vector, panel[k * panel_width + u]);
#pragma clang loop unroll(full)
            for (int v = 0; v < TILE_VECTORS; v++) sums[u][v] = MULTIPLY_ADD(weight, x[v], sums[u][v]);
        }
    }
    const rows_vector zero = {0};
#pragma clang loop unroll(full)
    for (int u = 0; u < units; u++) {
#pragma clang loop unroll(full)
        for (int v = 0; v < TILE_VECTORS; v++) {
            rows_vector value = sums[u][v];
            size_t place = (size_t)u * TILE_ROWS + (size_t)v * LANES;
            if (epilogue == CREASE_RELU) {
                value = (rows_vector)((rows_mask)value & ~(rows_mask)(value < zero));
            } else if (epilogue == CREASE_MASK) {
                rows_vector mask = *(const rows_vector *)(masks + place);
                value = (rows_vector)((rows_mask)value & (rows_mask)(mask > zero));
            }
            *(rows_vector *)(output + place) = value;
        }
    }
}

static void layer(const crease_affine_map *map, size_t first_unit, size_t last_unit, size_t tiles,
                  const double *input, double *output, crease_epilogue epilogue, const double *masks) {
    const size_t inputs = map->inputs;
    size_t unit = first_unit;
    while (unit < last_unit) {
        // Whole panels come first, so every panel's weights start at its first unit times the inputs.
        size_t rest = map->outputs - unit;
        size_t width = rest >= 8 ? 8 : rest >= 4 ? 4 : rest >= 2 ? 2 : 1;
        const double *panel = map->panels + unit * inputs;
        const double *bias = map->bias ? map->bias + unit : NULL;
        for (size_t tile = 0; tile < tiles; tile++) {
            const double *in = input + tile * inputs * TILE_ROWS;
            double *out = output + (tile * map->outputs + unit) * TILE_ROWS;
            const double *mask = masks ? masks + (tile * map->outputs + unit) * TILE_ROWS : NULL;
            switch (width) {
            case 8:
#if TILE_UNITS == 8
                tile_units(8, 8, panel, bias, inputs, in, out, epilogue, mask);
#else
                tile_units(4, 8, panel, bias, inputs, in, out, epilogue, mask);
                tile_units(4, 8, panel + 4, bias ? bias + 4 : NULL, inputs, in, out + 4 * TILE_ROWS, epilogue,
                           mask ? mask + 4 * TILE_ROWS : NULL);
#endif
                break;
            case 4: tile_units(4, 4, panel, bias, inputs, in, out, epilogue, mask); break;
            case 2: tile_units(2, 2, panel, bias, inputs, in, out, epilogue, mask); break;
            default: tile_units(1, 1, panel, bias, inputs, in, out, epilogue, mask); break;
            }
        }
        unit += width;
    }
}

// MARK: One row

/// `panels` panels of 8 units together.
INLINE void row_panels(const int panels, const double *weights, const double *bias, size_t inputs,
                       const double *x, double *y) {
    units8 sums[ROW_PANELS];
#pragma clang loop unroll(full)
    for (int p = 0; p < panels; p++) sums[p] = *(const units8 *)(bias + 8 * p);
    for (size_t k = 0; k < inputs; k++) {
        units8 value = EQUAL(units8, x[k]);
#pragma clang loop unroll(full)
        for (int p = 0; p < panels; p++)
            sums[p] = MULTIPLY_ADD(*(const units8 *)(weights + ((size_t)p * inputs + k) * 8), value, sums[p]);
    }
#pragma clang loop unroll(full)
    for (int p = 0; p < panels; p++) *(units8 *)(y + 8 * p) = sums[p];
}

INLINE void row_map(const crease_affine_map *map, const double *x, double *y) {
    const size_t inputs = map->inputs, outputs = map->outputs;
    const double *weights = map->panels, *bias = map->bias;
    size_t unit = 0;
    for (; unit + 8 * ROW_PANELS <= outputs; unit += 8 * ROW_PANELS)
        row_panels(ROW_PANELS, weights + unit * inputs, bias + unit, inputs, x, y + unit);
    for (; unit + 8 <= outputs; unit += 8)
        row_panels(1, weights + unit * inputs, bias + unit, inputs, x, y + unit);
    if (outputs - unit >= 4) {
        units4 sum = *(const units4 *)(bias + unit);
        for (size_t k = 0; k < inputs; k++)
            sum = MULTIPLY_ADD(*(const units4 *)(weights + unit * inputs + 4 * k), EQUAL(units4, x[k]), sum);
        *(units4 *)(y + unit) = sum;
        unit += 4;
    }
    if (outputs - unit >= 2) {
        units2 sum = *(const units2 *)(bias + unit);
        for (size_t k = 0; k < inputs; k++)
            sum = MULTIPLY_ADD(*(const units2 *)(weights + unit * inputs + 2 * k), EQUAL(units2, x[k]), sum);
        *(units2 *)(y + unit) = sum;
        unit += 2;
    }
    if (unit < outputs) {
        double sum = bias[unit];
        for (size_t k = 0; k < inputs; k++) sum = MULTIPLY_ADD(weights[unit * inputs + k], x[k], sum);
        y[unit] = sum;
    }
}

static int row(const crease_affine_map *maps, size_t count, const double *x, double *y, double *scratch,
               uint8_t *activations, int checked) {
    size_t widest = 0;
    for (size_t l = 0; l + 1 < count; l++)
        if (maps[l].outputs > widest) widest = maps[l].outputs;
    const double *current = x;
    for (size_t l = 0; l < count; l++) {
        const size_t outputs = maps[l].outputs;
        double *next = l + 1 == count ? y : scratch + (l & 1 ? widest : 0);
        row_map(&maps[l], current, next);
        if (checked)
            for (size_t u = 0; u < outputs; u++)
                if (!__builtin_isfinite(next[u])) return 0;
        if (l + 1 < count) {
            for (size_t u = 0; u < outputs; u++) next[u] = next[u] < 0 ? 0 : next[u];
            if (activations) {
                for (size_t u = 0; u < outputs; u++) activations[u] = next[u] > 0;
                activations += outputs;
            }
        }
        current = next;
    }
    return 1;
}

const crease_kernels VARIANT = {VARIANT_NAME, TILE_ROWS, row, layer};
