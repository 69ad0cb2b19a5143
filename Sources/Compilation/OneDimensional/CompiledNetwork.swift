public import ExactArithmetic
public import PiecewiseLinear
public import ReLUNetworks

/// A network with one hidden layer and what is known of it.
public struct CompiledNetwork: Sendable {
    /// The ideal network with every entry correctly rounded to binary64.
    ///
    /// In exact arithmetic entries beyond the range are ±∞ here, and only `exactNetwork()` counts.
    public let network: Network<Double>
    public let report: CompilationReport

    /// Makes `exactNetwork()`.
    let exact: @Sendable () -> Network<Rational>

    /// The ideal network. Complexity: O(p) rational operations.
    public func exactNetwork() -> Network<Rational> { exact() }
}

/// Functions of one variable to networks with one hidden layer (Theorem 2.2 of Arora, Basu, Mianjy, Mukherjee,
/// ICLR 2018, corrected).
public enum OneDimensionalCompiler {
    /// Compiles a table of points.
    ///
    /// - Parameters:
    ///   - sides: how the table continues outside its range.
    ///   - isCancelled: polled at least every few thousand points.
    /// - Throws: every case of `CompilationFault`.
    public static func compile(
        _ table: ScaledTable, sides: SideRule, options: CompilationOptions = .init(),
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(CompilationFault) -> CompiledNetwork {
        guard table.count <= options.maximumBreakpoints else {
            throw .tooManyBreakpoints(limit: options.maximumBreakpoints)
        }
        if let (pieces, rounded) = try table.rounded(sides: sides, isCancelled: isCancelled),
            !pieces.kept.isEmpty
        {
            let range = (
                Rational(Int(pieces.x[0])) * pieces.xScale,
                Rational(Int(pieces.x[pieces.x.count - 1])) * pieces.xScale
            )
            return try assemble(pieces, rounded, range: range, options: options, isCancelled: isCancelled)
        }
        if table.count >= 2 {
            switch table.coordinates {
            case .binary64(let x, let y):
                if let points = BinaryPoints(x: x, y: y),
                    let network = try compile(
                        points, sides: sides, options: options, isCancelled: isCancelled)
                {
                    return network
                }
            case .mixed(let x, let y):
                if let points = DecimalPoints(x: x, y: y),
                    let network = try compile(
                        points, sides: sides, options: options, isCancelled: isCancelled)
                {
                    return network
                }
            case .decimal: break
            }
        }
        return try compileExactly(table, sides: sides, options: options, isCancelled: isCancelled)
    }

    /// Compiles a table in filtered arithmetic; `nil` where it has no breakpoints.
    private static func compile(
        _ points: some TablePoints, sides: SideRule, options: CompilationOptions,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(CompilationFault) -> CompiledNetwork? {
        let (pieces, rounded) = try points.rounded(sides: sides, isCancelled: isCancelled)
        guard !pieces.kept.isEmpty else { return nil }
        return try assemble(
            pieces, rounded, range: (points.x(0), points.x(points.count - 1)), options: options,
            isCancelled: isCancelled)
    }

    /// The same through rationals: for the tables that machine arithmetic cannot take.
    static func compileExactly(
        _ table: ScaledTable, sides: SideRule, options: CompilationOptions,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(CompilationFault) -> CompiledNetwork {
        let points = try table.rationals(limit: options.maximumBreakpoints, isCancelled: isCancelled)
        let limits = PiecewiseLinearLimits(
            maximumBreakpoints: options.maximumBreakpoints, isCancelled: isCancelled)
        let function: PiecewiseLinearFunction
        do {
            function = try PiecewiseLinearFunction(x: points.x, y: points.y, sides: sides, limits: limits)
        } catch {
            throw CompilationFault(error)
        }
        let range = points.x.first.flatMap { first in points.x.last.map { (first, $0) } }
        return try compile(function, range: range, options: options, isCancelled: isCancelled)
    }

    /// Compiles any function of one variable.
    ///
    /// - Throws: `tooManyBreakpoints`, `weightOverflow`, `cancelled`.
    public static func compile(
        _ function: PiecewiseLinearFunction, options: CompilationOptions = .init(),
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(CompilationFault) -> CompiledNetwork {
        try compile(function, range: nil, options: options, isCancelled: isCancelled)
    }

    private static func compile(
        _ function: PiecewiseLinearFunction, range: (Rational, Rational)?, options: CompilationOptions,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(CompilationFault) -> CompiledNetwork {
        guard function.breakpoints.count <= options.maximumBreakpoints else {
            throw .tooManyBreakpoints(limit: options.maximumBreakpoints)
        }
        guard let first = function.breakpoints.first, let last = function.breakpoints.last else {
            return try compileAffine(function, range: range, options: options)
        }
        let pieces = RationalPieces(evaluator: function.evaluator())
        let rounded = try RoundedFunction(pieces, isCancelled: isCancelled)
        return try assemble(
            pieces, rounded, range: range ?? (first, last), options: options, isCancelled: isCancelled)
    }

    /// Decides the case, builds the network, and bounds what rounding does to it.
    static func assemble(
        _ pieces: some ExactPieces, _ rounded: RoundedFunction, range: (Rational, Rational),
        options: CompilationOptions, isCancelled: @escaping @Sendable () -> Bool
    ) throws(CompilationFault) -> CompiledNetwork {
        let domain = widened(range)
        let bound = RoundingBound(
            lower: domain.lower.double(rounding: .down), upper: domain.upper.double(rounding: .up),
            units: rounded.breakpoints.count + 2)
        let decision = MinimalityDecision(
            pieces: pieces, rounded: rounded, options: options, bound: bound, isCancelled: isCancelled)
        let planned = try decision.decide()
        let plan = planned.plan
        let weights = PlanWeights(plan, pieces)
        let network = plan.network(rounded, weights)
        let size = network.size
        var report = CompilationReport(
            pieces: rounded.breakpoints.count + 1, size: size, lowerBound: planned.lowerBound,
            theorem: planned.theorem, domain: domain)
        if options.arithmetic == .double {
            let last = network.layers[1]
            for index in rounded.breakpoints.indices
            where !rounded.breakpoints[index].isFinite || !rounded.jumps[index].isFinite {
                throw .weightOverflow(breakpoint: index)
            }
            guard last.weights.allSatisfy(\.isFinite) else { throw .weightOverflow(breakpoint: plan.doubled) }
            guard weights.offset.nearestDouble.isFinite else { throw .weightOverflow(breakpoint: nil) }
            let extra = [weights.left, weights.right, weights.offset]
            report.rounded =
                rounded.isRounded || extra.contains { $0.exactDouble == nil }
            report.maximumRoundingError = rounded.lossBound(
                plan, leftWeight: weights.left.nearestDouble, rightWeight: weights.right.nearestDouble,
                offset: weights.offset.nearestDouble, bound: bound)
        }
        return CompiledNetwork(network: network, report: report) { plan.exactNetwork(pieces) }
    }

    /// The interval itself, or one of length 2 about a single point.
    private static func widened(_ range: (Rational, Rational)) -> RoundingErrorDomain {
        range.0 < range.1
            ? RoundingErrorDomain(lower: range.0, upper: range.1)
            : RoundingErrorDomain(lower: range.0 - .one, upper: range.1 + .one)
    }

    /// The cases without breakpoints: a constant needs no node (without output bias one, unless it is 0), another
    /// affine function two: σ(ax + b) − σ(−ax − b).
    private static func compileAffine(
        _ function: PiecewiseLinearFunction, range: (Rational, Rational)?, options: CompilationOptions
    ) throws(CompilationFault) -> CompiledNetwork {
        let slope = function.leftSlope
        let intercept = function.anchorValue
        let ideal: Network<Rational>
        if !slope.isZero {
            ideal = Network(layers: [
                AffineLayer(
                    inputs: 1, outputs: 2, weights: [slope, -slope], bias: [intercept, -intercept]),
                AffineLayer(inputs: 2, outputs: 1, weights: [.one, Rational(-1)], bias: [.zero]),
            ])
        } else if options.outputBias || intercept.isZero {
            ideal = Network(layers: [AffineLayer(inputs: 1, outputs: 1, weights: [.zero], bias: [intercept])])
        } else {
            ideal = Network(layers: [
                AffineLayer(inputs: 1, outputs: 1, weights: [.zero], bias: [.one]),
                AffineLayer(inputs: 1, outputs: 1, weights: [intercept], bias: [.zero]),
            ])
        }
        let domain = slope.isZero ? nil : widened(range ?? (.zero, .zero))
        var report = CompilationReport(
            pieces: 1, size: ideal.size, lowerBound: ideal.size,
            theorem: "Theorem 2.2 of Arora et al. (ICLR 2018), corrected: "
                + (slope.isZero ? "a constant" : "an affine function"), domain: domain)
        report.hiddenLayers = ideal.hiddenLayers
        report.depth = ideal.depth
        if options.arithmetic == .double {
            let a = slope.nearestDouble
            let b = intercept.nearestDouble
            guard a.isFinite, b.isFinite else { throw .weightOverflow(breakpoint: nil) }
            report.rounded = slope.exactDouble == nil || intercept.exactDouble == nil
            let reach =
                domain.map {
                    max(
                        $0.lower.magnitude.double(rounding: .up), $0.upper.magnitude.double(rounding: .up))
                } ?? 0
            let sum = a.magnitude * reach + b.magnitude
            // A constant is rounded once; else a weight, a product and a sum, bounded generously.
            report.maximumRoundingError =
                slope.isZero
                ? (report.rounded ? b.ulp / 2 : 0)
                : sum < 0x1p1020
                    ? (8 * RoundingBound.unit * sum + (2 + reach) * 4 * Double.leastNonzeroMagnitude).nextUp
                    : .infinity
        }
        return CompiledNetwork(network: ideal.rounded, report: report) { ideal }
    }
}

extension CompilationReport {
    /// A network with one hidden layer, nothing rounded yet.
    init(pieces: Int, size: Int, lowerBound: Int, theorem: String, domain: RoundingErrorDomain?) {
        self.init(
            inputDimension: 1, pieces: pieces, hiddenLayers: 1, depth: 2, width: size, size: size,
            sizeLowerBound: lowerBound, minimal: size == lowerBound ? .proved : .unknown, depthBound: 2,
            theorem: theorem, domain: "R", exact: true, maximumDeviation: 0, maximumRoundingError: 0,
            roundingErrorDomain: domain, rounded: false)
    }
}

extension CompilationFault {
    init(_ fault: PiecewiseLinearFault) {
        self =
            switch fault {
            case .noPoints, .noFunctions: .noPoints
            case .mismatchedCoordinates(let x, let y), .mismatchedCoefficients(let x, let y):
                .mismatchedCoordinates(x: x, y: y)
            case .notIncreasing(let index): .notIncreasing(index: index)
            case .extendNeedsTwoPoints: .extendNeedsTwoPoints
            case .tooManyBreakpoints(let limit): .tooManyBreakpoints(limit: limit)
            case .cancelled: .cancelled
            }
    }
}
