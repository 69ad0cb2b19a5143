#include "CTrainingKernels.h"

// Each loop is compiled for several instruction sets, and the loader chooses; not with sanitizers, which instrument the
// choice though they are not ready by then.
#if defined(__x86_64__) && defined(__linux__) && !__has_feature(thread_sanitizer) && !__has_feature(address_sanitizer)
#define VARIANTS __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define VARIANTS
#endif

#pragma clang fp reassociate(on) contract(fast)

static inline double larger(double a, double b) { return a > b ? a : b; }
static inline double smaller(double a, double b) { return a < b ? a : b; }

VARIANTS void crease_training_products(const double *restrict points, size_t stride, size_t dimension,
                                       const double *restrict direction, double *restrict products) {
    for (size_t i = 0; i < stride; i++) products[i] = points[i] * direction[0];
    for (size_t l = 1; l < dimension; l++) {
        const double *restrict column = points + l * stride;
        double factor = direction[l];
        for (size_t i = 0; i < stride; i++) products[i] += column[i] * factor;
    }
}

VARIANTS void crease_training_states(const double *const *rays, size_t count, size_t stride,
                                     uint8_t *restrict states) {
    for (size_t i = 0; i < stride; i++) states[i] = 0;
    for (size_t k = 0; k < count; k++) {
        const double *restrict ray = rays[k];
        for (size_t i = 0; i < stride; i++)
            states[i] = (uint8_t)(states[i] | (ray[i] > 0 ? 1 : 0) | (ray[i] < 0 ? 2 : 0));
    }
}

VARIANTS void crease_training_classes(const uint8_t *const *states, size_t count, size_t stride,
                                      uint8_t *restrict classes) {
    for (size_t i = 0; i < stride; i++) classes[i] = 0;
    for (size_t j = 0; j < count; j++) {
        const uint8_t *restrict unit = states[j];
        uint8_t bit = (uint8_t)(1u << j);
        for (size_t i = 0; i < stride; i++)
            classes[i] = (uint8_t)(classes[i] | (unit[i] == 3 ? 255 : unit[i] == 1 ? bit : 0));
    }
}

void crease_training_gather(const double *restrict source, const int32_t *restrict rows, size_t count,
                            size_t stride, double *restrict result) {
    for (size_t i = 0; i < count; i++) result[i] = source[rows[i]];
    for (size_t i = count; i < stride; i++) result[i] = 0;
}

VARIANTS void crease_training_combine(const double *const *rays, const double *coefficients, size_t count,
                                      size_t stride, double *restrict value, double *restrict upper) {
    for (size_t i = 0; i < stride; i++) value[i] = upper[i] = 0;
    for (size_t k = 0; k < count; k++) {
        double factor = coefficients[k];
        if (factor == 0) continue;
        const double *restrict ray = rays[k];
        for (size_t i = 0; i < stride; i++) {
            double p = ray[i] * factor;
            value[i] += p;
            upper[i] += ray[i] > 0 ? p : 0;
        }
    }
}

VARIANTS void crease_training_accumulate(const double *restrict value, const double *restrict upper,
                                         const double *restrict slope, int positive, size_t stride,
                                         double *restrict lower_sum, double *restrict upper_sum) {
    if (positive) {
        for (size_t i = 0; i < stride; i++) {
            lower_sum[i] += slope[i] * value[i];
            upper_sum[i] += upper[i];
        }
    } else {
        for (size_t i = 0; i < stride; i++) {
            lower_sum[i] -= upper[i];
            upper_sum[i] -= slope[i] * value[i];
        }
    }
}

VARIANTS void crease_training_column(const double *restrict ray, const double *restrict slope,
                                     const double *restrict side, int positive, size_t stride,
                                     double *restrict column) {
    if (positive) {
        for (size_t i = 0; i < stride; i++) {
            double p = ray[i];
            column[i] = side[i] > 0 ? slope[i] * p : larger(p, 0);
        }
    } else {
        for (size_t i = 0; i < stride; i++) {
            double p = ray[i];
            column[i] = side[i] > 0 ? -larger(p, 0) : -(slope[i] * p);
        }
    }
}

