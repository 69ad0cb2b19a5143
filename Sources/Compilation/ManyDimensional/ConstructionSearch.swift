internal import ExactArithmetic
internal import PiecewiseLinear
internal import ReLUNetworks

/// Tries the constructions that fit a function and keeps the network of fewest nodes.
struct ConstructionSearch {
    /// A circuit that computes the function, and why.
    struct Candidate {
        var circuit: ReLUCircuit
        var output: AffineForm
        var theorem: String
        var maximumDeviation: Rational = .zero
        /// Affine functions that the function equals on open sets, as far as the construction met them.
        var pieces: [AffineForm] = []
        /// The number of pieces, where the construction tells it; else the simplices that do.
        var count: Int?
        var mesh: SimplicialComplex?
        /// A box that holds the domain, where the construction found one.
        var box: [ClosedRange<Rational>]?

        var layers: Int { circuit.level(of: output) }
    }

    /// Circuits of at most so many units, that fall into at most so many cells, are glued on trial where only the
    /// number of nodes counts; functions on so few polyhedra are put in lattice form on trial.
    private enum Trial {
        static let units = 60
        static let cells = 1_000
        static let polyhedra = 60
        /// Up to so many pieces of a maximum those that are never largest are looked for.
        static let pieces = 400
        /// Points at which the pieces of a circuit are looked up, while their number times its units is below.
        static let points = 200
        static let unitsForPoints = 2_000
    }

    let dimension: Int
    let options: ManyDimensionalOptions
    let progress: @Sendable (String, Double) -> Void
    let isCancelled: @Sendable () -> Bool

    /// The hidden layers that a depth objective allows.
    private var maximumLayers: Int { ManyDimensionalCompiler.hiddenLayerBound(dimension: dimension) }

    func best(for function: FunctionExpression) throws(ManyDimensionalFault) -> ManyDimensionalCompilation {
        let domain = FunctionDomain(function)
        var best: (network: Network<Rational>, candidate: Candidate)?
        for candidate in try candidates(for: function) {
            guard candidate.circuit.units <= options.maximumUnits else { continue }
            progress("layering", 0)
            let network = try network(of: candidate, domain)
            if network.size < best?.network.size ?? .max { best = (network, candidate) }
        }
        guard let best else { throw .tooManyUnits(limit: options.maximumUnits) }
        progress("done", 1)
        return ManyDimensionalCompilation(
            network: best.network, report: try report(best.network, best.candidate, function, domain))
    }

    private func candidates(for function: FunctionExpression) throws(ManyDimensionalFault) -> [Candidate] {
        switch options.objective {
        case .size: try smallCandidates(for: function)
        case .depth: try shallowCandidates(for: function)
        }
    }

    // MARK: Few nodes

    private func smallCandidates(for function: FunctionExpression) throws(ManyDimensionalFault) -> [Candidate]
    {
        switch function {
        case .simplicial(let simplicial):
            progress("faces", 0)
            let complex = try SimplicialComplex(
                simplicial, threads: options.threads, isCancelled: isCancelled)
            let found = try meshCandidates(complex)
            guard complex.simplices.count <= Trial.polyhedra else { return found }
            return found
                + (try latticeCandidates(complex.polyhedralFunction, tolerance: .zero, mesh: complex))
        case .regions(let regions): return try regionCandidates(regions)
        case .maxAffine(let pieces) where pieces.count <= Trial.pieces: return try maximumCandidates(pieces)
        default:
            let tree = try treeCandidate(function)
            guard dimension == 2, tree.circuit.units <= Trial.units else { return [tree] }
            do {
                return [tree, try cellCandidate(tree, function, maximumCells: Trial.cells)]
            } catch {
                guard case .tooManyCells = error else { throw error }
                return [tree]
            }
        }
    }

