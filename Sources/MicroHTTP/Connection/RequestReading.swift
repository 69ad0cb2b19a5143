internal import CMicroHTTPD
internal import Synchronization

// The three kinds of calls in which libmicrohttpd delivers a request: its head once, its body in pieces, its end once
// and again after each resumption. Answers are queued in the last: queued earlier they would close the connection.
extension Connection {
    func takeHead(handle: OpaquePointer, method: UnsafePointer<CChar>, version: UnsafePointer<CChar>)
        -> MHD_Result
    {
        hasSeenHead = true
        guard phase.load(ordering: .acquiring) == .head else { return .NO }
        do throws(Refusal) {
            try Gate.admit(
                storage, connection: handle, method: method, version: version,
                configuration: context.configuration)
            if storage.lacksLength, context.application.needsBody(head) {
                throw Refusal(
                    411, "length-required",
                    "A \(storage.method.rawValue) request needs a Content-Length or chunks here.")
            }
        } catch {
            var response = context.problem(error.status, error.code, error.detail, head: head)
            response.closesConnection = true
            return refuseNow(response)
        }
        refusal = earlyAnswer()
        let length = storage.isChunked ? nil : storage.contentLength ?? 0
        if refusal != nil, length ?? 0 > UInt64(Connection.droppedBodyLimit) || expectsContinue {
            refusal?.closesConnection = true
            return refuseNow(refusal)
        }
        if length == 0 { return .YES }
        since.store(monotonicNanoseconds(), ordering: .relaxed)
        return advance(from: .head, to: .body) ? .YES : .NO
    }

    /// Bodies of refused requests up to this size are read and dropped, so that the connection can be kept.
    private static let droppedBodyLimit = 256 << 10

    private var expectsContinue: Bool {
        !storage.isHTTP10 && (storage.isChunked || storage.contentLength ?? 0 > 0)
            && storage.firstValue(named: "expect") != nil
    }

    private func earlyAnswer() -> Response? {
        if let preflight = context.crossOrigin?.preflight(head) { return preflight }
        if storage.isChunked || storage.contentLength ?? 0 > 0, let refusal = prepareDecoding() {
            return refusal
        }
        return context.application.gate(head)
    }

    /// Chooses how `Content-Encoding` is undone; 415 for a coding that is not known.
    private func prepareDecoding() -> Response? {
        guard let coding = storage.firstValue(named: "content-encoding") else { return nil }
        let bytes = storage.buffer(coding)
        if isSameToken(bytes, "identity") { return nil }
        if isSameToken(bytes, "gzip") || isSameToken(bytes, "x-gzip") {
            inflater = Inflater(.gzip, limit: context.configuration.maximumInflatedBytes)
        } else if isSameToken(bytes, "deflate") {
            inflater = Inflater(.zlib, limit: context.configuration.maximumInflatedBytes)
        }
        if inflater != nil { return nil }
        var response = context.problem(
            415, "unknown-content-encoding", "Bodies come in gzip, in deflate or as they are.", head: head)
        response.headers.append(("Accept-Encoding", "gzip, deflate"))
        return response
    }

    /// Answers before the body: libmicrohttpd drops what comes and closes the connection.
    private func refuseNow(_ response: Response?) -> MHD_Result {
        guard let response, advance(from: .head, to: .handling), claim(generation: generation) else {
            return .NO
        }
        isOver = true
        lingers = true
        publish(response)
        return queueAnswer()
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer) -> MHD_Result {
        guard phase.load(ordering: .acquiring) == .body, let start = bytes.baseAddress else { return .NO }
        let (_, total) = received.wrappingAdd(bytes.count, ordering: .relaxed)
        context.counters.bodyBytesReceived.wrappingAdd(UInt64(bytes.count), ordering: .relaxed)
        if let refusal {
            discarded += bytes.count
            if discarded > Connection.droppedBodyLimit { return refuseRaw(refusal) }
            return .YES
        }
        let configuration = context.configuration
        if total > configuration.maximumBodyBytes {
            return refuseInBody(
                413, "body-too-large",
                "The body of a request may have \(configuration.maximumBodyBytes) bytes.")
        }
        let body = self.body ?? RequestBody(budget: context.budget)
        self.body = body
        if let inflater {
            switch inflater.feed(bytes, into: body) {
            case .done: return .YES
            case .corrupt:
                return refuseInBody(400, "bad-compression", "The body is not what its Content-Encoding says.")
            case .tooLarge:
                return refuseInBody(
                    413, "body-too-large",
                    "The body of a request may have \(configuration.maximumInflatedBytes) bytes when inflated."
                )
            case .noMemory: return refuseForMemory()
            }
        }
        // What is declared is within the limit but need not come: trust it with a little only.
        let expected = Int(clamping: storage.contentLength ?? 0)
        guard body.append(start, count: bytes.count, expected: expected) else { return refuseForMemory() }
        return .YES
    }

    private func refuseForMemory() -> MHD_Result {
        refuseInBody(503, "no-memory", "The requests being read fill the memory set aside for them.") {
            $0.headers.append(("Retry-After", "1"))
        }
    }

    /// Refuses a request in the middle of its body.
    private func refuseInBody(
        _ status: Int, _ code: String, _ detail: String, _ adapt: (inout Response) -> Void = { _ in }
    ) -> MHD_Result {
        body = nil
        inflater = nil
        var response = context.problem(status, code, detail, head: head)
        adapt(&response)
        let left = storage.contentLength.map { $0 - min($0, UInt64(received.load(ordering: .relaxed))) }
        guard let left, left <= UInt64(Connection.droppedBodyLimit) else { return refuseRaw(response) }
        refusal = response
        return .YES
    }

    func takeEnd() -> MHD_Result {
        if handlingStarted {
            // Resumed: the answer is there.
            return isAnswered ? queueAnswer() : .NO
        }
        let from = phase.load(ordering: .acquiring)
        guard from == .head || from == .body, advance(from: from, to: .handling) else { return .NO }
        handlingStart = from == .head ? requestStart : monotonicNanoseconds()
        since.store(handlingStart, ordering: .relaxed)
        let generation = self.generation
        if let refusal = refusal ?? finishBody() {
            guard claim(generation: generation) else { return .NO }
            publish(refusal)
            return queueAnswer()
        }
        dispatch(generation: generation)
        if isAnswered { return queueAnswer() }
        suspendUntilAnswered()
        return .YES
    }

    private var handlingStarted: Bool { phase.load(ordering: .relaxed) == .handling }

    /// Checks that the body came whole and closes it with its padding.
    private func finishBody() -> Response? {
        if let inflater, !inflater.isComplete {
            return context.problem(400, "bad-compression", "The compressed body breaks off.", head: head)
        }
        inflater = nil
        guard let body else {
            self.body = .empty
            return nil
        }
        guard body.seal() else {
            var response = context.problem(
                503, "no-memory", "The requests being read fill the memory set aside for them.", head: head)
            response.headers.append(("Retry-After", "1"))
            return response
        }
        return nil
    }

    /// A function of its own, so that an exchange that the application drops is gone when this returns.
    @inline(never)
    private func dispatch(generation: UInt64) {
        guard let body else { return }
        self.body = nil
        let head = head
        let request = Request(head: head, body: body, receivedBytes: received.load(ordering: .relaxed))
        context.application.respond(
            to: request, on: Exchange(head: head, connection: self, generation: generation))
    }
}
