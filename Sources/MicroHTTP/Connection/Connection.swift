internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// Where a connection stands, for the watchdog.
enum Phase: UInt8, AtomicRepresentable {
    case idle
    case head
    case body
    case handling
    case sending
    /// A deadline has ended it; its socket is shut down.
    case dead
}

/// One client connection and the request on it.
///
/// `@unchecked Sendable`: the fields marked so belong to the connection's own thread of libmicrohttpd (or, between
/// a claim and its publication, to the thread that answers); everything else is atomic or guarded by `shared`.
final class Connection: @unchecked Sendable {
    let context: ServerContext
    private let handle: OpaquePointer
    let socket: Int32

    // The watchdog's view.
    let phase = Atomic<Phase>(.idle)
    /// When the present phase began.
    let since: Atomic<UInt64>
    /// When the watchdog first saw bytes of a request whose request line is not complete; 0 otherwise.
    let partialSince = Atomic<UInt64>(0)
    let received = Atomic<Int>(0)
    /// Guarded by the connection table's lock.
    var tableIndex = -1
    var observation = Observation()

    /// The request's generation above three bits: claimed, answered, suspended.
    private let exchange = Atomic<UInt64>(0)
    private struct Shared {
        var generation: UInt64 = 0
        var isAborted = false
        var abortHandlers: [@Sendable () -> Void] = []
        var stream: ResponseStream?
    }
    private let shared = Mutex(Shared())

    // Owned by whoever claimed the answer until it is published, then by the connection's thread.
    private var answer: BuiltResponse?

    // Owned by the connection's thread.
    var storage = HeadStorage()
    var body: RequestBody?
    var inflater: Inflater?
    var refusal: Response?
    var hasSeenHead = false
    var isOver = false
    var discarded = 0
    var lingers = false
    var status: Int?
    var requestStart: UInt64 = 0
    var handlingStart: UInt64 = 0
    var answerTime: UInt64 = 0
    let bytesOut = Atomic<Int>(0)

    init(context: ServerContext, handle: OpaquePointer) {
        self.context = context
        self.handle = handle
        socket = microhttpd_connection_socket(handle)
        since = Atomic(monotonicNanoseconds())
    }

    var head: RequestHead { RequestHead(storage: storage) }

    // MARK: Life of a request, on the connection's thread

    /// Prepares for a request whose target is known.
    func begin(target: UnsafePointer<CChar>) {
        let now = monotonicNanoseconds()
        if !isKnownUniquelyReferenced(&storage) { storage = HeadStorage() }
        storage.reset()
        storage.target = storage.append(target, count: min(strlen(target), Int(Int32.max)))
        storage.identifier = .next()
        received.store(0, ordering: .relaxed)
        bytesOut.store(0, ordering: .relaxed)
        hasSeenHead = false
        isOver = false
        discarded = 0
        status = nil
        requestStart = now
        handlingStart = now
        answerTime = 0
        let partial = partialSince.exchange(0, ordering: .relaxed)
        since.store(partial == 0 ? now : partial, ordering: .relaxed)
        _ = advance(from: .idle, to: .head)
        context.counters.requestsInFlight.wrappingAdd(1, ordering: .relaxed)
        context.counters.requests.wrappingAdd(1, ordering: .relaxed)
    }

    /// Enters the next phase; `false` where the watchdog has ended the connection.
    func advance(from: Phase, to: Phase) -> Bool {
        phase.compareExchange(expected: from, desired: to, ordering: .acquiringAndReleasing).exchanged
    }

    /// The request is over, whatever its end.
    func end(termination: UInt32) {
        let generation = exchange.load(ordering: .relaxed) >> 3 &+ 1
        exchange.store(generation << 3, ordering: .releasing)
        shared.withLock { shared in
            shared.generation = generation
            shared.isAborted = false
            if !shared.abortHandlers.isEmpty { shared.abortHandlers = [] }
            shared.stream = nil
        }
        let now = monotonicNanoseconds()
        let out = bytesOut.load(ordering: .relaxed)
        let timedOut = phase.load(ordering: .relaxed) == .dead
        let summary = RequestSummary(
            head: head, status: status, duration: .nanoseconds(Int64(now &- requestStart)),
            handling: .nanoseconds(Int64(answerTime == 0 ? 0 : answerTime &- handlingStart)),
            bytesIn: received.load(ordering: .relaxed), bytesOut: out,
            // 1 an error, 4 a failed read, 5 a client that left.
            clientAborted: !timedOut && (termination == 1 && !isOver || termination == 4 || termination == 5),
            timedOut: timedOut || termination == 2)
        answer = nil
        body = nil
        inflater = nil
        refusal = nil
        since.store(now, ordering: .relaxed)
        var current = phase.load(ordering: .relaxed)
        while current != .dead {
            let (done, seen) = phase.compareExchange(
                expected: current, desired: .idle, ordering: .acquiringAndReleasing)
            if done { break }
            current = seen
        }
        context.counters.bodyBytesSent.wrappingAdd(UInt64(out), ordering: .relaxed)
        context.counters.requestsInFlight.wrappingSubtract(1, ordering: .relaxed)
        context.application.finished(summary)
    }