// Sums side by side, which one register holds.
#define LANES 8

// Inlined, to be compiled for each instruction set.
__attribute__((always_inline)) static inline crease_training_profit_sums
profit_of_block(const double *restrict column, const double *restrict dual, size_t count) {
    double total[LANES] = {0};
    double size[LANES] = {0};
    double length[LANES] = {0};
    for (size_t i = 0; i < count; i += LANES)
        for (size_t lane = 0; lane < LANES; lane++) {
            double term = column[i + lane] * dual[i + lane];
            total[lane] += term;
            size[lane] += __builtin_fabs(term);
            length[lane] += column[i + lane] != 0 ? __builtin_fabs(dual[i + lane]) : 0;
        }
    crease_training_profit_sums sums = {0, 0, 0};
    for (size_t lane = 0; lane < LANES; lane++) {
        sums.sum += total[lane];
        sums.magnitude += size[lane];
        sums.length += length[lane];
    }
    return sums;
}

// In blocks, so that no number goes through more additions than a block has rows and there are blocks.
VARIANTS crease_training_profit_sums crease_training_profit(const double *restrict column,
                                                            const double *restrict dual, size_t stride) {
#pragma clang fp reassociate(off)
    crease_training_profit_sums sums = {0, 0, 0};
    for (size_t first = 0; first < stride; first += CREASE_TRAINING_BLOCK) {
        size_t count = stride - first < CREASE_TRAINING_BLOCK ? stride - first : CREASE_TRAINING_BLOCK;
        crease_training_profit_sums block = profit_of_block(column + first, dual + first, count);
        sums.sum += block.sum;
        sums.magnitude += block.magnitude;
        sums.length += block.length;
    }
    return sums;
}

void crease_training_nonzero(const double *restrict a, const double *restrict b, size_t stride,
                             uint64_t *restrict bits) {
    size_t words = (stride + 63) / 64;
    for (size_t word = 0; word < words; word++) {
        size_t first = 64 * word;
        size_t count = stride - first < 64 ? stride - first : 64;
        uint64_t set = 0;
        for (size_t i = 0; i < count; i++)
            set |= (uint64_t)((a[first + i] != 0) & (b[first + i] != 0)) << i;
        bits[word] = set;
    }
}

VARIANTS int crease_training_pivots(double *matrix, size_t size, size_t width, double least, double *restrict largest,
                                    size_t *restrict pivots) {
    for (size_t row = 0; row < size; row++) {
        double *restrict entries = matrix + row * width;
        double scale = 0;
        for (size_t i = 0; i < width; i++) scale = larger(scale, __builtin_fabs(entries[i]));
        if (!(scale > 0)) return 0;
        double inverse = 1 / scale;
        for (size_t i = 0; i < width; i++) entries[i] *= inverse;
        largest[row] = 0;
        for (size_t i = 0; i < width; i++) largest[row] = larger(largest[row], __builtin_fabs(entries[i]));
        pivots[row] = width;
    }
    for (size_t step = 0; step < size; step++) {
        size_t best = size;
        double size_of_best = least;
        for (size_t row = 0; row < size; row++)
            if (pivots[row] == width && largest[row] > size_of_best) {
                best = row;
                size_of_best = largest[row];
            }
        if (best == size) return 0;
        const double *restrict source = matrix + best * width;
        size_t column = 0;
        while (column + 1 < width && __builtin_fabs(source[column]) != size_of_best) column++;
        pivots[best] = column;
        double inverse = 1 / source[column];
        for (size_t row = 0; row < size; row++) {
            if (pivots[row] != width) continue;
            double *restrict target = matrix + row * width;
            double factor = target[column] * inverse;
            if (factor == 0) continue;
            for (size_t i = 0; i < width; i++) target[i] -= factor * source[i];
            target[column] = 0;
            double most = 0;
            for (size_t i = 0; i < width; i++) most = larger(most, __builtin_fabs(target[i]));
            largest[row] = most;
        }
    }
    return 1;
}

