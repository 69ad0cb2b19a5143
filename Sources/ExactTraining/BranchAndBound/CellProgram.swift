internal import ExactArithmetic

/// The convex program of a region in which every row is decided for every unit, for the solver that enumeration has:
/// slower than `NodeRelaxation`, but good where rays are all but parallel.
struct CellProgram: ConvexProgramData {
    typealias Solution = ExactCell.Solution

    private let data: DataArrangement
    private let cones: [Cone]
    private let positiveUnits: Int
    private let freeCount: Int
    /// Distinct rays, with the units that have them.
    private let rays: [(ray: Ray, units: [Int])]
    /// Rows of the problem.
    private let problemRows: [Int]
    private let arrangementRow: [Int]
    let rows: LossRows
    let inputOfRow: [Int]
    let totalWeightUp: Double

    /// - Returns: nil where a row is undecided.
    init?(_ data: DataArrangement, _ cones: [Cone], positiveUnits: Int) {
        guard cones.allSatisfy({ $0.undecidedCount == 0 }) else { return nil }
        self.data = data
        self.cones = cones
        self.positiveUnits = positiveUnits
        let problem = data.problem
        freeCount = data.freeCount
        rays = cones.distinctRays
        var problemRows: [Int] = []
        var arrangementRow: [Int] = []
        var inputOfRow: [Int] = []
        for row in 0..<data.count {
            let point = data.pointOfRow[row]
            for original in problem.loss == .squared ? data.points.rows[point] : [data.problemRows[row]] {
                problemRows.append(original)
                arrangementRow.append(row)
                inputOfRow.append(point)
            }
        }
        self.problemRows = problemRows
        self.arrangementRow = arrangementRow
        self.inputOfRow = inputOfRow
        let weights = problemRows.map { problem.weights[$0] }
        // Weights with a sum of about 1: a power of two, so exactly.
        let total = weights.reduce(0, +)
        let scale = total > 0x1p-900 ? Double(sign: .plus, exponent: -Int(total.exponent), significand: 1) : 1
        rows = LossRows(
            loss: problem.loss, targets: problemRows.map { problem.targets[$0] },
            weights: weights.map { $0 * scale })
        weightScale = scale
        totalWeightUp = rows.weights.reduce(EnclosedNumber.zero) { $0 + EnclosedNumber($1) }.upperBound
    }

    private let weightScale: Double

    func solve() -> Solution? {
        var columns: [ProgramColumn] = []
        for (index, entry) in rays.enumerated() {
            let hasPositive = entry.units.contains { $0 < positiveUnits }
            let hasNegative = entry.units.contains { $0 >= positiveUnits }
            if hasPositive && hasNegative { continue }
            columns.append(.ray(index, sign: hasPositive ? 1 : -1))
        }
        for (index, entry) in rays.enumerated()
        where entry.units.contains(where: { $0 < positiveUnits })
            && entry.units.contains(where: { $0 >= positiveUnits })
        {
            columns.append(.sharedRay(index))
        }
        for index in 0..<freeCount {
            columns.append(.outputTerm(coordinate: freeCount == 1 ? data.dimension - 1 : index))
        }
        let program = ConeProgram(rows)
        program.reset()
        for column in columns { program.add(approximate(column), isFree: column.isFree) }
        program.solve(tolerance: 1e-10 * max(1e-30, scaleOfLoss), cutoff: .infinity)
        guard let mean = DualBound(data: self).bound(program, columns) else { return nil }
        // The bound is of the weighted mean.
        let total = problemRows.reduce(EnclosedNumber.zero) { $0 + EnclosedNumber(data.problem.weights[$1]) }
        let bound = DirectedRounding.productDown(mean, max(0, total.lowerBound))
        var slopes = [Double](repeating: 0, count: data.count)
        for (index, slope) in program.slopes.enumerated() {
            slopes[arrangementRow[index]] += slope * data.problem.weights[problemRows[index]]
        }
        return Solution(
            bound: bound, parameters: parameters(columns, program.coefficients), slopes: slopes)
    }

    private var scaleOfLoss: Double {
        var sum = 0.0
        for row in rows.targets.indices { sum += rows.weights[row] * rows.loss.value(0, rows.targets[row]) }
        return sum
    }

    private func parameters(_ columns: [ProgramColumn], _ coefficients: [Double]) -> [Double] {
        let dimension = data.dimension
        var result = [Double](repeating: 0, count: cones.count * dimension + freeCount)
        for (column, value) in zip(columns, coefficients) {
            switch column {
            case .ray(let index, _), .sharedRay(let index):
                let unit = rays[index].units.first {
                    !column.isFree || ($0 < positiveUnits) == (value > 0)
                }
                guard let unit else { continue }
                for l in 0..<dimension {
                    result[unit * dimension + l] += value.magnitude * rays[index].ray.direction[l]
                }
            case .outputTerm(let coordinate):
                result[cones.count * dimension + (freeCount == 1 ? 0 : coordinate)] = value
            case .restricted: continue
            }
        }
        return result
    }

    // MARK: Columns

    func approximate(_ column: ProgramColumn) -> [Double] {
        switch column {
        case .ray(let index, let sign):
            return arrangementRow.map { Double(sign) * max(0, rays[index].ray.products[$0]) }
        case .sharedRay(let index): return arrangementRow.map { max(0, rays[index].ray.products[$0]) }
        case .outputTerm(let coordinate):
            return arrangementRow.map { data.frame[coordinate * data.stride + $0] }
        case .restricted: return arrangementRow.map { _ in 0 }
        }
    }

    /// Up to a positive factor, or for a free column up to a change of frame.
    func exact(_ column: ProgramColumn, input: Int) -> Rational {
        switch column {
        case .ray(let index, let sign):
            let value = product(index, input)
            return sign > 0 ? value : -value
        case .sharedRay(let index): return product(index, input)
        case .outputTerm(let coordinate):
            return Rational(data.points.integers[input * data.dimension + coordinate])
        case .restricted: return .zero
        }
    }

    private func product(_ index: Int, _ input: Int) -> Rational {
        let exact = rays[index].ray.exact
        let result = IntegerVector(count: 1)
        result.setDotProduct(
            at: 0, data.points.integers, start: input * data.dimension, exact, terms: data.dimension)
        return result.sign(0) > 0 ? Rational(result[0]) : .zero
    }
}
