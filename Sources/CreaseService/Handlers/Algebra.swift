internal import Compilation
internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import PieceCounting
internal import ReLUNetworks

/// `POST /v1/algebra`: networks of networks.
enum AlgebraOperation {
    private enum Kind: String {
        case compose, sum, maximum, minimum, difference, restrict, shallow, simplify

        /// What a lemma promises of the result.
        func figures(_ networks: [Network<Rational>]) -> ClosureFigures {
            switch self {
            case .compose: .composition(networks)
            case .sum, .difference: .sum(networks)
            case .maximum, .minimum: .extremum(networks)
            case .restrict, .shallow, .simplify: .same(networks[0])
            }
        }
    }

    private static let maximumNetworks = 1000

    static func run(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let kind = try reader.required("operation").choice([
            "compose": Kind.compose, "sum": .sum, "maximum": .maximum, "minimum": .minimum,
            "difference": .difference, "restrict": .restrict, "shallow": .shallow, "simplify": .simplify,
        ])
        let networksValue = try reader.required("networks")
        let coefficientsValue = reader.optional("coefficients")
        let subspaceValue = reader.optional("subspace")
        let fewerLayersValue = reader.optional("fewerLayers")
        let fewerLayers = try fewerLayersValue?.boolean() ?? false
        let outputBias = try reader.optional("outputBias")?.boolean() ?? true
        let isExact = try reader.isExactArithmetic()
        let reading = try reader.numberReading(default: .binary64)
        let name = try StoreMember(reader.optional("store"))
        try reader.finish()

        let decoding = NetworkDecoding(service: call.service, reading: reading)
        let values = try networksValue.elements()
        guard !values.isEmpty, values.count <= maximumNetworks else {
            throw Problem.limit(
                "networks", maximumNetworks, at: networksValue.pointer, "From 1 network on are expected")
        }
        let networks = try values.map { try decoding.network($0).exact }
        if coefficientsValue != nil, kind != .sum {
            throw Problem.unprocessable(
                "unknown-member", at: "#/coefficients", "Only the operation 'sum' takes coefficients.")
        }
        let coefficients = try coefficientsValue.map { value in
            let numbers = try value.numbers()
            guard numbers.count == networks.count else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: numbers.pointer,
                    "\(numbers.count) coefficients come with \(networks.count) networks.")
            }
            return try ExactNumbers.rationals(numbers, .decimal)
        }
        if let fewerLayersValue, kind != .simplify {
            throw Problem.unprocessable(
                "unknown-member", at: fewerLayersValue.pointer,
                "Only the operation 'simplify' takes 'fewerLayers'.")
        }
        let subspace = try subspaceValue.map { try self.subspace($0) }
        if let subspaceValue, kind != .restrict {
            throw Problem.unprocessable(
                "unknown-member", at: subspaceValue.pointer, "Only the operation 'restrict' takes a subspace."
            )
        }
        if kind == .shallow || kind == .simplify || kind == .restrict, networks.count != 1 {
            throw Problem.unprocessable(
                "shape-mismatch", at: networksValue.pointer, "'\(kind.rawValue)' takes exactly one network.")
        }
        if kind == .shallow {
            return try shallow(networks[0], outputBias: outputBias, isExact: isExact, name: name, call)
        }
        let algebra = NetworkAlgebra(
            maximumParameters: call.service.configuration.maximumParameters,
            cancelled: call.cancellation.closure)
        let result: Network<Rational>
        do {
            switch kind {
            case .compose: result = try algebra.compose(networks)
            case .sum: result = try algebra.sum(networks, coefficients: coefficients)
            case .maximum: result = try algebra.maximum(networks)
            case .minimum: result = try algebra.minimum(networks)
            case .difference: result = try algebra.difference(networks)
            case .restrict:
                guard let subspace else {
                    throw Problem.unprocessable(
                        "missing-member", at: "#/subspace", "'restrict' needs the member 'subspace'.")
                }
                result = try algebra.restrict(networks[0], to: subspace)
            case .simplify, .shallow:
                result = try algebra.simplify(networks[0], fewerLayers ? .fewerLayers : .sameDepth)
            }
        } catch let error as AlgebraError {
            throw problem(error, networksValue.pointer)
        }
        if call.answers == "image/svg+xml" { return try NetworkPicture.of(result, call) }
        let answer = try ComputedNetwork(result)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("network")
        writer.computed(answer, exact: isExact, threads: call.service.configuration.workers)
        writer.key("report")
        writer.beginObject()
        writer.member("operation", kind.rawValue)
        writer.member("inputDimension", result.inputs)
        writer.member("outputDimension", result.outputs)
        writer.shape(hiddenLayers: result.hiddenLayers, width: result.width, size: result.size)
        writer.key("lemma")
        writer.closureFigures(kind.figures(networks))
        writer.member("exact", true)
        writer.member("rounded", !isExact && !answer.isRoundedExact)
        writer.endObject()
        try name.store(answer, exact: isExact, &writer, call.service)
        writer.endObject()
        return Answer.json(writer.finish())
    }

    /// `{"origin": […], "directions": [[…], …]}`: the points origin + Σ t_i directions[i].
    private static func subspace(_ value: JSONValue) throws -> AffineSubspace {
        var reader = try ObjectReader(value)
        let origin = try reader.required("origin").numbers()
        let directions = try reader.required("directions").matrix()
        try reader.finish()
        guard directions.rows == 0 || directions.columns == origin.count else {
            throw Problem.unprocessable(
                "shape-mismatch", at: "\(directions.pointer)/0",
                "A direction has \(directions.columns) entries where the origin has \(origin.count).")
        }
        guard directions.rows > 0 else {
            throw Problem.unprocessable(
                "empty", at: directions.pointer, "At least one direction is expected.")
        }
        let values = try ExactNumbers.rationals(directions, .decimal)
        return AffineSubspace(
            origin: try ExactNumbers.rationals(origin, .decimal),
            directions: (0..<directions.rows).map {
                Array(values[$0 * directions.columns..<($0 + 1) * directions.columns])
            })
    }

    /// The minimal one-hidden-layer equal of a network of one variable.
    private static func shallow(
        _ network: Network<Rational>, outputBias: Bool, isExact: Bool, name: StoreMember, _ call: Call
    ) throws -> Response {
        guard network.inputs == 1, network.outputs == 1 else {
            throw Problem.unprocessable(
                "unsupported-dimension", at: "#/networks/0",
                "'shallow' is for networks of one input and one output; this one has \(network.inputs) and "
                    + "\(network.outputs).")
        }
        if call.answers == "image/svg+xml" { return try NetworkPicture.of(network, call) }
        let configuration = call.service.configuration
        let pieces: LinePieces
        do {
            pieces = try LinePieceCounting.list(
                network,
                limits: CountingLimits(
                    maximumCells: min(configuration.maximumCells, configuration.maximumBreakpoints),
                    maximumBytes: configuration.maximumWorkBytes),
                isCancelled: call.cancellation.closure)
        } catch {
            throw PiecesOperation.problem(error)
        }
        return try CompileOperation.answer(
            function: pieces.function(), at: "#/networks/0", outputBias: outputBias, isExact: isExact,
            name: name, call)
    }

    private static func problem(_ error: AlgebraError, _ pointer: String) -> Problem {
        switch error {
        case .cancelled: .cancelled
        case .noNetworks: .unprocessable("empty", at: pointer, "At least one network is expected.")
        case .inputsDisagree(let index):
            .unprocessable(
                "shape-mismatch", at: "\(pointer)/\(index)",
                "This network has another number of inputs than the first one.")
        case .outputsDisagree(let index):
            .unprocessable(
                "shape-mismatch", at: "\(pointer)/\(index)",
                "This network has another number of outputs than the first one.")
        case .notComposable(let index):
            .unprocessable(
                "shape-mismatch", at: "\(pointer)/\(index)",
                "This network does not take as many inputs as the next one has outputs.")
        case .coefficientsDisagree:
            .unprocessable("shape-mismatch", at: "#/coefficients", "One coefficient a network is expected.")
        case .subspaceDisagrees:
            .unprocessable("shape-mismatch", at: pointer, "The subspace is not in the network's input space.")
        case .tooLarge(let parameters, let limit):
            .limit(
                "maximumParameters", limit, at: pointer,
                "The result would have \(parameters) weights and biases")
        }
    }
}

