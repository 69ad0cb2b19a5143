internal import ExactArithmetic

/// The points of a problem, its distinct inputs of positive weight, in exact and in rounded form: everything that a
/// proof says is about them.
///
/// Homogeneous inputs x̃ = (x, 1) are cut to `coordinates`, d of them, and every column is scaled by a power of two, once
/// to integers and once into [−1, 1].
final class ProofPoints {
    let problem: TrainingProblem
    let coordinates: [Int]
    /// The rows of each point, ascending, the first one naming the point. Rows of weight 0 belong to none.
    let rows: [[Int]]
    /// The point of each row; nil for a row of weight 0 whose inputs no point has.
    let pointOfRow: [Int?]
    /// Row-major, points × d.
    let integers: IntegerVector
    /// The same in [−1, 1]: column c divided by 2^shifts[c]; a number 2^1000 times smaller than its column's largest may
    /// come out as 0.
    let rounded: [Double]
    /// Binary exponents by which the columns of `integers` are larger than those of `rounded`.
    let shifts: [Int]
    /// `rounded` was divided by 2^exponents[c], column by column.
    let exponents: [Int]

    var dimension: Int { coordinates.count }
    var count: Int { rows.count }

    /// - Precondition: `coordinates` are columns of the homogeneous input.
    init(_ problem: TrainingProblem, coordinates: [Int]) {
        self.problem = problem
        self.coordinates = coordinates
        var rows: [[Int]] = []
        var pointOfInput: [ArraySlice<Double>: Int] = [:]
        func input(_ row: Int) -> ArraySlice<Double> {
            problem.inputs[row * problem.columns..<(row + 1) * problem.columns]
        }
        for row in 0..<problem.rows where problem.weights[row] > 0 {
            if let point = pointOfInput[input(row)] {
                rows[point].append(row)
            } else {
                pointOfInput[input(row)] = rows.count
                rows.append([row])
            }
        }
        pointOfRow = (0..<problem.rows).map { pointOfInput[input($0)] }
        self.rows = rows
        let dimension = coordinates.count
        let columns: [ScaledColumn] = coordinates.map { column in
            ScaledColumn(rows.map { Self.entry(problem, $0[0], column) })
        }
        integers = IntegerVector(count: max(1, rows.count * dimension))
        var rounded = [Double](repeating: 0, count: rows.count * dimension)
        for (index, column) in columns.enumerated() {
            for point in rows.indices {
                integers[point * dimension + index] = column.integers[point]
                rounded[point * dimension + index] = column.rounded[point]
            }
        }
        self.rounded = rounded
        shifts = columns.map(\.shift)
        exponents = columns.map(\.exponent)
    }

    /// Entry `column` of the homogeneous input of a row: the last column is that of the ones.
    static func entry(_ problem: TrainingProblem, _ row: Int, _ column: Int) -> Double {
        column == problem.columns ? 1 : problem.inputs[row * problem.columns + column]
    }

    /// The point's coordinates as integers, row `point` of `integers`.
    func integerRow(_ point: Int) -> [BigInteger] {
        (0..<dimension).map { integers[point * dimension + $0] }
    }

    /// Whether the homogeneous inputs at `base` are linearly independent and every column that is not kept depends on
    /// the kept ones by the same coefficients on all points: then the kept coordinates give the same functions of the
    /// data.
    func hasBase(_ base: [Int]) -> Bool {
        guard base.count == dimension, base.allSatisfy(rows.indices.contains) else { return false }
        let matrix = RationalMatrix(base.map { integerRow($0).map { Rational($0) } })
        guard matrix.rank == dimension else { return false }
        for column in 0...problem.columns where !coordinates.contains(column) {
            let right = base.map { exactEntry(rows[$0][0], column) }
            guard let factors = matrix.solve(right) else { return false }
            for point in rows.indices {
                var sum = Rational.zero
                for (factor, value) in zip(factors, integerRow(point)) where !factor.isZero {
                    sum += factor * Rational(value)
                }
                guard sum == exactEntry(rows[point][0], column) else { return false }
            }
        }
        return true
    }

    private func exactEntry(_ row: Int, _ column: Int) -> Rational {
        Rational(exactly: Self.entry(problem, row, column)) ?? .zero
    }
}

/// Finite numbers under one power of two.
private struct ScaledColumn {
    let integers: [BigInteger]
    let rounded: [Double]
    let shift: Int
    let exponent: Int

    init(_ values: [Double]) {
        let least = values.filter { $0 != 0 }.map { Self.lowestBit($0) }.min() ?? 0
        let highest = values.filter { $0 != 0 }.map { Int($0.exponent) + 1 }.max() ?? 0
        integers = values.map { value in
            let significand = value == 0 ? 0 : Int(value.significandBits)
            guard significand != 0 else { return .zero }
            return BigInteger(significand) * BigInteger(2).power(Self.lowestBit(value) - least)
        }
        // In two steps: the power by itself may lie outside binary64.
        rounded = values.map { Double(sign: .plus, exponent: -highest, significand: $0) }
        shift = highest - least
        exponent = highest
    }

    /// The exponent of the lowest bit that is set.
    private static func lowestBit(_ value: Double) -> Int {
        Int(value.exponent) - Int(value.significandWidth)
    }
}

extension Double {
    /// value / 2^(exponent of the lowest set bit): an odd integer with its sign.
    fileprivate var significandBits: Int64 {
        let odd = Int64(Double(sign: .plus, exponent: significandWidth, significand: significand))
        return self < 0 ? -odd : odd
    }
}
