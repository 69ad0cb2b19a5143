#include "CSimdJSON.h"

#include <charconv>
#include <cmath>
#include <cstring>

namespace {

/* A whole number below 10^16. */
char *write_integer(uint64_t value, char *output) {
    char digits[20];
    char *p = digits + sizeof digits;
    while (value >= 10) {
        uint64_t rest = value / 100;
        unsigned pair = unsigned(value - rest * 100);
        p -= 2;
        p[0] = char('0' + pair / 10);
        p[1] = char('0' + pair % 10);
        value = rest;
    }
    if (value > 0 || p == digits + sizeof digits) *--p = char('0' + value);
    size_t length = size_t(digits + sizeof digits - p);
    memcpy(output, p, length);
    return output + length;
}

/* Decimals of few digits, which most posted tables hold, without the general algorithm: where i / 10^4 rounds to the
 * number and i has at most 15 digits, the decimal i · 10^-4 without its trailing zeros is the shortest, as no two
 * decimals of at most 15 digits round to one double. */
inline char *write_short(double magnitude, char *output) {
    double scaled = magnitude * 1e4;
    if (!(scaled < 1e15)) return nullptr;
    uint64_t whole = uint64_t(scaled + 0.5);
    if (double(whole) / 1e4 != magnitude) return nullptr;
    uint64_t integer = whole / 10000;
    unsigned fraction = unsigned(whole % 10000);
    /* Small numbers are shorter with an exponent. */
    if (integer == 0 && fraction < 10 && whole != 0) return nullptr;
    output = write_integer(integer, output);
    if (fraction == 0) return output;
    *output++ = '.';
    char digits[4] = {
        char('0' + fraction / 1000), char('0' + fraction / 100 % 10), char('0' + fraction / 10 % 10),
        char('0' + fraction % 10)};
    int length = 4;
    while (digits[length - 1] == '0') length--;
    memcpy(output, digits, 4);
    return output + length;
}

inline char *write_double(double number, char *output) {
    if (std::signbit(number)) {
        *output++ = '-';
        number = -number;
    }
    if (char *end = write_short(number, output)) return end;
    return std::to_chars(output, output + 25, number).ptr;
}

} // namespace

extern "C" char *crease_json_write_doubles(const double *numbers, size_t count, size_t columns, char *output) {
    if (columns == 0) {
        for (size_t index = 0; index < count; index++) {
            if (index > 0) *output++ = ',';
            output = write_double(numbers[index], output);
        }
        return output;
    }
    for (size_t index = 0; index < count; index += columns) {
        if (index > 0) *output++ = ',';
        *output++ = '[';
        for (size_t column = 0; column < columns; column++) {
            if (column > 0) *output++ = ',';
            output = write_double(numbers[index + column], output);
        }
        *output++ = ']';
    }
    return output;
}

extern "C" char *crease_json_write_string(const char *text, size_t length, char *output) {
    static const char hexadecimal[] = "0123456789abcdef";
    *output++ = '"';
    for (size_t index = 0; index < length; index++) {
        unsigned char byte = (unsigned char)text[index];
        switch (byte) {
        case '"': *output++ = '\\'; *output++ = '"'; break;
        case '\\': *output++ = '\\'; *output++ = '\\'; break;
        case '\n': *output++ = '\\'; *output++ = 'n'; break;
        case '\r': *output++ = '\\'; *output++ = 'r'; break;
        case '\t': *output++ = '\\'; *output++ = 't'; break;
        default:
            if (byte < 0x20) {
                memcpy(output, "\\u00", 4);
                output[4] = hexadecimal[byte >> 4];
                output[5] = hexadecimal[byte & 15];
                output += 6;
            } else {
                *output++ = char(byte);
            }
        }
    }
    *output++ = '"';
    return output;
}
