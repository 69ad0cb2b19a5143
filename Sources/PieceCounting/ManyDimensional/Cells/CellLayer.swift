internal import ExactArithmetic
internal import ReLUNetworks
internal import Synchronization

/// One layer in the two forms that the subdivision works with: rounded to binary64, and as integers.
///
/// `@unchecked Sendable`: the doubles are filled by the initialiser and only read from then on; the integers are made
/// at their first use, under a lock.
final class CellLayer: @unchecked Sendable {
    /// A row of `inputs` + 1 for each unit, the bias last; all times `denominator`.
    struct Integers: Sendable {
        let entries: IntegerVector
        let denominator: BigInteger
    }

    let inputs: Int
    let outputs: Int
    /// The length of a row of `weights`: `outputs` rounded up to a multiple of 8.
    let stride: Int
    /// A row of `stride` for each input, zeros behind the units.
    let weights: UnsafeMutablePointer<Double>
    /// `stride` of them.
    let bias: UnsafeMutablePointer<Double>
    let biasSigns: [Int8]

    private let layer: AffineLayer<Rational>
    private let scaling: LayerScaling
    private let known = Mutex<Integers?>(nil)

    /// - Throws: `limitReached` where the common denominator is longer than `maximumDenominatorBits`.
    init(_ layer: AffineLayer<Rational>, _ scaling: LayerScaling) throws(PieceCountingFault) {
        inputs = layer.inputs
        outputs = layer.outputs
        stride = (layer.outputs + 7) / 8 * 8
        biasSigns = layer.bias.map { Int8($0.sign) }
        self.layer = layer
        self.scaling = scaling
        weights = .allocate(capacity: max(1, layer.inputs * stride))
        weights.initialize(repeating: 0, count: max(1, layer.inputs * stride))
        bias = .allocate(capacity: max(1, stride))
        bias.initialize(repeating: 0, count: max(1, stride))
        for unit in 0..<outputs {
            for input in 0..<inputs {
                weights[input * stride + unit] = layer.weights[unit * inputs + input].rounded(
                    timesPowerOfTwo: scaling.columns[input] - scaling.rows[unit])
            }
            bias[unit] = layer.bias[unit].rounded(timesPowerOfTwo: scaling.constant - scaling.rows[unit])
        }
        let isDyadic = [layer.weights, layer.bias].joined().allSatisfy { value in
            if let denominator = value.denominator.int { return denominator & (denominator - 1) == 0 }
            return value.exactDouble != nil
        }
        if !isDyadic, Self.denominator(layer.weights + layer.bias) == nil {
            throw .limitReached(.bytes, limit: Self.maximumDenominatorBits / 8, reached: [:])
        }
    }

    private static let maximumDenominatorBits = 1 << 22

    private static func denominator(_ values: [Rational]) -> BigInteger? {
        commonDenominator(values, maximumBits: maximumDenominatorBits)
    }

    /// The layer without rounding.
    func integers() -> Integers {
        known.withLock { known in
            if let known { return known }
            var entries: [Rational] = []
            entries.reserveCapacity(outputs * (inputs + 1))
            for unit in 0..<outputs {
                for input in 0..<inputs {
                    entries.append(
                        layer.weights[unit * inputs + input].scaled(
                            byPowerOfTwo: scaling.columns[input] - scaling.rows[unit]))
                }
                entries.append(
                    layer.bias[unit].scaled(byPowerOfTwo: scaling.constant - scaling.rows[unit]))
            }
            let common = commonDenominator(entries, maximumBits: .max) ?? .one
            let vector = IntegerVector(count: entries.count)
            for (place, entry) in entries.enumerated() { vector[place] = entry.scaledInteger(common) }
            let integers = Integers(entries: vector, denominator: common)
            known = integers
            return integers
        }
    }

    deinit {
        weights.deallocate()
        bias.deallocate()
    }
}
