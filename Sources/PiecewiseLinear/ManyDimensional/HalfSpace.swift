public import ExactArithmetic

/// A closed half-space {x : ⟨normal, x⟩ ≤ offset} of R^n.
public struct HalfSpace: Sendable, Hashable {
    /// n entries.
    public let normal: [Rational]
    public let offset: Rational

    public init(normal: [Rational], offset: Rational) {
        self.normal = normal
        self.offset = offset
    }
}
