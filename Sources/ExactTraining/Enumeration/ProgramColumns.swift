internal import ExactArithmetic

/// A column of a convex program, as what it is exactly: one real number at each distinct input.
enum ProgramColumn: Hashable {
    /// ±max(0, x̃·v) for an extreme ray v of a cell, with a non-negative coefficient.
    case ray(Int, sign: Int)
    /// max(0, x̃·v) for a ray of a positive and of a negative unit, with a free coefficient.
    case sharedRay(Int)
    /// A kept coordinate of x̃ at the points of a cell's positive side, 0 elsewhere; free.
    case restricted(cell: Int, coordinate: Int)
    /// A kept coordinate of x̃; free.
    case outputTerm(coordinate: Int)

    var isFree: Bool { if case .ray = self { false } else { true } }
}

/// The rows and the columns of convex programs.
protocol ConvexProgramData {
    var rows: LossRows { get }
    /// The distinct input of each row.
    var inputOfRow: [Int] { get }
    /// ≥ Σ of `rows.weights`.
    var totalWeightUp: Double { get }
    /// The column at each row, rounded.
    func approximate(_ column: ProgramColumn) -> [Double]
    /// The column at an input, exactly.
    func exact(_ column: ProgramColumn, input: Int) -> Rational
}

/// The data as enumeration sees them: rows with positive weights, distinct inputs, their dichotomies.
struct EnumerationData: ConvexProgramData, Sendable {
    let problem: TrainingProblem
    let dichotomies: Dichotomies
    /// The distinct input of each row that counts.
    let inputOfRow: [Int]
    let rows: LossRows
    /// ≥ Σ of `rows.weights`.
    let totalWeightUp: Double
    /// Kept coordinates of the distinct inputs, each but the constant centred and scaled: well-conditioned columns
    /// that span, up to rounding, the same space. Indexed by coordinate, then by input.
    let centred: [[Double]]
    let centres: [Double]
    let scales: [Double]
    /// Positions in `dichotomies.coordinates` that the output term has.
    let outputPositions: [Int]

    /// - Returns: `nil` when cancelled or out of memory.
    init?(
        _ problem: TrainingProblem, inputs: [[Double]], inputOfRow: [Int], keptRows: [Int],
        memoryLimit: Int, cancelled: () -> Bool
    ) {
        guard let dichotomies = Dichotomies(inputs, memoryLimit: memoryLimit, cancelled: cancelled) else {
            return nil
        }
        self.problem = problem
        self.dichotomies = dichotomies
        self.inputOfRow = inputOfRow
        rows = LossRows(
            loss: problem.loss, targets: keptRows.map { problem.targets[$0] },
            weights: keptRows.map { problem.weights[$0] })
        totalWeightUp = rows.weights.reduce(EnclosedNumber.zero) { $0 + EnclosedNumber($1) }.upperBound
        var centred: [[Double]] = []
        var centres: [Double] = []
        var scales: [Double] = []
        for coordinate in dichotomies.coordinates {
            if coordinate == problem.columns {
                centred.append([Double](repeating: 1, count: inputs.count))
                centres.append(0)
                scales.append(1)
                continue
            }
            let values = inputs.map { $0[coordinate] }
            let centre = values.reduce(0) { $0 + $1 / Double(values.count) }
            let spread = values.map { ($0 - centre).magnitude }.max() ?? 0
            let scale = spread > 0 && spread.isFinite ? spread : 1
            centred.append(values.map { ($0 - centre) / scale })
            centres.append(centre)
            scales.append(scale)
        }
        self.centred = centred
        self.centres = centres
        self.scales = scales
        switch problem.outputTerm {
        case .none: outputPositions = []
        case .bias: outputPositions = dichotomies.coordinates.indices.suffix(1)
        case .affine: outputPositions = Array(dichotomies.coordinates.indices)
        }
    }

    /// The column at each row, rounded; free coordinates centred and scaled.
    func approximate(_ column: ProgramColumn) -> [Double] {
        switch column {
        case .ray(let ray, let sign):
            let features = dichotomies.features(of: ray)
            return inputOfRow.map { Double(sign) * features[$0] }
        case .sharedRay(let ray):
            let features = dichotomies.features(of: ray)
            return inputOfRow.map { features[$0] }
        case .restricted(let cell, let position):
            let active = dichotomies.cells[cell].active
            return inputOfRow.map { active.contains($0) ? centred[position][$0] : 0 }
        case .outputTerm(let position): return inputOfRow.map { centred[position][$0] }
        }
    }

    /// The column at an input, exactly.
    func exact(_ column: ProgramColumn, input: Int) -> Rational {
        switch column {
        case .ray(let ray, let sign):
            let value = feature(ray, input)
            return sign > 0 ? value : -value
        case .sharedRay(let ray): return feature(ray, input)
        case .restricted(let cell, let position):
            return dichotomies.cells[cell].active.contains(input)
                ? dichotomies.points[input][position] : .zero
        case .outputTerm(let position): return dichotomies.points[input][position]
        }
    }

    private func feature(_ ray: Int, _ input: Int) -> Rational {
        let value = zip(dichotomies.points[input], dichotomies.rays[ray].exact).reduce(Rational.zero) {
            $0 + $1.0 * $1.1
        }
        return value.sign > 0 ? value : .zero
    }
}
