internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import Signatures
internal import Synchronization

/// A job's attachment that can be drawn or certified once the job has ended.
protocol TrainingRecord: JobAttachment {
    /// The fitted function with the data and the bounds over time, as far as they are known; `nil` while nothing is.
    func picture() -> [UInt8]?
    /// The certificate's document; `nil` where the job has none.
    func certificate() -> [UInt8]?
}

/// `/v1/jobs`: long work.
enum JobsOperation {
    static let defaultPageSize = 50
    static let maximumPageSize = 1000
    /// Seconds that `?wait=` waits at most.
    static let maximumWait = 60

    // MARK: Reading

    static func list(_ call: Call) throws -> Response {
        let query = try Query(call.head, known: ["pageSize", "pageToken", "status"])
        let size = try query.pageSize(default: defaultPageSize, maximum: maximumPageSize)
        let status = try query["status"].map { text in
            guard let status = JobStatus(rawValue: text) else {
                let names = JobStatus.allCases.map(\.rawValue).joined(separator: ", ")
                throw Problem(
                    status: 400, code: "invalid-parameter", detail: "status is none of \(names).")
            }
            return status
        }
        var after: UInt64 = 0
        if let token = query["pageToken"], !token.isEmpty {
            // A token goes on with the filter that it was given for.
            guard let bytes = call.service.signer.open(token, purpose: TokenPurpose.jobPage),
                bytes.count >= 8,
                Array(bytes.dropFirst(8)) == Array((status?.rawValue ?? "").utf8)
            else { throw Query.badToken }
            after = bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        }
        let page = call.service.jobs.list(after: after, limit: size, status: status)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("jobs")
        writer.beginArray()
        // Results can be large: a listing names them by the link alone.
        for job in page.jobs { writer.job(job, withResult: false) }
        writer.endArray()
        if let next = page.next {
            let payload = bigEndianBytes(next) + Array((status?.rawValue ?? "").utf8)
            writer.member("nextPageToken", call.service.signer.sign(payload, purpose: TokenPurpose.jobPage))
        }
        writer.endObject()
        return Answer.json(writer.finish(), headers: noStore)
    }

    /// One job; with `?wait=N` once it has ended, or after N seconds as it stands then.
    static func get(_ call: Call, _ exchange: Exchange) throws {
        let id = call.parameters[0]
        let query = try Query(call.head, known: ["wait"])
        let wait = try query["wait"].map { text in
            guard let seconds = Int(text), (0...maximumWait).contains(seconds) else {
                throw Problem(
                    status: 400, code: "invalid-parameter",
                    detail: "wait is not a whole number of seconds from 0 to \(maximumWait).")
            }
            return seconds
        }
        let job = try find(id, call)
        guard let wait, wait > 0, !job.status.isEnd else {
            try respond(job, call, exchange)
            return
        }
        let deadline = Moment.now.advanced(bySeconds: Double(wait))
        call.service.jobs.wait(for: id, until: .ended, deadline: deadline) { snapshot in
            do {
                guard let snapshot else { throw gone }
                try respond(snapshot, call, exchange)
            } catch {
                let problem = call.service.problem(of: error, call.head)
                exchange.respond(Answer.problem(problem, requestID: call.head.requestID))
            }
        }
    }

    private static func respond(_ job: JobSnapshot, _ call: Call, _ exchange: Exchange) throws {
        if call.answers == "image/svg+xml" {
            // Thousands of points take their time: not on the threads that serve connections.
            call.service.submit(exchange, call.head) { try picture(job) }
            return
        }
        var writer = JSONWriter()
        writer.job(job)
        exchange.respond(
            Answer.json(
                writer.finish(), headers: noStore + (job.status.isEnd ? [] : [("Retry-After", "1")])))
    }

    private static func picture(_ job: JobSnapshot) throws -> Response {
        guard let record = job.attachment as? any TrainingRecord else {
            throw Problem(
                status: 406, code: "not-acceptable", detail: "A job of kind '\(job.kind)' has no picture."
            )
        }
        guard let picture = record.picture() else {
            throw Problem(
                status: 409, code: "job-not-ended",
                detail: "There is a picture once the search has begun; the job is \(job.status.rawValue).",
                headers: [("Retry-After", "1")])
        }
        return Answer.svg(picture)
    }

    static func certificate(_ call: Call) throws -> Response {
        _ = try Query(call.head, known: [])
        let job = try find(call.parameters[0], call)
        guard let record = job.attachment as? any TrainingRecord else {
            throw Problem(
                status: 404, code: "no-certificate", detail: "A job of kind '\(job.kind)' has no certificate."
            )
        }
        guard job.status.isEnd else {
            throw Problem(
                status: 409, code: "job-not-ended",
                detail: "A certificate is there once the job has ended; it is \(job.status.rawValue).",
                headers: [("Retry-After", "1")])
        }
        guard let certificate = record.certificate() else {
            throw Problem(
                status: 404, code: "no-certificate",
                detail:
                    "This job has no certificate: it did not end with a proof, or its request did not ask for one."
            )
        }
        return Response(
            status: 200, headers: [("Content-Type", "application/json")], body: .bytes(certificate))
    }

