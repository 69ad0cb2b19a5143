/// A dense matrix of rationals for exact linear algebra by fraction-free elimination (Bareiss 1968).
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

    public subscript(row: Int, column: Int) -> Rational { entries[row * columns + column] }

    public var rank: Int { 0 }
    /// - Precondition: square.
    public var determinant: Rational { .zero }
    /// A basis of {x : A x = 0}, columns − rank vectors.
    public var nullspace: [[Rational]] { [] }
    /// One x with A x = b, free unknowns 0; `nil` where there is none.
    ///
    /// - Precondition: `b.count == rows`.
    public func solve(_ b: [Rational]) -> [Rational]? { nil }
}