/// A network that the service computed: exact, and rounded for runtimes.
struct ComputedNetwork {
    let exact: Network<Rational>
    let rounded: Network<Double>
    let isRoundedExact: Bool

    /// - Throws: `out-of-range` where an entry is beyond binary64.
    init(_ network: Network<Rational>) throws {
        let (rounded, isExact, isFinite) = network.roundedReportingExactness()
        guard isFinite else {
            throw Problem(
                status: 422, code: "out-of-range",
                detail: "A weight of the resulting network is beyond the range of binary64.")
        }
        exact = network
        self.rounded = rounded
        isRoundedExact = isExact
    }
}

extension JSONWriter {
    mutating func computed(_ network: ComputedNetwork, exact: Bool, threads: Int) {
        if exact && !network.isRoundedExact {
            self.network(network.exact)
        } else {
            self.network(network.rounded, threads: threads)
        }
    }

    mutating func closureFigures(_ figures: ClosureFigures) {
        beginObject()
        member("hiddenLayers", figures.hiddenLayers)
        if let size = figures.size { member("size", size) }
        member("source", figures.source)
        endObject()
    }

    mutating func shape(hiddenLayers: Int, width: Int, size: Int) {
        member("hiddenLayers", hiddenLayers)
        member("depth", hiddenLayers + 1)
        member("width", width)
        member("size", size)
    }
}

/// `"store": name`: keeps the answered network under a name.
struct StoreMember {
    let name: String?

    init(_ value: JSONValue?) throws {
        guard let value else {
            name = nil
            return
        }
        let text = try value.string()
        guard NetworkStore.isName(text) else {
            throw Problem.unprocessable(
                "invalid-name", at: value.pointer,
                "A name has 1 to 128 of the characters A-Z a-z 0-9 . _ - and begins with a letter or digit.")
        }
        name = text
    }

    /// Stores what is answered, exact or rounded, and writes the member `stored`.
    func store(
        _ network: ComputedNetwork, exact: Bool, _ writer: inout JSONWriter, _ service: CreaseApplication
    ) throws {
        guard let name else { return }
        let served =
            exact && !network.isRoundedExact
            ? ServedNetwork(exact: network.exact, rounded: network.rounded, isRoundedExact: false)
            : ServedNetwork(network.rounded)
        _ = try NetworksOperation.store(served, as: name, if: .none, service)
        writer.member("stored", name)
    }
}
