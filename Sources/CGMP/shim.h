#pragma once
// GMP's functions are macros over mangled names, which Swift does not import; the inline functions below are
// the ones the exact arithmetic uses, under names of their own.
#include <gmp.h>
#include <stdint.h>

static inline void crease_mpz_init(mpz_ptr z) { mpz_init(z); }
static inline void crease_mpz_clear(mpz_ptr z) { mpz_clear(z); }
static inline void crease_mpz_set(mpz_ptr z, mpz_srcptr a) { mpz_set(z, a); }
static inline void crease_mpz_set_int64(mpz_ptr z, int64_t v) { mpz_set_si(z, (long)v); }
/// z = sign * (high * 2^64 + low)
static inline void crease_mpz_set_words(mpz_ptr z, uint64_t high, uint64_t low, int negative) {
    mpz_set_ui(z, (unsigned long)high);
    mpz_mul_2exp(z, z, 64);
    mpz_add_ui(z, z, (unsigned long)low);
    if (negative) mpz_neg(z, z);
}
static inline int crease_mpz_fits_int64(mpz_srcptr z) { return mpz_fits_slong_p(z); }
static inline int64_t crease_mpz_get_int64(mpz_srcptr z) { return (int64_t)mpz_get_si(z); }
/// Limb i (64 bits) of |z|; 0 beyond its length.
static inline uint64_t crease_mpz_limb(mpz_srcptr z, size_t i) { return (uint64_t)mpz_getlimbn(z, (mp_size_t)i); }
static inline size_t crease_mpz_bit_count(mpz_srcptr z) { return mpz_sgn(z) == 0 ? 0 : mpz_sizeinbase(z, 2); }
static inline int crease_mpz_sign(mpz_srcptr z) { return mpz_sgn(z); }
static inline int crease_mpz_compare(mpz_srcptr a, mpz_srcptr b) { return mpz_cmp(a, b); }
static inline void crease_mpz_add(mpz_ptr z, mpz_srcptr a, mpz_srcptr b) { mpz_add(z, a, b); }
static inline void crease_mpz_sub(mpz_ptr z, mpz_srcptr a, mpz_srcptr b) { mpz_sub(z, a, b); }
static inline void crease_mpz_mul(mpz_ptr z, mpz_srcptr a, mpz_srcptr b) { mpz_mul(z, a, b); }
static inline void crease_mpz_neg(mpz_ptr z, mpz_srcptr a) { mpz_neg(z, a); }
static inline void crease_mpz_abs(mpz_ptr z, mpz_srcptr a) { mpz_abs(z, a); }
static inline void crease_mpz_gcd(mpz_ptr z, mpz_srcptr a, mpz_srcptr b) { mpz_gcd(z, a, b); }
/// Floor division; b must not be 0.
static inline void crease_mpz_floor_divide(mpz_ptr q, mpz_ptr r, mpz_srcptr a, mpz_srcptr b) { mpz_fdiv_qr(q, r, a, b); }
static inline void crease_mpz_power(mpz_ptr z, mpz_srcptr a, unsigned long e) { mpz_pow_ui(z, a, e); }
static inline void crease_mpz_shift_left(mpz_ptr z, mpz_srcptr a, uint64_t bits) { mpz_mul_2exp(z, a, bits); }
static inline size_t crease_mpz_decimal_capacity(mpz_srcptr z) { return mpz_sizeinbase(z, 10) + 2; }
static inline void crease_mpz_write_decimal(char *text, mpz_srcptr z) { mpz_get_str(text, 10, z); }
/// 0 when the text is a decimal integer.
static inline int crease_mpz_parse_decimal(mpz_ptr z, const char *text) { return mpz_set_str(z, text, 10); }

static inline void crease_mpq_init(mpq_ptr q) { mpq_init(q); }
static inline void crease_mpq_clear(mpq_ptr q) { mpq_clear(q); }
static inline void crease_mpq_canonicalize(mpq_ptr q) { mpq_canonicalize(q); }
static inline mpz_ptr crease_mpq_numerator(mpq_ptr q) { return mpq_numref(q); }
static inline mpz_ptr crease_mpq_denominator(mpq_ptr q) { return mpq_denref(q); }
static inline void crease_mpq_add(mpq_ptr z, mpq_srcptr a, mpq_srcptr b) { mpq_add(z, a, b); }
static inline void crease_mpq_sub(mpq_ptr z, mpq_srcptr a, mpq_srcptr b) { mpq_sub(z, a, b); }
static inline void crease_mpq_mul(mpq_ptr z, mpq_srcptr a, mpq_srcptr b) { mpq_mul(z, a, b); }
static inline void crease_mpq_div(mpq_ptr z, mpq_srcptr a, mpq_srcptr b) { mpq_div(z, a, b); }
static inline void crease_mpq_neg(mpq_ptr z, mpq_srcptr a) { mpq_neg(z, a); }
static inline int crease_mpq_compare(mpq_srcptr a, mpq_srcptr b) { return mpq_cmp(a, b); }
static inline int crease_mpq_equal(mpq_srcptr a, mpq_srcptr b) { return mpq_equal(a, b); }
static inline int crease_mpq_sign(mpq_srcptr a) { return mpq_sgn(a); }
/// Exact for every finite v.
static inline void crease_mpq_set_double(mpq_ptr q, double v) { mpq_set_d(q, v); }

// Arrays of integers.
/// z = Σ a[i * stride] · b[i]
static inline void crease_mpz_dot(mpz_ptr z, mpz_srcptr a, size_t stride, mpz_srcptr b, size_t count) {
    mpz_set_ui(z, 0);
    for (size_t i = 0; i < count; i++)
        if (mpz_sgn(b + i) != 0) mpz_addmul(z, a + i * stride, b + i);
}
/// Divides by the greatest common divisor of all.
static inline void crease_mpz_remove_content(mpz_ptr a, size_t count) {
    mpz_t g;
    mpz_init(g);
    for (size_t i = count; i-- > 0 && mpz_cmp_ui(g, 1) != 0;) mpz_gcd(g, g, a + i);
    if (mpz_cmp_ui(g, 1) > 0)
        for (size_t i = 0; i < count; i++) mpz_divexact(a + i, a + i, g);
    mpz_clear(g);
}
static inline void crease_mpz_lcm(mpz_ptr z, mpz_srcptr a, mpz_srcptr b) { mpz_lcm(z, a, b); }
/// z = (p · z − f · s) / d, which leaves no remainder: the step of fraction-free elimination.
static inline void crease_mpz_eliminate(mpz_ptr z, mpz_srcptr p, mpz_srcptr f, mpz_srcptr s, mpz_srcptr d) {
    mpz_mul(z, z, p);
    mpz_submul(z, f, s);
    mpz_divexact(z, z, d);
}
/// z = significand · 2^exponent with 0.5 ≤ |significand| < 1, cut to 53 bits; 0 for 0.
static inline double crease_mpz_significand(mpz_srcptr z, long *exponent) { return mpz_get_d_2exp(exponent, z); }