    // MARK: Changing

    static func delete(_ call: Call) throws -> Response {
        _ = try Query(call.head, known: [])
        switch call.service.jobs.delete(call.parameters[0]) {
        case .found: return Response(status: 204)
        case .expired: throw gone
        case .unknown: throw unknown
        }
    }

    static func cancel(_ call: Call) throws -> Response {
        _ = try Query(call.head, known: [])
        switch call.service.jobs.cancel(call.parameters[0]) {
        case .cancelling(let job):
            var writer = JSONWriter()
            writer.job(job)
            return Answer.json(writer.finish(), status: 202, headers: [("Location", "/v1/jobs/\(job.id)")])
        case .alreadyEnded(let job):
            throw Problem(
                status: 409, code: "job-ended",
                detail: "The job has ended already; it is \(job.status.rawValue).")
        case .missing(.expired): throw gone
        case .missing: throw unknown
        }
    }

    // MARK: Events

    /// Server-sent events: `progress` with the progress document, and at the end one event named after the job's
    /// status with the whole job. Event ids are the job's versions, so that a client that comes back with
    /// `Last-Event-ID` hears only what is new.
    static func events(_ call: Call) throws -> Response {
        _ = try Query(call.head, known: [])
        let id = call.parameters[0]
        _ = try find(id, call)
        let service = call.service
        let sent = Mutex(call.head.header("last-event-id").flatMap { Int($0) } ?? -1)
        let reference = StreamReference()
        let stream = ResponseStream {
            let since = sent.withLock { $0 }
            if since == .max { return .end }
            guard case .found(let job) = service.jobs.lookup(id) else { return .end }
            if job.version > since || job.status.isEnd {
                sent.withLock { $0 = job.status.isEnd ? .max : job.version }
                return .bytes(event(job))
            }
            let deadline = Moment.now.advanced(bySeconds: 60)
            service.jobs.wait(for: id, until: .changed(since: since), deadline: deadline) { _ in
                reference.stream.withLock { $0 }.value?.wake()
            }
            return .pending
        }
        reference.stream.withLock { $0 = WeakStream(value: stream) }
        return Response(
            status: 200, headers: [("Content-Type", "text/event-stream")] + noStore, body: .stream(stream))
    }

    /// What a waiting job wakes; the stream belongs to its connection.
    private final class StreamReference: Sendable {
        let stream = Mutex(WeakStream())
    }

    private struct WeakStream: Sendable {
        weak var value: ResponseStream?
    }

    private static func event(_ job: JobSnapshot) -> [UInt8] {
        var writer = JSONWriter()
        let name: String
        if job.status.isEnd {
            name = job.status.rawValue
            writer.job(job)
        } else if let progress = job.progress {
            name = "progress"
            writer.raw(progress)
        } else {
            name = job.status.rawValue
            writer.job(job)
        }
        // Documents of this service have no line breaks.
        return Array("id: \(job.version)\nevent: \(name)\ndata: ".utf8) + writer.array() + Array("\n\n".utf8)
    }

    // MARK: Finding

    private static let noStore = [(name: "Cache-Control", value: "no-store")]

    private static func find(_ id: String, _ call: Call) throws -> JobSnapshot {
        switch call.service.jobs.lookup(id) {
        case .found(let job): return job
        case .expired: throw gone
        case .unknown: throw unknown
        }
    }

    private static let unknown = Problem(
        status: 404, code: "unknown-job", detail: "This server has given no job this id.")
    private static let gone = Problem(
        status: 410, code: "job-gone", detail: "The job was deleted, or its time has passed.")
}

extension JSONWriter {
    mutating func job(_ job: JobSnapshot, withResult: Bool = true) {
        beginObject()
        member("id", job.id)
        member("kind", job.kind)
        member("status", job.status.rawValue)
        member("createdAt", timestamp(job.createdAt))
        if let time = job.startedAt { member("startedAt", timestamp(time)) }
        if let time = job.finishedAt { member("finishedAt", timestamp(time)) }
        if let time = job.expiresAt { member("expiresAt", timestamp(time)) }
        if let progress = job.progress {
            key("progress")
            raw(progress)
        }
        if withResult {
            switch job.outcome {
            case .succeeded(let result), .cancelled(let result?):
                key("result")
                raw(result)
            case .failed(let problem):
                key("problem")
                raw(problem)
            case .cancelled(nil), nil: break
            }
        }
        key("links")
        beginObject()
        let path = "/v1/jobs/\(job.id)"
        member("self", path)
        member("events", path + "/events")
        if !job.status.isEnd { member("cancel", path + ":cancel") }
        if let record = job.attachment as? any TrainingRecord, record.certificate() != nil {
            member("certificate", path + "/certificate")
        }
        endObject()
        endObject()
    }
}
