public import ExactArithmetic

extension Polyhedron {
    /// A point in the relative interior of what two polyhedra of dimension n share, where that has dimension n − 1:
    /// where they meet along a facet or a part of one. `nil` where they share less, or more.
    public func sharedFacetPoint(with other: Polyhedron, isCancelled: () -> Bool = { false })
        throws(LinearProgrammingFault) -> [Rational]?
    {
        guard
            case .space(let shared, let point, _) = try intersection(other).affineHull(
                isCancelled: isCancelled),
            shared == dimension - 1
        else { return nil }
        return point
    }
}
