internal import ExactArithmetic

/// The data as the search sees them: rows as columns of numbers, centred and scaled, and the hyperplanes that they are in
/// the parameter space of a unit.
///
/// *Rows* here are terms of the loss: one for each distinct input under the squared loss, one for each row of positive
/// weight under others. Homogeneous inputs are cut to d coordinates that span the others on the data, the last being the
/// constant; column l of the frame is X_l = (x_l − c_l) / 2^e_l, at most about 1. Values of a unit at the points do not
/// depend on the frame.
///
/// `@unchecked Sendable`: the memory behind the pointers is written in `init` and only read from then on.
final class DataArrangement: @unchecked Sendable {
    /// Scaled by powers of two.
    let problem: TrainingProblem
    let points: ProofPoints
    /// d.
    let dimension: Int
    /// Coefficients of the output term: that of the constant, or all d.
    let freeCount: Int
    /// The number of rows.
    let count: Int
    /// `count` rounded up to a multiple of 8; entries past `count` are 0.
    let stride: Int
    /// The first row of the problem that each row stands for.
    let problemRows: [Int]
    /// Of each row.
    let pointOfRow: [Int]
    /// Rows with the input of each point.
    let rowsOfPoint: [[Int]]
    /// d columns of `stride` entries, rounded to nearest.
    let frame: UnsafeMutablePointer<Double>
    /// What `frame` misses.
    private let frameRest: UnsafeMutablePointer<Double>
    /// Rows whose points are linearly independent.
    let baseRows: [Int]
    /// What cones and open nodes take.
    let memory = MemoryBook()
    private let centres: [Double]
    /// e_l.
    private let exponents: [Int]

    /// - Returns: nil when cancelled.
    init?(_ problem: TrainingProblem, isCancelled: () -> Bool) {
        self.problem = problem
        let kept = Self.independentColumns(problem, isCancelled: isCancelled)
        guard let kept else { return nil }
        let points = ProofPoints(problem, coordinates: kept)
        self.points = points
        dimension = kept.count
        switch problem.outputTerm {
        case .none: freeCount = 0
        case .bias: freeCount = 1
        case .affine: freeCount = kept.count
        }
        let isMerged = problem.loss == .squared
        var problemRows: [Int] = []
        var pointOfRow: [Int] = []
        for (point, rows) in points.rows.enumerated() {
            for row in isMerged ? rows.prefix(1) : rows[...] {
                problemRows.append(row)
                pointOfRow.append(point)
            }
        }
        self.problemRows = problemRows
        self.pointOfRow = pointOfRow
        var rowsOfPoint = [[Int]](repeating: [], count: points.count)
        for (row, point) in pointOfRow.enumerated() { rowsOfPoint[point].append(row) }
        self.rowsOfPoint = rowsOfPoint
        count = problemRows.count
        stride = (count + 7) / 8 * 8
        frame = .allocate(capacity: dimension * stride)
        frame.initialize(repeating: 0, count: dimension * stride)
        frameRest = .allocate(capacity: dimension * stride)
        frameRest.initialize(repeating: 0, count: dimension * stride)
        var centres: [Double] = []
        var exponents: [Int] = []
        for column in 0..<dimension {
            let isConstant = kept[column] == problem.columns
            let values = pointOfRow.map { points.rounded[$0 * points.dimension + column] }
            let centre = isConstant ? 0 : values.reduce(0) { $0 + $1 / Double(values.count) }
            let offsets = values.map { DoubleDouble.difference($0, centre) }
            let spread = offsets.reduce(0) { max($0, $1.high.magnitude) }
            let exponent = spread > 0 && !isConstant ? Int(spread.exponent) + 1 : 0
            // In two steps: a power alone may lie outside binary64.
            let (first, second) = Self.powers(-exponent)
            for (row, offset) in offsets.enumerated() {
                let scaled = offset.scaled(first).scaled(second)
                frame[column * stride + row] = scaled.high
                frameRest[column * stride + row] = scaled.low
            }
            centres.append(centre)
            exponents.append(exponent)
        }
        self.centres = centres
        self.exponents = exponents
        var base: [Int] = []
        Self.chooseBase(frame, stride: stride, count: count, dimension: dimension, points, pointOfRow, &base)
        guard base.count == dimension else { return nil }
        baseRows = base
    }

    deinit {
        frame.deallocate()
        frameRest.deallocate()
    }

    private static func powers(_ exponent: Int) -> (Double, Double) {
        let half = exponent / 2
        return (
            Double(sign: .plus, exponent: half, significand: 1),
            Double(sign: .plus, exponent: exponent - half, significand: 1)
        )
    }

    /// The homogeneous input of a row in the integer coordinates of `points`.
    func integers(_ row: Int) -> [BigInteger] { points.integerRow(pointOfRow[row]) }

    /// Column of the frame of a coefficient of the output term.
    func freeColumn(_ index: Int) -> UnsafeMutablePointer<Double> {
        frame + (freeCount == 1 ? dimension - 1 : index) * stride
    }

    func coordinate(_ row: Int, _ column: Int) -> DoubleDouble {
        DoubleDouble(frame[column * stride + row], frameRest[column * stride + row])
    }

