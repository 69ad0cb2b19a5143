public import ExactArithmetic

/// Why an operation on networks has no result. Indices are those of the networks given.
public enum AlgebraError: Error, Equatable, Sendable {
    case cancelled
    case noNetworks
    /// This network's inputs are not as many as the first one's.
    case inputsDisagree(network: Int)
    /// This network's outputs are not as many as the first one's.
    case outputsDisagree(network: Int)
    /// In a composition: this network's inputs are not as many as the next one's outputs.
    case notComposable(network: Int)
    /// Not one coefficient for each network.
    case coefficientsDisagree
    /// An affine subspace whose dimension is not the network's.
    case subspaceDisagrees
    /// The result, or a step on the way, would have more parameters than the limit.
    case tooLarge(parameters: Int, limit: Int)
}

/// The points origin + Σ y_i directions[i], parametrised by y.
public struct AffineSubspace: Sendable {
    public let origin: [Rational]
    /// Each as long as `origin`; they need not be independent.
    public let directions: [[Rational]]

    public init(origin: [Rational], directions: [[Rational]]) {
        self.origin = origin
        self.directions = directions
    }
}

/// What `simplify` may change beside removing units.
public enum Simplification: Sendable {
    /// The number of layers stays (except that a constant function becomes one affine layer).
    case sameDepth
    /// Layers whose units are all affine on R^n are folded into their neighbours as well.
    case fewerLayers
}

/// The closure lemmas of ReLU networks, exactly, with limits on the size of what is built.
public struct NetworkAlgebra: Sendable {
    /// The most parameters that a result or a step may have.
    public var maximumParameters: Int
    /// Polled at least every few thousand rational operations.
    public var cancelled: @Sendable () -> Bool

    public init(maximumParameters: Int = 10_000_000, cancelled: @escaping @Sendable () -> Bool = { false }) {
        self.maximumParameters = maximumParameters
        self.cancelled = cancelled
    }

    /// networks[0] ∘ networks[1] ∘ …: hidden layers and sizes add up.
    public func compose(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        throw .cancelled
    }

    /// Σ coefficients[i] · networks[i] (all coefficients 1 where none are given).
    public func sum(_ networks: [Network<Rational>], coefficients: [Rational]? = nil) throws(AlgebraError)
        -> Network<Rational>
    {
        throw .cancelled
    }

    /// networks[0] − networks[1] − …
    public func difference(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        throw .cancelled
    }

    /// The maximum on each output coordinate.
    public func maximum(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        throw .cancelled
    }

    /// The minimum on each output coordinate.
    public func minimum(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        throw .cancelled
    }

    /// y ↦ network(origin + Σ y_i directions[i]); layers and sizes stay.
    public func restrict(_ network: Network<Rational>, to subspace: AffineSubspace) throws(AlgebraError)
        -> Network<Rational>
    {
        throw .cancelled
    }

    /// An equal network without the units that exact sign reasoning shows to be superfluous.
    public func simplify(_ network: Network<Rational>, _ simplification: Simplification = .sameDepth)
        throws(AlgebraError) -> Network<Rational>
    {
        throw .cancelled
    }

    /// r(m), the nodes of a balanced tree for the maximum of m numbers: r(1) = 0, r(m) = 3m/2 + r(m/2) for even m,
    /// 2 + 3(m − 1)/2 + r((m + 1)/2) for odd m.
    public static func maximumTreeSize(_ arguments: Int) -> Int {
        0
    }
}

extension Network<Rational> {
    /// The network with every entry rounded to the nearest binary64; `isExact` where none of them changed, and
    /// `isFinite` where none left the range.
    public func roundedReportingExactness() -> (network: Network<Double>, isExact: Bool, isFinite: Bool) {
        let network = rounded
        return (network, false, false)
    }
}
