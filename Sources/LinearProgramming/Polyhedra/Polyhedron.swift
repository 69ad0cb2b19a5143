public import ExactArithmetic

/// {x ∈ R^n : ⟨normal, x⟩ ≤ offset for each inequality}: convex, closed, possibly empty, flat or unbounded.
///
/// Every question is decided exactly; each costs a few linear programs.
public struct Polyhedron: Sendable, Hashable {
    /// n.
    public let dimension: Int
    public let inequalities: [LinearInequality]

    /// - Precondition: every normal has `dimension` entries.
    public init(dimension: Int, inequalities: [LinearInequality]) {
        precondition(inequalities.allSatisfy { $0.normal.count == dimension }, "shapes disagree")
        self.dimension = dimension
        self.inequalities = inequalities
    }

    /// The points of both.
    public func intersection(_ other: Polyhedron) -> Polyhedron {
        Polyhedron(dimension: dimension, inequalities: inequalities + other.inequalities)
    }

    public func contains(_ point: [Rational]) -> Bool {
        inequalities.allSatisfy { $0.slack(at: point).sign >= 0 }
    }

    /// The largest ⟨objective, x⟩.
    public func maximum(of objective: [Rational], isCancelled: () -> Bool = { false })
        throws(LinearProgrammingFault) -> LinearProgramOutcome
    {
        try LinearProgram(maximising: objective, inequalities: inequalities).solved(isCancelled: isCancelled)
    }

    /// Whether every point satisfies `inequality`; true for an empty polyhedron.
    public func implies(_ inequality: LinearInequality, isCancelled: () -> Bool = { false })
        throws(LinearProgrammingFault) -> Bool
    {
        switch try maximum(of: inequality.normal, isCancelled: isCancelled) {
        case .optimal(_, let value, _): value <= inequality.offset
        case .infeasible: true
        case .unbounded: false
        }
    }
}
