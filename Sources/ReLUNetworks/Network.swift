public import ExactArithmetic

/// One affine map x ↦ W x + b of a network.
///
/// `weights` is row-major, `outputs` rows of `inputs` entries, one row a unit; `bias` has `outputs` entries.
public struct AffineLayer<Scalar: Sendable>: Sendable {
    public let inputs: Int
    public let outputs: Int
    public let weights: [Scalar]
    public let bias: [Scalar]

    /// - Precondition: `weights.count == inputs * outputs`, `bias.count == outputs`.
    public init(inputs: Int, outputs: Int, weights: [Scalar], bias: [Scalar]) {
        precondition(weights.count == inputs * outputs && bias.count == outputs, "shapes disagree")
        self.inputs = inputs
        self.outputs = outputs
        self.weights = weights
        self.bias = bias
    }

    /// The weights of unit `row`, `inputs` of them.
    public func row(_ row: Int) -> ArraySlice<Scalar> { weights[row * inputs..<(row + 1) * inputs] }

    public func map<Other>(_ transform: (Scalar) throws -> Other) rethrows -> AffineLayer<Other> {
        AffineLayer<Other>(
            inputs: inputs, outputs: outputs, weights: try weights.map(transform),
            bias: try bias.map(transform))
    }
}

/// A feed-forward ReLU network R^n → R^m: every layer but the last is followed by σ(t) = max(0, t) on each
/// coordinate, the last is affine. One layer alone is an affine map.
///
/// The shapes agree and there is at least one layer, by construction. Terms are those of Arora, Basu, Mianjy,
/// Mukherjee (ICLR 2018): k hidden layers, depth k + 1, width the largest hidden layer, size the number of hidden
/// nodes.
public struct Network<Scalar: Sendable>: Sendable {
    public let layers: [AffineLayer<Scalar>]

    /// - Precondition: at least one layer; each layer's `inputs` are the `outputs` of the one before.
    public init(layers: [AffineLayer<Scalar>]) {
        precondition(!layers.isEmpty, "a network has at least one layer")
        for (before, after) in zip(layers, layers.dropFirst()) {
            precondition(before.outputs == after.inputs, "shapes disagree")
        }
        self.layers = layers
    }

    /// n, the dimension of the input.
    public var inputs: Int { layers.first?.inputs ?? 0 }
    /// m, the dimension of the output.
    public var outputs: Int { layers.last?.outputs ?? 0 }
    /// k, the number of hidden layers.
    public var hiddenLayers: Int { layers.count - 1 }
    /// k + 1.
    public var depth: Int { layers.count }
    /// The number of nodes of each hidden layer, in order.
    public var hiddenWidths: [Int] { layers.dropLast().map(\.outputs) }
    /// The largest hidden layer's number of nodes; 0 without hidden layers.
    public var width: Int { hiddenWidths.max() ?? 0 }
    /// The number of hidden nodes.
    public var size: Int { hiddenWidths.reduce(0, +) }
    /// The number of weights and biases.
    public var parameters: Int { layers.reduce(0) { $0 + $1.weights.count + $1.bias.count } }

    public func map<Other>(_ transform: (Scalar) throws -> Other) rethrows -> Network<Other> {
        Network<Other>(layers: try layers.map { try $0.map(transform) })
    }
}

extension Network<Double> {
    /// The same network over the rationals: every finite binary64 is one; `nil` where an entry is not finite.
    public var exact: Network<Rational>? {
        guard layers.allSatisfy({ $0.weights.allSatisfy(\.isFinite) && $0.bias.allSatisfy(\.isFinite) })
        else {
            return nil
        }
        return map { Rational(exactly: $0) ?? .zero }
    }
}

extension Network<Rational> {
    /// Every entry rounded to the nearest binary64: what a runtime computes with.
    public var rounded: Network<Double> { map(\.nearestDouble) }

    /// The exact value at a point of `inputs` coordinates. Complexity: O(parameters) rational operations.
    public func callAsFunction(_ point: [Rational]) -> [Rational] {
        precondition(point.count == inputs, "the point has the wrong dimension")
        var values = point
        for (index, layer) in layers.enumerated() {
            values = (0..<layer.outputs).map { unit in
                var sum = layer.bias[unit]
                for (weight, value) in zip(layer.row(unit), values) where !weight.isZero && !value.isZero {
                    sum += weight * value
                }
                return index < hiddenLayers && sum.sign < 0 ? .zero : sum
            }
        }
        return values
    }
}
