internal import ExactArithmetic

/// Makes a dual vector that is feasible up to a solver's accuracy exactly feasible, by moving as few entries as there are
/// profits to be made 0, in rational arithmetic.
struct DualRepair {
    let relaxation: LeafRelaxation
    private var points: ProofPoints { relaxation.points }
    private var problem: TrainingProblem { relaxation.points.problem }

    /// A linear function of the dual vector that is to be 0.
    private enum Equation: Hashable {
        case profit(unit: Int, ray: Int)
        /// Σ G_i x̃_ic of column c of the kept coordinates; −1 is the column of the ones.
        case moment(Int)
    }

    private static let attempts = 8
    /// Profits below this part of their terms' magnitudes are made 0.
    private static let tightness = 1e-10

    /// - Parameter dual: one entry a row.
    /// - Returns: the entries and those that are exact instead. Where nothing better is found they are 0, which is always
    ///   feasible and proves that a loss is not negative.
    func repaired(_ dual: [Double], projections: Int = 3) -> (rounded: [Double], exact: [Int: Rational]) {
        if let repaired = moved(dual) { return repaired }
        // Far from feasible: project first, then repair what is left.
        var dual = dual
        for _ in 0..<projections {
            dual = projected(dual)
            if let repaired = moved(dual) { return repaired }
        }
        return ([Double](repeating: 0, count: dual.count), [:])
    }

    /// Entries that are 0 but for rounding have no sign to keep.
    private func cleaned(_ dual: [Double]) -> [Double] {
        let largest = dual.reduce(0) { max($0, $1.magnitude) }
        return dual.map { $0.magnitude < 0x1p-42 * largest ? 0 : $0 }
    }

    private func moved(_ dual: [Double]) -> (rounded: [Double], exact: [Int: Rational])? {
        var dual = cleaned(dual)
        var tight = tightEquations(sums(dual))
        var tightness = Self.tightness
        for attempt in 0..<Self.attempts {
            guard let exact = solve(tight, dual) else { return nil }
            let candidate = LeafDual(points, rounded: dual, exact: exact)
            if leavesDomain(candidate) {
                // Profits and equations are homogeneous: a shorter dual vector is as feasible.
                let factor = 1 - 0x1p-46 * Double(1 << (3 * attempt))
                dual = dual.map { $0 * factor }
                continue
            }
            let failures = candidate.failures(relaxation)
            if failures.rays.isEmpty, failures.equations { return (dual, exact) }
            let before = tight.count
            for failure in failures.rays { tight.insert(.profit(unit: failure.unit, ray: failure.ray)) }
            if tight.count == before {
                tightness *= 100
                tight.formUnion(tightEquations(sums(dual), tightness))
                if isBounded {
                    // Entries at the ends of their domain could not move.
                    let factor = 1 - 0x1p-44 * Double(1 << (2 * attempt))
                    dual = dual.map { $0 * factor }
                }
            }
        }
        return nil
    }

    private var isBounded: Bool { problem.loss != .squared }

    private func sums(_ dual: [Double]) -> [Double] {
        points.rows.map { rows in rows.reduce(0) { $0 + dual[$1] } }
    }

    private func tightEquations(_ sums: [Double], _ tightness: Double = Self.tightness) -> Set<Equation> {
        var equations = Set(moments)
        for (unit, cone) in relaxation.cones.enumerated() {
            for (index, ray) in cone.rays.enumerated() {
                let profit = relaxation.roundedProfit(unit, ray, sums)
                if profit.value <= tightness * profit.scale {
                    equations.insert(.profit(unit: unit, ray: index))
                }
            }
        }
        return equations
    }

    private func leavesDomain(_ dual: LeafDual) -> Bool {
        points.rows.joined().contains { row in
            let range = problem.loss.slopeRange(target: problem.targets[row])
            if range.lower == nil && range.upper == nil { return false }
            let u = dual.value(row) / (Rational(exactly: problem.weights[row]) ?? .one)
            if let lower = range.lower, u < lower { return true }
            if let upper = range.upper, upper < u { return true }
            return false
        }
    }

    // MARK: The equations

    /// The row of each point that can move farthest, and how far: within the domain of ℓ*, and without changing the sign
    /// of its sum where that decides which side of the relaxation counts.
    private func freedom(_ dual: [Double], _ sums: [Double]) -> (rows: [Int], room: [Double]) {
        var chosen: [Int] = []
        var room: [Double] = []
        let typical = sums.reduce(0) { $0 + $1.magnitude } / Double(max(1, sums.count)) + 1e-300
        for (point, rows) in points.rows.enumerated() {
            let isUndecided = relaxation.cones.contains { $0.states[point] == .undecided }
            var best = (row: rows[0], room: -1.0)
            for row in rows {
                let weight = problem.weights[row]
                let range = problem.loss.slopeRange(target: problem.targets[row])
                var space = isUndecided ? sums[point].magnitude : max(sums[point].magnitude, typical)
                if let lower = range.lower { space = min(space, dual[row] - weight * lower.nearestDouble) }
                if let upper = range.upper { space = min(space, weight * upper.nearestDouble - dual[row]) }
                if space > best.room { best = (row, space) }
            }
            chosen.append(best.row)
            room.append(max(0, best.room))
        }
        let least = 0x1p-46 * room.reduce(0, max)
        return (chosen, room.map { $0 < least ? 0 : $0 })
    }

