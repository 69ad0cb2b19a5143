public import ExactArithmetic

/// Whether a polyhedron has interior, with what proves it.
public enum PolyhedronInterior: Sendable, Hashable {
    /// Every inequality holds strictly at the point (but for 0 ≤ offset, which holds everywhere).
    case point([Rational])
    /// Not all of these multipliers are 0, and the combination of the inequalities by them has normal 0 and an
    /// offset ≤ 0: no point satisfies all of them strictly.
    case empty(LinearMultipliers)
}

/// The smallest affine space that holds a polyhedron.
public enum PolyhedronHull: Sendable, Hashable {
    /// The Farkas multipliers that prove the polyhedron empty.
    case empty(LinearMultipliers)
    /// `dimension` is that of the polyhedron; at `point`, in its relative interior, exactly the inequalities
    /// `equations` (indices) hold with equality, as they do on all of the polyhedron.
    case space(dimension: Int, point: [Rational], equations: [Int])
}

extension Polyhedron {
    /// A point at which every inequality holds strictly, with short coordinates where there is room, or the proof
    /// that there is none.
    public func interior(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault)
        -> PolyhedronInterior
    {
        if let index = inequalities.firstIndex(where: { $0.normal.allSatisfy(\.isZero) && $0.offset.sign < 0 }
        ) {
            return .empty(LinearMultipliers(inequalities: inequalities.indices.map { $0 == index ? 1 : 0 }))
        }
        let rows = inequalities.indices.filter { !inequalities[$0].normal.allSatisfy(\.isZero) }
        let strict = try largestMargin(rows, equations: [], isCancelled)
        guard case .optimal(let point, let margin, let multipliers) = strict else {
            // Bounded by t ≤ 1 and feasible for small t.
            preconditionFailure("a margin has an optimum")
        }
        guard margin.sign > 0 else {
            var all = [Rational](repeating: .zero, count: inequalities.count)
            for (row, value) in zip(rows, multipliers.inequalities) { all[row] = value }
            return .empty(LinearMultipliers(inequalities: all))
        }
        return .point(shortened(Array(point.dropLast()), strictly: rows))
    }

    public func hasInterior(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault) -> Bool {
        if case .point = try interior(isCancelled: isCancelled) { return true }
        return false
    }

    /// The dimension, a point of the relative interior, and the inequalities that are equations on the polyhedron.
    ///
    /// Complexity: at most n + 2 linear programs, each of which finds an independent equation or ends the search.
    public func affineHull(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault)
        -> PolyhedronHull
    {
        let feasibility = try maximum(
            of: [Rational](repeating: .zero, count: dimension), isCancelled: isCancelled)
        if case .infeasible(let multipliers) = feasibility { return .empty(multipliers) }
        var equations: [Int] = []
        while true {
            let hull = RationalMatrix(equations.map { inequalities[$0].normal })
            let rank = hull.rank
            // What is constant on the hull is an equation there or says nothing.
            let rows = inequalities.indices.filter { index in
                let normal = inequalities[index].normal
                return !normal.allSatisfy(\.isZero)
                    && (equations.isEmpty
                        || RationalMatrix(equations.map { inequalities[$0].normal } + [normal]).rank > rank)
            }
            let strict = try largestMargin(rows, equations: equations, isCancelled)
            guard case .optimal(let point, let margin, let multipliers) = strict else {
                preconditionFailure("a margin has an optimum")
            }
            if margin.sign > 0 {
                let inner = Array(point.dropLast())
                let tight = inequalities.indices.filter { inequalities[$0].slack(at: inner).isZero }
                return .space(dimension: dimension - rank, point: inner, equations: tight)
            }
            equations += zip(rows, multipliers.inequalities).filter { $0.1.sign > 0 }.map(\.0)
        }
    }

    /// maximise t where ⟨normal, x⟩ + t · weight ≤ offset for the rows, equations hold, and t ≤ 1. The weights are
    /// about the normals' lengths, so that the point is about as far from all of them.
    private func largestMargin(_ rows: [Int], equations: [Int], _ isCancelled: () -> Bool)
        throws(LinearProgrammingFault) -> LinearProgramOutcome
    {
        let zeros = [Rational](repeating: .zero, count: dimension)
        let program = LinearProgram(
            maximising: zeros + [.one],
            inequalities: rows.map { row in
                let normal = inequalities[row].normal
                return LinearInequality(
                    normal: normal + [approximateLength(normal)], offset: inequalities[row].offset)
            } + [LinearInequality(normal: zeros + [.one], offset: .one)],
            equations: equations.map {
                LinearInequality(normal: inequalities[$0].normal + [.zero], offset: inequalities[$0].offset)
            })
        return try program.solved(isCancelled: isCancelled)
    }

    /// The point with as few binary digits as leave all rows strict, or itself.
    private func shortened(_ point: [Rational], strictly rows: [Int]) -> [Rational] {
        for digits in [0, 4, 12, 24, 52] {
            let scale = Double(sign: .plus, exponent: digits, significand: 1)
            let candidate = point.map {
                Rational(exactly: ($0.nearestDouble * scale).rounded() / scale) ?? $0
            }
            if rows.allSatisfy({ inequalities[$0].slack(at: candidate).sign > 0 }) { return candidate }
        }
        return point
    }
}

/// A positive number between the largest absolute entry and about n times it.
func approximateLength(_ normal: [Rational]) -> Rational {
    let largest = normal.map(\.magnitude).max() ?? .one
    let squares = normal.reduce(0.0) { sum, entry in
        let ratio = (entry / largest).nearestDouble
        return sum + ratio * ratio
    }
    // Five binary digits are enough, and keep the numbers short.
    return largest * (Rational(exactly: (squares.squareRoot() * 32).rounded() / 32) ?? .one)
}
