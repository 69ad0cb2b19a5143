import MicroHTTP
internal import Synchronization
import Testing

@Suite("Deadlines")
struct DeadlineTests {
    /// Sends `text` a byte at a time, with a pause between, until the server has something to say.
    private func drip(_ text: String, on client: RawClient, pause: Double = 0.05) {
        for byte in text.utf8 {
            if client.send([byte]) == 0 || client.hasInput(within: pause) { return }
        }
    }

    @Test("A request line that drips")
    func requestLine() throws {
        try withServer({ $0.headerDeadline = .milliseconds(400) }) { port, application, server in
            let client = try RawClient(port: port)
            drip("GET /" + String(repeating: "a", count: 400), on: client)
            #expect(try client.answer().status == 408)
            #expect(try client.isClosedByServer())
            #expect(server.statistics.deadlinesMissed == 1)
            #expect(application.summaries.withLock { $0.isEmpty })
        }
    }

    @Test("Header fields that drip, on a fresh and on a used connection")
    func headerFields() throws {
        try withServer({ $0.headerDeadline = .milliseconds(400) }) { port, application, _ in
            for used in [false, true] {
                let client = try RawClient(port: port)
                if used { #expect(try client.ask(get("/hello")).status == 200) }
                client.send("GET /hello HTTP/1.1\r\nHost: test\r\nX: ")
                drip(String(repeating: "a", count: 400), on: client)
                let answer = try client.answer()
                #expect(answer.status == 408)
                #expect(answer.text.contains("too-slow"))
                #expect(try client.isClosedByServer())
            }
            #expect(eventually { application.summaries.withLock { $0.filter(\.timedOut).count } == 2 })
        }
    }

    @Test("A half-sent head and then silence")
    func silence() throws {
        try withServer({ $0.headerDeadline = .milliseconds(300) }) { port, _, _ in
            let client = try RawClient(port: port)
            client.send("GET /hello HTTP/1.1\r\nHos")
            #expect(try client.answer().status == 408)
        }
    }

    @Test("A body that drips")
    func body() throws {
        try withServer({
            $0.bodyGrace = .milliseconds(400)
            $0.minimumBodyRate = 1000
        }) { port, application, _ in
            for framing in ["Content-Length: 100000", "Transfer-Encoding: chunked"] {
                let client = try RawClient(port: port)
                client.send("POST /echo HTTP/1.1\r\nHost: test\r\n\(framing)\r\n\r\n1000\r\n")
                drip(String(repeating: "a", count: 400), on: client)
                #expect(try client.answer().status == 408)
                #expect(try client.isClosedByServer())
            }
            #expect(application.calls.load(ordering: .relaxed) == 0)
        }
    }

    @Test("A body slower than the grace but fast enough on average")
    func steadyBody() throws {
        try withServer({
            $0.bodyGrace = .milliseconds(100)
            $0.minimumBodyRate = 100
        }) { port, _, _ in
            let client = try RawClient(port: port)
            client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 20000\r\n\r\n")
            for _ in 0..<19 {
                client.send([UInt8](repeating: 0x61, count: 1000))
                #expect(!client.hasInput(within: 0.03))
            }
            client.send([UInt8](repeating: 0x61, count: 1000))
            #expect(try client.answer().body.count == 20_000)
        }
    }

    @Test("Idle connections close without a word")
    func idle() throws {
        try withServer({ $0.idleDeadline = .milliseconds(300) }) { port, _, server in
            let fresh = try RawClient(port: port)
            let used = try RawClient(port: port)
            #expect(try used.ask(get("/hello")).status == 200)
            #expect(try fresh.isClosedByServer())
            #expect(try used.isClosedByServer())
            #expect(eventually { server.statistics.openConnections == 0 })
        }
    }

    @Test("A request being answered does not idle")
    func slowAnswer() throws {
        try withServer({
            $0.idleDeadline = .milliseconds(200)
            $0.headerDeadline = .milliseconds(200)
            $0.bodyGrace = .milliseconds(200)
        }) { port, application, _ in
            let client = try RawClient(port: port)
            client.send(post("/hold", "abc"))
            #expect(!client.hasInput(within: 1))
            application.release()
            #expect(try client.answer().text == "held")
        }
    }

    @Test("Clients that break off in a head or a body leave nothing behind")
    func breaksOff() throws {
        try withServer { port, application, server in
            let beginnings = [
                "", "GE", "GET /hello HTTP/1.1\r\nHost: te",
                "POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nab",
                "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nab",
            ]
            for beginning in beginnings {
                for resets in [false, true] {
                    let client = try RawClient(port: port)
                    client.send(beginning)
                    if resets { client.reset() } else { client.close() }
                }
            }
            #expect(eventually { server.statistics.openConnections == 0 })
            #expect(server.statistics.requestsInFlight == 0)
            #expect(server.statistics.bodyBytesHeld == 0)
            #expect(application.calls.load(ordering: .relaxed) == 0)
        }
    }
}
