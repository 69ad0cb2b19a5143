// The kernels for vectors of LANES doubles.
typedef double vector __attribute__((vector_size(LANES * 8)));
typedef int64_t integers __attribute__((vector_size(LANES * 8)));

#define INLINE static inline __attribute__((always_inline))

INLINE vector load(const double *from) {
    vector value;
    memcpy(&value, from, sizeof value);
    return value;
}
INLINE void store(double *to, vector value) { memcpy(to, &value, sizeof value); }
INLINE vector magnitude(vector value) { return (vector)((integers)value & INT64_MAX); }

INLINE void classify_in(const double *forms, size_t stride, size_t count, size_t dimension, const double *rays,
                        const int32_t *cell, size_t ray_count, uint8_t *flags) {
    for (size_t first = 0; first < count; first += LANES) {
        vector coefficients[8];
        for (size_t q = 0; q < dimension && q < 8; q++) coefficients[q] = load(forms + q * stride + first);
        vector a = load(forms + dimension * stride + first);
        vector b = load(forms + (dimension + 1) * stride + first);
        integers positive = {0}, negative = {0}, undecided = {0};
        for (size_t r = 0; r < ray_count; r++) {
            const double *ray = rays + (size_t)cell[r] * (dimension + 1);
            vector value = coefficients[0] * ray[0];
            for (size_t q = 1; q < dimension; q++)
                value += (q < 8 ? coefficients[q] : load(forms + q * stride + first)) * ray[q];
            vector bound = a * ray[dimension] + b;
            integers p = value > bound;
            integers n = value < -bound;
            positive |= p;
            negative |= n;
            undecided |= ~(p | n);
        }
        for (size_t lane = 0; lane < LANES; lane++)
            flags[first + lane] =
                (uint8_t)((positive[lane] & CREASE_POSITIVE) | (negative[lane] & CREASE_NEGATIVE) |
                          (undecided[lane] & CREASE_UNDECIDED));
    }
}

static void classify(const double *forms, size_t stride, size_t count, size_t dimension, const double *rays,
                     const int32_t *cell, size_t ray_count, uint8_t *flags) {
    switch (dimension) {
    case 2: classify_in(forms, stride, count, 2, rays, cell, ray_count, flags); break;
    case 3: classify_in(forms, stride, count, 3, rays, cell, ray_count, flags); break;
    case 4: classify_in(forms, stride, count, 4, rays, cell, ray_count, flags); break;
    case 5: classify_in(forms, stride, count, 5, rays, cell, ray_count, flags); break;
    default: classify_in(forms, stride, count, dimension, rays, cell, ray_count, flags);
    }
}

/// `width` coefficients at a time, from `start`; with the first of them the error bounds. Without a bias the sums are
/// added to what is there, and `rounding` bounds the relative error that this part gets.
INLINE void compose_in(const double *weights, const double *bias, size_t stride, size_t count,
                       const int32_t *active, const double *inputs, size_t active_count, size_t dimension,
                       double rounding, double *forms, size_t width) {
    for (size_t first = 0; first < count; first += LANES) {
        vector norm = {0}, error = {0};
        if (!bias) error = load(forms + (dimension + 2) * stride + first);
        for (size_t start = 0; start < dimension; start += width) {
            vector sums[8] = {{0}};
            if (!bias)
                for (size_t q = 0; q < width; q++)
                    if (start + q < dimension) {
                        sums[q] = load(forms + (start + q) * stride + first);
                        error += magnitude(sums[q]) * rounding;
                    }
            for (size_t k = 0; k < active_count; k++) {
                vector weight = load(weights + (size_t)active[k] * stride + first);
                const double *input = inputs + k * (dimension + 1);
                for (size_t q = 0; q < width; q++)
                    if (start + q < dimension) sums[q] += weight * input[start + q];
                if (start == 0) error += magnitude(weight) * input[dimension];
            }
            if (bias && start == 0) {
                vector constant = load(bias + first);
                sums[0] += constant;
                error += magnitude(constant) * rounding;
            }
            for (size_t q = 0; q < width; q++)
                if (start + q < dimension) {
                    norm += magnitude(sums[q]);
                    store(forms + (start + q) * stride + first, sums[q]);
                }
        }
        const double unit = 0x1p-53, up = 1 + 0x1p-30;
        double entries = (double)dimension;
        error = error * up + 0x1p-1000;
        store(forms + dimension * stride + first, (norm + entries * error) * up);
        store(forms + (dimension + 1) * stride + first,
              (entries * error + (entries + 2) * unit * norm) * up + 0x1p-1000);
        store(forms + (dimension + 2) * stride + first, error);
    }
}

