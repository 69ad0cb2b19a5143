internal import ExactArithmetic
internal import ReLUNetworks

/// A layer with its weights and biases multiplied by a common positive denominator, hence integers.
struct IntegerLayer {
    let inputs: Int
    let outputs: Int
    /// The number of limbs of the longest weight.
    let weightLimbs: Int
    /// A bit length that no sum of some of a row's weights passes in absolute value.
    let rowBits: Int
    /// `weightLimbs` limbs a weight, absolute values, row-major.
    let magnitudes: [UInt64]
    let isNegative: [Bool]
    let bias: [BigInteger]
    let denominator: BigInteger

    /// - Returns: `nil` where the common denominator has more than `maximumDenominatorBits` bits, or the weights more
    ///   than `maximumBytes` bytes.
    init?(_ layer: AffineLayer<Rational>, maximumDenominatorBits: Int, maximumBytes: Int) {
        var common = BigInteger.one
        let limit = BigInteger(2).power(maximumDenominatorBits)
        for value in [layer.weights, layer.bias].joined() {
            let denominator = value.denominator
            if denominator == common || denominator == .one { continue }
            let (_, rest) = common.flooredQuotientAndRemainder(dividingBy: denominator)
            if rest.sign == 0 { continue }
            let divisor = BigInteger.greatestCommonDivisor(common, denominator)
            common *= denominator.flooredQuotientAndRemainder(dividingBy: divisor).0
            if common > limit { return nil }
        }
        func integer(_ value: Rational) -> BigInteger {
            let denominator = value.denominator
            if denominator == common { return value.numerator }
            return value.numerator * common.flooredQuotientAndRemainder(dividingBy: denominator).0
        }
        var weights: [[UInt64]] = []
        weights.reserveCapacity(layer.weights.count)
        var longest = 0
        for value in layer.weights {
            let limbs = integer(value).magnitudeLimbs
            longest = max(longest, limbs.count)
            guard Self.fits(limbs: longest, weights: layer.weights.count, maximumBytes) else { return nil }
            weights.append(limbs)
        }
        var flat = [UInt64](repeating: 0, count: longest * weights.count)
        for (index, limbs) in weights.enumerated() {
            for (place, limb) in limbs.enumerated() { flat[index * longest + place] = limb }
        }
        self.init(
            inputs: layer.inputs, outputs: layer.outputs, denominator: common, bias: layer.bias.map(integer),
            weightLimbs: longest, magnitudes: flat, isNegative: layer.weights.map { $0.sign < 0 })
    }

    /// The layer of binary64 weights, exactly: the common denominator is a power of two.
    ///
    /// - Precondition: every entry is finite.
    /// - Returns: `nil` where the weights take more than `maximumBytes` bytes.
    init?(_ layer: AffineLayer<Double>, maximumBytes: Int) {
        var least = 0
        var most = 0
        for value in layer.weights where value != 0 {
            least = min(least, value.lowestExponent)
            most = max(most, Int(value.exponent))
        }
        for value in layer.bias where value != 0 { least = min(least, value.lowestExponent) }
        let longest = (most - least) / 64 + 1
        guard Self.fits(limbs: longest, weights: layer.weights.count, maximumBytes) else { return nil }
        var flat = [UInt64](repeating: 0, count: longest * layer.weights.count)
        for (index, value) in layer.weights.enumerated() where value != 0 {
            let (low, high, place) = value.shifted(exponent: least)
            flat[index * longest + place] = low
            if high != 0 { flat[index * longest + place + 1] = high }
        }
        self.init(
            inputs: layer.inputs, outputs: layer.outputs, denominator: BigInteger(2).power(-least),
            bias: layer.bias.map { value in
                if value == 0 { return .zero }
                let (low, high, place) = value.shifted(exponent: least)
                let magnitude = BigInteger(
                    magnitudeLimbs: [UInt64](repeating: 0, count: place) + [low, high])
                return value < 0 ? -magnitude : magnitude
            },
            weightLimbs: longest, magnitudes: flat, isNegative: layer.weights.map { $0 < 0 })
    }

    private static func fits(limbs: Int, weights: Int, _ maximumBytes: Int) -> Bool {
        let (words, overflow) = limbs.multipliedReportingOverflow(by: weights)
        return !overflow && words <= maximumBytes / 8
    }

    private init(
        inputs: Int, outputs: Int, denominator: BigInteger, bias: [BigInteger], weightLimbs: Int,
        magnitudes: [UInt64], isNegative: [Bool]
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.denominator = denominator
        self.bias = bias
        self.weightLimbs = weightLimbs
        self.magnitudes = magnitudes
        self.isNegative = isNegative
        rowBits = (0..<outputs).reduce(0) { longest, row in
            var bits = 0
            var terms = 0
            for index in row * inputs..<(row + 1) * inputs {
                let end = (index + 1) * weightLimbs
                for place in 0..<weightLimbs where magnitudes[end - 1 - place] != 0 {
                    bits = max(
                        bits, (weightLimbs - place) * 64 - magnitudes[end - 1 - place].leadingZeroBitCount)
                    terms += 1
                    break
                }
            }
            let doublings = terms < 2 ? 0 : Int.bitWidth - (terms - 1).leadingZeroBitCount
            return max(longest, bits + doublings)
        }
    }

    /// The bit length of the longest bias; 0 where all are 0.
    var biasBits: Int { bias.reduce(0) { max($0, $1.magnitudeLimbs.bitCount) } }
}

extension [UInt64] {
    /// The bit length of the integer with these limbs.
    var bitCount: Int {
        guard let last else { return 0 }
        return count * 64 - last.leadingZeroBitCount
    }
}

extension Double {
    /// For a finite value other than 0: the exponent e for which value = odd · 2^e.
    fileprivate var lowestExponent: Int {
        let significand = significandBitPattern | (isNormal ? 1 << 52 : 0)
        return (isNormal ? Int(exponentBitPattern) - 1075 : -1074) + significand.trailingZeroBitCount
    }

    /// For a finite value other than 0: |value| · 2^(−exponent) as two limbs that stand at limb `place`.
    ///
    /// - Precondition: that product is an integer.
    fileprivate func shifted(exponent: Int) -> (low: UInt64, high: UInt64, place: Int) {
        let significand = significandBitPattern | (isNormal ? 1 << 52 : 0)
        let zeros = significand.trailingZeroBitCount
        let shift = lowestExponent - exponent
        let odd = UInt128(significand >> UInt64(zeros)) << UInt128(shift % 64)
        return (UInt64(truncatingIfNeeded: odd), UInt64(odd >> 64), shift / 64)
    }
}