    /// Balanced trees as the function was posted; on meshes the construction of fewest units.
    func treeCandidate(_ function: FunctionExpression) throws(ManyDimensionalFault) -> Candidate {
        guard FunctionDomain(function).isContinuous else { throw .discontinuous }
        var expression = ExpressionCircuit(
            inputs: dimension, maximumUnits: options.maximumUnits, isCancelled: isCancelled
        ) { (part) throws(ManyDimensionalFault) in
            guard let dimension = FunctionDomain.dimension(of: part) else { throw .dimensionsDisagree }
            let inner = ConstructionSearch(
                dimension: dimension, options: self.options, progress: self.progress,
                isCancelled: self.isCancelled)
            let found = try inner.smallCandidates(for: part)
            guard let best = found.min(by: { $0.circuit.units < $1.circuit.units }) else {
                throw .tooManyUnits(limit: self.options.maximumUnits)
            }
            return (best.circuit, best.output)
        }
        progress("trees", 0)
        let output = try expression.form(function, of: expression.coordinates)
        return Candidate(
            circuit: expression.circuit, output: output,
            theorem: "maxima in balanced trees, max(a, b) = b + σ(a − b), signals carried together")
    }

    private func meshCandidates(_ complex: SimplicialComplex) throws(ManyDimensionalFault) -> [Candidate] {
        let convex = try convexCandidate(complex)
        // In the plane few layers come cheaply by gluing; above, convex functions need no cells.
        if let convex, options.objective == .depth, dimension > 2 { return [convex] }
        return [convex, try gluingCandidate(complex)].compactMap { $0 }
    }

    private func gluingCandidate(_ complex: SimplicialComplex) throws(ManyDimensionalFault) -> Candidate {
        let isShallow = options.objective == .depth
        var gluing = Gluing(
            complex, maximumLayers: isShallow ? maximumLayers : .max, maximumCells: options.maximumCells,
            threads: options.threads, isCancelled: isCancelled)
        let (circuit, output) = try gluing.build { progress("gluing", $0) }
        return Candidate(
            circuit: circuit, output: output,
            theorem: "the theorem of Brianchon and Gram: the sum of the function's localisations at faces"
                + ", glued along hyperplanes", pieces: complex.functions, mesh: complex)
    }

    /// Where all bends have one sign, the function is the maximum (minimum) of its affine functions on the domain.
    private func convexCandidate(_ complex: SimplicialComplex) throws(ManyDimensionalFault) -> Candidate? {
        let signs = Set(complex.folds.values.map(\.bend.sign))
        guard signs.count < 2 else { return nil }
        let sign: Rational = signs.contains(-1) ? Rational(-1) : .one
        var seen: Set<AffineForm> = []
        let forms = complex.functions.filter { seen.insert($0).inserted }.map { sign * $0 }
        var circuit = ReLUCircuit(inputs: dimension)
        let maximum =
            options.objective == .depth
            ? try ShallowMaxima(layers: maximumLayers, isCancelled: isCancelled).maximum(
                of: forms, in: &circuit)
            : circuit.maximum(of: forms)
        return Candidate(
            circuit: circuit, output: sign * maximum,
            theorem: "a convex function is the maximum of its affine pieces, a concave one the minimum",
            pieces: complex.functions, mesh: complex)
    }

    /// A balanced tree of the pieces that are largest somewhere; in the plane also by gluing.
    private func maximumCandidates(_ pieces: [AffineFunction]) throws(ManyDimensionalFault) -> [Candidate] {
        guard pieces.allSatisfy({ $0.dimension == dimension }) else { throw .dimensionsDisagree }
        progress("pieces", 0)
        let maximum = MaximumCells(
            pieces.map {
                ReLUCircuit(inputs: dimension).affine(gradient: $0.gradient, intercept: $0.intercept)
            },
            dimension: dimension)
        let planar =
            dimension == 2 ? try maximum.planar(threads: options.threads, isCancelled: isCancelled) : nil
        let needed: [AffineForm]
        if let planar {
            needed = planar.cells.map(\.function)
        } else {
            needed = try maximum.needed(threads: options.threads, isCancelled: isCancelled)
        }
        var seen: Set<AffineForm> = []
        let forms = needed.filter { seen.insert($0).inserted }
        var circuit = ReLUCircuit(inputs: dimension)
        let output =
            options.objective == .depth
            ? try ShallowMaxima(layers: maximumLayers, isCancelled: isCancelled).maximum(
                of: forms, in: &circuit)
            : circuit.maximum(of: forms)
        let tree = Candidate(
            circuit: circuit, output: output,
            theorem: options.objective == .depth
                ? "Theorem 2.1 of Arora et al. (ICLR 2018): maxima of at most n + 1, by triangulating the gradients"
                : "a maximum in a balanced tree, max(a, b) = b + σ(a − b), signals carried together",
            pieces: forms, count: forms.count)
        guard let planar, forms.count > 2 else { return [tree] }
        var glued = try planarCandidate(planar)
        glued.count = forms.count
        return [tree, glued]
    }

