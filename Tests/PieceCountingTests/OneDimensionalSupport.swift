import ExactArithmetic
import PieceCounting
import ReLUNetworks

/// SplitMix64: the same networks on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// Kinds of random networks, most of them degenerate on purpose.
enum RandomLineNetwork: Int, CaseIterable {
    case binary64, smallIntegers, fractions, repeatedUnits, deadLayer, sparse, symmetric

    func make(seed: Int, maximumWidth: Int = 4, maximumLayers: Int = 3) -> Network<Rational> {
        var generator = SeededGenerator(seed * RandomLineNetwork.allCases.count + rawValue)
        let hidden = Int.random(in: 0...maximumLayers, using: &generator)
        var widths = [1]
        for _ in 0..<hidden { widths.append(Int.random(in: 1...maximumWidth, using: &generator)) }
        widths.append(Int.random(in: 0...4, using: &generator) == 0 ? 2 : 1)
        var layers: [AffineLayer<Rational>] = []
        for (inputs, outputs) in zip(widths, widths.dropFirst()) {
            var weights = (0..<inputs * outputs).map { _ in entry(&generator) }
            var bias = (0..<outputs).map { _ in entry(&generator) }
            if self == .repeatedUnits, outputs > 1 {
                for column in 0..<inputs { weights[(outputs - 1) * inputs + column] = weights[column] }
                bias[outputs - 1] = bias[0]
            }
            if self == .symmetric, outputs > 1 {
                for column in 0..<inputs { weights[(outputs - 1) * inputs + column] = -weights[column] }
                bias[outputs - 1] = -bias[0]
            }
            layers.append(AffineLayer(inputs: inputs, outputs: outputs, weights: weights, bias: bias))
        }
        if self == .deadLayer, hidden > 0 {
            // A last hidden layer that is off on most of the line.
            let layer = layers[hidden - 1]
            layers[hidden - 1] = AffineLayer(
                inputs: layer.inputs, outputs: layer.outputs, weights: layer.weights.map { -$0.magnitude },
                bias: layer.bias.map { $0.magnitude })
        }
        return Network(layers: layers)
    }

    private func entry(_ generator: inout SeededGenerator) -> Rational {
        switch self {
        case .binary64: Rational(exactly: Double.random(in: -1...1, using: &generator)) ?? .zero
        case .fractions:
            Rational(Int.random(in: -9...9, using: &generator), Int.random(in: 1...7, using: &generator))
        case .sparse:
            Int.random(in: 0...2, using: &generator) == 0
                ? Rational(Int.random(in: -2...2, using: &generator)) : .zero
        default: Rational(Int.random(in: -2...2, using: &generator))
        }
    }
}

/// An independent count: every unit's function is evaluated at all points where an earlier unit can bend, its sign
/// changes are added, and the output's slopes are differences of values at the refined points.
struct SlowLineEnumeration {
    let breakpoints: [Rational]
    let activationCells: Int
    let affineMaps: Int

    init(_ network: Network<Rational>, lower: Rational? = nil, upper: Rational? = nil) {
        func isInside(_ x: Rational) -> Bool {
            (lower.map { $0 < x } ?? true) && (upper.map { x < $0 } ?? true)
        }
        var points: [Rational] = []
        /// The values of layer `layer` before its activation, at x.
        func values(_ layer: Int, _ x: Rational) -> [Rational] {
            Network(layers: Array(network.layers[...layer]))([x])
        }
        /// Points inside, with two more on each side on which to measure slopes.
        func samples() -> [Rational] {
            let left = lower ?? ((points.first ?? upper ?? .zero) - 1)
            let right = upper ?? ((points.last ?? lower ?? .zero) + 1)
            return [left] + points + [right]
        }
        for layer in 0..<network.hiddenLayers {
            let xs = samples()
            let rows = xs.map { values(layer, $0) }
            var added: Set<Rational> = []
            for unit in 0..<network.layers[layer].outputs {
                for index in 1..<xs.count {
                    let slope = (rows[index][unit] - rows[index - 1][unit]) / (xs[index] - xs[index - 1])
                    if slope.isZero { continue }
                    let root = xs[index] - rows[index][unit] / slope
                    let beyondLeft = index == 1 || root > xs[index - 1]
                    let beyondRight = index == xs.count - 1 || root < xs[index]
                    if beyondLeft, beyondRight, isInside(root) { added.insert(root) }
                }
            }
            points = Array(added.union(points)).sorted()
        }
        let xs = samples()
        let last = network.hiddenLayers
        func slopes(_ from: Rational, _ to: Rational) -> [Rational] {
            zip(values(last, from), values(last, to)).map { ($1 - $0) / (to - from) }
        }
        var found: [Rational] = []
        var maps: Set<[Rational]> = []
        var before: [Rational]?
        for index in 1..<xs.count {
            let slope = slopes(xs[index - 1], xs[index])
            maps.insert(slope + zip(values(last, xs[index]), slope).map { $0 - $1 * xs[index] })
            if let before, before != slope { found.append(xs[index - 1]) }
            before = slope
        }
        breakpoints = found
        affineMaps = maps.count
        /// Which units are on strictly between two neighbouring points.
        func pattern(_ from: Rational, _ to: Rational) -> [Bool] {
            let middle = (from + to) / 2
            return (0..<network.hiddenLayers).flatMap { values($0, middle).map { $0.sign > 0 } }
        }
        let patterns = (1..<xs.count).map { pattern(xs[$0 - 1], xs[$0]) }
        activationCells = 1 + zip(patterns, patterns.dropFirst()).count { $0 != $1 }
    }
}

/// The network of the k-fold composition of the function with w equal teeth on [0, 1].
func equalSawtooth(width w: Int, layers k: Int) -> Network<Rational> {
    // x ↦ w σ(x) − 2w σ(x − 1/w) + 2w σ(x − 2/w) − …
    let coefficients = (0..<w).map { Rational($0 == 0 ? w : ($0 % 2 == 1 ? -2 * w : 2 * w)) }
    let bias = (0..<w).map { Rational(-$0, w) }
    var layers = [
        AffineLayer(inputs: 1, outputs: w, weights: [Rational](repeating: 1, count: w), bias: bias)
    ]
    for _ in 1..<max(1, k) {
        layers.append(
            AffineLayer(
                inputs: w, outputs: w, weights: (0..<w).flatMap { _ in coefficients }, bias: bias))
    }
    layers.append(AffineLayer(inputs: w, outputs: 1, weights: coefficients, bias: [0]))
    return Network(layers: layers)
}
