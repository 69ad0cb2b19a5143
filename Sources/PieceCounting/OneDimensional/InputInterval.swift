public import ExactArithmetic

/// A closed interval of the input line with interior, possibly unbounded: where pieces are counted.
public struct InputInterval: Sendable, Hashable {
    /// `nil` for −∞.
    public let lower: Rational?
    /// `nil` for +∞.
    public let upper: Rational?

    /// All of R.
    public static var line: InputInterval { InputInterval() }

    private init() {
        lower = nil
        upper = nil
    }

    /// - Throws: `emptyDomain` unless `lower` < `upper`.
    public init(lower: Rational?, upper: Rational?) throws(PieceCountingFault) {
        if let lower, let upper, lower >= upper { throw .emptyDomain(coordinate: 0) }
        self.lower = lower
        self.upper = upper
    }
}
