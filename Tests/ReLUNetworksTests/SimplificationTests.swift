import ExactArithmetic
import ReLUNetworks
import Testing

private let algebra = NetworkAlgebra()

private func layer(_ rows: [[Rational]], _ bias: [Rational]) -> AffineLayer<Rational> {
    AffineLayer(
        inputs: rows.first?.count ?? 0, outputs: rows.count, weights: Array(rows.joined()), bias: bias)
}

@Suite struct SimplificationTests {
    @Test func equalityHoldsOnRandomDegenerateNetworks() throws {
        var removed = 0
        for seed in 0..<300 {
            var random = SeededGenerator(seed: seed)
            var network = random.network(random.shape(inputs: 1...3, hidden: 0...4, width: 1...6)) {
                Rational($0.int(-1...1) * $0.int(0...2))
            }
            // Units repeated up to a factor.
            if network.hiddenLayers > 0, random.int(0...1) == 0 {
                var layers = network.layers
                let first = layers[0]
                let factor = Rational(random.int(1...3), 2)
                layers[0] = AffineLayer(
                    inputs: first.inputs, outputs: first.outputs,
                    weights: Array(first.row(0).map { $0 * factor }) + first.weights.dropFirst(first.inputs),
                    bias: [first.bias[0] * factor] + first.bias.dropFirst())
                network = Network(layers: layers)
            }
            for mode in [Simplification.sameDepth, .fewerLayers] {
                let result = try algebra.simplify(network, mode)
                #expect(result.size <= network.size && result.depth <= network.depth)
                if mode == .sameDepth { #expect(result.depth == network.depth || result.depth == 1) }
                removed += network.size - result.size
                for _ in 0..<25 {
                    let point = (0..<network.inputs).map { _ in
                        Rational(random.int(-9...9), random.int(1...3))
                    }
                    #expect(result(point) == network(point), "seed \(seed) \(mode)")
                }
                let again = try algebra.simplify(result, mode)
                #expect(
                    again.size == result.size && again.depth == result.depth,
                    "seed \(seed): not a fixed point")
            }
        }
        #expect(removed > 500)
    }

    @Test func deadDuplicateAndUnusedUnitsGo() throws {
        let network = Network(layers: [
            // x, twice x, unused, zero
            layer([[1], [2], [1], [0]], [1, 2, 5, -1]),
            // one live unit, one never on
            layer([[1, 1, 0, 4], [-1, -2, 0, 0]], [-3, 0]),
            layer([[1, 9]], [0]),
        ])
        let result = try algebra.simplify(network)
        #expect(result.hiddenWidths == [1, 1])
        #expect(result.layers[1].weights == [3])
    }

    @Test func alwaysOnUnitsAreReducedToIndependentOnes() throws {
        // Three non-negative combinations of two units: always on, two of them are enough.
        let network = Network(layers: [
            layer([[1, 2], [3, -1]], [0, 1]),
            layer([[1, 0], [0, 1], [2, 3], [1, -1]], [1, 2, 0, 0]),
            layer([[1, 1, 1, 1]], [0]),
        ])
        let result = try algebra.simplify(network)
        #expect(result.hiddenWidths == [2, 3])
        for (x, y) in [(0, 0), (5, -7), (-3, 4), (1, 1)] {
            #expect(result([Rational(x), Rational(y)]) == network([Rational(x), Rational(y)]))
        }
    }

    @Test func affineLayersFold() throws {
        // |x| carried through two layers, with opposite pairs and with always-on units.
        let network = Network(layers: [
            layer([[1], [-1]], [0, 0]),
            layer([[1, 1], [2, 0]], [1, 0]),
            layer([[1, 0], [-2, 0]], [-7, 14]),
            layer([[Rational(1, 2), Rational(-1, 4)]], [0]),
        ])
        let result = try algebra.simplify(network, .fewerLayers)
        #expect(result.hiddenWidths == [2])
        #expect(try algebra.simplify(network).hiddenLayers == 3)
        for x in -9...9 { #expect(result([Rational(x)]) == network([Rational(x)])) }
        // An affine function in disguise needs no hidden layer.
        let identity = Network(layers: [layer([[1], [-3]], [2, -6]), layer([[5, Rational(-5, 3)]], [0])])
        let affine = try algebra.simplify(identity, .fewerLayers)
        #expect(affine.hiddenLayers == 0 && affine.layers[0].weights == [5] && affine.layers[0].bias == [10])
    }

    @Test func constantFunctionsBecomeOneLayer() throws {
        let network = Network(layers: [
            layer([[0, 0]], [4]), layer([[2]], [1]), layer([[1], [-1]], [0, 2]),
        ])
        let result = try algebra.simplify(network)
        #expect(result.depth == 1 && result.inputs == 2)
        #expect(result.layers[0].bias == [9, -7])
    }
}
