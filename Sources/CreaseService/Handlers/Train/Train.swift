internal import ExactArithmetic
internal import ExactTraining
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PiecewiseLinear
internal import ReLUNetworks

/// `POST /v1/train`: a globally optimal network for data, by a job.
enum TrainOperation {
    static func run(_ call: Call) throws -> Response {
        let request = try TrainRequest(call)
        let record = TrainingJobRecord()
        let service = call.service
        let requestID = call.head.requestID
        return try JobCreation.accept(
            call, kind: "train", bytes: call.body.count, attachment: record
        ) { [weak service] context in
            guard let service else { return .cancelled(nil) }
            return TrainingWork(request: request, record: record, service: service, context: context).run(
                requestID: requestID)
        }
    }
}

/// The work of one training job.
struct TrainingWork {
    let request: TrainRequest
    let record: TrainingJobRecord
    let service: CreaseApplication
    let context: JobContext

    func run(requestID: String) -> JobOutcome {
        do {
            let document = finish(try train())
            return context.isCancelled ? .cancelled(document) : .succeeded(document)
        } catch {
            var problem =
                (error as? TrainingFault).map { TrainRequest.problem($0) } ?? (error as? Problem)
                ?? Problem(
                    status: 500, code: "internal-error",
                    detail: "The service met an error that it did not expect.")
            if problem.code == Problem.cancelled.code {
                if context.isCancelled { return .cancelled(nil) }
                problem = Problem(
                    status: 503, code: "time-limit",
                    detail: "The job passed the server's limit on a job's time.")
            }
            var writer = JSONWriter()
            writer.problem(problem, requestID: requestID)
            return .failed(problem: writer.array())
        }
    }

    private static let leastCertificateSeconds = 5.0

    // MARK: Searching

    private func train() throws -> TrainedNetwork {
        let isCancelled: @Sendable () -> Bool = { [context] in context.shouldStop }
        switch request.task {
        case .line(let regression):
            let started = Moment.now
            let fit = regression.solve(isCancelled: isCancelled)
            return try TrainedNetwork(
                fit, regression.problem, request.options, seconds: Moment.now.seconds(since: started))
        case .network(let problem), .pieces(let problem):
            var trained = TrainedNetwork(
                try ExactTraining.train(
                    problem, options: request.options, progress: { report($0) }, cancelled: isCancelled),
                problem, request.options)
            if request.wantsCertificate {
                // Whoever limits the search's time gets a certificate in as much time again, or a few seconds.
                let end = Moment.now.advanced(
                    bySeconds: max(Self.leastCertificateSeconds, request.options.timeLimit ?? .infinity))
                trained.certify(maximumBytes: service.configuration.maximumCertificateBytes) {
                    isCancelled() || Moment.now >= end
                }
            }
            if case .pieces = request.task { trained.compile(isCancelled: isCancelled) }
            return trained
        }
    }

    private func report(_ progress: TrainingProgress) {
        record.add(
            TrainingJobRecord.Sample(
                seconds: progress.elapsedSeconds, lowerBound: progress.lowerBound,
                upperBound: progress.upperBound))
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("lowerBound", progress.lowerBound)
        writer.member("upperBound", progress.upperBound)
        writer.member("relativeGap", progress.relativeGap)
        writer.member("nodesExplored", progress.nodesExplored)
        writer.member("openNodes", progress.openNodes)
        writer.member("elapsedSeconds", progress.elapsedSeconds)
        writer.endObject()
        context.report(writer.array())
    }

    // MARK: The answer

    private func finish(_ trained: TrainedNetwork) -> [UInt8] {
        var writer = JSONWriter(capacity: 4096)
        writer.beginObject()
        writer.key("network")
        writer.network(trained.network, threads: 1)
        if request.isSegmented, let function = trained.function { writer.segments(function) }
        writer.member("loss", trained.loss)
        writer.member("lowerBound", trained.lowerBound)
        writer.member("relativeGap", trained.relativeGap)
        writer.member("optimal", trained.isOptimal)
        writer.member("method", trained.method == .enumeration ? "enumeration" : "branch-and-bound")
        writer.member("nodesExplored", trained.nodesExplored)
        writer.member("elapsedSeconds", trained.elapsedSeconds)
        if request.wantsCertificate {
            writer.member("certificate", trained.certificate != nil)
            if let reason = trained.certificateRefusal { writer.member("certificateRefusal", reason) }
        }
        if let name = request.store { store(trained.network, name, &writer) }
        writer.endObject()
        record.finish(
            TrainingJobRecord.Fit(
                problem: trained.problem, network: trained.network, function: trained.function,
                loss: trained.loss, lowerBound: trained.lowerBound, isOptimal: trained.isOptimal),
            certificate: trained.certificate,
            last: TrainingJobRecord.Sample(
                seconds: trained.elapsedSeconds, lowerBound: trained.lowerBound, upperBound: trained.loss))
        return writer.array()
    }

    /// A store that is full takes nothing from the result: it is said beside it.
    private func store(_ network: Network<Double>, _ name: String, _ writer: inout JSONWriter) {
        do {
            _ = try NetworksOperation.store(ServedNetwork(network), as: name, if: .none, service)
            writer.member("stored", name)
        } catch {
            writer.member("notStored", (error as? Problem)?.detail ?? "The network was not stored.")
        }
    }
}

extension JSONWriter {
    /// The function as requests take it, and its segments by themselves.
    fileprivate mutating func segments(_ function: PiecewiseLinearFunction) {
        key("function")
        self.function(function, exact: false)
        key("segments")
        beginObject()
        member("pieces", function.pieces)
        key("breakpoints")
        vector(function.breakpoints, exact: false)
        key("values")
        vector(function.valuesAtBreakpoints(), exact: false)
        key("slopes")
        vector(function.slopes, exact: false)
        endObject()
    }
}
