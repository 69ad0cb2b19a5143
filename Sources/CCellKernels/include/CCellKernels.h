#pragma once
#include <stddef.h>
#include <stdint.h>

// Inner loops of the subdivision of cells by their extreme rays, in binary64 with error bounds, compiled for
// several instruction sets.
//
// A block of forms is stored by rows of `stride` doubles, a multiple of 8, one column a form: `dimension`
// coefficients, then two rows A and B such that the computed value of the form at a ray whose entries are at most 1
// and have absolute errors of at most e differs from the true one by at most A e + B, then a row with a bound on the
// absolute error of each coefficient.
//
// A ray is `dimension` coordinates, of which the largest is at most 1 in absolute value, and the error bound e.

//
// A ray's mask has a bit for each slot whose constraint it lies on. A cut has a form in a slot of its own; forms of
// slots are `dimension` coefficients of at most 1, then a bound on the absolute error of each.

enum { CREASE_POSITIVE = 1, CREASE_NEGATIVE = 2, CREASE_UNDECIDED = 4 };

/// What a cut finds at the rays of a cell.
typedef struct {
    /// The slots that some ray lies on.
    uint64_t used;
    /// How many rays have which sign, as far as decided.
    int32_t positives, negatives, undecided;
    /// Whether every ray lies on dimension − 1 constraints.
    int32_t is_simple;
} crease_cut;

typedef struct {
    const char *name;
    /// For each of `count` forms which of the three signs occur at the rays `rays[cell[0]], …`; `flags` has room for
    /// `count` rounded up to a multiple of 8.
    void (*classify)(const double *forms, size_t stride, size_t count, size_t dimension, const double *rays,
                     const int32_t *cell, size_t ray_count, uint8_t *flags);
    /// The forms bias + Σ_k weights[k] · inputs[k] of a layer's `count` units. `weights` has a row of `stride` doubles
    /// for each input, `active` the numbers of the inputs that are not 0 and `inputs` their coefficients and, as a
    /// last entry, what |weight| times it bounds the error of the input's term.
    void (*compose)(const double *weights, const double *bias, size_t stride, size_t count,
                    const int32_t *active, const double *inputs, size_t active_count, size_t dimension,
                    double bias_error, double *forms);
    /// Adds Σ_k weights[k] · inputs[k] to the forms of a block; a sum of as many terms, and the old form as one more,
    /// may err by `sum_error` times the old form's magnitude beside what the inputs' last entries say.
    void (*update)(const double *weights, size_t stride, size_t count, const int32_t *active, const double *inputs,
                   size_t active_count, size_t dimension, double sum_error, double *forms);
    /// The values of the block's first form at a cell's rays, their error bounds and signs (0 where not decided).
    void (*measure)(const double *form, size_t stride, size_t dimension, const double *rays, const uint64_t *masks,
                    const int32_t *cell, size_t ray_count, double *values, double *bounds, int8_t *signs,
                    crease_cut *cut);
    /// The places of a positive and a negative ray that lie on at least `shared` common constraints, pair after pair
    /// in `pairs` as far as `capacity` pairs reach; answers how many there are.
    size_t (*find_pairs)(const uint64_t *masks, const int32_t *cell, const int8_t *signs, size_t ray_count,
                         size_t shared, int32_t *pairs, size_t capacity);
    /// The ray on dimension − 1 constraints, of which `rows` are the forms, between two others of which the last form
    /// is s > 0 at `positive` and −t < 0 at `negative`; 0 where rounding leaves it open; 2 ≤ dimension ≤ 5.
    int (*make_ray)(const double *const *rows, size_t dimension, const double *positive, const double *negative,
                    double s, double s_error, double t, double t_error, double *ray);
    /// For each pair the ray on the cut between both, at `rays` and `masks` from number `first` on; 2 ≤ dimension ≤ 5.
    /// `made` is 0 where rounding, or a face on more than dimension − 2 constraints, leaves it open.
    void (*make_rays)(const double *slot_forms, size_t slot, size_t dimension, const int32_t *pairs,
                      size_t pair_count, const int32_t *cell, const double *values, const double *bounds,
                      const uint8_t *decided, double *rays, uint64_t *masks, size_t first, uint8_t *made);
} crease_cell_kernels;

/// The fastest that this processor runs.
const crease_cell_kernels *crease_best_cell_kernels(void);
