public import ExactArithmetic

/// x ↦ ⟨gradient, x⟩ + intercept on R^n.
public struct AffineFunction: Sendable, Hashable {
    /// n entries.
    public let gradient: [Rational]
    public let intercept: Rational

    public init(gradient: [Rational], intercept: Rational) {
        self.gradient = gradient
        self.intercept = intercept
    }

    /// n.
    public var dimension: Int { gradient.count }

    /// - Precondition: `point.count == dimension`.
    public func callAsFunction(_ point: [Rational]) -> Rational {
        precondition(point.count == dimension, "the point has the wrong dimension")
        var sum = intercept
        for (slope, value) in zip(gradient, point) where !slope.isZero && !value.isZero {
            sum += slope * value
        }
        return sum
    }
}
