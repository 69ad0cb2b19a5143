internal import ExactArithmetic

extension LinearProgram {
    /// Solves the program: floating point proposes a basis, exact arithmetic verifies it, and continues from there
    /// where it is not the last one. No tolerance enters the answer.
    ///
    /// Complexity: a step of either method costs O(constraints · n) operations, n being small.
    ///
    /// - Parameter isCancelled: asked at least once every 256 constraints.
    public func solved(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault)
        -> LinearProgramOutcome
    {
        try solved(proposals: true, isCancelled: isCancelled)
    }

    /// Without proposals: exact from the beginning.
    func solved(proposals: Bool, isCancelled: () -> Bool) throws(LinearProgrammingFault)
        -> LinearProgramOutcome
    {
        let solver = LinearProgramSolver(self)
        return try solver.solve(proposals: proposals) { () throws(LinearProgrammingFault) in
            if isCancelled() { throw .cancelled }
        }
    }
}

/// One program, its rows, and how its multipliers are named.
struct LinearProgramSolver {
    private let program: LinearProgram
    private let rows: ConstraintRows
    /// The objective times `objectiveScale`, then 0.
    private let objective: IntegerVector
    private let objectiveScale: Rational

    /// A basis to start from. `relaxed` with a basis of the relaxed rows where the program looks infeasible.
    private struct Proposal {
        var basis: [Int] = []
        var infeasible: (relaxed: [Bool], basis: [Int])?
    }

    private enum Feasibility {
        case basis([Int])
        case infeasible(LinearMultipliers)
        /// The proposed basis proves nothing.
        case unknown
    }

    init(_ program: LinearProgram) {
        self.program = program
        rows = ConstraintRows(program)
        objective = IntegerVector(count: program.dimension + 1)
        objectiveScale = objective.setScaled(at: 0, program.objective)
    }

    func solve(proposals: Bool, poll: ExactSimplex.Poll) throws(LinearProgrammingFault)
        -> LinearProgramOutcome
    {
        let proposal = proposals ? try propose(poll) : Proposal()
        if let (relaxed, basis) = proposal.infeasible {
            let feasibility = try settleFeasibility(relaxed, basis, raising: false, poll)
            if case .infeasible(let multipliers) = feasibility { return .infeasible(multipliers) }
            if case .basis(let feasible) = feasibility { return try climb(feasible, poll) }
        }
        return try climb(proposal.basis, poll)
    }

    // MARK: Floating point

    private func propose(_ poll: ExactSimplex.Poll) throws(LinearProgrammingFault) -> Proposal {
        let n = rows.dimension
        let (balanced, columnExponents) = rows.balanced
        var simplex = FloatingSimplex(rows: balanced, dimension: n)
        let violated = simplex.violations
        if violated.contains(true) {
            let relaxedRows = ConstraintRows(relaxing: rows, where: violated)
            var relaxed = FloatingSimplex(rows: relaxedRows.balanced.rows, dimension: n + 1)
            relaxed.raiseLastCoordinate()
            let lowering = [Double](repeating: 0, count: n) + [-1]
            try relaxed.maximise(lowering, untilRowZeroHolds: true, poll: poll)
            guard relaxed.basis.contains(0) else {
                return Proposal(
                    basis: Self.unrelaxed(relaxed.basis, n), infeasible: (violated, relaxed.basis))
            }
            simplex.take(Self.unrelaxed(relaxed.basis, n))
        }
        try simplex.maximise(balancedObjective(columnExponents), poll: poll)
        return Proposal(basis: simplex.basis)
    }

    private func balancedObjective(_ columnExponents: [Int]) -> [Double] {
        let scaled = (0..<rows.dimension).map { objective.scaledDouble($0) }
        let exponents = zip(scaled, columnExponents).map { $0.exponent - $1 }
        let largest = zip(scaled, exponents).filter { $0.0.significand != 0 }.map(\.1).max() ?? 0
        return zip(scaled, exponents).map { entry, exponent in
            Double(sign: .plus, exponent: max(exponent - largest, -1000), significand: 1) * entry.significand
        }
    }

    // MARK: Exact

