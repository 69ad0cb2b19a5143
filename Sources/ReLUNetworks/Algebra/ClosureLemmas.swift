/// What a closure lemma promises of a result: no more hidden layers and no more hidden nodes than these.
public struct ClosureFigures: Sendable, Hashable {
    public let hiddenLayers: Int
    /// `nil` where the lemma says nothing of the size: a maximum of networks of unequal depths.
    public let size: Int?
    public let source: String

    /// networks[0] ∘ networks[1] ∘ …: hidden layers and sizes add up.
    public static func composition<Scalar>(_ networks: [Network<Scalar>]) -> ClosureFigures {
        ClosureFigures(
            hiddenLayers: networks.reduce(0) { $0 + $1.hiddenLayers }, size: totalSize(networks),
            source: "Lemma D.1 of Arora et al. (ICLR 2018)")
    }

    /// Sums and differences: widths add up; what ends early waits on two nodes for each output and layer.
    public static func sum<Scalar>(_ networks: [Network<Scalar>]) -> ClosureFigures {
        let depths = networks.map(\.hiddenLayers)
        let (deepest, shallowest) = (depths.max() ?? 0, depths.min() ?? 0)
        let waiting = 2 * (networks.first?.outputs ?? 0) * (deepest - shallowest)
        return ClosureFigures(
            hiddenLayers: deepest, size: totalSize(networks) + waiting,
            source: "Lemma D.2 of Arora et al. (ICLR 2018), corrected for unequal depths")
    }

    /// Maxima and minima: a balanced tree of three nodes a pair, two for one that waits.
    public static func extremum<Scalar>(_ networks: [Network<Scalar>]) -> ClosureFigures {
        let count = max(1, networks.count)
        let levels = count == 1 ? 0 : Int.bitWidth - (count - 1).leadingZeroBitCount
        let depths = Set(networks.map(\.hiddenLayers))
        let tree = (networks.first?.outputs ?? 0) * NetworkAlgebra.maximumTreeSize(count)
        return ClosureFigures(
            hiddenLayers: (depths.max() ?? 0) + levels,
            size: depths.count <= 1 ? totalSize(networks) + tree : nil,
            source: "Lemma D.3 of Arora et al. (ICLR 2018), with three nodes a pair")
    }

    /// What keeps the layers that are there.
    public static func same<Scalar>(_ network: Network<Scalar>) -> ClosureFigures {
        ClosureFigures(
            hiddenLayers: network.hiddenLayers, size: network.size, source: "no unit and no layer is added")
    }

    private static func totalSize<Scalar>(_ networks: [Network<Scalar>]) -> Int {
        networks.reduce(0) { $0 + $1.size }
    }
}
