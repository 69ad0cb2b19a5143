import MicroHTTP
internal import Synchronization
import Testing

@Suite("Messages")
struct MessageTests {
    @Test func keepsConnectionsAndPipelines() throws {
        try withServer { port, application, server in
            let client = try RawClient(port: port)
            client.send(
                get("/hello") + post("/echo", "abc") + get("/later") + get("/hello") + get("/missing"))
            #expect(try client.answer().text == "Hello, world\n")
            #expect(try client.answer().text == "abc")
            #expect(try client.answer().text == "later")
            #expect(try client.answer().status == 200)
            #expect(try client.answer().status == 404)
            #expect(server.statistics.acceptedConnections == 1)
            #expect(eventually { server.statistics.requestsInFlight == 0 })
            let summaries = application.summaries.withLock { $0 }
            #expect(summaries.map(\.status) == [200, 200, 200, 200, 404])
            #expect(summaries.map(\.rawTarget) == ["/hello", "/echo", "/later", "/hello", "/missing"])
            #expect(summaries.map(\.bytesIn) == [0, 3, 0, 0, 0])
            #expect(summaries.prefix(4).map(\.bytesOut) == [13, 3, 5, 13])
            #expect(summaries.allSatisfy { !$0.clientAborted && !$0.timedOut && $0.duration >= $0.handling })
        }
    }

