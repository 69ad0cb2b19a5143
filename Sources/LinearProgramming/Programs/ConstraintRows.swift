internal import ExactArithmetic

/// The constraints ⟨a_i, x⟩ ≤ b_i of a program, each scaled by a positive number to integers (a_i, −b_i), side by side.
///
/// With a point in homogeneous coordinates (X, D), x = X / D and D > 0, row i times (X, D) is −D times the slack.
struct ConstraintRows: Sendable {
    /// n.
    let dimension: Int
    let count: Int
    /// `count` rows of n + 1 entries.
    let entries: IntegerVector
    /// What each row was multiplied by.
    let scales: [Rational]

    /// One row for each inequality, then two for each equation.
    init(_ program: LinearProgram) {
        dimension = program.dimension
        count = program.inequalities.count + 2 * program.equations.count
        entries = IntegerVector(count: count * (dimension + 1))
        var scales: [Rational] = []
        scales.reserveCapacity(count)
        for (constraints, signs) in [(program.inequalities, [1]), (program.equations, [1, -1])] {
            for constraint in constraints {
                for sign in signs {
                    let scale = entries.setScaled(
                        at: scales.count * (dimension + 1), constraint.normal + [-constraint.offset],
                        sign: sign)
                    scales.append(scale)
                }
            }
        }
        self.scales = scales
    }

    /// The rows ⟨a_i, x⟩ − t ≤ b_i where `relaxed`, ⟨a_i, x⟩ ≤ b_i elsewhere, of (x, t) ∈ R^{n+1}, after a row 0
    /// that says t ≥ 0.
    init(relaxing rows: ConstraintRows, where relaxed: [Bool]) {
        let n = rows.dimension
        dimension = n + 1
        count = rows.count + 1
        entries = IntegerVector(count: count * (n + 2))
        scales = [.one] + rows.scales
        entries[n] = BigInteger(-1)
        for row in 0..<rows.count {
            let target = (row + 1) * (n + 2)
            for column in 0..<n { entries.copy(rows.entries, row * (n + 1) + column, to: target + column) }
            if relaxed[row] { entries[target + n] = BigInteger(-1) }
            entries.copy(rows.entries, row * (n + 1) + n, to: target + n + 1)
        }
    }

    /// The rows in binary64: columns and rows scaled by powers of two, so that the largest entry of each row and
    /// of each column is about 1. The scales of columns come with it, as exponents.
    var balanced: (rows: [Double], columnExponents: [Int]) {
        let width = dimension + 1
        let scaled = (0..<count * width).map { entries.scaledDouble($0) }
        var columnExponents = [Int](repeating: 0, count: width)
        var rowExponents = [Int](repeating: 0, count: count)
        func exponent(_ row: Int, _ column: Int) -> Int? {
            let entry = scaled[row * width + column]
            return entry.significand == 0
                ? nil : entry.exponent - rowExponents[row] - columnExponents[column]
        }
        for _ in 0..<3 {
            for row in 0..<count {
                let largest = (0..<dimension).compactMap { exponent(row, $0) }.max()
                rowExponents[row] += largest ?? exponent(row, dimension) ?? 0
            }
            for column in 0..<width {
                columnExponents[column] += (0..<count).compactMap { exponent($0, column) }.max() ?? 0
            }
        }
        let rows = (0..<count * width).map { index in
            let shift = scaled[index].exponent - rowExponents[index / width] - columnExponents[index % width]
            return Double(sign: .plus, exponent: min(max(shift, -1000), 1000), significand: 1)
                * scaled[index].significand
        }
        return (rows, columnExponents)
    }
}

extension IntegerVector {
    /// Writes `numbers`, multiplied by a positive number that makes them integers without a common divisor, from
    /// `start` on, with the sign `sign`; returns the multiplier.
    func setScaled(at start: Int, _ numbers: [Rational], sign: Int = 1) -> Rational {
        let denominator = commonDenominator(numbers, maximumBits: .max) ?? .one
        let integers = numbers.map { $0.scaledInteger(denominator) }
        var divisor = BigInteger.zero
        for integer in integers where divisor != .one {
            divisor = BigInteger.greatestCommonDivisor(divisor, integer)
        }
        for (offset, integer) in integers.enumerated() {
            let reduced =
                divisor.sign > 0 && divisor != .one
                ? integer.flooredQuotientAndRemainder(dividingBy: divisor).0 : integer
            self[start + offset] = sign < 0 ? -reduced : reduced
        }
        return divisor.sign > 0 ? Rational(denominator, divisor) : Rational(denominator)
    }
}
