#pragma once
#include <stddef.h>
#include <stdint.h>

// Loops over the rows of the data for the search for optimal networks. Arrays of rows have `stride` entries, a multiple
// of 8, those past the data being 0. Sums are added in any order.

// products[i] = Σ_l points[l · stride + i] · direction[l].
void crease_training_products(const double *points, size_t stride, size_t dimension, const double *direction,
                              double *products);

// Bit 0 of states[i]: some ray has a positive product with row i; bit 1: some ray has a negative one.
void crease_training_states(const double *const *rays, size_t count, size_t stride, uint8_t *states);

// classes[i] has bit j set where states[j][i] is 1, or all bits where some states[j][i] is 3; j < count ≤ 7.
void crease_training_classes(const uint8_t *const *states, size_t count, size_t stride, uint8_t *classes);

// result[i] = source[rows[i]] for i < count, 0 for the others up to `stride`.
void crease_training_gather(const double *source, const int32_t *rows, size_t count, size_t stride,
                            double *result);

// value[i] = Σ_k coefficients[k] · rays[k][i]; upper[i] the same with max(0, rays[k][i]).
void crease_training_combine(const double *const *rays, const double *coefficients, size_t count, size_t stride,
                             double *value, double *upper);

// Adds a unit to bounds of the prediction: a positive one between slope · value and upper, a negative one between their
// negatives.
void crease_training_accumulate(const double *value, const double *upper, const double *slope, int positive,
                                size_t stride, double *lower_sum, double *upper_sum);

// What a ray's coefficient does to the side of the bounds that counts: to the lower one where `side` is 1, to the upper
// one where it is 0.
void crease_training_column(const double *ray, const double *slope, const double *side, int positive, size_t stride,
                            double *column);

// Sums for bounds are made of sums over so many rows.
#define CREASE_TRAINING_BLOCK 128

// Σ_i dual[i] · column[i], the sum of its terms' magnitudes, and Σ |dual[i]| over the rows where column[i] is not 0.
typedef struct {
    double sum;
    double magnitude;
    double length;
} crease_training_profit_sums;

crease_training_profit_sums crease_training_profit(const double *column, const double *dual, size_t stride);

// Bit i of `bits` is set where neither a[i] nor b[i] is 0; (stride + 63) / 64 words.
void crease_training_nonzero(const double *a, const double *b, size_t stride, uint64_t *bits);

// A column for each row of a matrix (row-major, `size` × `width`, which is destroyed), by elimination with complete
// pivoting of the rows scaled to a largest entry of 1. Returns 0 where a pivot is not above `least`. `largest` and
// `pivots` have `size` entries.
int crease_training_pivots(double *matrix, size_t size, size_t width, double least, double *largest, size_t *pivots);

// Losses max over u in [least, greatest] of u e − u²/(2 c), e = f − target, with f in [lower, upper] as good as it
// can be. Slopes and curvatures are multiplied by the weights. Returns the weighted sum.
typedef struct {
    const double *target;
    const double *weight;
    const double *least;
    const double *greatest;
    double curvature;
} crease_training_loss;

double crease_training_loss_full(const crease_training_loss *loss, const double *lower, const double *upper,
                                 size_t stride, double *slope, double *curvature, double *side);

// The sum alone, at lower + step · lower_direction, upper + step · upper_direction; *derivative is its slope in step.
double crease_training_loss_along(const crease_training_loss *loss, const double *lower, const double *upper,
                                  const double *lower_direction, const double *upper_direction, double step,
                                  size_t stride, double *derivative);

// matrix (row-major, `count`², lower triangle) = Σ_i curvature[i] a_i a_iᵀ, right[k] = Σ_i slope[i] a_i[k], a_i[k] =
// columns[k][i]. `scratch` has `stride` entries.
void crease_training_normal(const double *const *columns, size_t count, size_t stride, const double *curvature,
                            const double *slope, double *scratch, double *matrix, double *right);

// The non-negative part of a unit's value and where it is positive: value[i] = max(0, value[i]), active[i] = 1 or 0.
void crease_training_rectify(double *value, double *active, size_t stride);
