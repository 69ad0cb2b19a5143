internal import Compilation
internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// The pieces of a posted function of several variables: from its own description where that tells them, else those of a
/// network that equals it everywhere.
struct FunctionPieces {
    let function: DecodedFunction
    /// Of the function.
    let pointer: String
    let definition: PieceDefinition
    let call: Call
    private let progress: CompileProgress

    init(function: DecodedFunction, pointer: String, definition: PieceDefinition, call: Call) {
        self.function = function
        self.pointer = pointer
        self.definition = definition
        self.call = call
        progress = CompileProgress(call)
    }

    func answer(on box: InputBox?, form: PiecesAnswer) throws -> Response {
        if definition == .activation, !isNetwork {
            throw Problem.unprocessable(
                "definition-not-available", at: "#/definition",
                "A function has no activation patterns; compile it, and count the network.")
        }
        if isNetwork { return try space(on: box).answer(form) }
        if box == nil, form.list == nil, let counts = try ownCounts() {
            return try form.response(count(counts))
        }
        if isCutAsPosted || isTriedAsPosted {
            do { return try form.response(listed(on: box, form)) } catch let problem as Problem
                where problem.code == "limit-exceeded" && isWhole
            {}
        }
        return try space(on: box).answer(form)
    }

    func picture(on box: InputBox?) throws -> Response {
        if let box, function.variables == 2, isCutAsPosted || isTriedAsPosted {
            do { return try picture(within: box) } catch let problem as Problem
                where problem.code == "limit-exceeded" && isWhole
            {}
        }
        guard box == nil else { return try space(on: box).picture() }
        let counts = try ownCounts() ?? (isCutAsPosted ? cells(on: nil).counts : nil)
        let pieces = counts.flatMap { count($0).counts[definition] }.flatMap { Int($0.description) }
        return try CompilePicture.of(function, at: pointer, pieces: pieces, call)
    }

    /// The number of pieces where it is found within so many cells; `nil` elsewhere.
    func pieces(maximumCells: Int) throws -> Int? {
        guard isSmall else { return nil }
        do {
            let pieces = try PolyhedralPieces(
                of: function.expression, maximumCells: maximumCells, threads: threads,
                progress: { progress.report($0, $1) }, isCancelled: call.cancellation.closure)
            return pieces.counts.level
        } catch {
            if case .cancelled = error { throw Problem.cancelled }
            return nil
        }
    }

    /// Whether the function is given on all of R^n.
    private var isWhole: Bool { ManyDimensionalCompiler.restriction(of: function.expression) == nil }

    private var isNetwork: Bool {
        if case .network = function.expression { return true }
        return false
    }

    /// Whether cells are those of the function's own description: for what is given on polyhedra, and maxima.
    private var isCutAsPosted: Bool {
        switch function.expression {
        case .maxAffine: isSmall
        case .regions, .simplicial: true
        default: !isWhole
        }
    }

    /// Whether the function's own description is tried first: of a sum of maxima it tells far fewer polyhedra than there are cells
    /// of a network, and in far less time.
    private var isTriedAsPosted: Bool { isSmall }

    /// The most cells of the function's own description; where a network can tell as well, no more than take seconds.
    private var maximumCells: Int {
        let limit = call.service.configuration.maximumCompilationCells
        if isCutAsPosted { return limit }
        return min(limit, function.variables <= 4 ? Self.triedCells : Self.triedCells / 5)
    }

    private static let triedCells = 5000

    /// Whether cutting all of space by all affine functions, each against each, takes seconds at most.
    private var isSmall: Bool {
        function.variables <= 6 && Self.affineFunctions(in: function.expression) <= 400
    }

    /// Affine functions that are compared with each other; polyhedra are cut one by one.
    private static func affineFunctions(in function: FunctionExpression) -> Int {
        switch function {
        case .maxAffine(let pieces): pieces.count
        case .signedMax(let terms): terms.reduce(0) { $0 + $1.pieces.count }
        case .lattice(let pieces, let selections): selections.reduce(pieces.count) { $0 + $1.count }
        case .simplicial, .regions: 0
        case .oneDimensional(let function): function.slopes.count
        case .sum(let terms): terms.reduce(0) { $0 + affineFunctions(in: $1.function) }
        case .maximum(let functions), .minimum(let functions):
            functions.reduce(functions.count) { $0 + affineFunctions(in: $1) }
        case .absolute(let function): 1 + affineFunctions(in: function)
        case .composition(let outer, let inner):
            inner.reduce(affineFunctions(in: outer)) { $0 + affineFunctions(in: $1) }
        case .network(let layers): layers.reduce(0) { $0 + $1.bias.count }
        }
    }

