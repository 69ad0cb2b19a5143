public import ExactArithmetic

/// A bounded closed box with interior of R^n, {x : lower_i ≤ x_i ≤ upper_i}: where pieces are counted.
public struct InputBox: Sendable, Hashable {
    /// n entries.
    public let lower: [Rational]
    /// n entries.
    public let upper: [Rational]

    /// - Precondition: as many lower bounds as upper ones.
    /// - Throws: `emptyDomain` unless lower_i < upper_i for every i.
    public init(lower: [Rational], upper: [Rational]) throws(PieceCountingFault) {
        precondition(lower.count == upper.count, "shapes disagree")
        for (coordinate, pair) in zip(lower, upper).enumerated() where pair.0 >= pair.1 {
            throw .emptyDomain(coordinate: coordinate)
        }
        self.lower = lower
        self.upper = upper
    }

    /// n.
    public var dimension: Int { lower.count }
}