    private func regionCandidates(_ regions: RegionFunction) throws(ManyDimensionalFault) -> [Candidate] {
        let function = try PolyhedralFunction(regions, threads: options.threads, isCancelled: isCancelled)
        let isConvex = regions.discontinuity.isZero && (regions.isDomainConvex || regions.coversSpace)
        var found: [Candidate] = []
        if isConvex { found += try triangulationCandidates(regions, function) }
        if let glued = found.map(\.circuit.units).min() {
            // Lattice forms of many different functions are larger, and take long to certify.
            let different = Set(function.cells.map(\.function)).count
            let isSmall = function.cells.count <= Trial.polyhedra || 2 * different <= glued
            if !isSmall { return found }
        }
        return found
            + (try latticeCandidates(
                function, tolerance: regions.discontinuity, mesh: found.first?.mesh, box: found.first?.box))
    }

    /// Gluing on simplices, where the regions do not overlap and, above the plane, meet in whole faces.
    private func triangulationCandidates(_ regions: RegionFunction, _ function: PolyhedralFunction)
        throws(ManyDimensionalFault) -> [Candidate]
    {
        progress("triangulation", 0)
        if dimension == 2 {
            let mesh = try PlanarTriangulation(
                try PlanarFunction(regions, isCancelled: isCancelled), isCancelled: isCancelled)
            let complex = try SimplicialComplex(mesh, threads: options.threads, isCancelled: isCancelled)
            guard try complex.isConvexAndFaceToFace(isCancelled) else { return [] }
            var candidate = try gluingCandidate(complex)
            if mesh.isWhole { candidate.box = complex.box } else { candidate.mesh = nil }
            return [candidate]
        }
        guard
            let complex = try function.triangulated(
                maximumSimplices: options.maximumCells, threads: options.threads, isCancelled: isCancelled)
        else { return [] }
        return try meshCandidates(complex).map {
            var candidate = $0
            candidate.box = complex.box
            return candidate
        }
    }

    private func latticeCandidates(
        _ function: PolyhedralFunction, tolerance: Rational, mesh: SimplicialComplex?,
        box: [ClosedRange<Rational>]? = nil
    ) throws(ManyDimensionalFault) -> [Candidate] {
        let lattice = try RegionLattice(
            function, tolerance: tolerance, maximumCells: options.maximumCells, threads: options.threads,
            progress: { progress("lattice", $0) }, isCancelled: isCancelled)
        var forms: [[[Int]]] = [lattice.selections]
        if let reduced = try lattice.reduced() { forms.append(reduced) }
        return forms.map { selections in
            var circuit = ReLUCircuit(inputs: dimension)
            let output = circuit.lattice(lattice.functions, selections)
            return Candidate(
                circuit: circuit, output: output,
                theorem: "lattice form (Tarela and Martínez 1999), certified by linear programs",
                maximumDeviation: lattice.maximumDeviation, pieces: tolerance.isZero ? lattice.functions : [],
                mesh: mesh, box: box)
        }
    }

    // MARK: Few layers

