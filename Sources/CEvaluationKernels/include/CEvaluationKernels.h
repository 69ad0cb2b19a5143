#pragma once
#include <stddef.h>
#include <stdint.h>

// Kernels for the evaluation of ReLU networks in binary64, with a variant for each vector instruction set.
//
// One order of operations for all of them: a unit's value starts as its bias and takes the terms weight·input one
// after the other, in the order of the inputs, each by one fused multiply-add (by a rounded product and a rounded
// sum on processors without FMA). Vectors run across rows or across units, never along a sum, so the width of the
// vectors and the place of a row do not change any bit.

/// An affine map whose weights are packed in panels of units: as many panels of 8 units as fit, then one of 4, one
/// of 2, one of 1 as the rest needs. In a panel the weights of one input stand together, input after input.
typedef struct {
    size_t inputs;
    size_t outputs;
    /// inputs × outputs numbers.
    const double *panels;
    /// `outputs` numbers, or NULL for zeros.
    const double *bias;
} crease_affine_map;

/// What is done with each value of a layer.
typedef enum {
    CREASE_AFFINE = 0,
    /// max(0, t), NaN kept.
    CREASE_RELU = 1,
    /// The value where the mask tile is > 0, else 0.
    CREASE_MASK = 2,
} crease_epilogue;

typedef struct {
    const char *name;
    /// The rows of a tile. A tile of c numbers a row is c × tile_rows doubles, the rows of one number together.
    size_t tile_rows;

    /// Evaluates the network of `count` maps on one row x. `scratch` holds twice the largest number of hidden
    /// units of a layer; `activations` is NULL or holds a byte for each hidden unit. With `checked`, answers 0
    /// as soon as a value is not finite; answers 1 else.
    int (*row)(const crease_affine_map *maps, size_t count, const double *x, double *y, double *scratch,
               uint8_t *activations, int checked);

    /// Units first_unit ..< last_unit of one map on `tiles` tiles that follow one another; first_unit is a
    /// multiple of 8, and last_unit is too or is the number of units. `masks` is read for CREASE_MASK only and is
    /// laid out as `output`.
    void (*layer)(const crease_affine_map *map, size_t first_unit, size_t last_unit, size_t tiles,
                  const double *input, double *output, crease_epilogue epilogue, const double *masks);
} crease_kernels;

/// The fastest kernels that this processor runs.
const crease_kernels *crease_best_kernels(void);

/// The variants that this processor runs, best first; NULL from the index on that is their number.
const crease_kernels *crease_kernels_at(size_t index);

/// Packs row-major weights (outputs × inputs) into panels; with `transposed`, the packed map is that of the
/// transposed matrix, so that `inputs` and `outputs` are the transposed matrix's.
void crease_pack(const double *weights, size_t inputs, size_t outputs, int transposed, double *panels);

/// Rows (row-major, `rows` × columns) into one tile, missing rows as zeros. Answers 1 where every |x| ≤ limit.
int crease_load_tile(const double *rows, size_t row_count, size_t columns, size_t tile_rows, double limit,
                     double *tile);

/// The first `row_count` rows of a tile, entry (row, column) to rows[row * row_stride + column * column_stride].
/// Answers 1 where all of them are finite.
int crease_store_tile(const double *tile, size_t row_count, size_t columns, size_t tile_rows, double *rows,
                      size_t row_stride, size_t column_stride);

/// A byte for each entry of the first `row_count` rows of a tile: 1 where it is > 0.
void crease_store_signs(const double *tile, size_t row_count, size_t columns, size_t tile_rows, uint8_t *rows,
                        size_t row_stride);

/// tile(unit, row) = weights[unit * stride] where masks(unit, row) > 0, else 0.
void crease_masked_column(const double *weights, size_t stride, size_t units, size_t tile_rows,
                          const double *masks, double *tile);
