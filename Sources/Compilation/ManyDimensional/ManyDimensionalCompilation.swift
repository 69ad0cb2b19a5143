public import ExactArithmetic
public import ReLUNetworks

/// What the caller asks of the compilation of a function on R^n.
public struct ManyDimensionalOptions: Sendable {
    public enum Objective: String, Sendable, CaseIterable {
        /// The fewest hidden nodes that the constructions give, in as many layers as that takes.
        case size
        /// At most `ManyDimensionalCompiler.hiddenLayerBound` hidden layers.
        case depth
    }

    public var objective: Objective
    /// Whether the last layer may have a bias.
    public var outputBias: Bool
    /// The most weights and biases of the network.
    public var maximumParameters: Int
    /// The most hidden units on the way to the network.
    public var maximumUnits: Int
    /// The most cells that a function may be cut into on the way to few layers.
    public var maximumCells: Int
    /// The most threads; the network does not depend on it.
    public var threads: Int

    public init(
        objective: Objective = .size, outputBias: Bool = true, maximumParameters: Int = 20_000_000,
        maximumUnits: Int = 200_000, maximumCells: Int = 20_000, threads: Int = 1
    ) {
        self.objective = objective
        self.outputBias = outputBias
        self.maximumParameters = maximumParameters
        self.maximumUnits = maximumUnits
        self.maximumCells = maximumCells
        self.threads = threads
    }
}

/// Why a function on R^n cannot be compiled.
public enum ManyDimensionalFault: Error, Equatable, Sendable {
    case cancelled
    /// Parts of the function have different numbers of inputs.
    case dimensionsDisagree
    /// The network would have more parameters than the limit.
    case tooManyParameters(limit: Int)
    /// The construction would have more units than the limit.
    case tooManyUnits(limit: Int)
    /// The function falls into more cells than the limit, or cells have more corners or common points than go with so many;
    /// `reached` were found by then.
    case tooManyCells(limit: Int, reached: Int)
    /// The construction needs a function on a convex domain.
    case domainNotConvex
    /// Regions that disagree, though within a tolerance, as a part of another function; or so that no lattice form is
    /// within any bound of them.
    case discontinuous
}

/// A network that computes a function on R^n, and what is known of it.
public struct ManyDimensionalCompilation: Sendable {
    public let network: Network<Rational>
    public var report: ManyDimensionalReport
}

/// The members are those of the service's answer.
public struct ManyDimensionalReport: Sendable, Hashable {
    /// n.
    public var inputDimension: Int
    /// The number of pieces of the function on its domain, where the construction tells it.
    public var pieces: Int?
    public var hiddenLayers: Int
    public var width: Int
    /// The number of hidden nodes.
    public var size: Int
    /// No network of any depth that equals the function on the domain has fewer hidden nodes.
    public var sizeLowerBound: Int
    /// Whether `sizeLowerBound` is attained.
    public var minimal: CompilationReport.Minimality
    /// Layers, the last one included, that are always enough.
    public var depthBound: Int
    /// The statement that the construction rests on.
    public var theorem: String
    /// Where the network equals the function, and what it does elsewhere.
    public var domain: String
    /// Whether the network equals the function on the domain.
    public var exact: Bool
    /// How far the network is from the function on the domain at most.
    public var maximumDeviation: Rational
    /// A box that holds the domain, where one is known.
    public var box: [ClosedRange<Rational>]?

    /// `hiddenLayers` + 1.
    public var depth: Int { hiddenLayers + 1 }
}
