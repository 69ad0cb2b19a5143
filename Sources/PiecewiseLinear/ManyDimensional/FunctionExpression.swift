public import ExactArithmetic

/// A continuous piecewise-linear function on R^n, or on a part of it, as it is posted: in one of the forms that the
/// literature uses, or built from others.
///
/// The associated types are checked when they are made, so an expression is always a function on its domain; the only
/// check left to the whole is that dimensions agree.
public indirect enum FunctionExpression: Sendable {
    /// max_i ℓ_i: every convex piecewise-linear function. Not empty.
    case maxAffine([AffineFunction])
    /// Σ_j s_j max_{i ∈ S_j} ℓ_i (Wang and Sun 2005). Not empty, and no term's pieces are.
    case signedMax([SignedMaximum])
    /// max over selections of min over their pieces. No selection is empty.
    case lattice(pieces: [AffineFunction], selections: [[Int]])
    /// Interpolation on simplices; also a grid with its Freudenthal triangulation.
    case simplicial(SimplicialFunction)
    case regions(RegionFunction)
    /// A function of one variable.
    case oneDimensional(PiecewiseLinearFunction)
    case sum([(coefficient: Rational, function: FunctionExpression)])
    case maximum([FunctionExpression])
    case minimum([FunctionExpression])
    case absolute(FunctionExpression)
    /// outer ∘ (inner_1, …, inner_m): `outer` is a function on R^m.
    case composition(outer: FunctionExpression, inner: [FunctionExpression])
    /// A network of one output; its layers as (weights row by row, bias).
    case network(layers: [NetworkLayer])

    /// s · max_i ℓ_i.
    public struct SignedMaximum: Sendable, Hashable {
        public let isNegative: Bool
        public let pieces: [AffineFunction]

        public init(isNegative: Bool, pieces: [AffineFunction]) {
            self.isNegative = isNegative
            self.pieces = pieces
        }
    }

    /// One affine map of a network, `weights` one row a unit.
    public struct NetworkLayer: Sendable, Hashable {
        public let weights: [[Rational]]
        public let bias: [Rational]

        public init(weights: [[Rational]], bias: [Rational]) {
            self.weights = weights
            self.bias = bias
        }
    }
}

/// Continuous interpolation of values at the vertices of a simplicial complex of full dimension n. Adjacent simplices
/// share whole faces' vertices by index, so the function is continuous by construction.
public struct SimplicialFunction: Sendable, Hashable {
    /// n.
    public let dimension: Int
    /// Rows of n coordinates.
    public let vertices: [[Rational]]
    /// n + 1 indices of vertices each, in no particular order.
    public let simplices: [[Int]]
    /// One a vertex.
    public let values: [Rational]

    /// Unchecked: the validating initialisers are the way in for data from outside.
    init(uncheckedDimension dimension: Int, vertices: [[Rational]], simplices: [[Int]], values: [Rational]) {
        self.dimension = dimension
        self.vertices = vertices
        self.simplices = simplices
        self.values = values
    }
}

/// Affine functions on convex polyhedra that meet in whole or in part along their facets.
public struct RegionFunction: Sendable, Hashable {
    public struct Region: Sendable, Hashable {
        /// The polyhedron is the intersection of these; it has interior.
        public let halfSpaces: [HalfSpace]
        public let function: AffineFunction

        public init(halfSpaces: [HalfSpace], function: AffineFunction) {
            self.halfSpaces = halfSpaces
            self.function = function
        }
    }

    /// n.
    public let dimension: Int
    public let regions: [Region]
    /// The range of each coordinate on the union of the regions, where that is known to be bounded.
    public let box: [ClosedRange<Rational>]?
    /// Whether the union of the regions is convex (also: all of R^n).
    public let isDomainConvex: Bool
    /// Whether the union of the regions is all of R^n.
    public let coversSpace: Bool
    /// The largest disagreement on shared points; 0 for a continuous function, else at most the posted
    /// `continuityTolerance`.
    public let discontinuity: Rational

    /// Unchecked: the validating initialiser is the way in for data from outside.
    init(
        uncheckedDimension dimension: Int, regions: [Region], box: [ClosedRange<Rational>]? = nil,
        isDomainConvex: Bool, coversSpace: Bool, discontinuity: Rational
    ) {
        self.dimension = dimension
        self.regions = regions
        self.box = box
        self.isDomainConvex = isDomainConvex
        self.coversSpace = coversSpace
        self.discontinuity = discontinuity
    }
}