VARIANTS double crease_training_loss_full(const crease_training_loss *loss, const double *restrict lower,
                                          const double *restrict upper, size_t stride, double *restrict slope,
                                          double *restrict curvature, double *restrict side) {
    const double *restrict target = loss->target;
    const double *restrict weight = loss->weight;
    const double *restrict least = loss->least;
    const double *restrict greatest = loss->greatest;
    double c = loss->curvature;
    double half = 0.5 / c;
    double total = 0;
    for (size_t i = 0; i < stride; i++) {
        double above = lower[i] - target[i];
        double below = upper[i] - target[i];
        double excess = larger(above, 0) + smaller(below, 0);
        double steep = c * excess;
        double u = smaller(larger(steep, least[i]), greatest[i]);
        total += weight[i] * (u * excess - half * u * u);
        slope[i] = weight[i] * u;
        int bends = u == steep && (excess != 0 || above == below);
        curvature[i] = bends ? weight[i] * c : 0;
        side[i] = above > 0 ? 1 : 0;
    }
    return total;
}

VARIANTS double crease_training_loss_along(const crease_training_loss *loss, const double *restrict lower,
                                           const double *restrict upper, const double *restrict lower_direction,
                                           const double *restrict upper_direction, double step, size_t stride,
                                           double *restrict derivative) {
    const double *restrict target = loss->target;
    const double *restrict weight = loss->weight;
    const double *restrict least = loss->least;
    const double *restrict greatest = loss->greatest;
    double c = loss->curvature;
    double half = 0.5 / c;
    double total = 0;
    double slope = 0;
    for (size_t i = 0; i < stride; i++) {
        double above = lower[i] + step * lower_direction[i] - target[i];
        double below = upper[i] + step * upper_direction[i] - target[i];
        double excess = larger(above, 0) + smaller(below, 0);
        double u = smaller(larger(c * excess, least[i]), greatest[i]);
        total += weight[i] * (u * excess - half * u * u);
        slope += weight[i] * u * (above > 0 ? lower_direction[i] : upper_direction[i]);
    }
    *derivative = slope;
    return total;
}

VARIANTS void crease_training_normal(const double *const *columns, size_t count, size_t stride,
                                     const double *restrict curvature, const double *restrict slope,
                                     double *restrict scratch, double *restrict matrix, double *restrict right) {
    for (size_t k = 0; k < count; k++) {
        const double *restrict a = columns[k];
        double sum = 0;
        for (size_t i = 0; i < stride; i++) {
            scratch[i] = curvature[i] * a[i];
            sum += slope[i] * a[i];
        }
        right[k] = sum;
        size_t l = 0;
        for (; l + 4 <= k + 1; l += 4) {
            const double *restrict b0 = columns[l];
            const double *restrict b1 = columns[l + 1];
            const double *restrict b2 = columns[l + 2];
            const double *restrict b3 = columns[l + 3];
            double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
            for (size_t i = 0; i < stride; i++) {
                double t = scratch[i];
                s0 += t * b0[i];
                s1 += t * b1[i];
                s2 += t * b2[i];
                s3 += t * b3[i];
            }
            matrix[k * count + l] = s0;
            matrix[k * count + l + 1] = s1;
            matrix[k * count + l + 2] = s2;
            matrix[k * count + l + 3] = s3;
        }
        for (; l <= k; l++) {
            const double *restrict b = columns[l];
            double s = 0;
            for (size_t i = 0; i < stride; i++) s += scratch[i] * b[i];
            matrix[k * count + l] = s;
        }
    }
}

VARIANTS void crease_training_rectify(double *restrict value, double *restrict active, size_t stride) {
    for (size_t i = 0; i < stride; i++) {
        double z = value[i];
        active[i] = z > 0 ? 1 : 0;
        value[i] = larger(z, 0);
    }
}
