internal import CSimdJSON
internal import Dispatch
internal import Glibc

/// Writes a JSON document straight into one growing buffer.
///
/// The caller keeps the structure right: every `key` is followed by one value, every `begin` has its `end`.
/// Numbers are written in shortest round-trip form; whole ones without a fraction, −0 as `-0`.
public struct JSONWriter: ~Copyable {
    private var start: UnsafeMutablePointer<CChar>
    private var used = 0
    private var capacity: Int
    private var needsComma = false

    public init(capacity: Int = 1024) {
        self.capacity = max(64, capacity)
        start = Self.allocate(nil, self.capacity)
    }

    deinit { free(start) }

    public var count: Int { used }

    /// The document, handed over without a copy.
    public consuming func finish() -> JSONBytes {
        let bytes = JSONBytes(start: start, count: used)
        discard self
        return bytes
    }

    /// A copy of the document.
    public consuming func array() -> [UInt8] {
        Array(UnsafeRawBufferPointer(start: start, count: used))
    }

    // MARK: Structure

    public mutating func beginObject() { open("{") }
    public mutating func endObject() { close("}") }
    public mutating func beginArray() { open("[") }
    public mutating func endArray() { close("]") }

    /// A member's name; its value comes next.
    public mutating func key(_ name: String) {
        string(name)
        append(UInt8(ascii: ":"))
        needsComma = false
    }

    // MARK: Values

    public mutating func string(_ value: String) {
        separate()
        var value = value
        value.withUTF8 { bytes in
            reserve(bytes.count * 6 + 2)
            bytes.withMemoryRebound(to: CChar.self) { text in
                // An empty string may have no address.
                let source = text.baseAddress ?? UnsafePointer(start)
                let end = crease_json_write_string(source, text.count, start + used)
                used = end.map { $0 - start } ?? used
            }
        }
        needsComma = true
    }

    public mutating func integer(_ value: Int) { token("\(value)") }
    public mutating func boolean(_ value: Bool) { token(value ? "true" : "false") }
    public mutating func null() { token("null") }

    /// - Parameter value: finite; others become null.
    public mutating func double(_ value: Double) {
        guard value.isFinite else { return null() }
        separate()
        reserve(32)
        withUnsafePointer(to: value) { pointer in
            let end = crease_json_write_doubles(pointer, 1, 0, start + used)
            used = end.map { $0 - start } ?? used
        }
        needsComma = true
    }

    /// A document written before.
    public mutating func raw(_ document: [UInt8]) {
        separate()
        reserve(document.count)
        document.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { memcpy(start + used, base, bytes.count) }
        }
        used += document.count
        needsComma = true
    }

    /// An array of finite numbers.
    public mutating func numbers(_ values: UnsafeBufferPointer<Double>, threads: Int = 1) {
        bulk(values, columns: 0, threads: threads)
    }

    public mutating func numbers(_ values: [Double], threads: Int = 1) {
        values.withUnsafeBufferPointer { bulk($0, columns: 0, threads: threads) }
    }

    /// An array of rows of `columns` finite numbers; the count is a multiple of it.
    public mutating func matrix(_ values: UnsafeBufferPointer<Double>, columns: Int, threads: Int = 1) {
        guard columns > 0 else { return numbers(values, threads: threads) }
        bulk(values, columns: columns, threads: threads)
    }

    // MARK: Members in one call

    public mutating func member(_ name: String, _ value: String) {
        key(name)
        string(value)
    }

    public mutating func member(_ name: String, _ value: Int) {
        key(name)
        integer(value)
    }

    public mutating func member(_ name: String, _ value: Bool) {
        key(name)
        boolean(value)
    }

    public mutating func member(_ name: String, _ value: Double) {
        key(name)
        double(value)
    }

    // MARK: Bytes

    private mutating func bulk(_ values: UnsafeBufferPointer<Double>, columns: Int, threads: Int) {
        open("[")
        if let base = values.baseAddress, values.count > 0 {
            let numberBytes = 26
            let unit = max(1, columns)
            // Chunks are printed by themselves and then moved together: the text does not depend on the threads.
            // They are bounded, so that the room for the longest numbers is never that of the whole array.
            let chunk = max(unit, (1 << 16) / unit * unit)
            let parallel = threads > 1 && values.count >= 2 * chunk
            let step = parallel ? chunk * threads : chunk
            var from = 0
            while from < values.count {
                let many = min(step, values.count - from)
                let pieces = (many + chunk - 1) / chunk
                let room = chunk * numberBytes + 3 * (chunk / unit) + 8
                reserve(pieces * room + 64)
                // One byte further on: the comma before the chunk comes first.
                let output = Shared(start + used + 1)
                let source = Shared(base + from)
                let ends = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: pieces)
                let sharedEnds = Shared(ends)
                let write = { @Sendable (piece: Int) in
                    let count = min(chunk, many - piece * chunk)
                    sharedEnds.value[piece] = crease_json_write_doubles(
                        source.value + piece * chunk, count, columns, output.value + piece * room)
                }
                if pieces == 1 {
                    write(0)
                } else {
                    DispatchQueue.concurrentPerform(iterations: pieces, execute: write)
                }
                for piece in 0..<pieces {
                    let begin = output.value + piece * room
                    let length = (ends[piece] ?? begin) - begin
                    if from + piece * chunk > 0 { append(UInt8(ascii: ",")) }
                    if start + used != begin { memmove(start + used, begin, length) }
                    used += length
                }
                ends.deallocate()
                from += many
            }
        }
        close("]")
    }

    private mutating func open(_ bracket: Unicode.Scalar) {
        separate()
        append(UInt8(ascii: bracket))
        needsComma = false
    }

    private mutating func close(_ bracket: Unicode.Scalar) {
        append(UInt8(ascii: bracket))
        needsComma = true
    }

    private mutating func token(_ text: String) {
        separate()
        var text = text
        text.withUTF8 { bytes in
            reserve(bytes.count)
            if let base = bytes.baseAddress { memcpy(start + used, base, bytes.count) }
            used += bytes.count
        }
        needsComma = true
    }

    private mutating func separate() {
        if needsComma { append(UInt8(ascii: ",")) }
    }

    private mutating func append(_ byte: UInt8) {
        reserve(1)
        start[used] = CChar(bitPattern: byte)
        used += 1
    }

    private mutating func reserve(_ more: Int) {
        guard used + more > capacity else { return }
        let larger = max(used + more, capacity + capacity / 2)
        start = Self.allocate(start, larger)
        capacity = larger
    }

    /// Large blocks are moved by the system's page tables. Like Swift's own allocation this has no other end than
    /// the process's where memory runs out; callers bound what they write.
    private static func allocate(
        _ block: UnsafeMutablePointer<CChar>?, _ bytes: Int
    ) -> UnsafeMutablePointer<CChar> {
        guard let moved = realloc(block, bytes) else {
            return .allocate(capacity: bytes)
        }
        return moved.assumingMemoryBound(to: CChar.self)
    }
}

/// A finished document in memory of its own.
///
/// `@unchecked Sendable`: never written after it was made.
public final class JSONBytes: @unchecked Sendable {
    public let start: UnsafeMutableRawPointer
    public let count: Int

    init(start: UnsafeMutablePointer<CChar>, count: Int) {
        self.start = UnsafeMutableRawPointer(start)
        self.count = count
    }

    deinit { free(start) }

    public var array: [UInt8] { Array(UnsafeRawBufferPointer(start: start, count: count)) }
}