    /// The entries that, moved, make all equations hold; nil where the system has no solution.
    private func solve(_ equations: Set<Equation>, _ dual: [Double]) -> [Int: Rational]? {
        guard !equations.isEmpty else { return [:] }
        let sums = sums(dual)
        let (rows, room) = freedom(dual, sums)
        let ordered = Array(equations)
        let matrix = ordered.map { equation in
            (0..<points.count).map { point in coefficient(equation, point, sums[point]) * room[point] }
        }
        let basis = Self.pivots(matrix)
        guard !basis.isEmpty else { return [:] }
        let chosen = basis.map { ordered[$0.equation] }
        let columns = basis.map(\.column)
        let exactSums = LeafDual(points, rounded: dual, exact: [:]).sums
        let profits = ExactProfits(relaxation, sums: exactSums)
        var entries: [Rational] = []
        var right: [Rational] = []
        for equation in chosen {
            let coefficients = columns.map { exactCoefficient(equation, $0, exactSums[$0].sign) }
            entries += coefficients
            right.append(-residual(equation, exactSums, profits))
        }
        let system = RationalMatrix(rows: chosen.count, columns: columns.count, entries: entries)
        guard let moves = system.solve(right) else { return nil }
        var exact: [Int: Rational] = [:]
        for (column, move) in zip(columns, moves) where !move.isZero {
            let row = rows[column]
            exact[row] = (Rational(exactly: dual[row]) ?? .zero) + move
        }
        return exact
    }

    /// The nearest dual vector inside the domain of ℓ* without negative profits, to some digits. Profits are concave in
    /// the sums G, and linear in G⁺ and G⁻: those are projected, by Hildreth's method on the dual of the projection, with
    /// a multiplier for each profit and each part's ends.
    private func projected(_ dual: [Double]) -> [Double] {
        let sums = sums(dual)
        let typical = sums.reduce(0) { $0 + $1.magnitude } / Double(max(1, sums.count)) + 1e-300
        let (rows, room) = freedom(dual, sums)
        // Entry 2 i is G_i⁺, entry 2 i + 1 is G_i⁻. Entries at the end of their domain are worth most where they are.
        let metric = zip(sums, room).flatMap { sum, room in
            let size = isBounded ? max(room, typical * 1e-5) : max(sum.magnitude, typical / 4)
            return [size, size]
        }
        let start = sums.flatMap { [max($0, 0), max(-$0, 0)] }
        var constraints: [(row: [Double], residual: Double, isFree: Bool)] = []
        for equation in allEquations {
            let row = (0..<points.count).flatMap { point in
                [coefficient(equation, point, 1), -coefficient(equation, point, -1)]
            }
            let scaled = zip(row, metric).map { $0 * $1 }
            let norm = scaled.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard norm > 0 else { continue }
            let residual = zip(row, start).reduce(0) { $0 + $1.0 * $1.1 } / norm
            constraints.append((scaled.map { $0 / norm }, residual, moments.contains(equation)))
        }
        let ends = rows.enumerated().flatMap { point, row in
            let range = slopeEnds(row)
            let lower = sums[point] + range.lower - dual[row]
            let upper = sums[point] + range.upper - dual[row]
            return [(max(0, lower), max(0, upper)), (max(0, -upper), max(0, -lower))]
        }
        let bounds = zip(ends, zip(start, metric)).map { ends, entry in
            (lower: (ends.0 - entry.0) / entry.1, upper: (ends.1 - entry.0) / entry.1)
        }
        let move = Self.hildreth(constraints, bounds)
        var result = dual
        for (point, row) in rows.enumerated() {
            let range = slopeEnds(row)
            let moved = move[2 * point] * metric[2 * point] - move[2 * point + 1] * metric[2 * point + 1]
            result[row] = min(range.upper, max(range.lower, result[row] + moved))
        }
        return result
    }

    /// The ends of the domain of g at a row.
    private func slopeEnds(_ row: Int) -> (lower: Double, upper: Double) {
        let range = problem.loss.slopeRange(target: problem.targets[row])
        let weight = problem.weights[row]
        return (
            weight * (range.lower?.nearestDouble ?? -.infinity),
            weight * (range.upper?.nearestDouble ?? .infinity)
        )
    }