    func streamed(_ count: Int) { bytesOut.wrappingAdd(count, ordering: .relaxed) }

    /// Gives the published answer to libmicrohttpd.
    func queueAnswer() -> MHD_Result {
        guard let answer, let response = answer.response.pointer else { return .NO }
        self.answer = nil
        answerTime = monotonicNanoseconds()
        status = Int(answer.status)
        if storage.method != .head { bytesOut.store(answer.bodyBytes, ordering: .relaxed) }
        if let stream = answer.stream {
            stream.attach(to: self)
            shared.withLock { $0.stream = stream }
            if context.isForced.load(ordering: .sequentiallyConsistent) { stream.terminate(.serverStopping) }
        }
        since.store(answerTime, ordering: .relaxed)
        _ = advance(from: phase.load(ordering: .relaxed), to: .sending)
        return MHD_queue_response(handle, answer.status, response)
    }

    /// Sends an answer past libmicrohttpd, which takes none in the middle of a body, and has the connection closed.
    func refuseRaw(_ response: Response) -> MHD_Result {
        status = response.status
        isOver = true
        lingers = true
        answerTime = monotonicNanoseconds()
        sendRaw(response)
        return .NO
    }

    func sendRaw(_ response: Response) {
        let bytes = serialized(response, omitsBody: storage.method == .head && hasSeenHead)
        _ = bytes.withUnsafeBytes {
            send(socket, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
        }
    }

    // MARK: Suspending and answering

    private static let claimed: UInt64 = 1
    private static let answered: UInt64 = 2
    private static let suspended: UInt64 = 4

    var generation: UInt64 { exchange.load(ordering: .acquiring) >> 3 }
    var isAnswered: Bool { exchange.load(ordering: .acquiring) & Connection.answered != 0 }

    func suspend() {
        context.counters.suspended.wrappingAdd(1, ordering: .sequentiallyConsistent)
        MHD_suspend_connection(handle)
    }

    func resume() {
        MHD_resume_connection(handle)
        context.counters.suspended.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    /// Rests the connection until the answer is published, which may have happened by now.
    func suspendUntilAnswered() {
        suspend()
        let before = exchange.bitwiseOr(Connection.suspended, ordering: .sequentiallyConsistent).oldValue
        if before & Connection.answered != 0 {
            resume()
        } else if context.isForced.load(ordering: .sequentiallyConsistent) {
            answerStopping()
        }
    }

    /// Takes the right to answer; `false` where someone has it or the request is another.
    func claim(generation: UInt64) -> Bool {
        var current = exchange.load(ordering: .acquiring)
        while current >> 3 == generation, current & Connection.claimed == 0 {
            let (done, seen) = exchange.compareExchange(
                expected: current, desired: current | Connection.claimed, ordering: .acquiringAndReleasing)
            if done { return true }
            current = seen
        }
        return false
    }

    func isClaimed(generation: UInt64) -> Bool {
        let current = exchange.load(ordering: .acquiring)
        return current >> 3 != generation || current & Connection.claimed != 0
    }

    /// Called once by who has the claim.
    func publish(_ response: Response) {
        answer = build(response, for: self)
        let before = exchange.bitwiseOr(Connection.answered, ordering: .sequentiallyConsistent).oldValue
        if before & Connection.suspended != 0 { resume() }
    }

    /// Answers 503 where a suspended request has no answer, and ends a stream: the server stops.
    func answerStopping() {
        let current = exchange.load(ordering: .sequentiallyConsistent)
        if current & Connection.suspended != 0, current & Connection.answered == 0,
            claim(generation: current >> 3)
        {
            var response = context.problem(
                503, "stopping", "The server stops and did not finish this request.", head: nil)
            response.headers.append(("Retry-After", "1"))
            publish(response)
        }
        endStream(.serverStopping)
    }

    func endStream(_ reason: ResponseStream.End) { shared.withLock { $0.stream }?.terminate(reason) }
    var stream: ResponseStream? { shared.withLock { $0.stream } }

    // MARK: Clients that leave

    func isAborted(generation: UInt64) -> Bool {
        shared.withLock { $0.generation == generation && $0.isAborted }
    }

    func onAbort(generation: UInt64, _ body: @escaping @Sendable () -> Void) {
        let now = shared.withLock { shared in
            guard shared.generation == generation else { return false }
            if shared.isAborted { return true }
            shared.abortHandlers.append(body)
            return false
        }
        if now { body() }
    }

    /// The client has closed its connection; answers the handlers to call, outside any lock.
    func abort() -> [@Sendable () -> Void] {
        let (handlers, stream) = shared.withLock { shared in
            shared.isAborted = true
            defer { shared.abortHandlers = [] }
            return (shared.abortHandlers, shared.stream)
        }
        stream?.terminate(.clientGone)
        return handlers
    }
}
