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

/// The closure lemmas of ReLU networks (Lemmas D.1 to D.3 of Arora et al., ICLR 2018), exactly, with limits on the
/// size of what is built. Equal units of a layer are built once; units that nothing needs are left out.
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
    ///
    /// Complexity: the products of the neighbouring affine maps.
    public func compose(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        guard let inner = networks.last else { throw .noNetworks }
        for index in networks.indices.dropLast() where networks[index].inputs != networks[index + 1].outputs {
            throw .notComposable(network: index)
        }
        var builder = NetworkBuilder(inputs: inner.inputs, self)
        var forms = builder.coordinates
        var layer = 0
        for network in networks.reversed() {
            forms = try builder.embed(network, on: forms, from: layer)
            layer += network.hiddenLayers
        }
        return try builder.finish(forms, over: layer)
    }

    /// Σ coefficients[i] · networks[i] (all coefficients 1 where none are given): widths add.
    ///
    /// The networks that end early are summed first and wait as one signal, at the place that costs fewest nodes.
    public func sum(_ networks: [Network<Rational>], coefficients: [Rational]? = nil) throws(AlgebraError)
        -> Network<Rational>
    {
        let first = try checkedFirst(networks)
        let factors = coefficients ?? networks.map { _ in .one }
        guard factors.count == networks.count else { throw .coefficientsDisagree }
        let terms = zip(networks, factors).filter { !$0.1.isZero }
        let depths = Set(terms.map { $0.0.hiddenLayers }).sorted()
        var total: Network<Rational>?
        for depth in depths {
            var builder = NetworkBuilder(inputs: first.inputs, self)
            var sum = [AffineForm](repeating: AffineForm(), count: first.outputs)
            func add(_ network: Network<Rational>) throws(AlgebraError) {
                let forms = try builder.embed(network, on: builder.coordinates, from: 0)
                for output in sum.indices { sum[output] = sum[output] + forms[output] }
            }
            if let before = total { try add(try delayed(before, by: depth - before.hiddenLayers)) }
            for (network, factor) in terms where network.hiddenLayers == depth {
                try add(scaled(network, factor))
            }
            total = try builder.finish(sum, over: depth)
        }
        if let total { return total }
        let builder = NetworkBuilder(inputs: first.inputs, self)
        return try builder.finish([AffineForm](repeating: AffineForm(), count: first.outputs), over: 0)
    }

    /// networks[0] − networks[1] − …
    public func difference(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        try sum(networks, coefficients: networks.indices.map { $0 == 0 ? .one : Rational(-1) })
    }

    /// The maximum on each output coordinate.
    ///
    /// A tree in which, layer after layer, all values that are there are paired (max(a, b) = σ(a − b) + σ(b) −
    /// σ(−b), 3 nodes and fewer where a sign is known) and an odd one waits. Networks
    /// of equal depth get ⌈log2 m⌉ more layers and at most `maximumTreeSize(m)` more nodes for each output; in
    /// general the depth is at most the largest one + ⌈log2 m⌉.
    public func maximum(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        let first = try checkedFirst(networks)
        if networks.count == 1 { return first }
        var builder = NetworkBuilder(inputs: first.inputs, self)
        // Networks that are not begun, deepest last; values in the tree, all over the layer `time`.
        var waiting = networks.enumerated().sorted {
            ($0.element.hiddenLayers, $0.offset) < ($1.element.hiddenLayers, $1.offset)
        }.map(\.element)
        var values: [[AffineForm]] = []
        var time = waiting.first?.hiddenLayers ?? 0
        while values.count + waiting.count > 1 {
            var ready = waiting.prefix { $0.hiddenLayers <= time }.count
            var odd: Network<Rational>?
            if (values.count + ready) % 2 == 1, ready > 0 {
                // The network that waits most cheaply stays behind.
                let costs = waiting.prefix(ready).map { Self.cheapestWaitingPlace(of: $0).nodes }
                odd = waiting.remove(at: costs.indices.min { costs[$0] < costs[$1] } ?? 0)
                ready -= 1
            }
            for network in waiting.prefix(ready) {
                values.append(try embed(network, delayedBy: time - network.hiddenLayers, &builder))
            }
            waiting.removeFirst(ready)
            if let odd { waiting.insert(odd, at: 0) }
            var next: [[AffineForm]] = []
            for pair in stride(from: 0, to: values.count, by: 2) {
                var forms: [AffineForm] = []
                for output in 0..<first.outputs {
                    let a = values[pair][output]
                    forms.append(
                        pair + 1 < values.count
                            ? try builder.maximum(a, values[pair + 1][output], from: time)
                            : try builder.advanced(a, from: time))
                }
                next.append(forms)
            }
            values = next
            time += 1
        }
        guard let result = values.first else { return waiting.first ?? first }
        return try builder.finish(result, over: time)
    }

    /// The minimum on each output coordinate: −max(−f_1, −f_2, …).
    public func minimum(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        scaled(try maximum(networks.map { scaled($0, Rational(-1)) }), Rational(-1))
    }

    /// y ↦ network(origin + Σ y_i directions[i]); layers and sizes stay.
    public func restrict(_ network: Network<Rational>, to subspace: AffineSubspace) throws(AlgebraError)
        -> Network<Rational>
    {
        guard subspace.origin.count == network.inputs,
            subspace.directions.allSatisfy({ $0.count == network.inputs })
        else { throw .subspaceDisagrees }
        let embedding = AffineLayer(
            inputs: subspace.directions.count, outputs: network.inputs,
            weights: (0..<network.inputs).flatMap { row in subspace.directions.map { $0[row] } },
            bias: subspace.origin)
        return try compose([network, Network(layers: [embedding])])
    }

    /// r(m), the nodes of a balanced tree for the maximum of m numbers: r(1) = 0, r(m) = 3m/2 + r(m/2) for even m,
    /// 2 + 3(m − 1)/2 + r((m + 1)/2) for odd m.
    ///
    /// - Precondition: 1 ≤ m < 2^60.
    public static func maximumTreeSize(_ arguments: Int) -> Int {
        precondition(arguments >= 1, "a maximum has an argument")
        var nodes = 0
        var m = arguments
        while m > 1 {
            nodes += m % 2 == 0 ? 3 * (m / 2) : 2 + 3 * (m / 2)
            m = (m + 1) / 2
        }
        return nodes
    }

    private func checkedFirst(_ networks: [Network<Rational>]) throws(AlgebraError) -> Network<Rational> {
        guard let first = networks.first else { throw .noNetworks }
        for (index, network) in networks.enumerated() {
            if network.inputs != first.inputs { throw .inputsDisagree(network: index) }
            if network.outputs != first.outputs { throw .outputsDisagree(network: index) }
        }
        return first
    }

    /// factor · network: the last map scaled.
    private func scaled(_ network: Network<Rational>, _ factor: Rational) -> Network<Rational> {
        if factor == .one { return network }
        let last = network.layers[network.hiddenLayers].map { $0 * factor }
        return Network(layers: network.layers.dropLast() + [last])
    }
}

extension Network<Rational> {
    /// The network with every entry rounded to the nearest binary64; `isExact` where none of them changed, and
    /// `isFinite` where none left the range.
    public func roundedReportingExactness() -> (network: Network<Double>, isExact: Bool, isFinite: Bool) {
        let network = rounded
        let numbers = { (layer: AffineLayer<Double>) in layer.weights + layer.bias }
        let isFinite = network.layers.allSatisfy { numbers($0).allSatisfy(\.isFinite) }
        let isExact =
            isFinite
            && zip(layers, network.layers).allSatisfy { exact, double in
                zip(exact.weights + exact.bias, numbers(double)).allSatisfy { Rational(exactly: $1) == $0 }
            }
        return (network, isExact, isFinite)
    }
}
