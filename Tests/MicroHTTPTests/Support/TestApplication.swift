internal import CMicroHTTPD
internal import Glibc
import MicroHTTP
internal import Synchronization
import Testing

/// An application with one route for each thing that the tests need.
final class TestApplication: HTTPApplication {
    let summaries = Mutex<[RequestSummary]>([])
    let held = Mutex<[Exchange]>([])
    let aborts = Atomic<Int>(0)
    let streamEnds = Mutex<[ResponseStream.End]>([])
    let streams = Mutex<[ResponseStream]>([])
    let events = Mutex<[ResponseStream.Chunk]>([])
    let secondAnswers = Mutex<[Bool]>([])
    let releasedBuffers = Atomic<Int>(0)
    let calls = Atomic<Int>(0)
    private let prepared = PreparedResponse(
        Response(status: 200, contentType: "text/plain", text: "prepared"))

    func gate(_ head: RequestHead) -> Response? {
        if head.hasPath("/only-get"), !head.isHeadOrGet {
            var response = problem(status: 405, code: "bad-method", detail: "GET only.", head: head)
            response.headers.append(("Allow", "GET, HEAD"))
            return response
        }
        if head.hasPath("/missing") {
            return problem(status: 404, code: "not-found", detail: "Nothing here.", head: head)
        }
        return nil
    }

    func problem(status: Int, code: String, detail: String, head: RequestHead?) -> Response {
        Response(
            status: status, contentType: "application/problem+json",
            text: "{\"status\":\(status),\"code\":\"\(code)\",\"detail\":\"\(detail)\"}")
    }

    func finished(_ summary: RequestSummary) { summaries.withLock { $0.append(summary) } }

    func respond(to request: Request, on exchange: Exchange) {
        calls.wrappingAdd(1, ordering: .relaxed)
        let head = request.head
        switch head.segments.first {
        case "hello": exchange.respond(text("Hello, world\n"))
        case "prepared": exchange.respond(Response(prepared))
        case "echo":
            let padding = request.body.withUnsafeBytes { bytes in
                guard let start = bytes.baseAddress else { return true }
                return UnsafeRawBufferPointer(
                    start: start + bytes.count, count: RequestBody.padding
                ).allSatisfy { $0 == 0 }
            }
            guard padding else { return _ = exchange.respond(Response(status: 500)) }
            exchange.respond(
                Response(status: 200, body: .bytes(request.body.withUnsafeBytes { Array($0) })))
        case "segments": exchange.respond(text(head.segments.joined(separator: "|")))
        case "query":
            exchange.respond(text(head.queryItems.map { "\($0.name)=\($0.value)" }.joined(separator: "|")))
        case "target": exchange.respond(text("\(head.rawTarget) \(head.rawPath) \(head.rawQuery ?? "-")"))
        case "id": exchange.respond(text("\(head.requestID) \(head.traceParent?.traceID ?? "-")"))
        case "accept":
            exchange.respond(text(head.accepts(["application/json", "text/csv"]) ?? "none"))
        case "big": exchange.respond(text(String(repeating: "0123456789", count: 10_000)))
        case "buffer": exchange.respond(Response(status: 200, body: .buffer(ownedBuffer())))
        case "later":
            let answer = text("later")
            onThread { exchange.respond(answer) }
        case "twice":
            let first = exchange.respond(text("first"))
            let second = exchange.respond(text("second"))
            secondAnswers.withLock { $0 += [first, second] }
        case "drop": break
        case "drop-later":
            onThread { [self] in calls.wrappingAdd(exchange.isAnswered ? 1 : 0, ordering: .relaxed) }
        case "hold":
            exchange.onAbort { [self] in aborts.wrappingAdd(1, ordering: .relaxed) }
            held.withLock { $0.append(exchange) }
        case "status":
            exchange.respond(Response(status: Int(head.rawQuery ?? "") ?? 0, body: .bytes([1, 2, 3])))
        case "events": exchange.respond(stream())
        default: exchange.respond(Response(status: 204))
        }
    }

    func text(_ text: String) -> Response { Response(status: 200, contentType: "text/plain", text: text) }

    private func ownedBuffer() -> OwnedBuffer {
        let count = 100_000
        guard let start = malloc(count) else { fatalError("out of memory") }
        memset(start, 0x61, count)
        return OwnedBuffer(start: start, count: count) { [self] pointer in
            free(pointer)
            releasedBuffers.wrappingAdd(1, ordering: .relaxed)
        }
    }

    private func stream() -> Response {
        let stream = ResponseStream(
            heartbeat: .milliseconds(200),
            next: { [self] in
                events.withLock { $0.isEmpty ? .pending : $0.removeFirst() }
            },
            ended: { [self] end in streamEnds.withLock { $0.append(end) } })
        streams.withLock { $0.append(stream) }
        return Response(status: 200, headers: [("Content-Type", "text/event-stream")], body: .stream(stream))
    }

    func push(_ chunk: ResponseStream.Chunk) {
        events.withLock { $0.append(chunk) }
        for stream in streams.withLock({ $0 }) { stream.wake() }
    }

    /// Answers everything that `/hold` keeps.
    func release() {
        let all = held.withLock { held in
            defer { held = [] }
            return held
        }
        for exchange in all { exchange.respond(text("held")) }
    }
}

/// Runs `body` on a thread of its own, detached.
func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Start: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let start = Unmanaged.passRetained(Start(body)).toOpaque()
    let status = pthread_create(
        &thread, nil,
        { argument in
            if let argument { Unmanaged<Start>.fromOpaque(argument).takeRetainedValue().body() }
            return nil
        }, start)
    precondition(status == 0, "no thread to be had")
    pthread_detach(thread)
}

/// Waits for something to become true, looking every few milliseconds.
func eventually(within seconds: Double = 20, _ condition: () -> Bool) -> Bool {
    let rounds = Int(seconds * 200)
    for _ in 0..<rounds {
        if condition() { return true }
        usleep(5000)
    }
    return condition()
}

/// Starts a server, runs `body` against it, stops it, and checks that nothing is left open.
func withServer(
    _ adapt: (inout ServerConfiguration) -> Void = { _ in },
    _ body: (UInt16, TestApplication, Server) throws -> Void
) throws {
    var configuration = ServerConfiguration()
    configuration.drainDeadline = .milliseconds(500)
    adapt(&configuration)
    let application = TestApplication()
    let server = Server(configuration: configuration, application: application)
    let port = try server.start()
    #expect(port != 0)
    let result = Result { try body(port, application, server) }
    server.stop()
    let statistics = server.statistics
    #expect(statistics.openConnections == 0)
    #expect(statistics.requestsInFlight == 0)
    #expect(statistics.suspended == 0)
    application.held.withLock { $0 = [] }
    #expect(server.statistics.bodyBytesHeld == 0)
    try result.get()
}