    private func shallowCandidates(for function: FunctionExpression) throws(ManyDimensionalFault)
        -> [Candidate]
    {
        switch function {
        case .sum(let terms): return [try shallowSum(terms)]
        case .maxAffine(let pieces) where pieces.count <= Trial.pieces: return try maximumCandidates(pieces)
        case .maxAffine(let pieces):
            return [try shallowSignedMaximum([.init(isNegative: false, pieces: pieces)])]
        case .signedMax(let terms): return [try shallowSignedMaximum(terms)]
        case .simplicial(let simplicial):
            progress("faces", 0)
            return try meshCandidates(
                try SimplicialComplex(simplicial, threads: options.threads, isCancelled: isCancelled))
        case .regions(let regions)
        where regions.discontinuity.isZero && (regions.isDomainConvex || regions.coversSpace):
            let polyhedral = try PolyhedralFunction(
                regions, threads: options.threads, isCancelled: isCancelled)
            let glued = try triangulationCandidates(regions, polyhedral)
            return glued.isEmpty ? [try decomposed(polyhedral)] : glued
        case .regions:
            return try smallCandidates(for: function).map { (candidate) throws(ManyDimensionalFault) in
                try shallow(candidate, function)
            }
        default: return [try shallow(try treeCandidate(function), function)]
        }
    }

    /// The candidate where it has few layers, else its cells compiled.
    private func shallow(_ candidate: Candidate, _ function: FunctionExpression) throws(ManyDimensionalFault)
        -> Candidate
    {
        if candidate.layers <= maximumLayers { return candidate }
        return try cellCandidate(candidate, function, maximumCells: options.maximumCells)
    }

