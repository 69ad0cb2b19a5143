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

    /// - Returns: `nil` where the common denominator has more than `maximumDenominatorBits` bits.
    init?(_ layer: AffineLayer<Rational>, maximumDenominatorBits: Int) {
        var common = BigInteger.one
        let limit = BigInteger(2).power(maximumDenominatorBits)
        for value in [layer.weights, layer.bias].joined() {
            let denominator = value.denominator
            if denominator == .one { continue }
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
        self.init(
            inputs: layer.inputs, outputs: layer.outputs, denominator: common,
            bias: layer.bias.map(integer),
            weights: layer.weights.map { value in
                let whole = integer(value)
                return (whole.magnitudeLimbs, whole.sign < 0)
            })
    }

    /// The layer of binary64 weights, exactly: the common denominator is a power of two.
    ///
    /// - Returns: `nil` where an entry is not finite.
    init?(_ layer: AffineLayer<Double>) {
        var least = 0
        for value in [layer.weights, layer.bias].joined() where value != 0 {
            guard value.isFinite else { return nil }
            least = min(least, value.lowestExponent)
        }
        self.init(
            inputs: layer.inputs, outputs: layer.outputs, denominator: BigInteger(2).power(-least),
            bias: layer.bias.map { value in
                let magnitude = BigInteger(magnitudeLimbs: value.limbs(exponent: least))
                return value < 0 ? -magnitude : magnitude
            },
            weights: layer.weights.map { ($0.limbs(exponent: least), $0 < 0) })
    }

    private init(
        inputs: Int, outputs: Int, denominator: BigInteger, bias: [BigInteger],
        weights: [(limbs: [UInt64], negative: Bool)]
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.denominator = denominator
        self.bias = bias
        let length = weights.reduce(0) { max($0, $1.limbs.count) }
        weightLimbs = length
        rowBits = (0..<outputs).reduce(0) { longest, row in
            let entries = weights[row * inputs..<(row + 1) * inputs]
            let terms = entries.count { !$0.limbs.isEmpty }
            let doublings = terms < 2 ? 0 : Int.bitWidth - (terms - 1).leadingZeroBitCount
            return max(longest, entries.reduce(0) { max($0, $1.limbs.bitCount) } + doublings)
        }
        isNegative = weights.map(\.negative)
        var flat = [UInt64](repeating: 0, count: length * weights.count)
        for (index, weight) in weights.enumerated() {
            for (place, limb) in weight.limbs.enumerated() { flat[index * length + place] = limb }
        }
        magnitudes = flat
    }

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

    /// The limbs of |value| · 2^(−exponent), least significant first, without leading zeros.
    ///
    /// - Precondition: that product is an integer.
    fileprivate func limbs(exponent: Int) -> [UInt64] {
        if self == 0 { return [] }
        let significand = significandBitPattern | (isNormal ? 1 << 52 : 0)
        let zeros = significand.trailingZeroBitCount
        let shift = lowestExponent - exponent
        let odd = UInt128(significand >> UInt64(zeros)) << UInt128(shift % 64)
        var limbs = [UInt64](repeating: 0, count: shift / 64)
        limbs.append(UInt64(truncatingIfNeeded: odd))
        if odd >> 64 != 0 { limbs.append(UInt64(odd >> 64)) }
        return limbs
    }
}
