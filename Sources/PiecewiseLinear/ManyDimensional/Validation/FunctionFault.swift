public import ExactArithmetic

/// Why simplices, a grid or regions are not a function that can be worked with. Indices are those of the input.
public enum FunctionFault: Error, Equatable, Sendable {
    case cancelled
    /// Coordinates, values or normals are not as many as they have to be.
    case shapesDisagree

    // MARK: Simplices

    /// A simplex does not have n + 1 corners, or corner `corner` is no index of a vertex.
    case noSuchVertex(simplex: Int, corner: Int)
    /// Two vertices are at one point with different values.
    case verticesDisagree(first: Int, second: Int)
    /// The corners lie in a hyperplane.
    case flatSimplex(Int)
    /// Inner points of both: `point` is one, `values` are what the two simplices interpolate there.
    case overlappingSimplices(first: Int, second: Int, point: [Rational], values: [Rational])
    /// The facet of `first` that lacks its corner `corner` meets `second`, but not in a facet of `second`: as at a
    /// vertex in the middle of an edge. `point` is of both.
    case simplicesMeetInPart(first: Int, corner: Int, second: Int, point: [Rational], values: [Rational])
    /// The facet of `simplex` that lacks its corner `corner` has no simplex on its other side, but `vertex` lies there.
    case domainNotConvex(simplex: Int, corner: Int, vertex: Int)

    // MARK: Grids

    /// An axis has fewer than two coordinates.
    case shortAxis(Int)
    /// A coordinate is not greater than the one before.
    case axisNotIncreasing(axis: Int, index: Int)

    // MARK: Regions

    /// No point satisfies all inequalities strictly.
    case emptyRegion(Int)
    /// At `point`, which both regions have, their functions' values differ by more than the tolerance.
    case regionsDisagree(first: Int, second: Int, point: [Rational], values: [Rational])
    /// Beyond inequality `halfSpace` of `region`, at `point`, there is no region, but elsewhere beyond it there are.
    case gap(region: Int, halfSpace: Int, point: [Rational])
}
