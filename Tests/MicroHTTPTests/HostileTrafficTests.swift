internal import Glibc
import MicroHTTP
internal import Synchronization
import Testing

/// A small generator with a seed, so that a failure can be run again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

@Suite("Hostile traffic")
struct HostileTrafficTests {
    private static let patterns: [String] = [
        get("/hello"), post("/echo", "abcdef"), get("/later"), get("/segments/a%2Fb/c?x=%20y"),
        "POST /echo HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        post("/echo", "abc", "Content-Encoding: gzip\r\n"), "HEAD /big HTTP/1.1\r\nHost: test\r\n\r\n",
        get("/accept", "Accept: text/*;q=0.5, */*\r\nTraceparent: 00-1-2-3\r\nX-Request-Id: 7\r\n"),
        post("/only-get", "abc", "Expect: 100-continue\r\n"), "OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n",
    ]
    private static let fragments = [
        "\r\n", "\n", "\r", "\0", " ", ":", "%", "%00", "%2F", "\r\n\r\n", "HTTP/1.0",
        "Content-Length: 5\r\n",
        "Transfer-Encoding: chunked\r\n", "Host: x\r\n", "-1", "99999999999999999999", "\u{e9}", "chunked",
        ";", "?",
    ]

    private func mutate(_ text: String, _ generator: inout SeededGenerator) -> [UInt8] {
        var bytes = Array(text.utf8)
        for _ in 0..<Int.random(in: 1...4, using: &generator) {
            guard !bytes.isEmpty else { break }
            let place = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<6, using: &generator) {
            case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: place)
            case 2:
                let fragment = Self.fragments.randomElement(using: &generator) ?? ""
                bytes.insert(contentsOf: Array(fragment.utf8), at: place)
            case 3: bytes.removeSubrange(place...)
            case 4:
                let end = Int.random(in: place...bytes.count, using: &generator)
                bytes.insert(contentsOf: Array(bytes[place..<end]), at: place)
            default:
                let other = Array((Self.patterns.randomElement(using: &generator) ?? "").utf8)
                bytes = Array(bytes[..<place]) + other
            }
        }
        return bytes
    }

    @Test("Mangled requests", arguments: [1, 2, 3, 4] as [UInt64])
    func mangled(seed: UInt64) throws {
        try withServer({ $0.headerDeadline = .milliseconds(200) }) { port, _, server in
            var generator = SeededGenerator(seed: seed)
            for round in 0..<250 {
                let pattern = Self.patterns.randomElement(using: &generator) ?? ""
                let request = mutate(pattern, &generator)
                let client = try RawClient(port: port)
                client.send(request)
                client.finishSending()
                let reply = try client.readToEnd()
                // Whatever comes back begins as an answer.
                #expect(
                    reply.isEmpty || reply.starts(with: Array("HTTP/1.".utf8)),
                    "seed \(seed), round \(round): \(String(decoding: request, as: UTF8.self).debugDescription)"
                )
            }
            #expect(eventually { server.statistics.openConnections == 0 }, "seed \(seed)")
            #expect(server.statistics.suspended == 0 && server.statistics.bodyBytesHeld == 0, "seed \(seed)")
            let client = try RawClient(port: port)
            #expect(try client.ask(get("/hello")).status == 200)
        }
    }

    @Test("The end of a connection is noticed even when it comes with its last bytes")
    func ends() throws {
        try withServer { port, _, server in
            for _ in 0..<20 {
                for beginning in [
                    "", "GET /he", get("/hello"),
                    "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\na",
                ] {
                    let client = try RawClient(port: port)
                    client.send(beginning)
                    client.close()
                }
            }
            // Long before the connections' own deadlines.
            #expect(eventually(within: 15) { server.statistics.openConnections == 0 })
            #expect(server.statistics.deadlinesMissed == 0)
        }
    }

    @Test("A client that closes its sending side still gets its answer")
    func halfClosed() throws {
        try withServer { port, _, _ in
            for path in ["/hello", "/prepared", "/big"] {
                let client = try RawClient(port: port)
                client.send(get(path))
                client.finishSending()
                #expect(try client.answer().status == 200)
            }
        }
    }

    @Test("A client that does not read its answer is let go")
    func slowReader() throws {
        try withServer({
            $0.sendGrace = .milliseconds(500)
            $0.compressionThreshold = nil
        }) { port, application, server in
            let client = try RawClient(port: port)
            // Many answers, more than the system's buffers hold.
            onThread { [socket = client.socket] in
                let request = Array(get("/big").utf8)
                for _ in 0..<400 {
                    guard Glibc.send(socket, request, request.count, Int32(MSG_NOSIGNAL)) > 0 else { return }
                }
            }
            #expect(eventually { server.statistics.deadlinesMissed == 1 })
            #expect(eventually { server.statistics.openConnections == 0 })
            #expect(application.summaries.withLock { $0.last?.timedOut } == true)
        }
    }

    @Test("Connections beyond the limit wait for a place")
    func connectionLimit() throws {
        try withServer({
            $0.connectionLimit = 4
            $0.threads = 2
            $0.idleDeadline = .milliseconds(500)
        }) { port, _, server in
            let clients = try (0..<12).map { _ in try RawClient(port: port) }
            for client in clients { client.send(get("/hello", "Connection: close\r\n")) }
            for client in clients { #expect(try client.answer().status == 200) }
            #expect(server.statistics.acceptedConnections == 12)
        }
    }

    @Test("A stream to HTTP/1.0 ends with its connection")
    func oldStream() throws {
        try withServer { port, application, _ in
            let client = try RawClient(port: port)
            client.send("GET /events HTTP/1.0\r\n\r\n")
            let head = try client.head()
            #expect(head.header("transfer-encoding") == nil)
            application.push(.bytes(Array("data: 1\n\n".utf8)))
            application.push(.end)
            let rest = String(decoding: try client.readToEnd(), as: UTF8.self)
            #expect(rest.replacing(":\n\n", with: "") == "data: 1\n\n")
            #expect(eventually { application.streamEnds.withLock { $0 } == [.completed] })
        }
    }

    @Test("HEAD of a stream ends it at once")
    func headOfStream() throws {
        try withServer { port, application, _ in
            let client = try RawClient(port: port)
            let answer = try client.ask("HEAD /events HTTP/1.1\r\nHost: t\r\n\r\n", toHead: true)
            #expect(answer.status == 200)
            #expect(answer.header("content-length") == nil)
            #expect(try client.isClosedByServer())
            #expect(eventually { application.streamEnds.withLock { $0.count } == 1 })
        }
    }
}
