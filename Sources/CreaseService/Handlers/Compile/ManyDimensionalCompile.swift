internal import Compilation
internal import ExactArithmetic
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks
internal import Synchronization

/// The compilation of a function of several variables, and its answer.
struct ManyDimensionalCompile {
    let function: DecodedFunction
    /// Of the function.
    let pointer: String
    let objective: ManyDimensionalOptions.Objective
    let outputBias: Bool
    let isExact: Bool
    let name: StoreMember
    let call: Call
    let progress: CompileProgress

    func answer() throws -> Response {
        var compilation = try compile()
        let network = compilation.network
        let (rounded, isRoundedExact, isRepresentable) = network.roundedReportingExactness()
        guard isExact || isRepresentable else {
            throw Problem.unprocessable(
                "overflow", at: pointer,
                "A weight is beyond the range of binary64; \"arithmetic\": \"exact\" has no such limit.")
        }
        if compilation.report.pieces == nil {
            compilation.report.pieces = try pieces(of: compilation, rounded, isRoundedExact)
        }
        var writer = JSONWriter(capacity: 1024 + 24 * network.parameters)
        writer.beginObject()
        writer.key("network")
        if isExact {
            writer.network(network)
        } else {
            writer.network(rounded, threads: call.service.configuration.workers)
        }
        writer.key("report")
        writer.report(
            compilation, rounded: isExact ? nil : rounded, isRoundedExact: isRoundedExact, function.expression
        )
        if let text = name.name {
            let computed = try ComputedNetwork(network)
            let served =
                isExact
                ? ServedNetwork(
                    exact: computed.exact, rounded: computed.rounded, isRoundedExact: computed.isRoundedExact)
                : ServedNetwork(rounded)
            _ = try NetworksOperation.store(served, as: text, if: .none, call.service)
            writer.member("stored", text)
        }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    /// Functions on polyhedra are cut as they were posted; small networks that equal the function everywhere are counted.
    private func pieces(
        of compilation: ManyDimensionalCompilation, _ rounded: Network<Double>, _ isRoundedExact: Bool
    ) throws -> Int? {
        guard compilation.report.exact else { return nil }
        progress.report("counting", 0)
        let isWhole = ManyDimensionalCompiler.restriction(of: function.expression) == nil
        let own = FunctionPieces(
            function: function, pointer: pointer, definition: .level, call: call.withoutProgress)
        if case .regions = function.expression { return try own.pieces(maximumCells: Self.countedCells) }
        guard isWhole else { return try own.pieces(maximumCells: Self.countedCells) }
        // By linear programs a cell costs about a hundred times as much as by rays.
        let limit = function.variables <= 4 ? Self.countedCells : Self.countedCells / 10
        let counted = try SpacePieces(
            network: ServedNetwork(
                exact: compilation.network, rounded: rounded, isRoundedExact: isRoundedExact),
            box: nil, definition: .level, call: call.withoutProgress, isFunction: true
        ).pieces(maximumCells: limit)
        // The network may have far more cells than the function has parts.
        return try counted.flatMap { Int($0.description) } ?? own.pieces(maximumCells: limit / 10)
    }

    /// Functions of more cells are not counted along with a compilation.
    private static let countedCells = 5000

    private func compile() throws -> ManyDimensionalCompilation {
        var options = call.service.configuration.compilation
        options.objective = objective
        options.outputBias = outputBias
        do {
            return try ManyDimensionalCompiler.compile(
                function.expression, options: options, progress: { progress.report($0, $1) },
                isCancelled: call.cancellation.closure)
        } catch {
            throw Self.problem(error, pointer)
        }
    }

    static func problem(_ fault: ManyDimensionalFault, _ pointer: String) -> Problem {
        switch fault {
        case .cancelled: .cancelled
        case .dimensionsDisagree:
            .unprocessable(
                "shape-mismatch", at: pointer, "Parts of the function have different numbers of variables.")
        case .tooManyParameters(let limit):
            .limit("maximumParameters", limit, at: pointer, "The network would have more weights and biases")
        case .tooManyUnits(let limit):
            .limit("maximumCompilationUnits", limit, at: pointer, "The construction takes more units")
        case .tooManyCells(let limit, let reached):
            .limit(
                "maximumCompilationCells", limit, at: pointer,
                "The function is cut into more cells, or ones with more corners; \(reached) cells were found by then"
            )
        case .domainNotConvex:
            .unprocessable("gap", at: pointer, "This construction needs a function on a convex domain.")
        case .discontinuous:
            .unprocessable(
                "discontinuous", at: pointer,
                "Regions that disagree within a tolerance are compiled by themselves only, and where they have a "
                    + "lattice form within a bound of them.")
        }
    }
}

extension ServiceConfiguration {
    /// For few nodes, within the limits.
    var compilation: ManyDimensionalOptions {
        ManyDimensionalOptions(
            maximumParameters: maximumParameters, maximumUnits: maximumCompilationUnits,
            maximumCells: maximumCompilationCells, threads: threadsPerJob)
    }
}

/// Tells a job's followers how far a compilation is, at most ten times a second and whenever the phase changes.
final class CompileProgress: Sendable {
    private let call: Call
    private let started = Moment.now
    private let last = Mutex((phase: "", time: Moment.now))

    init(_ call: Call) {
        self.call = call
    }

    func report(_ phase: String, _ fraction: Double) {
        guard call.isJob else { return }
        let now = Moment.now
        let isDue = last.withLock { last in
            guard last.phase != phase || now.seconds(since: last.time) > 0.1 else { return false }
            last = (phase, now)
            return true
        }
        guard isDue else { return }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("phase", phase)
        writer.member("fraction", min(max(fraction.isFinite ? fraction : 0, 0), 1))
        writer.member("elapsedSeconds", now.seconds(since: started))
        writer.endObject()
        call.report(writer.array())
    }
}

extension Call {
    /// The same request, whose parts do not report.
    fileprivate var withoutProgress: Call {
        Call(
            service: service, head: head, parameters: parameters, body: body, cancellation: cancellation,
            answers: answers, isJob: isJob)
    }
}

extension JSONWriter {
    /// - Parameter rounded: the answered network, where it is not the exact one.
    mutating func report(
        _ compilation: ManyDimensionalCompilation, rounded: Network<Double>?, isRoundedExact: Bool,
        _ function: FunctionExpression
    ) {
        let report = compilation.report
        beginObject()
        member("inputDimension", report.inputDimension)
        key("pieces")
        if let pieces = report.pieces { integer(pieces) } else { null() }
        member("hiddenLayers", report.hiddenLayers)
        member("depth", report.depth)
        member("width", report.width)
        member("size", report.size)
        member("sizeLowerBound", report.sizeLowerBound)
        member("minimal", report.minimal.rawValue)
        member("depthBound", report.depthBound)
        member("theorem", report.theorem)
        member("domain", report.domain)
        member("exact", report.exact)
        member("rounded", rounded != nil && !isRoundedExact)
        key("maximumDeviation")
        rational(report.maximumDeviation, exact: rounded == nil)
        let box = report.box
        key("maximumRoundingError")
        if let rounded {
            if let box, let bound = RoundingErrorBound.bound(of: rounded, for: compilation.network, on: box) {
                double(bound)
            } else {
                null()
            }
        } else {
            double(0)
        }
        key("roundingErrorDomain")
        if let box {
            beginObject()
            key("lower")
            vector(box.map(\.lowerBound), exact: rounded == nil)
            key("upper")
            vector(box.map(\.upperBound), exact: rounded == nil)
            endObject()
        } else {
            null()
        }
        endObject()
    }
}
