internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import Signatures

/// Requests that become jobs.
enum JobCreation {
    /// Queues a job and answers 202 with it.
    ///
    /// - Parameters:
    ///   - bytes: memory that the job's request holds.
    ///   - work: what the job does; on a thread of the jobs.
    static func accept(
        _ call: Call, kind: String, bytes: Int, attachment: (any JobAttachment)? = nil,
        headers: [(name: String, value: String)] = [], work: @escaping JobStore.Work
    ) throws -> Response {
        accepted(
            try create(call, kind: kind, bytes: bytes, attachment: attachment, work: work), headers: headers)
    }

    /// Queues a job, or finds the one that an earlier request with the same idempotency key made.
    static func create(
        _ call: Call, kind: String, bytes: Int, attachment: (any JobAttachment)? = nil,
        work: @escaping JobStore.Work
    ) throws -> JobSnapshot {
        switch call.service.jobs.create(
            kind: kind, requestBytes: bytes, idempotency: try idempotencyKey(call), attachment: attachment,
            work: work)
        {
        case .created(let job), .existing(let job): return job
        case .keyReused:
            throw Problem(
                status: 422, code: "idempotency-key-reused",
                detail: "This Idempotency-Key came before with another request.")
        case .full(limit: "stopping"):
            throw Problem(
                status: 503, code: "stopping", detail: "The server is stopping and takes no more jobs.",
                headers: [("Retry-After", "10")])
        case .full(let limit):
            call.service.rejected.count(.jobsFull)
            let limits = call.service.jobs.limits
            let detail =
                switch limit {
                case "maximumQueued": "\(limits.maximumQueued) jobs are waiting already."
                case "maximumKept":
                    "The server keeps \(limits.maximumKept) jobs already; delete some that ended."
                default: "The jobs hold \(limits.maximumBytes) bytes at most; delete some that ended."
                }
            throw Problem(status: 429, code: "too-many-jobs", detail: detail, headers: [("Retry-After", "5")])
        }
    }

    static func accepted(_ job: JobSnapshot, headers: [(name: String, value: String)] = []) -> Response {
        var writer = JSONWriter()
        writer.job(job)
        return Answer.json(
            writer.finish(), status: 202,
            headers: [("Location", "/v1/jobs/\(job.id)"), ("Retry-After", "1")] + headers)
    }

    /// A key is one to 255 visible characters, with or without quotes around it. Its scope is the route; the request
    /// that it belongs to is the body and the media type asked for.
    private static func idempotencyKey(_ call: Call) throws -> JobStore.IdempotencyKey? {
        guard let field = call.head.header("idempotency-key") else { return nil }
        var key = field[...]
        if key.count >= 2, key.first == "\"", key.last == "\"" { key = key.dropFirst().dropLast() }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Problem(
                status: 400, code: "invalid-idempotency-key",
                detail: "An Idempotency-Key has 1 to 255 visible ASCII characters.")
        }
        var digest = ""
        call.body.withUnsafeBytes {
            digest = contentDigest(UnsafeRawBufferPointer(rebasing: $0.prefix(call.body.count)))
        }
        return JobStore.IdempotencyKey(key: "\(call.head.rawPath) \(key)", fingerprint: digest)
    }
}

/// A direct operation run as a job, where the client prefers that.
enum DeferredComputation {
    /// Answers 202 with a job, or, with `wait=N`, the direct answer where it is there within N seconds.
    static func run(
        _ call: Call, _ exchange: Exchange, kind: String, preference: Preference,
        action: @escaping @Sendable (Call) throws -> Response
    ) throws {
        let job = try JobCreation.create(call, kind: kind, bytes: call.body.count) { context in
            outcome(of: action, call, context)
        }
        let applied = [(name: "Preference-Applied", value: preference.applied)]
        guard let wait = preference.wait, wait > 0 else {
            exchange.respond(JobCreation.accepted(job, headers: applied))
            return
        }
        let service = call.service
        let hasKey = call.head.header("idempotency-key") != nil
        let seconds = min(Double(wait), service.configuration.synchronousSeconds)
        service.jobs.wait(for: job.id, until: .ended, deadline: Moment.now.advanced(bySeconds: seconds)) {
            snapshot in
            guard let snapshot, let outcome = snapshot.outcome else {
                exchange.respond(JobCreation.accepted(snapshot ?? job, headers: applied))
                return
            }
            // Nobody but the holder of an idempotency key has heard of the job.
            if !hasKey { _ = service.jobs.delete(job.id) }
            switch outcome {
            case .succeeded(let result):
                exchange.respond(
                    Response(
                        status: 200, headers: [("Content-Type", "application/json")] + applied,
                        body: .bytes(result)))
            case .failed(let problem):
                exchange.respond(
                    Response(
                        status: status(of: problem),
                        headers: [("Content-Type", "application/problem+json")] + applied,
                        body: .bytes(problem)))
            case .cancelled:
                exchange.respond(Answer.problem(.cancelled, requestID: call.head.requestID))
            }
        }
    }

    private static func outcome(
        of action: @Sendable (Call) throws -> Response, _ call: Call, _ context: JobContext
    ) -> JobOutcome {
        let cancellation = Cancellation(deadline: Moment(nanoseconds: .max)) { context.shouldStop }
        do {
            let result = try action(call.asJob(cancellation, report: context.report)).bodyBytes
            return context.isCancelled ? .cancelled(result) : .succeeded(result)
        } catch {
            if context.isCancelled { return .cancelled(nil) }
            var problem = call.service.problem(of: error, call.head)
            if problem.code == Problem.cancelled.code {
                problem = Problem(
                    status: 503, code: "time-limit",
                    detail: "The job passed the server's limit on a job's time.")
            }
            var writer = JSONWriter()
            writer.problem(problem, requestID: call.head.requestID)
            return .failed(problem: writer.array())
        }
    }

    private static func status(of problem: [UInt8]) -> Int {
        guard let document = try? JSONDocument(problem),
            let status = try? document.root.member("status")?.integer(in: 400...599)
        else { return 500 }
        return status
    }
}

extension Call {
    /// The same request under another cancellation, answered in JSON.
    func asJob(_ cancellation: Cancellation, report: @escaping @Sendable ([UInt8]) -> Void) -> Call {
        Call(
            service: service, head: head, parameters: parameters, body: body, cancellation: cancellation,
            answers: "application/json", isJob: true, report: report)
    }
}

extension Response {
    /// A copy of the body, where it is whole.
    var bodyBytes: [UInt8] {
        switch body {
        case .bytes(let bytes): bytes
        case .buffer(let buffer):
            Array(UnsafeRawBufferPointer(start: buffer.start, count: buffer.count))
        case .empty, .stream, .prepared: []
        }
    }
}
