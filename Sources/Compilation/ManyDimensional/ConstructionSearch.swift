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
        /// Whether signals may be carried as on a box, because the function's domain lies in one.
        var usesBox = true
    }

    let dimension: Int
    let options: ManyDimensionalOptions
    let progress: @Sendable (String, Double) -> Void
    let isCancelled: @Sendable () -> Bool

    func best(for function: FunctionExpression) throws(ManyDimensionalFault) -> ManyDimensionalCompilation {
        let domain = FunctionDomain(function)
        var best: (network: Network<Rational>, candidate: Candidate)?
        for candidate in try candidates(for: function) {
            progress("layering", 0)
            let network = try network(of: candidate, domain)
            if network.size < best?.network.size ?? .max { best = (network, candidate) }
        }
        guard let best else { throw .tooManyUnits(limit: options.maximumUnits) }
        progress("done", 1)
        return ManyDimensionalCompilation(
            network: best.network,
            report: report(best.network, best.candidate, function, domain))
    }

    private func candidates(for function: FunctionExpression) throws(ManyDimensionalFault) -> [Candidate] {
        var found: [Candidate] = []
        switch function {
        case .simplicial(let simplicial): found = try meshCandidates(simplicial)
        default: found = [try expressionCandidate(function)]
        }
        return found
    }

    /// Balanced trees as the function was posted.
    private func expressionCandidate(_ function: FunctionExpression) throws(ManyDimensionalFault) -> Candidate
    {
        var expression = ExpressionCircuit(
            inputs: dimension, maximumUnits: options.maximumUnits, isCancelled: isCancelled
        ) { (part) throws(ManyDimensionalFault) in
            guard let best = try self.candidates(for: part).first else {
                throw .tooManyUnits(limit: options.maximumUnits)
            }
            return (best.circuit, best.output)
        }
        let output = try expression.form(function, of: expression.coordinates)
        return Candidate(
            circuit: expression.circuit, output: output,
            theorem:
                "Lemmas D.1–D.3 of Arora et al. (ICLR 2018): balanced trees of maxima, signals carried together"
        )
    }

    private func meshCandidates(_ function: SimplicialFunction) throws(ManyDimensionalFault) -> [Candidate] {
        progress("faces", 0)
        let complex = try SimplicialComplex(function, isCancelled: isCancelled)
        if let convex = convexCandidate(complex) { return [convex] }
        var gluing = Gluing(complex, isCancelled: isCancelled)
        let (circuit, output) = try gluing.build { progress("gluing", $0) }
        return [
            Candidate(
                circuit: circuit, output: output,
                theorem:
                    "the theorem of Brianchon and Gram: f is a sum of its localisations at faces, glued along hyperplanes"
            )
        ]
    }

    /// Where all bends have one sign, the function is the maximum (minimum) of its affine functions on the domain.
    private func convexCandidate(_ complex: SimplicialComplex) -> Candidate? {
        let signs = Set(complex.folds.values.map(\.bend.sign))
        guard signs.count < 2 else { return nil }
        let sign: Rational = signs.contains(-1) ? Rational(-1) : .one
        var seen: Set<AffineForm> = []
        let forms = complex.functions.filter { seen.insert($0).inserted }.map { sign * $0 }
        var circuit = ReLUCircuit(inputs: dimension)
        let output = sign * circuit.maximum(of: forms)
        return Candidate(
            circuit: circuit, output: output,
            theorem: "a convex function is the maximum of its affine pieces; a concave one the minimum")
    }

    private func network(of candidate: Candidate, _ domain: FunctionDomain) throws(ManyDimensionalFault)
        -> Network<Rational>
    {
        let algebra = NetworkAlgebra(maximumParameters: options.maximumParameters, cancelled: isCancelled)
        let layering = LayeringOptions(
            box: candidate.usesBox ? domain.box : nil, outputBias: options.outputBias)
        do {
            return try candidate.circuit.network(of: [candidate.output], options: layering, algebra)
        } catch {
            if case .cancelled = error { throw .cancelled }
            throw .tooManyParameters(limit: options.maximumParameters)
        }
    }

    private func report(
        _ network: Network<Rational>, _ candidate: Candidate, _ function: FunctionExpression,
        _ domain: FunctionDomain
    ) -> ManyDimensionalReport {
        ManyDimensionalReport(
            inputDimension: dimension, hiddenLayers: network.hiddenLayers, width: network.width,
            size: network.size, sizeLowerBound: network.size == 0 ? 0 : 1,
            minimal: network.size <= 1 ? .proved : .unknown,
            depthBound: ManyDimensionalCompiler.hiddenLayerBound(dimension: dimension) + 1,
            theorem: candidate.theorem, domain: Self.text(domain, function),
            exact: candidate.maximumDeviation.isZero, maximumDeviation: candidate.maximumDeviation)
    }

    private static func text(_ domain: FunctionDomain, _ function: FunctionExpression) -> String {
        if domain.isSpace { return "R^n" }
        return switch function {
        case .simplicial:
            "the union of the simplices; outside, the network continues in a piecewise-linear way"
        case .regions: "the union of the regions; outside, the network continues in a piecewise-linear way"
        default:
            "where all parts of the function are given; elsewhere the network continues in a piecewise-linear way"
        }
    }
}