static void compose(const double *weights, const double *bias, size_t stride, size_t count,
                    const int32_t *active, const double *inputs, size_t active_count, size_t dimension,
                    double bias_error, double *forms) {
#define COMPOSE(d, w) \
    compose_in(weights, bias, stride, count, active, inputs, active_count, d, bias_error, forms, w)
    switch (dimension) {
    case 2: COMPOSE(2, 2); break;
    case 3: COMPOSE(3, 3); break;
    case 4: COMPOSE(4, 4); break;
    case 5: COMPOSE(5, 5); break;
    default: COMPOSE(dimension, 4);
    }
#undef COMPOSE
}

static void update(const double *weights, size_t stride, size_t count, const int32_t *active,
                   const double *inputs, size_t active_count, size_t dimension, double sum_error, double *forms) {
#define UPDATE(d, w) \
    compose_in(weights, NULL, stride, count, active, inputs, active_count, d, sum_error, forms, w)
    switch (dimension) {
    case 2: UPDATE(2, 2); break;
    case 3: UPDATE(3, 3); break;
    case 4: UPDATE(4, 4); break;
    case 5: UPDATE(5, 5); break;
    default: UPDATE(dimension, 4);
    }
#undef UPDATE
}

INLINE void measure_in(const double *form, size_t stride, size_t dimension, const double *rays,
                       const uint64_t *masks, const int32_t *cell, size_t ray_count, double *values,
                       double *bounds, int8_t *signs, crease_cut *cut) {
    double a = form[dimension * stride], b = form[(dimension + 1) * stride];
    crease_cut found = {0, 0, 0, 0, 1};
    for (size_t r = 0; r < ray_count; r++) {
        const double *ray = rays + (size_t)cell[r] * (dimension + 1);
        double value = form[0] * ray[0];
        for (size_t q = 1; q < dimension; q++) value += form[q * stride] * ray[q];
        double bound = a * ray[dimension] + b;
        uint64_t mask = masks[cell[r]];
        int positive = value > bound, negative = value < -bound;
        values[r] = value;
        bounds[r] = bound;
        signs[r] = (int8_t)(positive - negative);
        found.used |= mask;
        found.positives += positive;
        found.negatives += negative;
        found.undecided += !positive && !negative;
        if ((size_t)__builtin_popcountll(mask) != dimension - 1) found.is_simple = 0;
    }
    *cut = found;
}

static void measure(const double *form, size_t stride, size_t dimension, const double *rays,
                    const uint64_t *masks, const int32_t *cell, size_t ray_count, double *values, double *bounds,
                    int8_t *signs, crease_cut *cut) {
#define MEASURE(d) measure_in(form, stride, d, rays, masks, cell, ray_count, values, bounds, signs, cut)
    switch (dimension) {
    case 3: MEASURE(3); break;
    case 4: MEASURE(4); break;
    case 5: MEASURE(5); break;
    default: MEASURE(dimension);
    }
#undef MEASURE
}

static size_t find_pairs(const uint64_t *masks, const int32_t *cell, const int8_t *signs, size_t ray_count,
                         size_t shared, int32_t *pairs, size_t capacity) {
    size_t count = 0;
    for (size_t p = 0; p < ray_count; p++) {
        if (signs[p] <= 0) continue;
        uint64_t mask = masks[cell[p]];
        for (size_t n = 0; n < ray_count; n++) {
            if (signs[n] >= 0) continue;
            if ((size_t)__builtin_popcountll(mask & masks[cell[n]]) < shared) continue;
            if (count < capacity) {
                pairs[2 * count] = (int32_t)p;
                pairs[2 * count + 1] = (int32_t)n;
            }
            count++;
        }
    }
    return count;
}