    // MARK: Choices of columns and rows

    /// Columns of the homogeneous input, ascending, that are independent on the points and span the others; that of the
    /// ones, the last, is one of them. Exact.
    private static func independentColumns(_ problem: TrainingProblem, isCancelled: () -> Bool) -> [Int]? {
        let all = Array(0...problem.columns)
        let points = ProofPoints(problem, coordinates: all)
        let width = all.count
        // Rows reduced against a growing basis, over the rationals; most data have full rank after a few rows.
        var basis: [(pivot: Int, row: [Rational])] = []
        for point in 0..<points.count where basis.count < width {
            if point & 63 == 0, isCancelled() { return nil }
            var row = points.integerRow(point).map { Rational($0) }
            for (pivot, reducer) in basis where !row[pivot].isZero {
                let factor = row[pivot]
                for column in 0..<width where !reducer[column].isZero {
                    row[column] -= factor * reducer[column]
                }
            }
            // The last columns first, so that the ones are always a pivot.
            guard let pivot = (0..<width).reversed().first(where: { !row[$0].isZero }) else { continue }
            let inverse = Rational.one / row[pivot]
            row = row.map { $0 * inverse }
            for index in basis.indices where !basis[index].row[pivot].isZero {
                let factor = basis[index].row[pivot]
                for column in 0..<width where !row[column].isZero {
                    basis[index].row[column] -= factor * row[column]
                }
            }
            basis.append((pivot, row))
        }
        return basis.map(\.pivot).sorted()
    }

    /// d rows with independent points: pivoted Gram–Schmidt in the frame, then exactly where rounding may deceive.
    private static func chooseBase(
        _ frame: UnsafeMutablePointer<Double>, stride: Int, count: Int, dimension: Int, _ points: ProofPoints,
        _ pointOfRow: [Int], _ base: inout [Int]
    ) {
        var rest = (0..<count).map { row in (0..<dimension).map { frame[$0 * stride + row] } }
        var chosen: [Int] = []
        for _ in 0..<dimension {
            var best = (row: -1, size: 1e-9)
            for row in 0..<count {
                let size = rest[row].reduce(0) { $0 + $1 * $1 }
                // Ties go to the earliest row.
                if size > best.size * (1 + 1e-9) { best = (row, size) }
            }
            guard best.row >= 0 else { break }
            chosen.append(best.row)
            let pivot = rest[best.row]
            for row in 0..<count {
                let factor = zip(rest[row], pivot).reduce(0) { $0 + $1.0 * $1.1 } / best.size
                for column in 0..<dimension { rest[row][column] -= factor * pivot[column] }
            }
        }
        func rank(_ rows: [Int]) -> Int {
            RationalMatrix(rows.map { points.integerRow(pointOfRow[$0]).map { Rational($0) } }).rank
        }
        if chosen.count == dimension, rank(chosen) == dimension {
            base = chosen
            return
        }
        for row in chosen + Array(0..<count) where base.count < dimension {
            if rank(base + [row]) == base.count + 1 { base.append(row) }
        }
    }

    // MARK: Frames

    /// The last coordinate of every point of the frame.
    private var constant: Double { frame[(dimension - 1) * stride] }

    /// A direction in the integer coordinates of `points`, in the frame: its largest entry has magnitude 1.
    func framed(_ direction: [Rational]) -> [DoubleDouble] {
        let result = frameCoordinates(direction)
        let largest = result.reduce(Rational.zero) { max($0, $1.magnitude) }
        guard !largest.isZero else { return result.map { DoubleDouble($0) } }
        let inverse = Rational.one / largest
        return result.map { DoubleDouble($0 * inverse) }
    }

    /// The parameters of a unit in the frame, from those in the integer coordinates of `points`.
    func frameCoordinates(_ vector: [Rational]) -> [Rational] {
        var result = [Rational](repeating: .zero, count: dimension)
        var offset = Rational.zero
        for column in 0..<dimension {
            let value = vector[column] * Self.power(points.shifts[column])
            if column == dimension - 1 {
                result[column] = value
            } else {
                result[column] = value * Self.power(exponents[column])
                offset += value * (Rational(exactly: centres[column]) ?? .zero)
            }
        }
        result[dimension - 1] += offset / (Rational(exactly: constant) ?? .one)
        return result
    }

    private static func power(_ exponent: Int) -> Rational {
        let power = Rational(BigInteger(2).power(abs(exponent)))
        return exponent >= 0 ? power : Rational.one / power
    }

    /// Parameters (a, b) in the original inputs of a unit with parameters `values` in the frame: n + 1 numbers.
    func original(_ values: [Double]) -> [Double] {
        var result = [Double](repeating: 0, count: problem.columns + 1)
        var bias = DoubleDouble(values[dimension - 1]) * DoubleDouble(constant)
        for column in 0..<dimension - 1 {
            let slope = Double(sign: .plus, exponent: -exponents[column], significand: values[column])
            bias = bias - DoubleDouble(slope) * DoubleDouble(centres[column])
            result[points.coordinates[column]] = Double(
                sign: .plus, exponent: -points.exponents[column], significand: slope)
        }
        result[problem.columns] = bias.high
        return result
    }
}
