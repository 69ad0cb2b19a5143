import MicroHTTP
internal import Synchronization
import Testing

@Suite("Answers that come later")
struct SuspensionTests {
    @Test func answersOnceFromAnyThread() throws {
        try withServer { port, application, _ in
            let client = try RawClient(port: port)
            for _ in 0..<200 { #expect(try client.ask(get("/later")).text == "later") }
            #expect(try client.ask(get("/twice")).text == "first")
            #expect(application.secondAnswers.withLock { $0 } == [true, false])
            #expect(try client.ask(get("/hello")).status == 200)
        }
    }

    @Test func answers500ForWhatIsDropped() throws {
        try withServer { port, _, server in
            let client = try RawClient(port: port)
            for path in ["/drop", "/drop-later"] {
                let answer = try client.ask(get(path))
                #expect(answer.status == 500)
                #expect(answer.text.contains("no-answer"))
            }
            #expect(server.statistics.acceptedConnections == 1)
        }
    }

    @Test("A client that leaves is noticed, and its answer goes nowhere without harm")
    func aborts() throws {
        try withServer { port, application, server in
            for round in 1...4 {
                let client = try RawClient(port: port)
                client.send(get("/hold"))
                #expect(eventually { application.held.withLock { $0.count } == 1 })
                #expect(server.statistics.suspended == 1)
                if round % 2 == 0 { client.reset() } else { client.close() }
                #expect(eventually { application.aborts.load(ordering: .relaxed) == round })
                #expect(application.held.withLock { $0.allSatisfy(\.isAborted) })
                application.release()
                #expect(eventually { server.statistics.openConnections == 0 })
            }
            let other = try RawClient(port: port)
            #expect(try other.ask(get("/hello")).status == 200)
        }
    }

    @Test("Many suspended and fast requests at once")
    func mixes() throws {
        try withServer { port, _, server in
            let failures = Atomic<Int>(0)
            let running = Atomic<Int>(24)
            for index in 0..<24 {
                onThread {
                    do {
                        let client = try RawClient(port: port)
                        for _ in 0..<150 {
                            let path = index % 3 == 0 ? "/later" : index % 3 == 1 ? "/hello" : "/segments/a/b"
                            if try client.ask(get(path)).status != 200 {
                                failures.wrappingAdd(1, ordering: .relaxed)
                            }
                        }
                    } catch {
                        failures.wrappingAdd(1, ordering: .relaxed)
                    }
                    running.wrappingSubtract(1, ordering: .sequentiallyConsistent)
                }
            }
            #expect(eventually(within: 60) { running.load(ordering: .sequentiallyConsistent) == 0 })
            #expect(failures.load(ordering: .relaxed) == 0)
            #expect(server.statistics.requests == 24 * 150)
        }
    }

    @Test func streams() throws {
        try withServer { port, application, server in
            let client = try RawClient(port: port)
            client.send(get("/events"))
            let head = try client.head()
            #expect(head.status == 200)
            #expect(head.header("content-length") == nil)
            #expect(head.header("transfer-encoding") == "chunked")
            #expect(eventually { server.statistics.suspended == 1 })
            application.push(.bytes(Array("data: 1\n\n".utf8)))
            #expect(try client.eventChunk() == "data: 1\n\n")
            let large = String(repeating: "x", count: 200_000)
            application.push(.bytes(Array(large.utf8)))
            var received = ""
            while received.count < large.count { received += try client.eventChunk() ?? "" }
            #expect(received == large)
            // With nothing to say, a heartbeat comes.
            #expect(try client.chunk() == Array(":\n\n".utf8))
            application.push(.end)
            #expect(try client.eventChunk() == nil)
            #expect(eventually { application.streamEnds.withLock { $0 } == [.completed] })
            #expect(try client.ask(get("/hello")).status == 200)
        }
    }

    @Test func endsStreamsOfClientsThatLeave() throws {
        try withServer { port, application, server in
            for round in 1...3 {
                let client = try RawClient(port: port)
                client.send(get("/events"))
                _ = try client.head()
                #expect(eventually { server.statistics.suspended == 1 })
                if round % 2 == 0 { client.reset() } else { client.close() }
                #expect(eventually { application.streamEnds.withLock { $0.count } == round })
            }
            #expect(application.streamEnds.withLock { $0.allSatisfy { $0 == .clientGone } })
            #expect(eventually { server.statistics.openConnections == 0 })
        }
    }
}

extension RawClient {
    /// The next chunk that is no heartbeat.
    fileprivate func eventChunk() throws -> String? {
        while let chunk = try chunk() {
            let text = String(decoding: chunk, as: UTF8.self)
            if text != ":\n\n" { return text }
        }
        return nil
    }
}
