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

    /// One column as exact decimals of a common exponent: entry = mantissa · 10^exponent.
    public struct Decimals: Sendable {
        public let mantissas: [Int64]
        public let exponent: Int
    }

    /// The entries of a column as decimals; `nil` where one is a fraction, or they do not fit 64 bits with a common
    /// exponent.
    ///
    /// Complexity: O(rows); long columns are read by `threads` threads.
    public func decimals(column: Int, threads: Int = 1) -> Decimals? {
        guard rows > 0, let offsets = document.raw.number_offsets else {
            return Decimals(mantissas: [], exponent: 0)
        }
        let parts = rows < 1 << 15 ? 1 : max(1, threads) * 4
        let step = (rows + parts - 1) / parts
        let text = Shared(document.text)
        let end = Shared(document.text + document.length)
        let start = Shared(UnsafePointer(offsets + first + column))
        let rows = rows
        let columns = columns
        let exponents = UnsafeMutablePointer<Int16>.allocate(capacity: rows)
        defer { exponents.deallocate() }
        let sharedExponents = Shared(exponents)
        let least = Mutex<Int32>(.max)
        let failed = Atomic<Bool>(false)
        let mantissas = [Int64](unsafeUninitializedCapacity: rows) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            let mantissas = Shared(base)
            let forEachPart = { (body: @escaping @Sendable (Int, Int) -> Void) in
                if parts == 1 { return body(0, rows) }
                DispatchQueue.concurrentPerform(iterations: parts) { part in
                    let from = part * step
                    if from < rows { body(from, min(step, rows - from)) }
                }
            }
            forEachPart { from, many in
                var partLeast = Int32.max
                if !crease_json_decimals(
                    text.value, end.value, start.value + from * columns, many, columns,
                    mantissas.value + from,
                    sharedExponents.value + from, &partLeast)
                {
                    failed.store(true, ordering: .relaxed)
                }
                let found = partLeast
                least.withLock { $0 = min($0, found) }
            }
            let exponent = least.withLock { $0 == .max ? 0 : $0 }
            if !failed.load(ordering: .relaxed) {
                forEachPart { from, many in
                    if !crease_json_scale(
                        mantissas.value + from, sharedExponents.value + from, many, exponent)
                    {
                        failed.store(true, ordering: .relaxed)
                    }
                }
            }
            count = rows
        }
        guard !failed.load(ordering: .relaxed) else { return nil }
        return Decimals(mantissas: mantissas, exponent: Int(least.withLock { $0 == .max ? 0 : $0 }))
    }
}

/// A pointer that several threads use.
///
/// `@unchecked Sendable`: each thread reads what nobody writes, or writes a part of its own.
struct Shared<Pointer>: @unchecked Sendable {
    let value: Pointer

    init(_ value: Pointer) { self.value = value }
}
