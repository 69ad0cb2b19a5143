import MicroHTTP
internal import Synchronization
import Testing

@Suite("Compression")
struct CompressionTests {
    @Test func compressesAnswers() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            let plain = try client.ask(get("/big"))
            #expect(plain.header("content-encoding") == nil)
            #expect(plain.header("vary") == "Accept-Encoding")
            let accepting = ["gzip", "deflate, gzip;q=0.5", "*", "GZIP", "br;q=1.0, x-gzip"]
            for field in accepting {
                let answer = try client.ask(get("/big", "Accept-Encoding: \(field)\r\n"))
                #expect(answer.header("content-encoding") == "gzip", "\(field)")
                #expect(answer.header("vary") == "Accept-Encoding")
                #expect(answer.body.count < plain.body.count / 10)
                #expect(inflated(answer.body, capacity: plain.body.count + 1) == plain.body)
                let head = try client.ask(
                    "HEAD /big HTTP/1.1\r\nHost: test\r\nAccept-Encoding: \(field)\r\n\r\n", toHead: true)
                #expect(head.header("content-length") == "\(answer.body.count)")
            }
            for field in ["identity", "gzip;q=0", "*;q=0", "gzip;q=0, *", "br", "gzip;q=2"] {
                let answer = try client.ask(get("/big", "Accept-Encoding: \(field)\r\n"))
                #expect(answer.header("content-encoding") == nil, "\(field)")
                #expect(answer.body == plain.body)
            }
            let small = try client.ask(get("/hello", "Accept-Encoding: gzip\r\n"))
            #expect(small.header("content-encoding") == nil)
            #expect(
                try client.ask(get("/buffer", "Accept-Encoding: gzip\r\n")).header("content-encoding")
                    == "gzip")
        }
    }

    @Test("Memory handed over is released once per answer")
    func releases() throws {
        try withServer { port, application, _ in
            let client = try RawClient(port: port)
            for _ in 0..<5 { #expect(try client.ask(get("/buffer")).body.count == 100_000) }
            for _ in 0..<5 { _ = try client.ask(get("/buffer", "Accept-Encoding: gzip\r\n")) }
            #expect(eventually { application.releasedBuffers.load(ordering: .relaxed) == 10 })
        }
    }

    private func upload(_ bytes: [UInt8], _ coding: String) -> [UInt8] {
        let head = """
            POST /echo HTTP/1.1\r\nHost: test\r\nContent-Encoding: \(coding)\r\n\
            Content-Length: \(bytes.count)\r\n\r\n
            """
        return Array(head.utf8) + bytes
    }

    @Test func inflatesBodies() throws {
        try withServer { port, _, server in
            let client = try RawClient(port: port)
            for size in [0, 1, 1000, 65_536, 500_000] {
                let body = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 11) }
                for (coding, gzip) in [("gzip", true), ("X-GZIP", true), ("deflate", false)] {
                    client.send(upload(deflated(body, gzip: gzip), coding))
                    #expect(try client.answer().body == body, "\(coding) \(size)")
                }
                client.send(upload(body, "identity"))
                #expect(try client.answer().body == body)
                // Two members one after the other.
                client.send(upload(deflated(body, gzip: true) + deflated([1, 2, 3], gzip: true), "gzip"))
                #expect(try client.answer().body == body + [1, 2, 3])
            }
            #expect(server.statistics.acceptedConnections == 1)
        }
    }

    @Test func refusesBombsAndRubbish() throws {
        try withServer({ $0.maximumInflatedBytes = 1 << 20 }) { port, application, _ in
            let limit = [UInt8](repeating: 0, count: 1 << 20)
            let exact = try RawClient(port: port)
            exact.send(upload(deflated(limit, gzip: true), "gzip"))
            #expect(try exact.answer().body.count == 1 << 20)
            let faults: [([UInt8], String, Int)] = [
                (deflated(limit + [0], gzip: true), "gzip", 413),
                (deflated([UInt8](repeating: 0, count: 64 << 20), gzip: true), "gzip", 413),
                (deflated([UInt8](repeating: 0, count: 64 << 20), gzip: false), "deflate", 413),
                (Array("rubbish".utf8), "gzip", 400),
                (Array(deflated(limit, gzip: true).dropLast(3)), "gzip", 400),
                (deflated([1], gzip: true) + [1, 2, 3], "gzip", 400),
                (deflated([1], gzip: true), "deflate", 400),
                ([1], "br", 415), ([1], "gzip, gzip", 415),
            ]
            for (bytes, coding, status) in faults {
                let client = try RawClient(port: port)
                client.send(upload(bytes, coding))
                let answer = try client.answer()
                #expect(answer.status == status)
                #expect(answer.header("content-type") == "application/problem+json")
                if status == 415 { #expect(answer.header("accept-encoding") == "gzip, deflate") }
            }
            let client = try RawClient(port: port)
            let empty = "Host: t\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
            #expect(try client.ask("POST /echo HTTP/1.1\r\n" + empty).status == 400)
            #expect(application.calls.load(ordering: .relaxed) == 1)
        }
    }
}
