internal import ExactArithmetic
internal import PiecewiseLinear

/// The plan of a network, with what is proved of its size.
struct PlannedLayer {
    var plan: HiddenLayerPlan
    /// Fewer nodes are excluded below this number.
    var lowerBound: Int
    var theorem: String
}

/// Chooses the case of the corrected Theorem 2.2 for a function with at least one breakpoint.
struct MinimalityDecision<Pieces: ExactPieces> {
    let pieces: Pieces
    let rounded: RoundedFunction
    let options: CompilationOptions
    let bound: RoundingBound
    let isCancelled: @Sendable () -> Bool

    private var count: Int { pieces.breakpointCount }
    private static var name: String { "Theorem 2.2 of Arora et al. (ICLR 2018), corrected: " }

    func decide() throws(CompilationFault) -> PlannedLayer {
        var search = SubsetSumSearch(options.subsetSumBudget, isCancelled: isCancelled)
        return options.outputBias ? try withBias(&search) : try withoutBias(&search)
    }

    private func withBias(_ search: inout SubsetSumSearch) throws(CompilationFault) -> PlannedLayer {
        if !rounded.flatPieces.isEmpty {
            return PlannedLayer(
                plan: HiddenLayerPlan(
                    facing: .below(rounded.bestPivot(flat: true, bound: bound)), doubled: nil),
                lowerBound: count, theorem: Self.name + "p − 1 nodes, a piece is constant")
        }
        let outcome = try slopesCancel(&search)
        if case .found(let facing) = outcome {
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .set(facing), doubled: nil), lowerBound: count,
                theorem: Self.name + "p − 1 nodes, jumps of a set of breakpoints add up to −s_0")
        }
        let pivot = rounded.bestPivot(flat: false, bound: bound)
        return PlannedLayer(
            plan: HiddenLayerPlan(facing: .below(pivot), doubled: pivot),
            lowerBound: outcome == .impossible ? count + 1 : count, theorem: Self.name + "p nodes")
    }

    private func withoutBias(_ search: inout SubsetSumSearch) throws(CompilationFault) -> PlannedLayer {
        let zeroPieces = rounded.flatPieces.filter { pieces.value(min($0, count - 1)).isZero }
        if let piece = zeroPieces.first {
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .below(piece), doubled: nil), lowerBound: count,
                theorem: Self.name + "p − 1 nodes without output bias, a piece is zero")
        }
        let slopes = try slopesCancel(&search)
        var outcome = slopes
        if slopes != .impossible {
            outcome = try columns(&search) { function in [function.slopes, intercepts(function)] }
        }
        if case .found(let facing) = outcome {
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .set(facing), doubled: nil), lowerBound: count,
                theorem: Self.name + "p − 1 nodes without output bias, pieces cancel in alternation")
        }
        let lower = outcome == .impossible ? count + 1 : count
        let second = Self.name + "p nodes without output bias, "
        let zeros = rounded.values.indices.filter { rounded.values[$0] == 0 && pieces.value($0).isZero }
        if !zeros.isEmpty {
            let pivot = rounded.bestPivot(flat: false, candidates: zeros, bound: bound)
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .below(pivot), doubled: pivot), lowerBound: lower,
                theorem: second + "zero at a breakpoint")
        }
        if !rounded.flatPieces.isEmpty {
            let pivot = rounded.bestPivot(flat: true, bound: bound)
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .below(pivot), doubled: nil, constantUnit: true),
                lowerBound: lower, theorem: second + "a piece is constant")
        }
        if case .found(let facing) = slopes {
            return PlannedLayer(
                plan: HiddenLayerPlan(facing: .set(facing), doubled: nil, constantUnit: true),
                lowerBound: lower, theorem: second + "jumps of a set of breakpoints add up to −s_0")
        }
        var excluded = slopes == .impossible
        for place in 0..<count {
            let split = try columns(&search) { function in
                let x = function.breakpoints[place]
                return [zip(function.slopes, intercepts(function)).map { $0 * x + $1 }]
            }
            if case .found(let facing) = split {
                return PlannedLayer(
                    plan: HiddenLayerPlan(facing: .set(facing), doubled: place), lowerBound: lower,
                    theorem: second + "pieces cancel in alternation at a breakpoint")
            }
            if split != .impossible {
                excluded = false
                break
            }
        }
        let pivot = rounded.bestPivot(flat: false, bound: bound)
        return PlannedLayer(
            plan: HiddenLayerPlan(facing: .below(pivot), doubled: pivot, constantUnit: true),
            lowerBound: excluded && lower == count + 1 ? count + 2 : lower,
            theorem: Self.name + "p + 1 nodes without output bias")
    }

    /// Whether pieces' slopes cancel in alternation: first by the range of the jumps' subset sums, in safely
    /// rounded arithmetic, then by the search.
    private func slopesCancel(
        _ search: inout SubsetSumSearch
    ) throws(CompilationFault) -> AlternatingSum.Outcome {
        if let piece = rounded.flatPieces.first { return .found((0..<count).map { $0 < piece }) }
        var low = 0.0
        var high = 0.0
        for jump in rounded.jumps { if jump < 0 { low += jump } else { high += jump } }
        // Relative error of the sums of like-signed terms, each of them rounded once.
        let slack = 1 + 4 * Double(count + 4) * RoundingBound.unit
        let tiny = Double(count + 4) * Double.leastNonzeroMagnitude
        let target = -rounded.leftSlope
        let margin = target.ulp
        if target + margin < low * slack - tiny || target - margin > high * slack + tiny {
            return .impossible
        }
        return try columns(&search) { [$0.slopes] }
    }

    private func columns(
        _ search: inout SubsetSumSearch, _ make: (PiecewiseLinearFunction) -> [[Rational]]
    ) throws(CompilationFault) -> AlternatingSum.Outcome {
        // Rationals for each piece are made only where the search can do something with them.
        guard try search.spend(200 * (count + 1)) else { return .unknown }
        return try AlternatingSum(columns: make(pieces.function())).solve(&search)
    }

    private func intercepts(_ function: PiecewiseLinearFunction) -> [Rational] {
        let values = function.valuesAtBreakpoints()
        return function.slopes.indices.map { piece in
            let place = max(0, piece - 1)
            return values[place] - function.slopes[piece] * function.breakpoints[place]
        }
    }
}
