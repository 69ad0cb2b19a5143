internal import ExactArithmetic
internal import LinearProgramming
internal import ReLUNetworks

/// An affine form x ↦ ⟨gradient, x⟩ + constant, exactly.
struct ExactForm: Hashable {
    var gradient: [Rational]
    var constant: Rational

    func value(at point: [Rational]) -> Rational {
        var sum = constant
        for (coefficient, coordinate) in zip(gradient, point) where !coefficient.isZero {
            sum += coefficient * coordinate
        }
        return sum
    }

    var isConstant: Bool { gradient.allSatisfy(\.isZero) }

    /// sign · form ≥ 0.
    func inequality(sign: Int) -> LinearInequality {
        sign > 0
            ? LinearInequality(normal: gradient.map { -$0 }, offset: constant)
            : LinearInequality(normal: gradient, offset: -constant)
    }
}

/// The forms of the units under an activation pattern, over the integers: those of a layer over one common positive
/// denominator. Layers are composed when first asked for, and again after their pattern changed.
final class ExactForms {
    private let dimension: Int
    /// For each layer (outputs + 1) × (inputs + 1) integers: (d W_i, d b_i), and (0, d) at the end.
    private let matrices: [IntegerVector]
    private let widths: [Int]
    private let inputs: [Int]
    /// For each composed layer n + 1 vectors: coefficient k of all units, and behind them the denominator for k = n.
    private var composed: [[IntegerVector]] = []

    init(_ network: Network<Rational>) {
        dimension = network.inputs
        widths = network.layers.map(\.outputs)
        inputs = network.layers.map(\.inputs)
        matrices = network.layers.map { layer in
            let denominator =
                commonDenominator(layer.weights + layer.bias, maximumBits: .max) ?? .one
            let width = layer.inputs + 1
            let matrix = IntegerVector(count: (layer.outputs + 1) * width)
            for unit in 0..<layer.outputs {
                for (index, weight) in layer.row(unit).enumerated() where !weight.isZero {
                    matrix[unit * width + index] = weight.scaledInteger(denominator)
                }
                matrix[unit * width + layer.inputs] = layer.bias[unit].scaledInteger(denominator)
            }
            matrix[layer.outputs * width + layer.inputs] = denominator
            return matrix
        }
    }

    /// Forgets what depends on the activations of layers ≥ `layer` − 1.
    func forget(from layer: Int) {
        if composed.count > layer { composed.removeLast(composed.count - layer) }
    }

    func forgetAll() { composed.removeAll() }

    /// The form of a unit times a positive integer, common to its layer under any pattern.
    ///
    /// - Parameter isOn: of layer and unit; asked of the layers before.
    func form(_ layer: Int, _ unit: Int, isOn: (Int, Int) -> Bool) -> ExactForm {
        compose(through: layer, isOn)
        let vectors = composed[layer]
        return ExactForm(
            gradient: (0..<dimension).map { Rational(vectors[$0][unit]) },
            constant: Rational(vectors[dimension][unit]))
    }

    /// What the forms of a layer were multiplied by.
    func denominator(_ layer: Int, isOn: (Int, Int) -> Bool) -> Rational {
        compose(through: layer, isOn)
        return Rational(composed[layer][dimension][widths[layer]])
    }

    private func compose(through layer: Int, _ isOn: (Int, Int) -> Bool) {
        while composed.count <= layer {
            let next = composed.count
            let source = IntegerVector(count: inputs[next] + 1)
            var vectors: [IntegerVector] = []
            for k in 0...dimension {
                if next == 0 {
                    for input in 0...inputs[0] { source.setZero(input) }
                    source[k] = .one
                } else {
                    let before = composed[next - 1][k]
                    for input in 0..<inputs[next] {
                        if isOn(next - 1, input) {
                            source.copy(before, input, to: input)
                        } else {
                            source.setZero(input)
                        }
                    }
                    source.copy(before, inputs[next], to: inputs[next])
                }
                let target = IntegerVector(count: widths[next] + 1)
                for row in 0...widths[next] {
                    target.setDotProduct(
                        at: row, matrices[next], start: row * (inputs[next] + 1), source,
                        terms: inputs[next] + 1)
                }
                vectors.append(target)
            }
            composed.append(vectors)
        }
    }
}
