internal import Glibc
import MicroHTTP
internal import Synchronization
import Testing

@Suite("Starting and stopping")
struct LifecycleTests {
    @Test func startsOnce() throws {
        let server = Server(configuration: ServerConfiguration(), application: TestApplication())
        let port = try server.start()
        #expect(throws: ServerError.alreadyStarted) { try server.start() }
        var second = ServerConfiguration()
        second.port = port
        let other = Server(configuration: second, application: TestApplication())
        #expect(throws: ServerError.cannotListen(host: "127.0.0.1", port: port, errno: EADDRINUSE)) {
            try other.start()
        }
        server.stop()
        server.stop()
        #expect(server.isDraining)
        #expect(throws: ServerError.alreadyStarted) { try server.start() }
        #expect(throws: RawClientError.self) { try RawClient(port: port) }
    }

    @Test func takesASocketOfSomeoneElse() throws {
        let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(bound == 0 && listen(socket, 16) == 0)
        var given: UInt16 = 0
        try withServer({ $0.listenSocket = socket }) { port, _, _ in
            given = port
            let client = try RawClient(port: port)
            #expect(try client.ask(get("/hello")).status == 200)
        }
        // Its owner's socket still queues connections.
        _ = try RawClient(port: given)
    }

    @Test("A thousand idle connections, and answers beside them")
    func manyConnections() throws {
        // Deadlines are other tests' subject: a thousand connections beside all other tests may take long.
        let patient: (inout ServerConfiguration) -> Void = {
            $0.headerDeadline = .seconds(300)
            $0.idleDeadline = .seconds(300)
        }
        try withServer(patient) { port, _, server in
            var clients: [RawClient] = []
            for _ in 0..<1000 { clients.append(try RawClient(port: port)) }
            #expect(eventually { server.statistics.openConnections == 1000 })
            for client in clients { client.send(get("/hello")) }
            var answered = 0
            for client in clients where try client.answer().status == 200 { answered += 1 }
            #expect(answered == 1000)
            let other = try RawClient(port: port)
            #expect(try other.ask(get("/later")).text == "later")
            clients = []
            #expect(eventually { server.statistics.openConnections == 1 })
        }
    }

    @Test("A stop answers what runs, closes what idles and refuses what comes")
    func drains() throws {
        let application = TestApplication()
        let server = Server(configuration: ServerConfiguration(), application: application)
        let port = try server.start()
        let idle = try RawClient(port: port)
        #expect(try idle.ask(get("/hello")).status == 200)
        let busy = try RawClient(port: port)
        busy.send(get("/hold"))
        let stream = try RawClient(port: port)
        stream.send(get("/events"))
        _ = try stream.head()
        #expect(
            eventually { application.held.withLock { $0.count } == 1 && server.statistics.suspended == 2 })
        let done = Mutex(false)
        onThread {
            server.stop(deadline: .seconds(30))
            done.withLock { $0 = true }
        }
        #expect(try idle.isClosedByServer())
        #expect(try stream.chunk() == nil)
        #expect(eventually { (try? RawClient(port: port)) == nil })
        #expect(!done.withLock { $0 })
        application.release()
        let answer = try busy.answer()
        #expect(answer.text == "held")
        #expect(answer.header("connection")?.lowercased() == "close")
        #expect(eventually { done.withLock { $0 } })
        #expect(application.streamEnds.withLock { $0 } == [.serverStopping])
        #expect(server.statistics.openConnections == 0)
    }

    @Test("After the deadline whatever waits is answered 503")
    func forces() throws {
        let application = TestApplication()
        let server = Server(configuration: ServerConfiguration(), application: application)
        let port = try server.start()
        let clients = try (0..<20).map { _ in try RawClient(port: port) }
        for client in clients { client.send(get("/hold")) }
        #expect(eventually { server.statistics.suspended == 20 })
        server.stop(deadline: .milliseconds(100))
        for client in clients {
            let answer = try client.answer()
            #expect(answer.status == 503)
            #expect(answer.header("retry-after") == "1")
        }
        #expect(server.statistics.openConnections == 0)
        // Too late, and without effect.
        #expect(application.held.withLock { $0.map { $0.respond(Response(status: 200)) } }.allSatisfy { !$0 })
    }

    @Test("Stops under load, many times")
    func stopsUnderLoad() throws {
        for round in 0..<8 {
            let application = TestApplication()
            let server = Server(configuration: ServerConfiguration(), application: application)
            let port = try server.start()
            let running = Atomic<Int>(12)
            let answered = Atomic<Int>(0)
            let wrong = Atomic<Int>(0)
            for index in 0..<12 {
                onThread {
                    while let client = try? RawClient(port: port) {
                        let path = ["/later", "/hello", "/events", "/hold"][index % 4]
                        client.send(get(path))
                        guard let head = try? client.head() else { continue }
                        if head.status == 200 || head.status == 503 {
                            answered.wrappingAdd(1, ordering: .relaxed)
                        } else {
                            wrong.wrappingAdd(1, ordering: .relaxed)
                        }
                        if index % 8 < 4 { _ = try? client.readToEnd() }
                    }
                    running.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                }
            }
            #expect(eventually { answered.load(ordering: .relaxed) > 50 })
            server.stop(deadline: .milliseconds(Int64(round) * 20))
            #expect(eventually { running.load(ordering: .sequentiallyConsistent) == 0 })
            #expect(wrong.load(ordering: .relaxed) == 0)
            #expect(server.statistics.openConnections == 0)
            #expect(server.statistics.requestsInFlight == 0)
            #expect(server.statistics.suspended == 0)
        }
    }
}