    /// The shortest z within the bounds with row·z + residual ≥ 0 for each constraint, or = 0 where it is free.
    private static func hildreth(
        _ constraints: [(row: [Double], residual: Double, isFree: Bool)],
        _ bounds: [(lower: Double, upper: Double)]
    ) -> [Double] {
        var move = [Double](repeating: 0, count: bounds.count)
        var pushes = move
        var multipliers = [Double](repeating: 0, count: constraints.count)
        for _ in 0..<sweeps {
            var change = 0.0
            for (index, constraint) in constraints.enumerated() {
                let value = zip(constraint.row, move).reduce(constraint.residual) { $0 + $1.0 * $1.1 }
                let updated = multipliers[index] - value
                let next = constraint.isFree ? updated : max(0, updated)
                let step = next - multipliers[index]
                guard step != 0 else { continue }
                multipliers[index] = next
                change = max(change, step.magnitude)
                for entry in move.indices { move[entry] += step * constraint.row[entry] }
            }
            for entry in move.indices {
                let free = move[entry] - pushes[entry]
                let inside = min(bounds[entry].upper, max(bounds[entry].lower, free))
                change = max(change, (inside - move[entry]).magnitude)
                pushes[entry] = inside - free
                move[entry] = inside
            }
            if change < 1e-15 { break }
        }
        return move
    }

    private static let sweeps = 3000

    private var allEquations: [Equation] {
        moments
            + relaxation.cones.enumerated().flatMap { unit, cone in
                cone.rays.indices.map { Equation.profit(unit: unit, ray: $0) }
            }
    }

    private var moments: [Equation] {
        switch problem.outputTerm {
        case .none: []
        case .bias: [.moment(-1)]
        case .affine: (-1..<points.dimension).map { .moment($0) }
        }
    }

    private func coefficient(_ equation: Equation, _ point: Int, _ sum: Double) -> Double {
        switch equation {
        case .moment(let column): return column < 0 ? 1 : points.rounded[point * points.dimension + column]
        case .profit(let unit, let index):
            let ray = relaxation.cones[unit].rays[index]
            let sign = relaxation.sign(unit)
            return sign * relaxation.factor(unit, ray, point, hIsPositive: sign * sum > 0)
                * ray.products[point]
        }
    }

    private func exactCoefficient(_ equation: Equation, _ point: Int, _ sumSign: Int) -> Rational {
        switch equation {
        case .moment(let column):
            return column < 0 ? .one : Rational(points.integers[point * points.dimension + column])
        case .profit(let unit, let index):
            let ray = relaxation.cones[unit].rays[index]
            let sign = unit < relaxation.positiveUnits ? 1 : -1
            let factor = relaxation.factor(unit, ray, point, hIsPositive: sign * sumSign > 0)
            if factor == 0 { return .zero }
            return Rational(sign) * (Rational(exactly: factor) ?? .zero)
                * Rational(ray.product(point, points))
        }
    }

    /// The equation's value at the unmoved dual vector, in the scale of `exactCoefficient`.
    private func residual(_ equation: Equation, _ sums: [Rational], _ profits: ExactProfits) -> Rational {
        switch equation {
        case .moment(let column):
            var total = Rational.zero
            for (point, value) in sums.enumerated() where !value.isZero {
                total +=
                    column < 0 ? value : value * Rational(points.integers[point * points.dimension + column])
            }
            return total
        case .profit(let unit, let index):
            return profits.unscaled(unit, relaxation.cones[unit].rays[index])
        }
    }

    /// Complete pivoting: which equations are independent, and a column for each. Entries are compared by what they can
    /// move.
    private static func pivots(_ matrix: [[Double]]) -> [(equation: Int, column: Int)] {
        var rows = matrix.map { row in
            let scale = row.reduce(0) { max($0, $1.magnitude) }
            return scale > 0 ? row.map { $0 / scale } : row
        }
        var remaining = Array(rows.indices)
        var result: [(equation: Int, column: Int)] = []
        while !remaining.isEmpty {
            var best = (row: -1, column: -1, size: 1e-9)
            for row in remaining {
                for (column, value) in rows[row].enumerated() where value.magnitude > best.size {
                    best = (row, column, value.magnitude)
                }
            }
            guard best.row >= 0 else { break }
            result.append((best.row, best.column))
            remaining.removeAll { $0 == best.row }
            let pivot = rows[best.row]
            for row in remaining {
                let factor = rows[row][best.column] / pivot[best.column]
                guard factor != 0 else { continue }
                for column in pivot.indices { rows[row][column] -= factor * pivot[column] }
                rows[row][best.column] = 0
            }
        }
        return result
    }
}
