/// A dense matrix of rationals, for exact linear algebra by fraction-free elimination: E. H. Bareiss, Sylvester's
/// identity and multistep integer-preserving Gaussian elimination, Mathematics of Computation 22 (1968). Rows are
/// scaled to integers; every intermediate number is then a minor of the integer matrix, so none is longer than
/// Hadamard's bound. Complexity of each operation: O(rows · columns · rank) multiplications of such numbers.
public struct RationalMatrix: Sendable, Hashable {
    public let rows: Int
    public let columns: Int
    /// Row-major.
    public let entries: [Rational]

    /// - Precondition: `entries.count == rows * columns`.
    public init(rows: Int, columns: Int, entries: [Rational]) {
        precondition(entries.count == rows * columns, "shapes disagree")
        self.rows = rows
        self.columns = columns
        self.entries = entries
    }

    /// The matrix of these rows, all equally long; no rows make a 0 × 0 matrix.
    public init(_ rows: [[Rational]]) {
        let columns = rows.first?.count ?? 0
        precondition(rows.allSatisfy { $0.count == columns }, "rows of unequal lengths")
        self.init(rows: rows.count, columns: columns, entries: Array(rows.joined()))
    }

    public subscript(row: Int, column: Int) -> Rational { entries[row * columns + column] }

    public func row(_ row: Int) -> ArraySlice<Rational> { entries[row * columns..<(row + 1) * columns] }

    /// - Precondition: `vector.count == columns`.
    public static func * (matrix: RationalMatrix, vector: [Rational]) -> [Rational] {
        precondition(vector.count == matrix.columns, "shapes disagree")
        return (0..<matrix.rows).map { row in
            zip(matrix.row(row), vector).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
        }
    }

    public var rank: Int { EchelonForm(self).pivots.count }

    /// The determinant; 1 for a 0 × 0 matrix.
    ///
    /// - Precondition: square.
    public var determinant: Rational {
        precondition(rows == columns, "a determinant needs a square matrix")
        let echelon = EchelonForm(self)
        guard echelon.pivots.count == rows else { return .zero }
        guard rows > 0 else { return .one }
        // The last pivot is the determinant of the scaled matrix, up to the exchanges of rows.
        let value = Rational(echelon.integers[rows * columns - 1], echelon.scale)
        return echelon.isOddPermutation ? -value : value
    }

    /// A basis of {x : A x = 0}: columns − rank vectors, each with one free coordinate 1 and the others 0.
    public var nullspace: [[Rational]] {
        let echelon = EchelonForm(self)
        let isPivot = Set(echelon.pivots)
        return (0..<columns).filter { !isPivot.contains($0) }.map { free in
            var x = [Rational](repeating: .zero, count: columns)
            x[free] = .one
            echelon.substituteBack(into: &x, right: nil)
            return x
        }
    }

    /// One x with A x = b, its free coordinates 0; `nil` where there is none.
    ///
    /// - Precondition: `b.count == rows`.
    public func solve(_ b: [Rational]) -> [Rational]? {
        precondition(b.count == rows, "shapes disagree")
        let augmented = RationalMatrix(
            rows: rows, columns: columns + 1, entries: (0..<rows).flatMap { row(Int($0)) + [b[$0]] })
        let echelon = EchelonForm(augmented)
        if echelon.pivots.last == columns { return nil }
        var x = [Rational](repeating: .zero, count: columns)
        echelon.substituteBack(into: &x, right: columns)
        return x
    }
}

/// The row echelon form of a matrix whose rows were scaled to integers.
private struct EchelonForm {
    let integers: IntegerVector
    let columns: Int
    /// The pivot's column in each of the first `rank` rows.
    private(set) var pivots: [Int] = []
    private(set) var isOddPermutation = false
    /// The product of the factors by which the rows were scaled.
    let scale: BigInteger

    init(_ matrix: RationalMatrix) {
        columns = matrix.columns
        integers = IntegerVector(count: matrix.entries.count)
        var product = BigInteger.one
        for row in 0..<matrix.rows {
            let factor = commonDenominator(matrix.row(row), maximumBits: .max) ?? .one
            product *= factor
            for column in 0..<columns {
                integers[row * columns + column] = matrix[row, column].scaledInteger(factor)
            }
        }
        scale = product
        let divisor = IntegerVector(count: 1)
        divisor[0] = .one
        var rank = 0
        for column in 0..<columns where rank < matrix.rows {
            guard
                let found = (rank..<matrix.rows).filter({ integers.sign($0 * columns + column) != 0 })
                    .min(by: {
                        integers.bitCount($0 * columns + column) < integers.bitCount($1 * columns + column)
                    })
            else { continue }
            if found != rank {
                for index in 0..<columns { integers.swap(found * columns + index, rank * columns + index) }
                isOddPermutation.toggle()
            }
            let pivot = rank * columns + column
            for row in rank + 1..<max(rank + 1, matrix.rows) {
                let factor = row * columns + column
                for index in column + 1..<max(column + 1, columns) {
                    integers.eliminate(
                        row * columns + index, pivot: pivot, factor: factor, source: rank * columns + index,
                        divisor: divisor, 0)
                }
                integers.setZero(factor)
            }
            divisor.copy(integers, pivot, to: 0)
            pivots.append(column)
            rank += 1
        }
    }

    /// Sets the pivots' coordinates so that each row's equation holds, with the right-hand side in column `right`
    /// or 0.
    func substituteBack(into x: inout [Rational], right: Int?) {
        for row in pivots.indices.reversed() {
            let base = row * columns
            var sum = right.map { Rational(integers[base + $0]) } ?? .zero
            for column in pivots[row] + 1..<max(pivots[row] + 1, x.count) where !x[column].isZero {
                sum -= Rational(integers[base + column]) * x[column]
            }
            x[pivots[row]] = sum / Rational(integers[base + pivots[row]])
        }
    }
}