    /// From a basis to a feasible one, then to the optimum.
    private func climb(_ basis: [Int], _ poll: ExactSimplex.Poll) throws(LinearProgrammingFault)
        -> LinearProgramOutcome
    {
        var simplex = ExactSimplex(rows)
        try simplex.take(basis, poll: poll)
        let violated = try simplex.violations(poll: poll)
        if violated.contains(true) {
            let kept = simplex.basis.map { $0 >= 0 ? $0 + 1 : $0 }
            let feasibility = try settleFeasibility(violated, kept, raising: true, poll)
            if case .infeasible(let multipliers) = feasibility { return .infeasible(multipliers) }
            simplex = ExactSimplex(rows)
            if case .basis(let feasible) = feasibility { try simplex.take(feasible, poll: poll) }
        }
        let ending = try simplex.maximise(objective, poll: poll)
        let point = coordinates(simplex.point, over: simplex.point)
        if case .unbounded(let direction) = ending {
            return .unbounded(point: point, ray: coordinates(direction, over: simplex.point))
        }
        let multipliers = multipliers(
            simplex.multipliers(objective), over: simplex, shift: 0, objectiveScale: objectiveScale)
        return .optimal(
            point: point, value: innerProduct(program.objective, point), multipliers: multipliers)
    }

    /// Lowers t as far as the rows allow, relaxed by t where `relaxed`, from a basis of the relaxed rows (row 0 is
    /// t ≥ 0). With `raising`, the basis leaves t pinned, and t is first raised as far as it must.
    private func settleFeasibility(
        _ relaxed: [Bool], _ basis: [Int], raising: Bool, _ poll: ExactSimplex.Poll
    ) throws(LinearProgrammingFault) -> Feasibility {
        let n = rows.dimension
        var simplex = ExactSimplex(ConstraintRows(relaxing: rows, where: relaxed))
        try simplex.take(basis, poll: poll)
        if raising {
            try simplex.raiseLastCoordinate(poll: poll)
        } else if try simplex.violations(poll: poll).contains(true) {
            return .unknown
        }
        let lowering = IntegerVector(count: n + 2)
        lowering[n] = BigInteger(-1)
        _ = try simplex.maximise(lowering, poll: poll)
        guard simplex.point.sign(n) == 0 else {
            return .infeasible(
                multipliers(simplex.multipliers(lowering), over: simplex, shift: 1, objectiveScale: .one))
        }
        return .basis(Self.unrelaxed(simplex.basis, n))
    }

    /// A basis of the relaxed rows as one of the rows, without t: entries that stand for t ≥ 0 or pin t go.
    private static func unrelaxed(_ basis: [Int], _ dimension: Int) -> [Int] {
        basis.filter { $0 != 0 && $0 != -1 - dimension }.map { $0 > 0 ? $0 - 1 : $0 }
    }

    private func coordinates(_ vector: IntegerVector, over point: IntegerVector) -> [Rational] {
        (0..<rows.dimension).map { index in
            vector === point
                ? vector.ratio(index, rows.dimension)
                : Rational(vector[index], point[rows.dimension])
        }
    }

    /// The multipliers of the program's own constraints: those of a basis, `numerators` over its denominator, with
    /// rows and objective scaled back. Row r of the basis is row r − shift of the program.
    private func multipliers(
        _ numerators: IntegerVector, over simplex: ExactSimplex, shift: Int, objectiveScale: Rational
    ) -> LinearMultipliers {
        let inequalityCount = program.inequalities.count
        var inequalities = [Rational](repeating: .zero, count: inequalityCount)
        var equations = [Rational](repeating: .zero, count: program.equations.count)
        let denominator = Rational(simplex.point[simplex.rows.dimension]) * objectiveScale
        for (entry, basic) in simplex.basis.enumerated() where basic >= shift && numerators.sign(entry) != 0 {
            let row = basic - shift
            let value = Rational(numerators[entry]) * rows.scales[row] / denominator
            if row < inequalityCount {
                inequalities[row] = value
            } else {
                let equation = (row - inequalityCount) / 2
                let isOpposite = (row - inequalityCount) % 2 == 1
                equations[equation] += isOpposite ? -value : value
            }
        }
        return LinearMultipliers(inequalities: inequalities, equations: equations)
    }
}
