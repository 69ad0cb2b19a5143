import ExactArithmetic
import ReLUNetworks

/// SplitMix64: a failing case is repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension SeededGenerator {
    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// Small integers and simple fractions, zero often: degenerate on purpose.
    mutating func smallRational() -> Rational {
        int(0...3) == 0 ? .zero : Rational(int(-4...4), int(1...3))
    }

    mutating func network<Scalar: Sendable>(
        _ shape: [Int], _ scalar: (inout SeededGenerator) -> Scalar
    ) -> Network<Scalar> {
        Network(
            layers: zip(shape, shape.dropFirst()).map { inputs, outputs in
                AffineLayer(
                    inputs: inputs, outputs: outputs,
                    weights: (0..<inputs * outputs).map { _ in scalar(&self) },
                    bias: (0..<outputs).map { _ in scalar(&self) })
            })
    }

    mutating func doubleNetwork(_ shape: [Int]) -> Network<Double> {
        network(shape) { Double.random(in: -1...1, using: &$0) }
    }

    mutating func rationalNetwork(_ shape: [Int]) -> Network<Rational> {
        network(shape) { $0.smallRational() }
    }

    /// n, hidden widths, m.
    mutating func shape(inputs: ClosedRange<Int>, hidden: ClosedRange<Int>, width: ClosedRange<Int>) -> [Int]
    {
        [int(inputs)] + (0..<int(hidden)).map { _ in int(width) } + [int(1...3)]
    }
}

/// The activation pattern and Jacobian of a row, by definition: products of the masked weight matrices.
struct PatternReference {
    var outputs: [Rational] = []
    var activations: [Bool] = []
    /// m × n
    var gradient: [[Rational]] = []

    init(_ network: Network<Rational>, _ point: [Rational]) {
        var values = point
        var jacobian = (0..<network.inputs).map { row in
            (0..<network.inputs).map { $0 == row ? Rational.one : .zero }
        }
        for (index, layer) in network.layers.enumerated() {
            var next: [Rational] = []
            var nextJacobian: [[Rational]] = []
            for unit in 0..<layer.outputs {
                let row = Array(layer.row(unit))
                let value = zip(row, values).reduce(layer.bias[unit]) { $0 + $1.0 * $1.1 }
                let derivative = (0..<network.inputs).map { column in
                    zip(row, jacobian).reduce(Rational.zero) { $0 + $1.0 * $1.1[column] }
                }
                if index < network.hiddenLayers {
                    let isOn = value > .zero
                    activations.append(isOn)
                    next.append(isOn ? value : .zero)
                    nextJacobian.append(isOn ? derivative : derivative.map { _ in .zero })
                } else {
                    next.append(value)
                    nextJacobian.append(derivative)
                }
            }
            values = next
            jacobian = nextJacobian
        }
        outputs = values
        gradient = jacobian
    }
}
