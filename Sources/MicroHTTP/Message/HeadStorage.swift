internal import CMicroHTTPD

/// A range of bytes in a `HeadStorage`.
struct ByteRange: Sendable {
    var offset: Int32 = 0
    var count: Int32 = 0
}

/// The bytes of one request's head: its target and its header fields, copied out of the connection's memory so
/// that they may outlive the request.
///
/// `@unchecked Sendable`: written only by the connection's thread before a `RequestHead` is handed out, and reused
/// for the next request only where nothing else refers to it any more (`isKnownUniquelyReferenced`).
final class HeadStorage: @unchecked Sendable {
    private(set) var bytes: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private var used = 0
    private(set) var fields: UnsafeMutablePointer<(name: ByteRange, value: ByteRange)>
    private(set) var fieldCount = 0
    private var fieldCapacity: Int

    var method = HTTPMethod.get
    var isHTTP10 = false
    var target = ByteRange()
    /// Path and query within the target, set by the gate.
    var path = ByteRange()
    var query: ByteRange?
    var identifier = RequestIdentifier()
    /// The body's declared length; `nil` where it has none or comes in chunks.
    var contentLength: UInt64?
    var isChunked = false
    /// Whether a request whose body would mean something does not say that it has one: it has none (RFC 9112, 6.3).
    var lacksLength = false

    init() {
        capacity = 2048
        bytes = .allocate(capacity: capacity)
        fieldCapacity = 32
        fields = .allocate(capacity: fieldCapacity)
    }

    deinit {
        bytes.deallocate()
        fields.deallocate()
    }

    func reset() {
        used = 0
        fieldCount = 0
        method = .get
        isHTTP10 = false
        target = ByteRange()
        path = ByteRange()
        query = nil
        identifier = RequestIdentifier()
        contentLength = nil
        isChunked = false
        lacksLength = false
    }

    /// Copies bytes of at most `Int32.max` in all; the callers' limits lie far below.
    func append(_ source: UnsafeRawPointer, count: Int) -> ByteRange {
        if used + count > capacity {
            let larger = max(used + count, capacity * 2)
            let moved = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
            moved.update(from: bytes, count: used)
            bytes.deallocate()
            bytes = moved
            capacity = larger
        }
        (bytes + used).update(from: source.assumingMemoryBound(to: UInt8.self), count: count)
        defer { used += count }
        return ByteRange(offset: Int32(used), count: Int32(count))
    }

    func appendField(_ field: microhttpd_field) {
        if fieldCount == fieldCapacity {
            let moved = UnsafeMutablePointer<(name: ByteRange, value: ByteRange)>.allocate(
                capacity: fieldCapacity * 2)
            moved.update(from: fields, count: fieldCount)
            fields.deallocate()
            fields = moved
            fieldCapacity *= 2
        }
        let name = append(field.name, count: field.name_size)
        let value = append(field.value, count: field.value_size)
        fields[fieldCount] = (name, value)
        fieldCount += 1
    }

    func buffer(_ range: ByteRange) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: bytes + Int(range.offset), count: Int(range.count))
    }

    func string(_ range: ByteRange) -> String { String(decoding: buffer(range), as: UTF8.self) }

    /// The first field of that name, compared without regard to ASCII case. Linear in the number of fields.
    func firstValue(named name: StaticString) -> ByteRange? {
        let wanted = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return firstValue(named: wanted)
    }

    /// Whether there is exactly one field of that name.
    func isOnlyField(named name: StaticString) -> Bool {
        var found = 0
        for index in 0..<fieldCount where isSameToken(buffer(fields[index].name), name) { found += 1 }
        return found == 1
    }

    func firstValue(named wanted: UnsafeBufferPointer<UInt8>) -> ByteRange? {
        for index in 0..<fieldCount where isSameToken(buffer(fields[index].name), wanted) {
            return fields[index].value
        }
        return nil
    }
}

/// Equality of two tokens without regard to ASCII case.
func isSameToken(_ left: UnsafeBufferPointer<UInt8>, _ right: UnsafeBufferPointer<UInt8>) -> Bool {
    guard left.count == right.count else { return false }
    for index in left.indices where asciiLowercase(left[index]) != asciiLowercase(right[index]) {
        return false
    }
    return true
}

func isSameToken(_ left: UnsafeBufferPointer<UInt8>, _ right: StaticString) -> Bool {
    isSameToken(left, UnsafeBufferPointer(start: right.utf8Start, count: right.utf8CodeUnitCount))
}

@inline(__always) func asciiLowercase(_ byte: UInt8) -> UInt8 {
    byte &- 0x41 < 26 ? byte | 0x20 : byte
}
