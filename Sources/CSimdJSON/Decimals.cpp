#include "CSimdJSON.h"

namespace {

/* value · 10 + digit, false where that passes 63 bits. */
inline bool append_digit(uint64_t &value, unsigned digit) {
    if (value > (UINT64_C(0x7FFFFFFFFFFFFFFF) - digit) / 10) return false;
    value = value * 10 + digit;
    return true;
}

inline bool is_digit(char c) { return unsigned(c - '0') < 10; }

/* [-] digits [. digits] [e exponent]; leading zeros are allowed, as in strings. */
inline bool decimal(const char *p, const char *end, int64_t &mantissa, int16_t &exponent) {
    const bool quoted = p < end && *p == '"';
    if (quoted) p++;
    const bool negative = p < end && *p == '-';
    if (negative) p++;
    uint64_t value = 0;
    int64_t scale = 0;
    const char *start = p;
    for (; p < end && is_digit(*p); p++) {
        if (!append_digit(value, unsigned(*p - '0'))) return false;
    }
    if (p == start) return false;
    if (p < end && *p == '.') {
        p++;
        const char *fraction = p;
        for (; p < end && is_digit(*p); p++) {
            if (!append_digit(value, unsigned(*p - '0'))) return false;
        }
        if (p == fraction) return false;
        scale = fraction - p;
        /* 0.50 is 5e-1: trailing zeros would widen all other mantissas. */
        while (scale < 0 && value != 0 && value % 10 == 0) {
            value /= 10;
            scale++;
        }
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p++;
        const bool down = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        int64_t power = 0;
        const char *digits = p;
        for (; p < end && is_digit(*p); p++) {
            if (power < 100000) power = power * 10 + (*p - '0');
        }
        if (p == digits) return false;
        scale += down ? -power : power;
    }
    if (quoted && (p >= end || *p != '"')) return false;
    if (value == 0) scale = 0;
    if (scale < -400 || scale > 400) return false;
    mantissa = negative ? -int64_t(value) : int64_t(value);
    exponent = int16_t(scale);
    return true;
}

} // namespace

extern "C" bool crease_json_decimals(
    const char *text, const char *end, const uint32_t *offsets, size_t count, size_t stride, int64_t *mantissas,
    int16_t *exponents, int32_t *least_exponent) {
    int32_t least = *least_exponent;
    for (size_t index = 0; index < count; index++) {
        if (!decimal(text + offsets[index * stride], end, mantissas[index], exponents[index])) return false;
        if (exponents[index] < least && mantissas[index] != 0) least = exponents[index];
    }
    *least_exponent = least;
    return true;
}

extern "C" bool crease_json_scale(int64_t *mantissas, const int16_t *exponents, size_t count, int32_t exponent) {
    static const int64_t powers[] = {
        1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000, 10000000000, 100000000000,
        1000000000000, 10000000000000, 100000000000000, 1000000000000000, 10000000000000000, 100000000000000000,
        1000000000000000000};
    for (size_t index = 0; index < count; index++) {
        int32_t steps = exponents[index] - exponent;
        if (mantissas[index] == 0 || steps == 0) continue;
        if (steps < 0 || steps > 18) return false;
        if (__builtin_mul_overflow(mantissas[index], powers[steps], &mantissas[index])) return false;
    }
    return true;
}
