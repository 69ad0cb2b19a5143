import ExactArithmetic
import ReLUNetworks

/// Kinds of random networks of several inputs, most of them degenerate on purpose.
enum RandomCellNetwork: Int, CaseIterable {
    case binary64, fractions, smallIntegers, sparse, repeatedUnits, deadLastLayer, concurrent, central,
        lowRank
    case cancelling

    /// - Parameter inputs: n ≥ 1.
    func make(
        seed: Int, inputs: Int, maximumWidth: Int, maximumLayers: Int
    ) -> Network<Rational> {
        var generator = SeededGenerator(seed &* 64 &+ rawValue &* 5 &+ inputs)
        var widths = [inputs]
        for _ in 0..<Int.random(in: 1...maximumLayers, using: &generator) {
            widths.append(Int.random(in: 1...maximumWidth, using: &generator))
        }
        widths.append(Int.random(in: 0...4, using: &generator) == 0 ? 2 : 1)
        var layers = zip(widths, widths.dropFirst()).map { inputs, outputs in
            AffineLayer(
                inputs: inputs, outputs: outputs,
                weights: (0..<inputs * outputs).map { _ in entry(&generator) },
                bias: (0..<outputs).map { _ in entry(&generator) })
        }
        let last = layers.count - 2
        switch self {
        case .repeatedUnits:
            layers = layers.map { layer in
                let factor = Rational(Int.random(in: 0...2, using: &generator) - 1)
                var weights = layer.weights
                var bias = layer.bias
                for column in 0..<layer.inputs {
                    weights[(layer.outputs - 1) * layer.inputs + column] = factor * weights[column]
                }
                bias[layer.outputs - 1] = factor * bias[0]
                return AffineLayer(
                    inputs: layer.inputs, outputs: layer.outputs, weights: weights, bias: bias)
            }
        case .deadLastLayer:
            // Off on much of the domain.
            layers[last] = AffineLayer(
                inputs: layers[last].inputs, outputs: layers[last].outputs,
                weights: layers[last].weights.map { last == 0 ? $0 : -$0.magnitude },
                bias: layers[last].bias.map(\.magnitude))
        case .concurrent:
            // All folds of the first layer pass through one point.
            let point = (0..<inputs).map { _ in Rational(Int.random(in: -2...2, using: &generator)) }
            let layer = layers[0]
            layers[0] = AffineLayer(
                inputs: inputs, outputs: layer.outputs, weights: layer.weights,
                bias: (0..<layer.outputs).map { unit in
                    zip(layer.row(unit), point).reduce(.zero) { $0 - $1.0 * $1.1 }
                })
        case .central:
            layers = layers.map {
                AffineLayer(
                    inputs: $0.inputs, outputs: $0.outputs, weights: $0.weights,
                    bias: $0.bias.map { _ in .zero })
            }
        case .lowRank:
            // Rows that are multiples of one or two.
            let layer = layers[0]
            let rank = Int.random(in: 0...min(2, inputs - 1), using: &generator)
            let directions = (0..<rank).map { _ in (0..<inputs).map { _ in entry(&generator) } }
            layers[0] = AffineLayer(
                inputs: inputs, outputs: layer.outputs,
                weights: (0..<layer.outputs).flatMap { _ in
                    let factors = directions.map { _ in entry(&generator) }
                    return (0..<inputs).map { column in
                        zip(factors, directions).reduce(Rational.zero) { $0 + $1.0 * $1.1[column] }
                    }
                }, bias: layer.bias)
        case .cancelling:
            // The last unit's fold is undone by the unit before it.
            let output = layers[last + 1]
            if output.inputs > 1 {
                let hidden = layers[last]
                var weights = hidden.weights
                var bias = hidden.bias
                for column in 0..<hidden.inputs {
                    weights[(hidden.outputs - 1) * hidden.inputs + column] =
                        -weights[(hidden.outputs - 2) * hidden.inputs + column]
                }
                bias[hidden.outputs - 1] = -bias[hidden.outputs - 2]
                layers[last] = AffineLayer(
                    inputs: hidden.inputs, outputs: hidden.outputs, weights: weights, bias: bias)
                var combination = output.weights
                for row in 0..<output.outputs {
                    combination[row * output.inputs + output.inputs - 1] =
                        -combination[row * output.inputs + output.inputs - 2]
                }
                layers[last + 1] = AffineLayer(
                    inputs: output.inputs, outputs: output.outputs, weights: combination, bias: output.bias)
            }
        default: break
        }
        return Network(layers: layers)
    }

    private func entry(_ generator: inout SeededGenerator) -> Rational {
        switch self {
        case .binary64, .lowRank:
            Rational(exactly: Double.random(in: -1...1, using: &generator)) ?? .zero
        case .fractions:
            Rational(Int.random(in: -9...9, using: &generator), Int.random(in: 1...7, using: &generator))
        case .sparse:
            Int.random(in: 0...2, using: &generator) == 0
                ? Rational(Int.random(in: -2...2, using: &generator)) : .zero
        default: Rational(Int.random(in: -2...2, using: &generator))
        }
    }
}