/// Turns a ray with x_0 near 0 to the side of the combination of the two rays that it lies between.
INLINE int orient(double *ray, const double *positive, const double *negative, size_t dimension, double s,
                  double s_error, double t, double t_error) {
    double dot = 0, sum = 0;
    for (size_t q = 0; q < dimension; q++) {
        double value = s * negative[q] + t * positive[q];
        dot += value * ray[q];
        sum += __builtin_fabs(value);
    }
    double error = s * negative[dimension] + t * positive[dimension] + s_error + t_error + 0x1p-50 * (s + t);
    double bound = ((double)dimension * error * (1 + ray[dimension]) + sum * (ray[dimension] + 0x1p-49)) * 1.001;
    if (dot > bound) return 1;
    if (!(dot < -bound)) return 0;
    for (size_t q = 0; q < dimension; q++) ray[q] = -ray[q];
    return 1;
}

/// The minors of dimension − 1 rows, with alternating signs.
INLINE void minors(double *v, size_t dimension, const double *a, const double *b, const double *c,
                   const double *e) {
#define L(i, j) (a[i] * b[j] - a[j] * b[i])
#define R(i, j) (c[i] * e[j] - c[j] * e[i])
    if (dimension == 2) {
        v[0] = a[1];
        v[1] = -a[0];
    } else if (dimension == 3) {
        v[0] = L(1, 2);
        v[1] = L(2, 0);
        v[2] = L(0, 1);
    } else if (dimension == 4) {
        double l01 = L(0, 1), l02 = L(0, 2), l03 = L(0, 3), l12 = L(1, 2), l13 = L(1, 3), l23 = L(2, 3);
        v[0] = l12 * c[3] - l13 * c[2] + l23 * c[1];
        v[1] = -(l02 * c[3] - l03 * c[2] + l23 * c[0]);
        v[2] = l01 * c[3] - l03 * c[1] + l13 * c[0];
        v[3] = -(l01 * c[2] - l02 * c[1] + l12 * c[0]);
    } else {
        double l01 = L(0, 1), l02 = L(0, 2), l03 = L(0, 3), l04 = L(0, 4), l12 = L(1, 2);
        double l13 = L(1, 3), l14 = L(1, 4), l23 = L(2, 3), l24 = L(2, 4), l34 = L(3, 4);
        double r01 = R(0, 1), r02 = R(0, 2), r03 = R(0, 3), r04 = R(0, 4), r12 = R(1, 2);
        double r13 = R(1, 3), r14 = R(1, 4), r23 = R(2, 3), r24 = R(2, 4), r34 = R(3, 4);
        v[0] = l12 * r34 - l13 * r24 + l14 * r23 + l23 * r14 - l24 * r13 + l34 * r12;
        v[1] = -(l02 * r34 - l03 * r24 + l04 * r23 + l23 * r04 - l24 * r03 + l34 * r02);
        v[2] = l01 * r34 - l03 * r14 + l04 * r13 + l13 * r04 - l14 * r03 + l34 * r01;
        v[3] = -(l01 * r24 - l02 * r14 + l04 * r12 + l12 * r04 - l14 * r02 + l24 * r01);
        v[4] = l01 * r23 - l02 * r13 + l03 * r12 + l12 * r03 - l13 * r02 + l23 * r01;
    }
#undef L
#undef R
}

