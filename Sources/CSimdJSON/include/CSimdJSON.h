#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A JSON text as flat arrays: nodes in the order of the text, one pool of doubles for all numbers, and where each
 * number's token starts. Arrays of numbers, and arrays of such arrays of one length, are one node each. */

typedef enum {
    CREASE_JSON_NULL,
    CREASE_JSON_FALSE,
    CREASE_JSON_TRUE,
    CREASE_JSON_NUMBER,  /* first: index into the pool */
    CREASE_JSON_STRING,  /* first: offset into the strings, count: bytes */
    CREASE_JSON_ARRAY,   /* count: elements, which follow */
    CREASE_JSON_OBJECT,  /* count: members, whose values follow */
    CREASE_JSON_NUMBERS, /* first: index into the pool, count: elements */
    CREASE_JSON_MATRIX   /* first: index into the pool, count: rows, columns: entries of a row, at least 1 */
} crease_json_kind;

typedef struct {
    uint32_t kind;
    uint32_t parent;   /* node of the array or object that holds this one */
    uint32_t next;     /* the node after this one and all that it holds */
    uint32_t position; /* in an array: the index; in an object: the offset of the name in the strings */
    uint32_t name_length;
    uint32_t columns;
    uint32_t first;
    uint32_t count;
} crease_json_node;

typedef enum {
    CREASE_JSON_OK,
    CREASE_JSON_SYNTAX,
    CREASE_JSON_UTF8,
    CREASE_JSON_EMPTY,
    CREASE_JSON_BOM,
    CREASE_JSON_TOO_DEEP,
    CREASE_JSON_TOO_LARGE,
    CREASE_JSON_DUPLICATE, /* a member's name comes twice: `error_node` and the name in `error_name` */
    CREASE_JSON_MEMORY
} crease_json_error;

typedef struct {
    crease_json_node *nodes;
    double *numbers;          /* NaN where the token is a string that may hold an exact number; ±inf beyond binary64 */
    uint32_t *number_offsets; /* where each token starts in the text */
    char *strings;
    size_t node_count, number_count, string_bytes;
    size_t node_capacity, number_capacity, string_capacity;
    crease_json_error error;
    size_t error_offset;
    uint32_t error_node;
    uint32_t error_name_offset, error_name_length;
    const char *error_text;
} crease_json_document;

/* Parses `length` bytes; `capacity` of them are readable, at least 64 more than `length`. `maximum_depth` counts for at
 * most 1000. The document is to be freed whatever the error. */
void crease_json_parse(
    const char *text, size_t length, size_t capacity, uint32_t maximum_depth, crease_json_document *document);
void crease_json_free(crease_json_document *document);

/* The length of the number token (or of the string token with its quotes) that starts at `token`. */
size_t crease_json_token_length(const char *token, const char *end);

/* Reads `count` decimal tokens as mantissa · 10^exponent, `exponent` the least of all and reported. Tokens are those of
 * numbers `first`, `first + stride`, … Returns false where a token is no decimal, or a mantissa passes 64 bits once all
 * have one exponent; nothing is to be used then. `least_exponent` holds on entry the exponent to scale to in the second
 * of the two passes. */
bool crease_json_decimals(
    const char *text, const char *end, const uint32_t *offsets, size_t count, size_t stride, int64_t *mantissas,
    int16_t *exponents, int32_t *least_exponent);
bool crease_json_scale(int64_t *mantissas, const int16_t *exponents, size_t count, int32_t exponent);

/* Writes doubles in shortest round-trip form, separated by commas; where `columns` is not 0, in rows of so many, each in
 * brackets. `output` has room for 26 bytes a number and 3 a row. Returns the end. All numbers are finite. */
char *crease_json_write_doubles(const double *numbers, size_t count, size_t columns, char *output);

/* Writes a string token, quotes included: at most 6 bytes a byte and 2 more. Returns the end. */
char *crease_json_write_string(const char *text, size_t length, char *output);

#ifdef __cplusplus
}
#endif
