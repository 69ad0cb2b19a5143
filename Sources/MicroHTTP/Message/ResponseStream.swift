internal import CMicroHTTPD
internal import Synchronization

/// The body of an answer that comes over time, such as server-sent events.
///
/// The connection pulls: it calls `next` on a server thread until that answers `.pending`, and then rests, costing no
/// thread, until `wake()`. One stream belongs to one answer.
public final class ResponseStream: Sendable {
    public enum Chunk: Sendable {
        case bytes([UInt8])
        /// Nothing now; `wake()` will be called.
        case pending
        /// The stream is over.
        case end
    }

    public enum End: Sendable {
        /// `next` answered `.end`.
        case completed
        case clientGone
        case serverStopping
    }

    private struct State: ~Copyable {
        var connection: Connection?
        var leftover: [UInt8] = []
        var offset = 0
        var isSuspended = false
        var isWoken = false
        var heartbeatDue = false
        var end: End?
        var hasReported = false
        var lastSent: UInt64 = 0
    }

    private let state = Mutex(State())
    private let next: @Sendable () -> Chunk
    private let ended: @Sendable (End) -> Void
    private let heartbeat: UInt64?
    private let heartbeatBytes: [UInt8]

    /// - Parameters:
    ///   - heartbeat: after this long without bytes, `heartbeatBytes` are sent; they also reveal clients that left.
    ///   - heartbeatBytes: by default a comment of server-sent events.
    ///   - next: called on a server thread, one call at a time; must not block.
    ///   - ended: called once, when nothing more will be asked for.
    public init(
        heartbeat: Duration? = .seconds(15), heartbeatBytes: [UInt8] = Array(":\n\n".utf8),
        next: @escaping @Sendable () -> Chunk, ended: @escaping @Sendable (End) -> Void = { _ in }
    ) {
        self.heartbeat = heartbeat.map(nanoseconds)
        self.heartbeatBytes = heartbeatBytes
        self.next = next
        self.ended = ended
    }

    /// Says that `next` has something to say. From any thread, any number of times.
    public func wake() {
        state.withLock { state in
            state.isWoken = true
            resume(&state)
        }
    }

    private func resume(_ state: inout State) {
        guard state.isSuspended, let connection = state.connection else { return }
        state.isSuspended = false
        connection.resume()
    }

    func attach(to connection: Connection) {
        state.withLock { state in
            state.connection = connection
            state.lastSent = monotonicNanoseconds()
        }
    }

    /// Ends the stream from the server's side.
    func terminate(_ reason: End) {
        state.withLock { state in
            if state.end == nil { state.end = reason }
            resume(&state)
        }
    }

    /// Called by the watchdog.
    func tick(now: UInt64) {
        guard let heartbeat else { return }
        state.withLock { state in
            guard state.isSuspended, now >= state.lastSent &+ heartbeat else { return }
            state.heartbeatDue = true
            resume(&state)
        }
    }

    /// Nothing refers to the body any more.
    func released() {
        let end: End? = state.withLock { state in
            state.connection = nil
            guard !state.hasReported else { return nil }
            state.hasReported = true
            return state.end ?? .clientGone
        }
        if let end { ended(end) }
    }

    private enum Step { case wrote(Int), end, ask, rest }

    /// Fills the connection's buffer: bytes written, 0 after suspending, or the end.
    func read(into buffer: UnsafeMutablePointer<CChar>, capacity: Int) -> Int {
        while true {
            let step: Step = state.withLock { state in
                if state.leftover.count == state.offset, state.heartbeatDue, state.end == nil {
                    state.heartbeatDue = false
                    state.leftover = heartbeatBytes
                    state.offset = 0
                }
                if state.offset < state.leftover.count { return .wrote(Self.copy(&state, buffer, capacity)) }
                if state.end != nil { return .end }
                state.isWoken = false
                return .ask
            }
            switch step {
            case .wrote(let count): return count
            case .end: return ResponseStream.endOfStream
            case .ask, .rest: break
            }
            let chunk = next()
            let rests = state.withLock { state in
                switch chunk {
                case .bytes(let bytes):
                    state.leftover = bytes
                    state.offset = 0
                    if !bytes.isEmpty { return false }
                case .end:
                    if state.end == nil { state.end = .completed }
                    return false
                case .pending: break
                }
                if state.isWoken || state.heartbeatDue || state.end != nil { return false }
                guard let connection = state.connection else {
                    state.end = .clientGone
                    return false
                }
                connection.suspend()
                state.isSuspended = true
                return true
            }
            if rests { return 0 }
        }
    }

    private static func copy(
        _ state: inout State, _ buffer: UnsafeMutablePointer<CChar>, _ capacity: Int
    ) -> Int {
        let count = min(capacity, state.leftover.count - state.offset)
        state.leftover.withUnsafeBytes { bytes in
            UnsafeMutableRawPointer(buffer).copyMemory(
                from: bytes.baseAddress! + state.offset, byteCount: count)
        }
        state.offset += count
        if state.offset == state.leftover.count {
            state.leftover = []
            state.offset = 0
        }
        state.lastSent = monotonicNanoseconds()
        state.connection?.streamed(count)
        return count
    }

    /// `MHD_CONTENT_READER_END_OF_STREAM`, a macro that is not imported.
    private static let endOfStream = -1
}