// With entries of at most 1 and errors of at most e_c in row c, a minor of d rows is a sum of d! products; it errs
// by at most d! (Σ e_c + 2(d + 2)u), u = 2^-53, up to terms of higher order, for which 2^-20 is allowed.
INLINE int make_ray_in(const double *const *rows, size_t dimension, const double *positive,
                       const double *negative, double s, double s_error, double t, double t_error, double *ray) {
    const double factorials[6] = {1, 1, 1, 2, 6, 24}, up = 1 + 0x1p-20;
    double v[5], largest = 0, errors = 0;
    const double *a = rows[0], *b = dimension > 3 ? rows[1] : a, *c = dimension > 4 ? rows[2] : b;
    const double *last = rows[dimension - 2];
    for (size_t row = 0; row < dimension - 1; row++) errors += rows[row][dimension];
    if (dimension == 2) minors(v, 2, last, last, last, last);
    if (dimension == 3) minors(v, 3, a, last, last, last);
    if (dimension == 4) minors(v, 4, a, b, last, last);
    if (dimension == 5) minors(v, 5, a, b, c, last);
    for (size_t q = 0; q < dimension; q++) {
        double size = __builtin_fabs(v[q]);
        largest = size > largest ? size : largest;
    }
    double error = factorials[dimension] * (errors * up + (double)(2 * (dimension + 1)) * 0x1p-53) * up;
    // Also false for what is not a number.
    if (!(largest > error * 1024 && largest < 0x1p1000)) return 0;
    uint64_t bits;
    memcpy(&bits, &largest, sizeof bits);
    // The power of two that brings the largest entry below 1.
    bits = (2045 - (bits >> 52)) << 52;
    double factor;
    memcpy(&factor, &bits, sizeof factor);
    if (v[0] < 0) factor = -factor;
    for (size_t q = 0; q < dimension; q++) ray[q] = v[q] * factor;
    ray[dimension] = error * __builtin_fabs(factor);
    return ray[0] > ray[dimension] || orient(ray, positive, negative, dimension, s, s_error, t, t_error);
}

static int make_ray(const double *const *rows, size_t dimension, const double *positive, const double *negative,
                    double s, double s_error, double t, double t_error, double *ray) {
#define MAKE(d) make_ray_in(rows, d, positive, negative, s, s_error, t, t_error, ray)
    switch (dimension) {
    case 2: return MAKE(2);
    case 3: return MAKE(3);
    case 4: return MAKE(4);
    case 5: return MAKE(5);
    default: return 0;
    }
#undef MAKE
}

INLINE void make_rays_in(const double *slot_forms, size_t slot, size_t dimension, const int32_t *pairs,
                         size_t pair_count, const int32_t *cell, const double *values, const double *bounds,
                         const uint8_t *decided, double *rays, uint64_t *masks, size_t first, uint8_t *made) {
    size_t stride = dimension + 1;
    for (size_t k = 0; k < pair_count; k++) {
        size_t p = (size_t)pairs[2 * k], n = (size_t)pairs[2 * k + 1];
        uint64_t shared = masks[cell[p]] & masks[cell[n]];
        masks[first + k] = shared | (uint64_t)1 << slot;
        made[k] = 0;
        if (!decided[p] || !decided[n] || (size_t)__builtin_popcountll(shared) != dimension - 2) continue;
        const double *rows[4];
        size_t count = 0;
        for (uint64_t rest = shared; rest; rest &= rest - 1)
            rows[count++] = slot_forms + (size_t)__builtin_ctzll(rest) * stride;
        rows[count] = slot_forms + slot * stride;
        made[k] = (uint8_t)make_ray_in(rows, dimension, rays + (size_t)cell[p] * stride,
                                       rays + (size_t)cell[n] * stride, values[p], bounds[p], -values[n],
                                       bounds[n], rays + (first + k) * stride);
    }
}

static void make_rays(const double *slot_forms, size_t slot, size_t dimension, const int32_t *pairs,
                      size_t pair_count, const int32_t *cell, const double *values, const double *bounds,
                      const uint8_t *decided, double *rays, uint64_t *masks, size_t first, uint8_t *made) {
#define MAKE(d) \
    make_rays_in(slot_forms, slot, d, pairs, pair_count, cell, values, bounds, decided, rays, masks, first, made)
    switch (dimension) {
    case 2: MAKE(2); break;
    case 3: MAKE(3); break;
    case 4: MAKE(4); break;
    case 5: MAKE(5); break;
    default: memset(made, 0, pair_count);
    }
#undef MAKE
}

const crease_cell_kernels VARIANT = {VARIANT_NAME, classify, compose, update, measure, find_pairs, make_ray,
                                     make_rays};
