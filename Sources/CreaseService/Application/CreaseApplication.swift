internal import FastJSON
internal import Jobs
public import Logging
public import MicroHTTP
internal import Signatures
internal import Synchronization

/// The service: its routes, its stored networks, its threads.
public final class CreaseApplication: HTTPApplication {
    let configuration: ServiceConfiguration
    let networks: NetworkStore
    let signer = TokenSigner()
    let workers: WorkerPool
    let jobs: JobStore
    let routes: RouteTable
    let rejected = RejectionCounters()
    let startedAt = Moment.now
    private let unrouted = RequestMetrics(route: "none")
    private let logger: Logger
    private let logsRequests: Bool
    private let ready = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private let statistics = Mutex<(@Sendable () -> ServerStatistics?)?>(nil)

    public init(configuration: ServiceConfiguration, logger: Logger, logsRequests: Bool = true) {
        self.configuration = configuration
        self.logger = logger
        self.logsRequests = logsRequests
        networks = NetworkStore(
            maximumNetworks: configuration.maximumNetworks, maximumBytes: configuration.maximumNetworkBytes)
        workers = WorkerPool(
            name: "worker", threads: configuration.workers, capacity: configuration.queueCapacity)
        jobs = JobStore(
            threads: configuration.jobThreads,
            limits: JobLimits(
                maximumQueued: configuration.maximumQueuedJobs, maximumKept: configuration.maximumJobs,
                maximumBytes: configuration.maximumJobBytes,
                maximumRunSeconds: configuration.maximumJobSeconds,
                timeToLive: configuration.jobTimeToLive), signer: signer)
        routes = RouteTable(Self.makeRoutes())
    }

    // MARK: Life

    /// The service takes work from here on.
    /// - Parameter statistics: the server's counters, for the metrics.
    public func becomeReady(statistics: @escaping @Sendable () -> ServerStatistics?) {
        self.statistics.withLock { $0 = statistics }
        ready.store(true, ordering: .relaxed)
    }

    /// Readiness goes off; requests are still answered.
    public func becomeUnready() { ready.store(false, ordering: .relaxed) }

    /// Jobs end with what they have proved, and whoever waits for them is answered. No job starts any more.
    public func stopJobs() { jobs.stop() }

    /// Running computations are told to stop, and the threads end once they have.
    public func stop() {
        stopping.store(true, ordering: .relaxed)
        workers.stop()
    }

    var isReady: Bool { ready.load(ordering: .relaxed) }
    var isStopping: Bool { stopping.load(ordering: .relaxed) }
    var serverStatistics: ServerStatistics? { statistics.withLock { $0 }.flatMap { $0() } }
    var allRequestMetrics: [RequestMetrics] { routes.routes.map(\.metrics) + [unrouted] }

    // MARK: Requests

    public func gate(_ head: RequestHead) -> Response? {
        guard let match = routes.match(head) else {
            if head.method == .options, head.rawPath == "*" {
                return Response(status: 204, headers: [("Allow", "DELETE, GET, HEAD, OPTIONS, POST, PUT")])
            }
            return Answer.problem(.notFound, requestID: head.requestID)
        }
        if head.method == .options { return Response(status: 204, headers: [("Allow", match.route.allow)]) }
        guard let operation = match.route.operation(for: head.method) else {
            return Answer.problem(
                Problem(
                    status: 405, code: "method-not-allowed",
                    detail: "\(match.route.template) takes \(match.route.allow).",
                    headers: [("Allow", match.route.allow)]), requestID: head.requestID)
        }
        // What a client sends without a type is taken for the first one of the operation.
        if !operation.consumes.isEmpty, !head.isContent(ofOneOf: operation.consumes) {
            let field = head.header("content-type") ?? ""
            let types = operation.consumes.joined(separator: ", ")
            return Answer.problem(
                Problem(
                    status: 415, code: "unsupported-media-type",
                    detail: "The body's Content-Type is '\(field)'; this route takes \(types).",
                    headers: [("Accept", types)]), requestID: head.requestID)
        }
        if !operation.produces.isEmpty, head.accepts(operation.produces) == nil {
            return Answer.problem(
                Problem(
                    status: 406, code: "not-acceptable",
                    detail: "This route answers \(operation.produces.joined(separator: ", "))."),
                requestID: head.requestID)
        }
        return nil
    }

    /// What takes no body, as the cancelling of a job, is asked for without one.
    public func needsBody(_ head: RequestHead) -> Bool {
        guard let operation = routes.match(head)?.route.operation(for: head.method) else { return false }
        return !operation.consumes.isEmpty
    }

