internal import CSimdJSON
internal import Dispatch
internal import Synchronization

/// Numbers of a document as one flat, row-major array, without a copy.
public struct JSONNumbers: Sendable {
    let value: JSONValue
    let first: Int
    public let rows: Int
    /// 1 for a plain array of numbers.
    public let columns: Int
    let isMatrix: Bool

    public var count: Int { rows * columns }
    private var document: JSONDocument { value.document }

    /// Calls `body` with the nearest binary64 numbers. An entry that came as a string is NaN, a JSON number beyond
    /// binary64 an infinity. The buffer lives during the call.
    public func withDoubles<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Double>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard count > 0, let numbers = document.raw.numbers else {
            return try body(UnsafeBufferPointer(start: nil, count: 0))
        }
        return try body(UnsafeBufferPointer(start: numbers + first, count: count))
    }

    /// The first entry that is not a finite JSON number, if any: a string, or a number beyond binary64.
    public var firstNotFinite: Int? {
        withDoubles { numbers in
            // One sum finds out for the usual case: a NaN or an infinity times zero is never zero.
            var check = 0.0
            for number in numbers { check += number * 0 }
            return check == 0 ? nil : numbers.firstIndex { !$0.isFinite }
        }
    }

    /// A copy.
    public var doubles: [Double] { withDoubles { Array($0) } }

    /// Whether the entry came as a string.
    public func isString(_ index: Int) -> Bool { withDoubles { $0[index].isNaN } }

    /// The exact text of an entry, without quotes. The bytes live during the call.
    public func withText<Result, Failure: Error>(
        _ index: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try document.withTokenText(first + index, body)
    }

    /// The pointer of an entry.
    public func pointer(_ index: Int) -> String {
        isMatrix
            ? "\(value.pointer)/\(index / max(1, columns))/\(index % max(1, columns))"
            : "\(value.pointer)/\(index)"
    }

    /// The pointer of the whole.
    public var pointer: String { value.pointer }

    /// One column as exact decimals: entry i = mantissas[i] · 10^exponents[i].
    public struct Decimals: Sendable {
        public let mantissas: [Int64]
        public let exponents: [Int16]
        /// The least exponent of an entry that is not 0; 0 where there is none.
        public let leastExponent: Int

        /// All mantissas under the least exponent; `nil` where one does not fit 64 bits.
        public func scaledToLeastExponent(threads: Int = 1) -> [Int64]? {
            let failed = Atomic<Bool>(false)
            let rows = mantissas.count
            let exponent = Int32(leastExponent)
            let scaled = exponents.withUnsafeBufferPointer { exponents in
                mantissas.withUnsafeBufferPointer { mantissas in
                    let source = Shared(mantissas)
                    let powers = Shared(exponents)
                    return [Int64](unsafeUninitializedCapacity: rows) { buffer, count in
                        let target = Shared(buffer)
                        forEachPart(of: rows, threads: threads) { from, many in
                            let part = UnsafeMutableBufferPointer(rebasing: target.value[from..<from + many])
                            _ = part.update(fromContentsOf: source.value[from..<from + many])
                            guard let base = part.baseAddress, let first = powers.value.baseAddress,
                                crease_json_scale(base, first + from, many, exponent)
                            else {
                                failed.store(true, ordering: .relaxed)
                                return
                            }
                        }
                        count = rows
                    }
                }
            }
            return failed.load(ordering: .relaxed) ? nil : scaled
        }
    }

    /// The entries of a column as decimals; `nil` where one is a fraction, or has more digits than fit 64 bits.
    ///
    /// Complexity: O(rows); long columns are read by `threads` threads.
    public func decimals(column: Int, threads: Int = 1) -> Decimals? {
        guard rows > 0, let offsets = document.raw.number_offsets else {
            return Decimals(mantissas: [], exponents: [], leastExponent: 0)
        }
        let text = Shared(document.text)
        let end = Shared(document.text + document.length)
        let start = Shared(UnsafePointer(offsets + first + column))
        let rows = rows
        let columns = columns
        let least = Mutex<Int32>(.max)
        let failed = Atomic<Bool>(false)
        var mantissas: [Int64] = []
        let exponents = [Int16](unsafeUninitializedCapacity: rows) { exponents, exponentCount in
            let exponents = Shared(exponents)
            mantissas = [Int64](unsafeUninitializedCapacity: rows) { buffer, count in
                let mantissas = Shared(buffer)
                forEachPart(of: rows, threads: threads) { from, many in
                    var partLeast = Int32.max
                    guard let base = mantissas.value.baseAddress, let powers = exponents.value.baseAddress,
                        crease_json_decimals(
                            text.value, end.value, start.value + from * columns, many, columns, base + from,
                            powers + from, &partLeast)
                    else {
                        failed.store(true, ordering: .relaxed)
                        return
                    }
                    let found = partLeast
                    least.withLock { $0 = min($0, found) }
                }
                count = rows
            }
            exponentCount = rows
        }
        guard !failed.load(ordering: .relaxed) else { return nil }
        return Decimals(
            mantissas: mantissas, exponents: exponents,
            leastExponent: Int(least.withLock { $0 == .max ? 0 : $0 }))
    }
}

/// Calls `body` with the beginning and length of parts that make up `count` entries, from several threads where they
/// are many.
private func forEachPart(of count: Int, threads: Int, _ body: @escaping @Sendable (Int, Int) -> Void) {
    let parts = count < 1 << 15 ? 1 : max(1, threads) * 4
    if parts == 1 { return body(0, count) }
    let step = (count + parts - 1) / parts
    DispatchQueue.concurrentPerform(iterations: parts) { part in
        let from = part * step
        if from < count { body(from, min(step, count - from)) }
    }
}

/// A pointer that several threads use.
///
/// `@unchecked Sendable`: each thread reads what nobody writes, or writes a part of its own.
struct Shared<Pointer>: @unchecked Sendable {
    let value: Pointer

    init(_ value: Pointer) { self.value = value }
}
