internal import Glibc
internal import Synchronization

/// Bytes that all requests of a server hold at one time, against a limit.
final class ByteBudget: Sendable {
    let limit: Int
    private let held = Atomic<Int>(0)

    init(limit: Int) { self.limit = limit }

    var used: Int { held.load(ordering: .relaxed) }

    func reserve(_ count: Int) -> Bool {
        let (_, now) = held.wrappingAdd(count, ordering: .relaxed)
        if now <= limit { return true }
        held.wrappingSubtract(count, ordering: .relaxed)
        return false
    }

    func release(_ count: Int) { held.wrappingSubtract(count, ordering: .relaxed) }
}

/// A request's body: one contiguous buffer with at least `padding` zero bytes after its end.
///
/// `@unchecked Sendable`: written only while the connection's thread is its sole owner, immutable once it is part of
/// a `Request`.
public final class RequestBody: @unchecked Sendable {
    /// Zero bytes after the end that may be read (parsers that read by vectors want them).
    public static let padding = 64

    private var start: UnsafeMutableRawPointer?
    private var capacity = 0
    private let budget: ByteBudget
    /// Bytes without the padding.
    public private(set) var count = 0

    init(budget: ByteBudget) { self.budget = budget }

    /// The body of all requests that have none.
    static let empty: RequestBody = {
        let body = RequestBody(budget: ByteBudget(limit: RequestBody.padding))
        _ = body.seal()
        return body
    }()

    deinit {
        free(start)
        if capacity > 0 { budget.release(capacity) }
    }

    /// Makes room for `total` bytes and the padding. `false` where the budget or the memory is exhausted.
    func reserve(_ total: Int) -> Bool {
        let (padded, overflow) = total.addingReportingOverflow(RequestBody.padding)
        guard !overflow else { return false }
        if padded <= capacity { return true }
        guard budget.reserve(padded - capacity) else { return false }
        guard let moved = realloc(start, padded) else {
            budget.release(padded - capacity)
            return false
        }
        start = moved
        capacity = padded
        return true
    }

    /// Appends; grows by doubling up to `expected` bytes and then, should more come, by doubling again.
    func append(_ bytes: UnsafeRawPointer, count added: Int, expected: Int) -> Bool {
        let (needed, overflow) = count.addingReportingOverflow(added)
        guard !overflow else { return false }
        if needed + RequestBody.padding > capacity {
            var room = max(needed, min(expected, max(2 * capacity, 64 << 10)))
            if needed > expected { room = max(room, needed + needed / 2) }
            guard reserve(room) else { return false }
        }
        guard let start else { return false }
        (start + count).copyMemory(from: bytes, byteCount: added)
        count = needed
        return true
    }

    /// Writes the zero bytes after the end.
    func seal() -> Bool {
        guard reserve(count) else { return false }
        if let start { memset(start + count, 0, RequestBody.padding) }
        return true
    }

    /// Calls `body` with the bytes; `RequestBody.padding` zero bytes follow them in memory.
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(start: start, count: count))
    }
}

/// A whole request. `Content-Encoding` has been undone.
public struct Request: Sendable {
    public let head: RequestHead
    public let body: RequestBody
    /// Bytes of the body as they came, before inflation.
    public let receivedBytes: Int
}
