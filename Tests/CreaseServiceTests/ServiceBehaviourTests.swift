import Foundation
import Glibc
import Synchronization
import Testing

/// The real binary over real sockets: its life, its limits, its manners.
@Suite struct ServiceBehaviourTests {
    private static let net = #"{"layers":[{"weights":[[1],[-1]],"bias":[0,0]},{"weights":[[1,1]],"bias":[0]}]}"#
    private static let evaluation = "{\"network\":\(net),\"inputs\":[[-3]]}"
    private static let evaluated = #"{"outputs":[[3]]}"#

    @Test func methodsPathsAndTypes() throws {
        let service = try ServiceProcess.shared.get()
        #expect(try service.get("/nowhere").status == 404)
        #expect(try service.get("/v1/networks/a%2Fb").status == 404)
        #expect(try service.get("/v1/networks/").status == 404)
        let wrong = try service.get("/v1/evaluate")
        #expect(wrong.status == 405)
        #expect(wrong.header("allow") == "OPTIONS, POST")
        let options = try service.request("OPTIONS", "/v1/networks/x")
        #expect(options.status == 204)
        #expect(options.header("allow") == "DELETE, GET, HEAD, OPTIONS, PUT")
        #expect(try service.request("FROB", "/livez").status == 501)
        let type = try service.request(
            "POST", "/v1/evaluate", headers: [("Content-Type", "text/csv")], body: Array(Self.evaluation.utf8))
        #expect(type.status == 415)
        #expect(type.header("accept") == "application/json")
        #expect(
            try service.post("/v1/evaluate", Self.evaluation, headers: [("Accept", "text/html")]).status == 406)
        #expect(
            try service.post("/v1/evaluate", Self.evaluation, headers: [("Accept", "text/html, */*;q=0.1")]).text
                == Self.evaluated)
        let plain = try service.request(
            "POST", "/v1/evaluate", headers: [("Content-Type", "application/json; charset=utf-8")],
            body: Array(Self.evaluation.utf8))
        #expect(plain.text == Self.evaluated)
        #expect(try service.request("POST", "/v1/evaluate", body: Array(Self.evaluation.utf8)).text == Self.evaluated)
        let head = try service.request("HEAD", "/livez")
        #expect(head.status == 200 && head.header("content-length") == "3")
    }

    @Test func healthAndMetrics() throws {
        let service = try ServiceProcess.shared.get()
        #expect(try service.get("/livez").text == "ok\n")
        #expect(try service.get("/readyz").text == "ready\n")
        #expect(try service.get("/readyz?verbose").text.contains("[+]queue has room"))
        _ = try service.post("/v1/evaluate", Self.evaluation)
        let metrics = try service.get("/metrics")
        #expect(metrics.header("content-type") == "text/plain; version=0.0.4; charset=utf-8")
        #expect(metrics.text.hasSuffix("\n"))
        var families: Set<String> = []
        var current = ""
        for line in metrics.text.split(separator: "\n") {
            if line.hasPrefix("# HELP ") {
                current = String(line.split(separator: " ")[2])
                // All samples of a family are together.
                #expect(families.insert(current).inserted, "\(current) comes twice")
            } else if !line.hasPrefix("#") {
                let name = line.prefix { $0 != "{" && $0 != " " }
                #expect(name.hasPrefix(current), "\(name) within \(current)")
                #expect(Double(line.split(separator: " ").last ?? "") != nil, "\(line)")
            }
        }
        #expect(metrics.text.contains(#"crease_requests_total{route="/v1/evaluate",method="POST",code="200"}"#))
        #expect(metrics.text.contains("crease_request_duration_seconds_bucket"))
        #expect(families.count > 15)
    }

    @Test func identifiersAndLogs() throws {
        let service = try ServiceProcess()
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        let answer = try service.post(
            "/v1/evaluate?x=1", Self.evaluation, headers: [("X-Request-Id", "my-id-7"), ("traceparent", trace)])
        #expect(answer.header("x-request-id") == "my-id-7")
        let forged = try service.post("/v1/evaluate", Self.evaluation, headers: [("X-Request-Id", "a b\"c")])
        #expect(forged.header("x-request-id") != "a b\"c")
        var line: String?
        for _ in 0..<400 where line == nil {
            line = service.logText.split(separator: "\n").first { $0.contains("my-id-7") }.map(String.init)
            usleep(10_000)
        }
        let logged = try JSONSerialization.jsonObject(with: Data((line ?? "").utf8))
        let object = try #require(logged as? [String: String])
        #expect(object["traceId"] == "4bf92f3577b34da6a3ce929d0e0e4736")
        #expect(object["status"] == "200")
        #expect(object["target"] == "/v1/evaluate?x=1")
    }

    @Test func storedNetworksLiveTheirLife() throws {
        let service = try ServiceProcess(["--max-networks", "3"])
        let json = [("Content-Type", "application/json")]
        let body = Array(Self.net.utf8)
        let put = { (name: String, headers: [(String, String)]) in
            try service.request("PUT", "/v1/networks/\(name)", headers: json + headers, body: body)
        }
        let created = try put("b", [("If-None-Match", "*")])
        #expect(created.status == 201)
        #expect(created.header("location") == "/v1/networks/b")
        let tag = try #require(created.header("etag"))
        #expect(try put("b", [("If-None-Match", "*")]).status == 412)
        #expect(try put("b", [("If-Match", "\"other\"")]).status == 412)
        #expect(try put("b", [("If-Match", tag)]).status == 200)
        let got = try service.get("/v1/networks/b")
        #expect(got.text == Self.net)
        #expect(got.header("etag") == tag)
        #expect(try service.get("/v1/networks/b", headers: [("If-None-Match", tag)]).status == 304)
        #expect(try service.get("/v1/networks/b", headers: [("If-None-Match", "\"x\", W/\(tag)")]).status == 304)
        #expect(try service.post("/v1/evaluate", #"{"network":"b","inputs":[[-3]]}"#).text == Self.evaluated)
        #expect(try put("a", []).status == 201)
        #expect(try put("c.1_x-", []).status == 201)
        let full = try put("d", [])
        #expect(full.status == 429)
        #expect(full.header("retry-after") != nil)
        #expect(try put(".bad", []).status == 422)
        // Pages by name.
        var names: [String] = []
        var token = ""
        repeat {
            let page = try service.get("/v1/networks?pageSize=2" + (token.isEmpty ? "" : "&pageToken=\(token)")).json
            for network in try #require(page["networks"] as? [[String: Any]]) {
                names.append(network["name"] as? String ?? "")
            }
            token = page["nextPageToken"] as? String ?? ""
        } while !token.isEmpty
        #expect(names == ["a", "b", "c.1_x-"])
        #expect(try service.get("/v1/networks?pageToken=AAAA").status == 400)
        #expect(try service.get("/v1/networks?pageSize=-1").status == 400)
        #expect(try service.get("/v1/networks?limit=2").status == 400)
        #expect(try service.request("DELETE", "/v1/networks/b", headers: [("If-Match", "\"x\"")]).status == 412)
        #expect(try service.request("DELETE", "/v1/networks/b").status == 204)
        #expect(try service.request("DELETE", "/v1/networks/b").status == 404)
        #expect(try service.get("/v1/networks/b").status == 404)
        #expect(try service.post("/v1/evaluate", #"{"network":"b","inputs":[[-3]]}"#).status == 422)
    }

    @Test func exactNetworksAreStoredExactly() throws {
        let service = try ServiceProcess.shared.get()
        let network = #"{"layers":[{"weights":[["1/3"]],"bias":[0]}]}"#
        let put = try service.request(
            "PUT", "/v1/networks/third", headers: [("Content-Type", "application/json")], body: Array(network.utf8))
        #expect(put.status == 201)
        #expect(try service.get("/v1/networks/third").text == network)
        #expect(
            try service.post("/v1/evaluate", #"{"network":"third","inputs":[[1]],"arithmetic":"exact"}"#).text
                == #"{"outputs":[["1/3"]]}"#)
        #expect(try service.request("DELETE", "/v1/networks/third").status == 204)
    }

    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let service = try ServiceProcess.shared.get()
        let socket = try service.connect()
        var text = ""
        for value in 1...20 {
            let body = "{\"network\":\(Self.net),\"inputs\":[[-\(value)]]}"
            text += "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }
        try socket.send(text)
        for value in 1...20 { #expect(try socket.answer().text == "{\"outputs\":[[\(value)]]}") }
    }

    @Test func limitsOnBodies() throws {
        let service = try ServiceProcess(["--max-body", "64KiB", "--max-inflated-body", "128KiB"])
        let socket = try service.connect()
        // Refused by its declared length, before it is sent.
        try socket.send("POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 70000\r\nExpect: 100-continue\r\n\r\n")
        let refused = try socket.answer()
        #expect(refused.status == 413)
        #expect(try refused.json["code"] as? String != nil)
        let spaces = String(repeating: " ", count: 60_000)
        #expect(try service.post("/v1/evaluate", Self.evaluation + spaces).text == Self.evaluated)
        // A chunked body has no declared length.
        let chunked = try service.connect()
        try chunked.send("POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in 0..<5 {
            guard (try? chunked.send("4000\r\n\(String(repeating: " ", count: 0x4000))\r\n")) != nil else { break }
        }
        #expect(try chunked.answer().status == 413)
        let bomb = try gzip(Array(Self.evaluation.utf8) + [UInt8](repeating: 0x20, count: 1 << 20))
        #expect(bomb.count < 60_000)
        let answer = try service.request(
            "POST", "/v1/evaluate", headers: [("Content-Type", "application/json"), ("Content-Encoding", "gzip")],
            body: bomb)
        #expect(answer.status == 413)
        #expect(service.isRunning)
    }

    @Test func gzipBothWays() throws {
        let service = try ServiceProcess.shared.get()
        let inputs = (0..<2000).map { "[-\($0)]" }.joined(separator: ",")
        let body = try gzip(Array("{\"network\":\(Self.net),\"inputs\":[\(inputs)]}".utf8))
        let answer = try service.request(
            "POST", "/v1/evaluate",
            headers: [
                ("Content-Type", "application/json"), ("Content-Encoding", "gzip"), ("Accept-Encoding", "gzip"),
            ], body: body)
        #expect(answer.status == 200)
        #expect(answer.header("content-encoding") == "gzip")
        #expect(answer.header("vary")?.lowercased().contains("accept-encoding") == true)
        let expected = "{\"outputs\":[" + (0..<2000).map { "[\($0)]" }.joined(separator: ",") + "]}"
        #expect(try gunzip(answer.body) == Array(expected.utf8))
        let unknown = try service.request(
            "POST", "/v1/evaluate", headers: [("Content-Encoding", "br")], body: [1, 2, 3])
        #expect(unknown.status == 415)
    }

    @Test func slowHeadsAndBodiesAreCutOff() throws {
        let service = try ServiceProcess(["--header-timeout", "0.5", "--body-grace", "0.5", "--idle-timeout", "0.6"])
        let head = try service.connect()
        try head.send("GET /livez HTTP/1.1\r\nHo")
        let body = try service.connect()
        try body.send("POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: 5000\r\n\r\n{")
        let idle = try service.connect()
        // A half-sent request gets 408 or nothing; all three connections end, and the service goes on.
        for socket in [head, body] {
            if let answer = try? socket.answer() { #expect(answer.status == 408) }
        }
        #expect(try idle.isClosedByPeer())
        #expect(try service.get("/livez").status == 200)
    }

    @Test func abortedRequestsLeaveNothingBehind() throws {
        let service = try ServiceProcess()
        for index in 0..<200 {
            let socket = try service.connect()
            let body = "{\"network\":\(PiecesRouteTests.sawtooth(units: 4, layers: 6))}"
            let text = "POST /v1/pieces HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
            try socket.send(Array(text.utf8.prefix(index % 2 == 0 ? text.utf8.count : 40 + index)))
        }
        var held = "?"
        for _ in 0..<500 {
            let metrics = try service.get("/metrics").text
            let value = { (name: String) in
                metrics.split(separator: "\n").first { $0.hasPrefix(name + " ") }?.split(separator: " ").last.map(String.init)
            }
            held = "\(value("crease_request_body_held_bytes") ?? "?") \(value("crease_connections") ?? "?")"
            if held == "0 1" { break }
            usleep(20_000)
        }
        #expect(held == "0 1")
    }

    @Test func aThousandIdleConnectionsDoNotHinder() throws {
        let service = try ServiceProcess()
        let idle = try (0..<1000).map { _ in try service.connect() }
        let socket = try service.connect()
        for _ in 0..<50 { #expect(try service.post("/v1/evaluate", Self.evaluation, on: socket).text == Self.evaluated) }
        #expect(idle.count == 1000)
    }

    @Test func fullQueuesAreSaid() throws {
        let service = try ServiceProcess(["--workers", "1", "--queue", "1", "--synchronous-limit", "3"])
        // A count that takes far longer than the limit.
        let hard = Self.hard
        let busy = try (0..<4).map { _ in try service.connect() }
        for socket in busy {
            try socket.send("POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: \(hard.utf8.count)\r\n\r\n\(hard)")
        }
        // Readiness tells that there is no room, small requests are answered all the same.
        #expect(try service.post("/v1/evaluate", Self.evaluation).text == Self.evaluated)
        let statuses = try busy.map { try $0.answer() }
        let rejected = statuses.filter { $0.status == 503 }
        #expect(rejected.count >= 2)
        for answer in rejected { #expect(answer.header("retry-after") != nil) }
        let codes = Set(try rejected.map { try $0.json["code"] as? String ?? "" })
        #expect(codes.isSubset(of: ["saturated", "time-limit"]) && codes.contains("saturated"), "\(codes)")
        #expect(try service.get("/readyz").status == 200)
    }

    @Test(arguments: [SIGTERM, SIGINT]) func stopsGracefullyUnderLoad(_ signal: Int32) throws {
        let service = try ServiceProcess()
        let counts = Mutex((answered: 0, broken: 0))
        let stop = Atomic<Bool>(false)
        let port = service.port
        let threads = (0..<4).map { _ in
            let done = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                while !stop.load(ordering: .relaxed) {
                    guard let socket = try? Socket(port: port) else { break }
                    for _ in 0..<50 {
                        let body = Self.evaluation
                        let sent: Void? = try? socket.send(
                            "POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
                        guard sent != nil, let answer = try? socket.answer() else {
                            // The connection may be closed between two requests, never within an answer.
                            break
                        }
                        counts.withLock {
                            if answer.text == Self.evaluated { $0.answered += 1 } else { $0.broken += 1 }
                        }
                        if answer.header("connection")?.lowercased() == "close" { break }
                    }
                }
                done.signal()
            }
            return done
        }
        usleep(300_000)
        service.signal(signal)
        let status = service.exitStatus(within: 25)
        stop.store(true, ordering: .relaxed)
        for thread in threads { thread.wait() }
        #expect(status == 0)
        let (answered, broken) = counts.withLock { $0 }
        #expect(answered > 0 && broken == 0, "answered \(answered), broken \(broken)")
        #expect(service.logText.contains("\"message\":\"stopped\""))
    }

    @Test func runningComputationsEndWithTheService() throws {
        let service = try ServiceProcess(["--drain-timeout", "0.5"])
        let hard = Self.hard
        let socket = try service.connect()
        try socket.send("POST /v1/evaluate HTTP/1.1\r\nHost: t\r\nContent-Length: \(hard.utf8.count)\r\n\r\n\(hard)")
        usleep(300_000)
        service.signal(SIGTERM)
        let answer = try socket.answer()
        #expect(answer.status == 503)
        #expect(service.exitStatus(within: 20) == 0)
    }

    @Test func settings() throws {
        for (arguments, word) in [
            (["--port", "99999"], "--port"), (["--max-body", "12parsecs"], "--max-body"),
            (["--log-format", "xml"], "--log-format"), (["--cors-origins", "nonsense"], "--cors-origins"),
            (["--workers", "0"], "--workers"),
        ] {
            let (status, text) = try Self.run(["serve"] + arguments)
            #expect(status == 64, "\(arguments): \(status)")
            #expect(text.contains(word), "\(text)")
        }
        let (status, text) = try Self.run(["serve"], environment: ["CREASE_QUEUE": "many"])
        #expect(status == 64 && text.contains("CREASE_QUEUE"), "\(text)")
        let (helped, help) = try Self.run(["serve", "--help"])
        #expect(helped == 0)
        for variable in [
            "CREASE_HOST", "CREASE_PORT", "CREASE_MAX_BODY", "CREASE_WORKERS", "CREASE_QUEUE", "CREASE_LOG_LEVEL",
            "CREASE_DRAIN_TIMEOUT", "CREASE_CORS_ORIGINS", "CREASE_MAX_NETWORKS", "CREASE_SYNCHRONOUS_LIMIT",
        ] {
            #expect(help.contains(variable), "\(variable)")
        }
        let byVariable = try ServiceProcess(environment: ["CREASE_MAX_BODY": "2KiB"])
        #expect(try byVariable.post("/v1/evaluate", String(repeating: " ", count: 3000)).status == 413)
        let taken = try Self.run(["serve", "--port", "\(byVariable.port)"])
        #expect(taken.status == 1 && taken.text.contains("cannot listen"), "\(taken.text)")
    }

    @Test func crossOriginAccessIsByAllowList() throws {
        let closed = try ServiceProcess.shared.get()
        #expect(
            try closed.get("/livez", headers: [("Origin", "https://a.example")]).header("access-control-allow-origin") == nil)
        let open = try ServiceProcess(["--cors-origins", "https://a.example,http://localhost:3000"])
        let preflight = try open.request(
            "OPTIONS", "/v1/evaluate",
            headers: [("Origin", "https://a.example"), ("Access-Control-Request-Method", "POST")])
        #expect(preflight.status == 204)
        #expect(preflight.header("access-control-allow-origin") == "https://a.example")
        #expect(preflight.header("access-control-allow-methods")?.contains("POST") == true)
        let other = try open.post("/v1/evaluate", Self.evaluation, headers: [("Origin", "https://b.example")])
        #expect(other.header("access-control-allow-origin") == nil)
        let same = try open.post("/v1/evaluate", Self.evaluation, headers: [("Origin", "https://a.example")])
        #expect(same.header("access-control-allow-origin") == "https://a.example")
        #expect(same.header("vary")?.contains("Origin") == true)
    }

    @Test func memoryComesBack() throws {
        let service = try ServiceProcess()
        let inputs = (0..<20_000).map { "[\($0)]" }.joined(separator: ",")
        let bodies: [(String, String)] = [
            ("/v1/evaluate", "{\"network\":\(Self.net),\"inputs\":[\(inputs)]}"), ("/v1/evaluate", Self.evaluation),
            ("/v1/pieces", "{\"network\":\(PiecesRouteTests.sawtooth(units: 3, layers: 5)),\"list\":{\"limit\":500}}"),
            ("/v1/evaluate", "{\"broken\""),
            ("/v1/algebra", "{\"operation\":\"sum\",\"networks\":[\(Self.net),\(Self.net)]}"),
        ]
        let socket = try service.connect()
        let round = { for (route, body) in bodies { _ = try service.post(route, body, on: socket) } }
        for _ in 0..<20 { try round() }
        let before = Self.residentBytes(service.identifier)
        for _ in 0..<200 { try round() }
        let after = Self.residentBytes(service.identifier)
        #expect(before > 0)
        // A leak of one small body in a hundred would show; noise of the allocator does not.
        #expect(after < before * 3 / 2 + (32 << 20), "\(before) to \(after)")
    }

    // MARK: Helpers

    /// A request that computes for minutes: exact values of a deep network at many points.
    private static let hard: String = {
        let rows = (0..<60_000).map { "[\"\($0)/60013\"]" }.joined(separator: ",")
        let network = PiecesRouteTests.sawtooth(units: 5, layers: 60)
        return "{\"network\":\(network),\"inputs\":[\(rows)],\"arithmetic\":\"exact\"}"
    }()

    private static func residentBytes(_ process: Int32) -> Int {
        guard let text = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8) else { return 0 }
        let fields = text.split(separator: " ")
        return fields.count > 1 ? (Int(fields[1]) ?? 0) * Int(getpagesize()) : 0
    }

    private static func run(_ arguments: [String], environment: [String: String] = [:]) throws -> (status: Int32, text: String) {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try ServiceProcess.executable())
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CREASE_") }
            .merging(environment) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = pipe
        try process.run()
        let data = try pipe.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return (process.terminationStatus, String(decoding: data, as: UTF8.self))
    }

    private func gzip(_ bytes: [UInt8]) throws -> [UInt8] { try Self.filter("gzip", ["-c"], bytes) }
    private func gunzip(_ bytes: [UInt8]) throws -> [UInt8] { try Self.filter("gzip", ["-dc"], bytes) }

    /// The system's gzip, which shares nothing with the service's.
    private static func filter(_ command: String, _ arguments: [String], _ bytes: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [command] + arguments
        let input = Pipe()
        let output = Pipe()
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        DispatchQueue.global().async {
            try? input.fileHandleForWriting.write(contentsOf: Data(bytes))
            try? input.fileHandleForWriting.close()
        }
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        return [UInt8](data)
    }
}
