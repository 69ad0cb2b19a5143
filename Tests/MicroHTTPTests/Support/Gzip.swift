internal import CZlib

/// `bytes` in the gzip (or zlib) format, by zlib's own calls.
func deflated(_ bytes: [UInt8], gzip: Bool) -> [UInt8] {
    var stream = z_stream()
    let bits: Int32 = gzip ? 31 : 15
    deflateInit2_(
        &stream, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { deflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: bytes.count + bytes.count / 100 + 64)
    var input = bytes
    let count = input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            deflate(&stream, Z_FINISH)
            return target.count - Int(stream.avail_out)
        }
    }
    return Array(output[..<count])
}

/// Undoes gzip; `nil` where it is none.
func inflated(_ bytes: [UInt8], capacity: Int) -> [UInt8]? {
    var stream = z_stream()
    inflateInit2_(&stream, 31, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
    defer { inflateEnd(&stream) }
    var output = [UInt8](repeating: 0, count: capacity)
    var input = bytes
    return input.withUnsafeMutableBufferPointer { source in
        output.withUnsafeMutableBufferPointer { target -> [UInt8]? in
            stream.next_in = source.baseAddress
            stream.avail_in = UInt32(source.count)
            stream.next_out = target.baseAddress
            stream.avail_out = UInt32(target.count)
            guard inflate(&stream, Z_FINISH) == Z_STREAM_END else { return nil }
            return Array(target[..<(target.count - Int(stream.avail_out))])
        }
    }
}
