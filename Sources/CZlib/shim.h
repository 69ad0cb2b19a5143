#pragma once
#include <zlib.h>

/// `deflateInit2` and `inflateInit2` are macros, which Swift does not import.
static inline int zlib_deflate_gzip(z_streamp stream, int level) {
    return deflateInit2(stream, level, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
}
/// Reads the gzip format (RFC 1952).
static inline int zlib_inflate_gzip(z_streamp stream) { return inflateInit2(stream, 15 + 16); }
/// Reads the zlib format (RFC 1950), which HTTP calls `deflate`.
static inline int zlib_inflate_zlib(z_streamp stream) { return inflateInit2(stream, 15); }