    private func shallowSum(_ terms: [(coefficient: Rational, function: FunctionExpression)])
        throws(ManyDimensionalFault) -> Candidate
    {
        var result = Candidate(
            circuit: ReLUCircuit(inputs: dimension), output: AffineForm(constant: .zero),
            theorem: "Theorem 2.1 of Arora et al. (ICLR 2018), for each term of the sum")
        let coordinates = (0..<dimension).map { axis in
            result.circuit.affine(
                gradient: (0..<dimension).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        for (coefficient, function) in terms where !coefficient.isZero {
            guard FunctionDomain.dimension(of: function) == dimension else { throw .dimensionsDisagree }
            guard
                let part = try shallowCandidates(for: function).min(by: {
                    $0.circuit.units < $1.circuit.units
                })
            else { continue }
            let value = result.circuit.output(part.output, of: part.circuit, on: coordinates)
            result.output = result.output + coefficient * value
            result.maximumDeviation += coefficient.magnitude * part.maximumDeviation
        }
        return result
    }

    private func shallowSignedMaximum(_ terms: [FunctionExpression.SignedMaximum])
        throws(ManyDimensionalFault)
        -> Candidate
    {
        let maxima = ShallowMaxima(layers: maximumLayers, isCancelled: isCancelled)
        var circuit = ReLUCircuit(inputs: dimension)
        var sum = FormSum()
        for term in terms {
            guard term.pieces.allSatisfy({ $0.dimension == dimension }) else { throw .dimensionsDisagree }
            let forms = term.pieces.map { circuit.affine(gradient: $0.gradient, intercept: $0.intercept) }
            sum.add(try maxima.maximum(of: forms, in: &circuit), times: term.isNegative ? Rational(-1) : .one)
        }
        return Candidate(
            circuit: circuit, output: sum.form,
            theorem:
                "Theorem 2.1 of Arora et al. (ICLR 2018): maxima of at most n + 1, by triangulating the gradients"
        )
    }

    /// The circuit's function cut into cells, and compiled from these.
    private func cellCandidate(_ tree: Candidate, _ function: FunctionExpression, maximumCells: Int)
        throws(ManyDimensionalFault) -> Candidate
    {
        progress("cells", 0)
        let box = FunctionDomain(function).box
        var candidate: Candidate
        if dimension == 2 {
            candidate = try planarCandidate(
                try PlanarFunction(
                    tree.circuit, tree.output, box: box, maximumCells: maximumCells, isCancelled: isCancelled)
            )
        } else {
            candidate = try decomposed(
                try PolyhedralFunction(
                    tree.circuit, tree.output, box: box, maximumCells: maximumCells, threads: options.threads,
                    isCancelled: isCancelled))
        }
        candidate.maximumDeviation = tree.maximumDeviation
        // The cells may lie outside of the domain.
        candidate.pieces = []
        return candidate
    }

    private func planarCandidate(_ function: PlanarFunction) throws(ManyDimensionalFault) -> Candidate {
        let mesh = try PlanarTriangulation(function, isCancelled: isCancelled)
        let complex = try SimplicialComplex(mesh, threads: options.threads, isCancelled: isCancelled)
        var candidate = try gluingCandidate(complex)
        // The polygons may cover more than the domain, or less than the plane.
        candidate.mesh = nil
        if mesh.isWhole { candidate.box = complex.box }
        return candidate
    }

    private func decomposed(_ function: PolyhedralFunction) throws(ManyDimensionalFault) -> Candidate {
        progress("decomposition", 0)
        var circuit = ReLUCircuit(inputs: dimension)
        let decomposition = try ConvexDecomposition(
            function, maximumCells: options.maximumCells, threads: options.threads, isCancelled: isCancelled)
        let output = try decomposition.form(
            in: &circuit, ShallowMaxima(layers: maximumLayers, isCancelled: isCancelled))
        return Candidate(
            circuit: circuit, output: output,
            theorem: "Kripfganz and Schulze (1987): a convex function less folds, in maxima of at most n + 1",
            pieces: function.cells.map(\.function))
    }

    // MARK: Results

    private func network(of candidate: Candidate, _ domain: FunctionDomain) throws(ManyDimensionalFault)
        -> Network<Rational>
    {
        let algebra = NetworkAlgebra(maximumParameters: options.maximumParameters, cancelled: isCancelled)
        let layering = LayeringOptions(
            box: domain.box ?? candidate.box, outputBias: options.outputBias, threads: options.threads)
        do {
            return try candidate.circuit.network(of: [candidate.output], options: layering, algebra)
        } catch {
            if case .cancelled = error { throw .cancelled }
            throw .tooManyParameters(limit: options.maximumParameters)
        }
    }

    /// Pieces as the paper counts them, on the union of the simplices.
    private func pieces(on mesh: SimplicialComplex?) throws(ManyDimensionalFault) -> Int? {
        guard let mesh else { return nil }
        progress("counting", 0)
        return try MeshPieces(mesh, isCancelled: isCancelled).level
    }

    /// Where every region has a function of its own, {f = g} has one component with interior for each.
    private func distinctRegions(_ function: FunctionExpression) -> Int? {
        guard case .regions(let regions) = function, regions.discontinuity.isZero else { return nil }
        return regions.distinctFunctions
    }

    private func report(
        _ network: Network<Rational>, _ candidate: Candidate, _ function: FunctionExpression,
        _ domain: FunctionDomain
    ) throws(ManyDimensionalFault) -> ManyDimensionalReport {
        var pieces = candidate.pieces
        if pieces.isEmpty, domain.isSpace, candidate.maximumDeviation.isZero,
            candidate.circuit.units <= Trial.unitsForPoints
        {
            pieces = SizeLowerBound.pieces(of: candidate.circuit, candidate.output, points: Trial.points)
        }
        var count = candidate.count ?? distinctRegions(function)
        if count == nil { count = try self.pieces(on: candidate.mesh) }
        let bound = SizeLowerBound.nodes(for: pieces, inputs: dimension)
        return ManyDimensionalReport(
            inputDimension: dimension, pieces: count, hiddenLayers: network.hiddenLayers,
            width: network.width,
            size: network.size, sizeLowerBound: bound, minimal: network.size <= bound ? .proved : .unknown,
            depthBound: maximumLayers + 1, theorem: candidate.theorem, domain: domain.text(function),
            exact: candidate.maximumDeviation.isZero, maximumDeviation: candidate.maximumDeviation,
            box: domain.box ?? candidate.box)
    }
}

extension FunctionDomain {
    /// Where the network equals the function, and what it does elsewhere.
    func text(_ function: FunctionExpression) -> String {
        if isSpace { return "R^n" }
        let place =
            switch function {
            case .simplicial: "the union of the simplices"
            case .regions: "the union of the regions"
            default: "where all parts of the function are given"
            }
        return place + "; elsewhere the network continues as some piecewise-linear function"
    }
}