    public func respond(to request: Request, on exchange: Exchange) {
        let head = request.head
        guard let match = routes.match(head), let operation = match.route.operation(for: head.method) else {
            exchange.respond(Answer.problem(.notFound, requestID: head.requestID))
            return
        }
        let cancellation = Cancellation(
            deadline: Moment.now.advanced(bySeconds: configuration.synchronousSeconds)
        ) { [weak self, weak exchange] in
            (self?.isStopping ?? true) || (exchange?.isAborted ?? false)
        }
        let call = Call(
            service: self, head: head, parameters: match.parameters, body: request.body,
            cancellation: cancellation, answers: head.accepts(operation.produces) ?? "application/json")
        switch operation.run {
        case .immediate(let action):
            exchange.respond(answer(head) { try action(call) })
        case .preferably(let kind, let action):
            let preference = Preference(head)
            guard preference.allowsJob else {
                submit(exchange, head) { try action(call) }
                return
            }
            do {
                try DeferredComputation.run(
                    call, exchange, kind: kind, preference: preference, action: action)
            } catch {
                exchange.respond(failure(error, head))
            }
        case .deferred(let action):
            do { try action(call, exchange) } catch { exchange.respond(failure(error, head)) }
        case .computed(let action):
            submit(exchange, head) { try action(call) }
        case .adaptive(let action):
            guard request.body.count <= Self.inlineBodyBytes else {
                submit(exchange, head) {
                    switch try action(call) {
                    case .now(let response): response
                    case .later(let work): try work()
                    }
                }
                return
            }
            do {
                switch try action(call) {
                case .now(let response): exchange.respond(response)
                case .later(let work): submit(exchange, head, work)
                }
            } catch {
                exchange.respond(failure(error, head))
            }
        }
    }

    /// Bodies up to this size are parsed on the server's thread: some tens of microseconds.
    static let inlineBodyBytes = 16 << 10

    /// Answers on a thread that computes.
    func submit(
        _ exchange: Exchange, _ head: RequestHead, _ work: @escaping @Sendable () throws -> Response
    ) {
        let accepted = workers.submit { [self] in
            // Whoever hung up while the request was queued gets no computation.
            guard !exchange.isAborted else { return }
            exchange.respond(answer(head, work))
        }
        guard !accepted else { return }
        rejected.count(.queueFull)
        exchange.respond(
            Answer.problem(
                .saturated(
                    "\(configuration.queueCapacity) requests are waiting for the \(configuration.workers) "
                        + "threads that compute."),
                requestID: head.requestID))
    }

    private func answer(_ head: RequestHead, _ work: () throws -> Response) -> Response {
        do { return try work() } catch { return failure(error, head) }
    }

    private func failure(_ error: any Error, _ head: RequestHead) -> Response {
        Answer.problem(problem(of: error, head), requestID: head.requestID)
    }

    /// What an error means to the client; the unexpected ones are logged.
    func problem(of error: any Error, _ head: RequestHead) -> Problem {
        switch error {
        case let error as Problem: return error
        case let error as JSONFault: return Problem(error)
        default:
            logger.error(
                "unexpected error", metadata: ["error": "\(error)", "requestId": "\(head.requestID)"])
            return Problem(
                status: 500, code: "internal-error",
                detail: "The service met an error that it did not expect.")
        }
    }

    public func problem(status: Int, code: String, detail: String, head: RequestHead?) -> Response {
        rejected.count(.protocol)
        let headers = status == 503 ? [(name: "Retry-After", value: "1")] : []
        return Answer.problem(
            Problem(status: status, code: code, detail: detail, headers: headers), requestID: head?.requestID)
    }

    public func finished(_ summary: RequestSummary) {
        let metrics = routes.match(summary.head)?.route.metrics ?? unrouted
        let seconds =
            Double(summary.duration.components.seconds) + Double(summary.duration.components.attoseconds)
            / 1e18
        metrics.record(method: summary.method.rawValue, code: summary.status ?? 0, seconds: seconds)
        guard logsRequests, metrics.route != "/livez", metrics.route != "/readyz", metrics.route != "/metrics"
        else {
            return
        }
        guard logger.logLevel <= .info else { return }
        var metadata: Logger.Metadata = [
            "method": "\(summary.method.rawValue)", "target": "\(summary.rawTarget)",
            "status": "\(summary.status ?? 0)", "seconds": "\(seconds)", "bytesIn": "\(summary.bytesIn)",
            "bytesOut": "\(summary.bytesOut)", "requestId": "\(summary.requestID)",
        ]
        if let trace = summary.traceParent {
            metadata["traceId"] = "\(trace.traceID)"
            metadata["parentId"] = "\(trace.parentID)"
        }
        if summary.clientAborted { metadata["clientAborted"] = "true" }
        if summary.timedOut { metadata["timedOut"] = "true" }
        logger.info("request", metadata: metadata)
    }
}

extension Problem {
    init(_ fault: JSONFault) {
        self.init(
            status: fault.kind == .syntax ? 400 : 422, code: fault.code, detail: fault.detail,
            faults: fault.places.map { Fault(pointer: $0.pointer, detail: $0.detail) })
    }
}
