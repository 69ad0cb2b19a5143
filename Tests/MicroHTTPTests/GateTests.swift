import MicroHTTP
internal import Synchronization
import Testing

/// Raw requests that must be refused, with what they must be answered.
struct RefusedRequest: Sendable, CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let status: Int
    let code: String?

    init(_ name: String, _ text: String, _ status: Int, _ code: String?) {
        self.name = name
        bytes = Array(text.utf8)
        self.status = status
        self.code = code
    }

    var testDescription: String { name }
}

private let host = "Host: test\r\n"

/// `code` is `nil` where libmicrohttpd refuses by itself, in its own words.
let refusedRequests = [
    RefusedRequest(
        "length and chunks",
        "POST /echo HTTP/1.1\r\n\(host)Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        400, "bad-framing"),
    RefusedRequest(
        "two lengths", "POST /echo HTTP/1.1\r\n\(host)Content-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
        400,
        "bad-framing"),
    RefusedRequest(
        "two equal lengths",
        "POST /echo HTTP/1.1\r\n\(host)Content-Length: 4\r\ncontent-length: 4\r\n\r\nabcd", 400,
        "bad-framing"),
    RefusedRequest(
        "space before the colon", "POST /echo HTTP/1.1\r\n\(host)Content-Length : 4\r\n\r\nabcd", 400,
        "bad-header-name"),
    RefusedRequest(
        "two transfer codings",
        "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", 400,
        "bad-framing"),
    RefusedRequest(
        "unknown transfer coding", "POST /echo HTTP/1.1\r\n\(host)Transfer-Encoding: gzip, chunked\r\n\r\n",
        501,
        "unknown-transfer-encoding"),
    RefusedRequest(
        "chunks on HTTP/1.0", "POST /echo HTTP/1.0\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "bad-framing"),
    RefusedRequest("no host", "GET /hello HTTP/1.1\r\n\r\n", 400, "bad-host"),
    RefusedRequest("two hosts", "GET /hello HTTP/1.1\r\n\(host)\(host)\r\n", 400, "bad-host"),
    RefusedRequest("bad host", "GET /hello HTTP/1.1\r\nHost: a@b\r\n\r\n", 400, "bad-host"),
    RefusedRequest("HTTP/1.2", "GET /hello HTTP/1.2\r\n\(host)\r\n", 505, "unknown-version"),
    RefusedRequest("HTTP/2.0", "GET /hello HTTP/2.0\r\n\(host)\r\n", 505, nil),
    RefusedRequest("unknown method", "BREW /hello HTTP/1.1\r\n\(host)\r\n", 501, "unknown-method"),
    RefusedRequest("lower-case method", "get /hello HTTP/1.1\r\n\(host)\r\n", 501, "unknown-method"),
    RefusedRequest("no slash", "GET hello HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("star without OPTIONS", "GET * HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("authority form", "CONNECT test:80 HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("foreign scheme", "GET ftp://test/hello HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("user in the authority", "GET http://a@test/ HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("fragment", "GET /hello#a HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("raw UTF-8", "GET /h\u{e9}llo HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("escaped NUL", "GET /a%00b HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("broken escape", "GET /a%2 HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("no hexadecimal escape", "GET /a%zz HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("escapes that are not UTF-8", "GET /%ff HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("broken escape in the query", "GET /query?a=% HTTP/1.1\r\n\(host)\r\n", 400, "bad-target"),
    RefusedRequest("no length", "POST /echo HTTP/1.1\r\n\(host)\r\n", 411, "length-required"),
    RefusedRequest(
        "body of a GET", "GET /hello HTTP/1.1\r\n\(host)Content-Length: 1\r\n\r\na", 400, "unexpected-body"),
    RefusedRequest(
        "chunks of a DELETE", "DELETE /hello HTTP/1.1\r\n\(host)Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
        "unexpected-body"),
    RefusedRequest(
        "length over the limit", "POST /echo HTTP/1.1\r\n\(host)Content-Length: 2000000\r\n\r\n", 413,
        "body-too-large"),
    RefusedRequest(
        "unknown expectation", "POST /echo HTTP/1.1\r\n\(host)Expect: tea\r\nContent-Length: 1\r\n\r\na", 417,
        "unknown-expectation"),
    RefusedRequest("no number", "POST /echo HTTP/1.1\r\n\(host)Content-Length: abc\r\n\r\n", 400, nil),
    RefusedRequest("negative length", "POST /echo HTTP/1.1\r\n\(host)Content-Length: -1\r\n\r\n", 400, nil),
    RefusedRequest(
        "space in the name", "GET /hello HTTP/1.1\r\n\(host)a b: c\r\n\r\n", 400, "bad-header-name"),
    RefusedRequest(
        "bracket in the name", "GET /hello HTTP/1.1\r\n\(host)a(b: c\r\n\r\n", 400, "bad-header-name"),
    RefusedRequest(
        "control in a value", "GET /hello HTTP/1.1\r\n\(host)a: b\u{1}c\r\n\r\n", 400, "bad-header-value"),
    RefusedRequest(
        "long target", "GET /\(String(repeating: "a", count: 9000)) HTTP/1.1\r\n\(host)\r\n", 414,
        "target-too-long"),
    RefusedRequest(
        "large header fields",
        "GET /hello HTTP/1.1\r\n\(host)a: \(String(repeating: "b", count: 26_000))\r\n\r\n",
        431, "headers-too-large"),
    RefusedRequest(
        "many header fields",
        "GET /hello HTTP/1.1\r\n\(host)\((0..<150).map { "a\($0): b\r\n" }.joined())\r\n", 431,
        "too-many-headers"),
    RefusedRequest(
        "header fields beyond the library's memory",
        "GET /hello HTTP/1.1\r\n\(host)a: \(String(repeating: "b", count: 80_000))\r\n\r\n", 431, nil),
]

@Suite("The gate")
struct GateTests {
    @Test(arguments: refusedRequests)
    func refusesAndCloses(_ request: RefusedRequest) throws {
        try withServer({ $0.maximumBodyBytes = 1_000_000 }) { port, application, _ in
            let client = try RawClient(port: port)
            client.send(request.bytes)
            let answer = try client.answer()
            #expect(answer.status == request.status)
            if let code = request.code {
                #expect(answer.text.contains("\"code\":\"\(code)\""))
                #expect(answer.header("content-type") == "application/problem+json")
                #expect(answer.header("connection")?.lowercased() == "close")
                // Nothing is smuggled behind it.
                #expect(try client.isClosedByServer())
            } else {
                _ = try client.readToEnd()
            }
            #expect(application.calls.load(ordering: .relaxed) == 0)
        }
    }

    @Test("What looks odd and is right")
    func accepts() throws {
        try withServer { port, _, _ in
            let accepted: [(String, Int)] = [
                ("GET /hello HTTP/1.1\r\nhOsT: test\r\n\r\n", 200),
                ("GET http://other/hello HTTP/1.1\r\nHost: test\r\n\r\n", 200),
                ("GET HTTP://other:80/hello?a HTTP/1.1\r\nHost: test\r\n\r\n", 200),
                ("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n", 204),
                ("GET / HTTP/1.1\r\nHost:\r\n\r\n", 204),
                ("GET /hello HTTP/1.1\r\nHost: [::1]:80\r\nContent-Length: 0\r\n\r\n", 200),
                ("\r\nGET /hello HTTP/1.1\r\nHost: test\r\n\r\n", 200),
                ("GET /hello HTTP/1.1\r\nHost: test\r\nX: a\tb\r\n\r\n", 200),
                ("GET /h%65llo HTTP/1.1\r\nHost: test\r\n\r\n", 200),
                ("PUT /echo HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n", 200),
            ]
            let client = try RawClient(port: port)
            for (request, status) in accepted {
                let answer = try client.ask(request)
                #expect(answer.status == status, "\(request)")
            }
        }
    }

    @Test("Targets are split before they are decoded")
    func targets() throws {
        try withServer { port, _, _ in
            let client = try RawClient(port: port)
            #expect(try client.ask(get("/segments/a%2Fb/c:verb/%C3%A9")).text == "segments|a/b|c:verb|\u{e9}")
            #expect(try client.ask(get("/segments//x/")).text == "segments||x|")
            #expect(try client.ask(get("/query?a=1&b=x%26y&c&d=+z=")).text == "a=1|b=x&y|c=|d= z=")
            #expect(
                try client.ask(get("/target/a%20b?c%2Fd")).text == "/target/a%20b?c%2Fd /target/a%20b c%2Fd")
            #expect(try client.ask(get("http://h/target?x")).text == "http://h/target?x /target x")
        }
    }
}
