import Foundation
import Testing

@testable import CreaseService

/// Long work as jobs, over real sockets.
@Suite struct JobRouteTests {
    private static let table = #"{"function":{"kind":"piecewise-linear","points":[[0,0],[1,2],[3,1]],"outside":"constant"}}"#

    /// The listing of a network whose segments do not recur: in each layer the image of the line is folded along both
    /// axes of the plane, turned, stretched and shifted, and the number of its pieces grows by a factor a layer. The
    /// work ends at the service's limit of cells, many seconds later.
    private static let longListing: String = {
        let folding = #"{"weights":[[0.9,0.9,-1.2,-1.2],[-0.9,-0.9,1.2,1.2],[1.2,1.2,0.9,0.9],[-1.2,-1.2,-0.9,-0.9]],"bias":[-0.17,0.17,-0.61,0.61]}"#
        let all =
            [#"{"weights":[[1],[-1],[0.4],[-0.4]],"bias":[-0.3,0.3,0.1,-0.1]}"#]
            + Array(repeating: folding, count: 40) + [#"{"weights":[[1,1,-1,-2]],"bias":[0]}"#]
        return #"{"network":{"layers":[\#(all.joined(separator: ","))]},"list":{"limit":10000000}}"#
    }()

    private static func id(_ answer: HTTPAnswer) throws -> String { try #require(try answer.json["id"] as? String) }

    @Test func preferredCompilationIsAJobWithTheDirectAnswer() throws {
        let service = try ServiceProcess()
        let direct = try service.post("/v1/compile", Self.table)
        let accepted = try service.post("/v1/compile", Self.table, headers: [("Prefer", "respond-async")])
        #expect(accepted.status == 202)
        #expect(accepted.header("preference-applied") == "respond-async")
        #expect(accepted.header("retry-after") == "1")
        let location = try #require(accepted.header("location"))
        #expect(try location == "/v1/jobs/\(Self.id(accepted))")
        let ended = try service.get(location + "?wait=20")
        #expect(try ended.json["status"] as? String == "succeeded")
        #expect(try ended.json["kind"] as? String == "compile")
        let result = try #require(try ended.json["result"] as? NSDictionary)
        #expect(try result == (direct.json as NSDictionary))
        for member in ["createdAt", "startedAt", "finishedAt", "expiresAt", "links"] {
            #expect(try ended.json[member] != nil, "\(member)")
        }
        #expect(try service.get(location, headers: [("Accept", "image/svg+xml")]).status == 406)
        #expect(try service.get(location + "/certificate").status == 404)
        #expect(try service.post(location + ":cancel", "").status == 409)
    }

    @Test func waitingAnswersDirectlyWhereItCan() throws {
        let service = try ServiceProcess()
        let quick = try service.post("/v1/compile", Self.table, headers: [("Prefer", "respond-async, wait=20")])
        #expect(quick.status == 200)
        #expect(try quick.json["report"] != nil)
        #expect(quick.header("preference-applied") == "respond-async, wait=20")
        let faulty = try service.post(
            "/v1/compile", #"{"function":{"kind":"cubic"}}"#, headers: [("Prefer", "wait=20")])
        #expect(faulty.status == 422)
        #expect(faulty.header("content-type") == "application/problem+json")
        let slow = try service.post("/v1/pieces", Self.longListing, headers: [("Prefer", "wait=0")])
        #expect(slow.status == 202)
        #expect(try service.request("DELETE", "/v1/jobs/\(Self.id(slow))").status == 204)
        // The two that were answered directly are no jobs any more.
        #expect(try (service.get("/v1/jobs").json["jobs"] as? [Any])?.count == 0)
    }

    @Test func faultsOfJobsAreTheirProblems() throws {
        let service = try ServiceProcess()
        let accepted = try service.post(
            "/v1/compile", #"{"function":{"kind":"piecewise-linear","points":[[0,0],[0,1]],"outside":"constant"}}"#,
            headers: [("Prefer", "respond-async")])
        #expect(accepted.status == 202)
        let ended = try service.get("/v1/jobs/\(Self.id(accepted))?wait=20").json
        #expect(ended["status"] as? String == "failed")
        let problem = try #require(ended["problem"] as? [String: Any])
        #expect(problem["status"] as? Int == 422)
        let errors = try #require(problem["errors"] as? [[String: Any]])
        #expect(errors.first?["pointer"] as? String == "#/function/points/1/0")
    }

    @Test func cancelsARunningJobAndTellsItsEnd() throws {
        let service = try ServiceProcess()
        let accepted = try service.post(
            "/v1/pieces", Self.longListing, headers: [("Prefer", "respond-async")])
        let id = try Self.id(accepted)
        // The stream begins while the job runs, and ends with it.
        let socket = try service.connect()
        try socket.send(Array("GET /v1/jobs/\(id)/events HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
        for _ in 0..<500 where try service.get("/v1/jobs/\(id)").json["status"] as? String == "queued" { usleep(10_000) }
        let begun = Date()
        // As `curl -X POST` does it: no body, and no length that says so.
        let plain = try service.connect()
        try plain.send("POST /v1/jobs/\(id):cancel HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try plain.answer().status == 202)
        // Where a body is needed, a forgotten length is told; the connection was kept until then.
        try plain.send("POST /v1/pieces HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(try plain.answer().status == 411)
        let ended = try service.get("/v1/jobs/\(id)?wait=30")
        #expect(try ended.json["status"] as? String == "cancelled")
        // A loaded machine gets far more time than the tenth of a second that an idle one needs.
        #expect(Date().timeIntervalSince(begun) < 5)
        let events = try socket.answer(isHead: false)
        #expect(events.header("content-type") == "text/event-stream")
        #expect(events.text.contains("\nevent: cancelled\ndata: {"))
        #expect(try service.request("DELETE", "/v1/jobs/\(id)").status == 204)
        #expect(try service.get("/v1/jobs/\(id)").status == 410)
        #expect(try service.request("DELETE", "/v1/jobs/\(id)").status == 410)
        #expect(try service.get("/v1/jobs/nonsense").status == 404)
        #expect(try service.get("/v1/jobs/nonsense/events").status == 404)
        #expect(try service.post("/v1/jobs/nonsense:cancel", "").status == 404)
    }

    @Test func limitsPagesAndExpiry() throws {
        let service = try ServiceProcess(["--max-jobs", "3", "--job-ttl", "1"])
        var ids: [String] = []
        for _ in 0..<3 {
            let accepted = try service.post("/v1/compile", Self.table, headers: [("Prefer", "respond-async")])
            try ids.append(Self.id(accepted))
        }
        let refused = try service.post("/v1/compile", Self.table, headers: [("Prefer", "respond-async")])
        #expect(refused.status == 429)
        #expect(refused.header("retry-after") != nil)
        #expect(try refused.json["code"] as? String == "too-many-jobs")
        for id in ids { _ = try service.get("/v1/jobs/\(id)?wait=20") }
        var seen: [String] = []
        var target = "/v1/jobs?pageSize=2&status=succeeded"
        while true {
            let page = try service.get(target).json
            seen += try #require(page["jobs"] as? [[String: Any]]).compactMap { $0["id"] as? String }
            guard let token = page["nextPageToken"] as? String else { break }
            #expect(try service.get("/v1/jobs?pageSize=2&pageToken=\(token)").status == 400)
            target = "/v1/jobs?pageSize=2&status=succeeded&pageToken=\(token)"
        }
        #expect(seen == ids || seen.isEmpty, "they expire a second after their end")
        #expect(try service.get("/v1/jobs?status=odd").status == 400)
        #expect(try service.get("/v1/jobs?pageToken=AAAA").status == 400)
        #expect(try service.get("/v1/jobs/\(ids[0])?wait=61").status == 400)
        for _ in 0..<500 where try service.get("/v1/jobs/\(ids[2])").status != 410 { usleep(10_000) }
        #expect(try service.get("/v1/jobs/\(ids[0])").status == 410)
    }

    @Test func sameKeyIsTheSameJob() throws {
        let service = try ServiceProcess()
        let headers = [("Prefer", "respond-async"), ("Idempotency-Key", "\"order-1\"")]
        let first = try service.post("/v1/compile", Self.table, headers: headers)
        let second = try service.post("/v1/compile", Self.table, headers: headers)
        #expect(try Self.id(first) == Self.id(second))
        let other = try service.post("/v1/compile", Self.table + " ", headers: headers)
        #expect(other.status == 422)
        #expect(try other.json["code"] as? String == "idempotency-key-reused")
        let bad = try service.post(
            "/v1/compile", Self.table, headers: [("Prefer", "respond-async"), ("Idempotency-Key", "a b")])
        #expect(bad.status == 400)
    }

    @Test func stopsWithJobsRunning() throws {
        let service = try ServiceProcess(["--jobs", "1"])
        var ids: [String] = []
        for _ in 0..<3 {
            let accepted = try service.post(
                "/v1/pieces", Self.longListing, headers: [("Prefer", "respond-async")])
            try ids.append(Self.id(accepted))
        }
        let socket = try service.connect()
        try socket.send(Array("GET /v1/jobs/\(ids[2])?wait=60 HTTP/1.1\r\nHost: test\r\n\r\n".utf8))
        usleep(300_000)
        service.signal(SIGTERM)
        #expect(try socket.answer(isHead: false).json["status"] as? String == "cancelled")
        #expect(service.exitStatus(within: 20) == 0)
    }

    @Test func preferences() {
        #expect(Preference(field: nil).allowsJob == false)
        #expect(Preference(field: "return=minimal").allowsJob == false)
        #expect(Preference(field: "respond-async").applied == "respond-async")
        #expect(Preference(field: "Respond-Async , wait = 10").applied == "respond-async, wait=10")
        #expect(Preference(field: "wait=x, wait=-1, respond-async=5").allowsJob == false)
        #expect(Preference(field: "wait=\"7\"; a=b").wait == 7)
    }
}
