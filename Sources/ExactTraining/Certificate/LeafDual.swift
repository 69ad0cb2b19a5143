internal import ExactArithmetic

/// The dual vector of one leaf, one entry a row, exact.
struct LeafDual {
    let points: ProofPoints
    let rounded: [Double]
    let exact: [Int: Rational]

    init(_ points: ProofPoints, _ leaf: ExactCertificate.Leaf) {
        self.points = points
        rounded = leaf.dual
        exact = Dictionary(leaf.exact.map { ($0.row, $0.value) }) { first, _ in first }
    }

    init(_ points: ProofPoints, rounded: [Double], exact: [Int: Rational]) {
        self.points = points
        self.rounded = rounded
        self.exact = exact
    }

    func value(_ row: Int) -> Rational { exact[row] ?? Rational(exactly: rounded[row]) ?? .zero }

    /// G, one a point.
    var sums: [Rational] {
        points.rows.map { rows in
            rows.count == 1 ? value(rows[0]) : rows.reduce(.zero) { $0 + value($1) }
        }
    }

    /// G in binary64, each within 2^−52 of the sum of the magnitudes of its terms.
    var roundedSums: [Double] {
        points.rows.map { rows in
            rows.reduce(0) { $0 + (exact.isEmpty ? rounded[$1] : exact[$1]?.nearestDouble ?? rounded[$1]) }
        }
    }

    /// −Σ ω ℓ*(g/ω), or a number below it; nil where it is −∞.
    func value() -> Rational? {
        let problem = points.problem
        var sum = Rational.zero
        for row in points.rows.joined() {
            guard
                let term = problem.loss.conjugateUpperBound(
                    value(row), weight: Rational(exactly: problem.weights[row]) ?? .one,
                    target: problem.targets[row])
            else { return nil }
            sum -= term
        }
        return sum
    }

    /// Whether −Σ ω ℓ*(g/ω) ≥ `target`. Binary64 decides where its error bound lets it.
    func isAtLeast(_ target: Rational) -> Bool {
        let problem = points.problem
        var sum = 0.0
        var error = 0.0
        var scale = 0.0
        var isPlain = true
        for row in points.rows.joined() {
            let g = exact[row]?.nearestDouble ?? rounded[row]
            let term = problem.loss.roundedConjugate(
                g, weight: problem.weights[row], target: problem.targets[row])
            sum -= term.value
            error += term.error
            scale += term.value.magnitude
            // The domain of ℓ* is part of the bound.
            if isPlain, !isInside(row, g) { isPlain = false }
        }
        error += Double(problem.rows + 4) * 0x1p-52 * scale
        if isPlain, sum.isFinite, error.isFinite, let rounded = Rational(exactly: sum - 2 * error),
            target <= rounded
        {
            return true
        }
        guard let value = value() else { return false }
        return target <= value
    }

    /// Whether the entry is inside the domain of ℓ* for certain.
    private func isInside(_ row: Int, _ g: Double) -> Bool {
        let range = points.problem.loss.slopeRange(target: points.problem.targets[row])
        if range.lower == nil && range.upper == nil { return true }
        let u = value(row) / (Rational(exactly: points.problem.weights[row]) ?? .one)
        if let lower = range.lower, u < lower { return false }
        if let upper = range.upper, upper < u { return false }
        return true
    }

    /// Whether no profit is negative and the equations of the output term hold, exactly. Where they do not, the rays that
    /// fail.
    func failures(_ relaxation: LeafRelaxation) -> (rays: [(unit: Int, ray: Int)], equations: Bool) {
        let rounded = roundedSums
        // Rows that share a point add up with an error of their own.
        let magnitudes = points.rows.map { rows in
            rows.reduce(0) { $0 + (exact[$1]?.nearestDouble ?? self.rounded[$1]).magnitude }
        }
        let slack = magnitudes.reduce(0, +) * Double(points.problem.rows + 4) * 0x1p-52
        // With one row a point the sign of a rounded sum is that of the exact one.
        let isPlain = points.rows.allSatisfy { $0.count == 1 }
        var failing: [(unit: Int, ray: Int)] = []
        var profits: ExactProfits?
        var exactSums: [Rational]?
        func exactProfits() -> ExactProfits {
            if let profits { return profits }
            let sums = exactSums ?? self.sums
            exactSums = sums
            let made = ExactProfits(relaxation, sums: sums)
            profits = made
            return made
        }
        for (unit, cone) in relaxation.cones.enumerated() {
            for (index, ray) in cone.rays.enumerated() {
                let profit = relaxation.roundedProfit(unit, ray, rounded)
                // Products are at most d in magnitude; the sums' own errors count that much.
                let error = profit.error + slack * Double(points.dimension + 1)
                if profit.value > error, isPlain { continue }
                if exactProfits().sign(unit, ray) < 0 { failing.append((unit, index)) }
            }
        }
        let sums = exactSums ?? (points.problem.outputTerm == .none ? [] : self.sums)
        return (failing, holdsEquations(sums))
    }

    private func holdsEquations(_ sums: [Rational]) -> Bool {
        switch points.problem.outputTerm {
        case .none: return true
        case .bias: return sums.reduce(.zero, +).isZero
        case .affine:
            guard sums.reduce(.zero, +).isZero else { return false }
            return (0..<points.dimension).allSatisfy { column in
                var sum = Rational.zero
                for (point, value) in sums.enumerated() where !value.isZero {
                    sum += value * Rational(points.integers[point * points.dimension + column])
                }
                return sum.isZero
            }
        }
    }
}