    private func space(on box: InputBox?) throws -> SpacePieces {
        let network: Network<Rational>
        if case .network(let layers) = function.expression {
            network = Network(
                layers: layers.map { layer in
                    AffineLayer(
                        inputs: layer.weights.first?.count ?? 0, outputs: layer.weights.count,
                        weights: Array(layer.weights.joined()), bias: layer.bias)
                })
        } else {
            network = try compiled()
        }
        let (rounded, isRoundedExact, _) = network.roundedReportingExactness()
        return SpacePieces(
            network: ServedNetwork(exact: network, rounded: rounded, isRoundedExact: isRoundedExact),
            box: box, definition: definition, call: call, isFunction: !isNetwork)
    }

    private var threads: Int { call.service.configuration.threadsPerJob }

    private func compiled() throws -> Network<Rational> {
        do {
            return try ManyDimensionalCompiler.compile(
                function.expression, options: call.service.configuration.compilation,
                progress: { progress.report($0, $1) }, isCancelled: call.cancellation.closure
            ).network
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
    }

    private func ownCounts() throws -> FunctionPieceCounts? {
        do {
            return try ManyDimensionalCompiler.pieces(
                of: function.expression, maximumCells: call.service.configuration.maximumCompilationCells,
                threads: threads, isCancelled: call.cancellation.closure)
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
    }

    private func cells(on box: InputBox?) throws -> PolyhedralPieces {
        let pieces: PolyhedralPieces
        do {
            pieces = try PolyhedralPieces(
                of: function.expression,
                in: box.map { box in zip(box.lower, box.upper).map { $0...$1 } },
                maximumCells: maximumCells, threads: threads,
                progress: { progress.report($0, $1) }, isCancelled: call.cancellation.closure)
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
        guard pieces.cellCount > 0 else {
            throw Problem.unprocessable(
                "empty-domain", at: box == nil ? pointer : "#/domain",
                box == nil
                    ? "The parts of the function are given nowhere together."
                    : "The function is not given in the inside of this box.")
        }
        return pieces
    }

    private func listed(on box: InputBox?, _ form: PiecesAnswer) throws -> PieceCount {
        let pieces = try cells(on: box)
        guard let list = form.list else { return count(pieces.counts) }
        let numbers =
            switch definition {
            case .affine: pieces.affine
            case .open: pieces.open
            case .closed: pieces.closed
            case .level, .activation: pieces.level
            }
        let start = min(list.start, pieces.cellCount)
        let end = start + min(list.limit, pieces.cellCount - start)
        let regions = (start..<end).map { index in
            let region = pieces.region(index)
            return PieceRegion(
                piece: numbers[index], halfSpaces: region.halfSpaces, vertices: region.vertices,
                rays: region.rays, gradients: [region.function.gradient],
                intercepts: [region.function.intercept])
        }
        return count(pieces.counts, regions: regions, listTruncated: end < pieces.cellCount)
    }

    private func count(
        _ counts: FunctionPieceCounts, regions: [PieceRegion]? = nil, listTruncated: Bool = false
    ) -> PieceCount {
        PieceCount(
            dimension: function.variables,
            counts: [
                .affine: BigInteger(counts.affine), .open: BigInteger(counts.open),
                .closed: BigInteger(counts.closed), .level: BigInteger(counts.level),
            ], method: .listing, regions: regions, listTruncated: listTruncated)
    }

    private func picture(within box: InputBox) throws -> Response {
        let pieces = try cells(on: box)
        guard pieces.cellCount <= SpacePieces.maximumPictureCells else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows at most \(SpacePieces.maximumPictureCells) cells.")
        }
        let cells = (0..<pieces.cellCount).map { index in
            let region = pieces.region(index)
            let corners = SpacePieces.corners(region.vertices)
            return PlanePicture.Cell(corners: corners, piece: pieces.affine[index])
        }
        let affine = pieces.counts.affine
        let number = count(pieces.counts).counts[definition].flatMap { Int($0.description) } ?? affine
        return try SpacePieces.picture(
            title: "\(counted(number, "piece")), \(counted(affine, "affine map"))", cells: cells, on: box)
    }
}
