public import ExactArithmetic
public import PiecewiseLinear

/// What is counted as one piece of a continuous piecewise-linear function given by a ReLU network.
///
/// affine ≤ level ≤ closed ≤ open ≤ activation, and each inequality can be strict. On R (n = 1) open, closed and
/// level agree.
public enum PieceDefinition: String, Sendable, Hashable, CaseIterable {
    /// Activation patterns whose cell has full dimension.
    case activation
    /// Full-dimensional cells with the same affine map, joined through shared facets.
    case open
    /// Closures of full-dimensional cells with the same affine map, joined through any shared face.
    case closed
    /// Connected components with interior of {x : f(x) = g(x)}, over the affine maps g that f equals on open sets.
    case level
    /// Distinct affine maps that f takes on open sets.
    case affine

    /// The definition of Arora et al. (ICLR 2018), "maximal connected subset on which f is affine", restricted to
    /// subsets with interior, without which it is not finite.
    public static var paper: PieceDefinition { .level }
}

/// How a count was found.
public enum PieceCountingMethod: String, Sendable, Hashable {
    /// Every cell was visited.
    case listing
    /// Pieces were counted over recurring images of intervals, without visiting each.
    case recurringSegments
    /// A closed form.
    case closedForm
}

/// A full-dimensional convex polyhedron on which the network is one affine map R^n → R^m.
public struct PieceRegion: Sendable, Hashable {
    /// The number of the piece that it belongs to; regions of one piece share it.
    public let piece: Int
    /// The region is the intersection of these; none for all of R^n.
    public let halfSpaces: [HalfSpace]
    /// The vertices, where they were computed.
    public let vertices: [[Rational]]
    /// Directions of the unbounded edges, where they were computed.
    public let rays: [[Rational]]
    /// The matrix of the affine map: m rows of n entries.
    public let gradients: [[Rational]]
    /// m entries.
    public let intercepts: [Rational]

    public init(
        piece: Int, halfSpaces: [HalfSpace], vertices: [[Rational]], rays: [[Rational]],
        gradients: [[Rational]], intercepts: [Rational]
    ) {
        self.piece = piece
        self.halfSpaces = halfSpaces
        self.vertices = vertices
        self.rays = rays
        self.gradients = gradients
        self.intercepts = intercepts
    }
}

/// A point where a function of one variable changes its slope, and its value there.
public struct Breakpoint: Sendable, Hashable {
    public let x: Rational
    /// One entry an output.
    public let values: [Rational]

    public init(x: Rational, values: [Rational]) {
        self.x = x
        self.values = values
    }
}

/// A bound on a number of pieces or nodes, with its name and source.
public struct NamedBound: Sendable, Hashable {
    public let name: String
    public let value: BigInteger
    /// Where the bound is proved.
    public let source: String

    public init(name: String, value: BigInteger, source: String) {
        self.name = name
        self.value = value
        self.source = source
    }
}

/// The answer to "how many pieces": exact counts, and on request a list of them.
public struct PieceCount: Sendable {
    /// n.
    public let dimension: Int
    /// The count of each definition that was computed.
    public let counts: [PieceDefinition: BigInteger]
    public let method: PieceCountingMethod
    /// n = 1: the breakpoints inside the domain in increasing order, up to the limit asked for; else `nil`.
    public let breakpoints: [Breakpoint]?
    /// The regions in a fixed order, up to the limit asked for; `nil` where no list was asked for or made.
    public let regions: [PieceRegion]?
    /// Whether `breakpoints` and `regions` leave some out.
    public let listTruncated: Bool
    /// Upper bounds on the count of the network's architecture.
    public let upperBounds: [NamedBound]

    public init(
        dimension: Int, counts: [PieceDefinition: BigInteger], method: PieceCountingMethod,
        breakpoints: [Breakpoint]? = nil, regions: [PieceRegion]? = nil, listTruncated: Bool = false,
        upperBounds: [NamedBound] = []
    ) {
        self.dimension = dimension
        self.counts = counts
        self.method = method
        self.breakpoints = breakpoints
        self.regions = regions
        self.listTruncated = listTruncated
        self.upperBounds = upperBounds
    }
}

/// What a count may use.
public struct CountingLimits: Sendable {
    /// The most cells (intervals, polyhedra or memoised segments) that may be visited or stored.
    public var maximumCells: Int
    /// The most memory that the computation's own tables may take, in bytes; an estimate from their sizes.
    public var maximumBytes: Int

    public init(maximumCells: Int = 10_000_000, maximumBytes: Int = 1 << 30) {
        self.maximumCells = maximumCells
        self.maximumBytes = maximumBytes
    }
}

/// Why a count has no answer.
public enum PieceCountingFault: Error, Sendable, Equatable {
    public enum Resource: String, Sendable {
        case cells
        case bytes
        /// Comparisons of cells, and linear programs on them, that join cells into pieces.
        case joiningSteps = "steps of joining cells"
    }

    /// A limit was reached; `reached` is what had been counted by then, a lower bound on each final count except
    /// where a definition is missing.
    case limitReached(Resource, limit: Int, reached: [PieceDefinition: BigInteger])
    case cancelled(reached: [PieceDefinition: BigInteger])
    /// The domain's side `coordinate` has no interior.
    case emptyDomain(coordinate: Int)
    /// The operation is for networks with another number of inputs.
    case wrongInputDimension(expected: Int, actual: Int)
    /// A weight or bias of layer `layer` is NaN or infinite.
    case notFinite(layer: Int)
    /// The operation is for networks with one output; `outputs` is the network's number.
    case vectorOutput(outputs: Int)
}