    @Test("HEAD answers the fields of GET")
    func heads() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            for path in ["/hello", "/big", "/buffer", "/prepared", "/missing"] {
                let full = try client.ask(get(path))
                let head = try client.ask("HEAD \(path) HTTP/1.1\r\nHost: test\r\n\r\n", toHead: true)
                #expect(head.status == full.status)
                #expect(head.header("content-length") == "\(full.body.count)")
                #expect(head.header("content-type") == full.header("content-type"))
                #expect(head.header("date") != nil)
            }
        }
    }

    @Test func speaksHTTP10() throws {
        try withServer { port, _, _ in
            let once = try RawClient(port: port)
            #expect(try once.ask("GET /hello HTTP/1.0\r\n\r\n").text == "Hello, world\n")
            #expect(try once.isClosedByServer())
            let kept = try RawClient(port: port)
            for _ in 0..<2 {
                let answer = try kept.ask("GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
                #expect(answer.status == 200)
            }
        }
    }

    @Test func readsBodiesOfEverySize() throws {
        try withServer { port, _, server in
            let client = try RawClient(port: port)
            for size in [0, 1, 63, 64, 65, 1000, 32_767, 65_536, 300_000, 3_000_000] {
                let body = String(repeating: "0123456789abcdef", count: size / 16 + 1).prefix(size)
                #expect(try client.ask(post("/echo", String(body))).text == body)
                var chunked = "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: Chunked\r\n\r\n"
                var rest = Substring(body)
                while !rest.isEmpty {
                    let piece = rest.prefix(70_001)
                    chunked += String(piece.utf8.count, radix: 16) + ";ext=1\r\n" + piece + "\r\n"
                    rest = rest.dropFirst(70_001)
                }
                let answer = try client.ask(chunked + "0\r\nTrailer: x\r\n\r\n")
                #expect(answer.status == 200)
                #expect(answer.text == body)
            }
            #expect(server.statistics.acceptedConnections == 1)
        }
    }

    @Test func refusesBodiesOverTheLimit() throws {
        try withServer({ $0.maximumBodyBytes = 100_000 }) { port, application, _ in
            let exact = try RawClient(port: port)
            #expect(
                try exact.ask(post("/echo", String(repeating: "a", count: 100_000))).body.count == 100_000)
            // By its length: before the body is sent, and while it is.
            for body in ["", String(repeating: "a", count: 5_000_000)] {
                let client = try RawClient(port: port)
                client.send("POST /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 5000000\r\n\r\n" + body)
                let answer = try client.answer()
                #expect(answer.status == 413)
                #expect(answer.text.contains("body-too-large"))
            }
            // By its chunks.
            let client = try RawClient(port: port)
            client.send("POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")
            let chunk = "10000\r\n" + String(repeating: "a", count: 0x10000) + "\r\n"
            for _ in 0..<40 where client.send(chunk) < chunk.utf8.count { break }
            let answer = try client.answer()
            #expect(answer.status == 413)
            #expect(answer.header("content-type") == "application/problem+json")
            #expect(application.calls.load(ordering: .relaxed) == 1)
        }
    }

    @Test func refusesBeyondTheBudget() throws {
        try withServer({ $0.bodyBudgetBytes = 400_000 }) { port, application, server in
            let first = try RawClient(port: port)
            first.send(post("/hold", String(repeating: "a", count: 200_000)))
            #expect(eventually { application.held.withLock { $0.count } == 1 })
            let second = try RawClient(port: port)
            let refused = try second.ask(post("/echo", String(repeating: "a", count: 500_000)))
            #expect(refused.status == 503)
            #expect(refused.header("retry-after") == "1")
            application.release()
            #expect(try first.answer().text == "held")
            #expect(eventually { server.statistics.bodyBytesHeld == 0 })
            let third = try RawClient(port: port)
            #expect(try third.ask(post("/echo", String(repeating: "a", count: 300_000))).status == 200)
        }
    }

    @Test("100-continue, and refusals before the body")
    func expectations() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            let fields = "Host: test\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
            #expect(try client.ask("POST /echo HTTP/1.1\r\n" + fields).status == 100)
            #expect(try client.ask("abc").text == "abc")
            #expect(try client.ask("POST /only-get HTTP/1.1\r\n" + fields).status == 405)
            #expect(try client.isClosedByServer())
        }
    }

    @Test("A refused request with a small body keeps the connection, one with a large body closes it")
    func gateAnswers() throws {
        try withServer { port, application, server in
            let client = try RawClient(port: port)
            let refused = try client.ask(post("/only-get", "abc"))
            #expect(refused.status == 405)
            #expect(refused.header("allow") == "GET, HEAD")
            #expect(try client.ask(post("/missing", String(repeating: "a", count: 100_000))).status == 404)
            #expect(try client.ask(get("/only-get")).status == 204)
            let large = try client.ask(post("/missing", String(repeating: "a", count: 1_000_000)))
            #expect(large.status == 404)
            #expect(try client.isClosedByServer())
            #expect(server.statistics.acceptedConnections == 1)
            #expect(application.calls.load(ordering: .relaxed) == 1)
        }
    }

    @Test func identifiesRequests() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            let own = try client.ask(get("/id"))
            let identifier = try #require(own.header("x-request-id"))
            #expect(identifier.count == 32)
            #expect(own.text == "\(identifier) -")
            let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
            let given = try client.ask(
                get("/id", "X-Request-Id: abc-1.2\r\nTraceparent: 00-\(trace)-00f067aa0ba902b7-01\r\n"))
            #expect(given.header("x-request-id") == "abc-1.2")
            #expect(given.text == "abc-1.2 \(trace)")
            let bad = try client.ask(
                get("/id", "X-Request-Id: a b\r\nTraceparent: 00-\(trace)-0000000000000000-01\r\n"))
            #expect(bad.header("x-request-id") != "a b")
            #expect(bad.text.hasSuffix(" -"))
        }
    }

    @Test func negotiates() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            let cases: [(String?, String)] = [
                (nil, "application/json"), ("*/*", "application/json"), ("text/*", "text/csv"),
                ("application/json;q=0.1, text/csv;q=0.5", "text/csv"),
                ("application/*;q=0.2, application/json;q=0, */*;q=0.1", "text/csv"),
                ("image/png", "none"), ("TEXT/CSV; header=present", "text/csv"), ("*/*;q=0", "none"),
            ]
            for (accept, expected) in cases {
                let field = accept.map { "Accept: \($0)\r\n" } ?? ""
                #expect(try client.ask(get("/accept", field)).text == expected, "\(accept ?? "-")")
            }
            let json = try #require(MediaType("Application/JSON; charset=\"utf-8\"; x=1"))
            #expect(json.essence == "application/json")
            #expect(json.parameters == ["charset": "utf-8", "x": "1"])
            #expect(MediaType("json") == nil)
            #expect(MediaType("a/b c") == nil)
        }
    }

    @Test func statuses() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            for status in [200, 201, 404, 422, 503, 599] {
                let answer = try client.ask(get("/status?\(status)"))
                #expect(answer.status == status)
                #expect(answer.body == [1, 2, 3])
            }
            for status in [204, 304] {
                let answer = try client.ask(get("/status?\(status)"))
                #expect(answer.status == status)
            }
            for status in [0, 100, 199, 600, -5] {
                #expect(try client.ask(get("/status?\(status)")).status == 500)
            }
        }
    }
}
