internal import CZlib
internal import Glibc

/// Undoes a request's `Content-Encoding` piece by piece. Used by one thread.
final class Inflater {
    enum Format { case gzip, zlib }
    enum Outcome { case done, corrupt, tooLarge, noMemory }

    private var stream = z_stream()
    private let format: Format
    private let limit: Int
    /// Whether the input so far ends where the format ends.
    private(set) var isComplete = false

    init?(_ format: Format, limit: Int) {
        self.format = format
        self.limit = limit
        let status = format == .gzip ? zlib_inflate_gzip(&stream) : zlib_inflate_zlib(&stream)
        guard status == Z_OK else { return nil }
    }

    deinit { inflateEnd(&stream) }

    /// Inflates one piece into `body`, which never grows beyond the limit.
    func feed(_ bytes: UnsafeRawBufferPointer, into body: RequestBody) -> Outcome {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { space in
            let start = bytes.assumingMemoryBound(to: UInt8.self).baseAddress
            stream.next_in = UnsafeMutablePointer(mutating: start)
            stream.avail_in = UInt32(clamping: bytes.count)
            while true {
                if isComplete {
                    if stream.avail_in == 0 { return .done }
                    // A gzip body may have several members (RFC 1952, 2.2).
                    guard format == .gzip, inflateReset(&stream) == Z_OK else { return .corrupt }
                    isComplete = false
                }
                stream.next_out = space.baseAddress?.assumingMemoryBound(to: UInt8.self)
                stream.avail_out = UInt32(space.count)
                let status = inflate(&stream, Z_NO_FLUSH)
                let produced = space.count - Int(stream.avail_out)
                if produced > 0, let output = space.baseAddress {
                    if produced > limit - body.count { return .tooLarge }
                    guard body.append(output, count: produced, expected: 0) else { return .noMemory }
                }
                switch status {
                case Z_STREAM_END: isComplete = true
                case Z_OK: if stream.avail_in == 0, stream.avail_out > 0 { return .done }
                case Z_BUF_ERROR: return .done
                case Z_MEM_ERROR: return .noMemory
                default: return .corrupt
                }
            }
        }
    }
}

/// Compresses in the gzip format; `nil` where memory is short or the result is no smaller.
func gzipped(_ bytes: UnsafeRawBufferPointer, level: Int32) -> OwnedBuffer? {
    var stream = z_stream()
    guard zlib_deflate_gzip(&stream, min(max(level, 1), 9)) == Z_OK else { return nil }
    defer { deflateEnd(&stream) }
    let capacity = bytes.count
    guard capacity > 0, let output = malloc(capacity) else { return nil }
    var written = 0
    var read = 0
    while true {
        // zlib counts in 32 bits.
        let input = min(bytes.count - read, 1 << 30)
        let room = min(capacity - written, 1 << 30)
        guard room > 0 else { break }
        stream.next_in = UnsafeMutablePointer(
            mutating: bytes.assumingMemoryBound(to: UInt8.self).baseAddress! + read)
        stream.avail_in = UInt32(input)
        stream.next_out = output.assumingMemoryBound(to: UInt8.self) + written
        stream.avail_out = UInt32(room)
        let status = deflate(&stream, read + input == bytes.count ? Z_FINISH : Z_NO_FLUSH)
        read += input - Int(stream.avail_in)
        written += room - Int(stream.avail_out)
        if status == Z_STREAM_END {
            let kept = realloc(output, written) ?? output
            return OwnedBuffer(start: kept, count: written) { free($0) }
        }
        guard status == Z_OK || status == Z_BUF_ERROR, written < capacity else { break }
    }
    free(output)
    return nil
}
