internal import ExactArithmetic

/// A point of the line as a fraction of integers, with a binary64 near it that decides most comparisons.
struct FractionPoint {
    /// Within a relative 2^−50 of the value; NaN where the value is outside the safe exponents.
    let approximation: Double
    let isNegative: Bool
    /// Absolute value, least significant first, without leading zeros; empty for 0.
    let numerator: [UInt64]
    let denominator: [UInt64]
}

/// Affine forms with integer coefficients over one common denominator a layer, in limbs of fixed lengths that bound
/// every sum that can occur: no allocation and no reduction while the walk goes on.
final class IntegerForms: LineForms {
    private let layers: [IntegerLayer]
    /// The number of limbs of layer l's coefficients.
    private let lengths: [Int]
    /// Layer l's coefficients stand from `offsets[l]`: its slopes, its intercepts, then its biases scaled like them.
    private let offsets: [Int]
    private let words: Limbs.Words
    private let wordCount: Int
    private let scratch: Limbs.Words
    private let outputDenominator: BigInteger

    private var selected = (unit: 0, layer: 0, approximation: 0.0)

    /// The number of bytes that the forms of these layers take.
    static func bytes(_ layers: [IntegerLayer]) -> Int {
        zip(layers, coefficientBits(layers)).reduce(0) { total, entry in
            total + entry.0.outputs * 3 * (entry.1 / 64 + 1) * 8 + entry.0.magnitudes.count * 8
        }
    }

    /// For each layer a bit length that no coefficient's absolute value passes, nor that of a sum of some of its
    /// terms.
    private static func coefficientBits(_ layers: [IntegerLayer]) -> [Int] {
        var scale = BigInteger.one
        var bits = 0
        return layers.map { layer in
            bits += layer.rowBits
            if layer.biasBits > 0 {
                bits = max(bits, layer.biasBits + Radicals.bitLength(scale)) + 1
            }
            scale *= layer.denominator
            return bits
        }
    }

    /// - Precondition: consecutive layers of one network with one input.
    init(_ layers: [IntegerLayer]) {
        self.layers = layers
        lengths = Self.coefficientBits(layers).map { $0 / 64 + 1 }
        var total = 0
        var starts: [Int] = []
        for (layer, length) in zip(layers, lengths) {
            starts.append(total)
            total += 3 * layer.outputs * length
        }
        offsets = starts
        wordCount = total
        let longest = lengths.max() ?? 1
        words = Limbs.Words.allocate(capacity: total)
        words.initialize(repeating: 0, count: total)
        scratch = Limbs.Words.allocate(capacity: 2 * longest)
        scratch.initialize(repeating: 0, count: 2 * longest)
        var scale = BigInteger.one
        for (index, layer) in layers.enumerated() {
            let length = lengths[index]
            for (unit, bias) in layer.bias.enumerated() {
                let place = words + starts[index] + (2 * layer.outputs + unit) * length
                for (limb, value) in (bias * scale).magnitudeLimbs.enumerated() {
                    Limbs.multiplyAdd(
                        place, length, oneLimb, 1, value, offset: limb, subtract: bias.sign < 0)
                }
            }
            scale *= layer.denominator
        }
        outputDenominator = scale
        guard let first = layers.first else { return }
        for unit in 0..<first.outputs {
            let limbs = first.weightLimbs
            first.magnitudes.withUnsafeBufferPointer { magnitudes in
                Self.addWeight(
                    magnitudes[unit * limbs..<(unit + 1) * limbs], oneLimb, 1, to: slope(unit, 0), lengths[0],
                    subtract: first.isNegative[unit])
            }
        }
    }

    deinit {
        words.deallocate()
        scratch.deallocate()
        oneLimb.deallocate()
    }

    /// The integer 1.
    private let oneLimb: Limbs.Words = {
        let words = Limbs.Words.allocate(capacity: 1)
        words.initialize(to: 1)
        return words
    }()

    @inline(__always)
    private func slope(_ unit: Int, _ layer: Int) -> Limbs.Words {
        words + offsets[layer] + unit * lengths[layer]
    }

    @inline(__always)
    private func intercept(_ unit: Int, _ layer: Int) -> Limbs.Words {
        words + offsets[layer] + (layers[layer].outputs + unit) * lengths[layer]
    }

    /// sum ± weight · x for the weight with these limbs.
    @inline(__always)
    private static func addWeight(
        _ limbs: Slice<UnsafeBufferPointer<UInt64>>, _ x: Limbs.Words, _ count: Int, to sum: Limbs.Words,
        _ sumCount: Int, subtract: Bool
    ) {
        var place = 0
        for factor in limbs {
            if factor != 0 {
                Limbs.multiplyAdd(sum, sumCount, x, count, factor, offset: place, subtract: subtract)
            }
            place += 1
        }
    }

    func form(unit: Int, layer: Int, active: [Bool]) {
        let length = lengths[layer]
        let map = layers[layer]
        let ownSlope = slope(unit, layer)
        let ownIntercept = intercept(unit, layer)
        let bias = words + offsets[layer] + (2 * map.outputs + unit) * length
        ownIntercept.update(from: bias, count: length)
        guard layer > 0 else { return }
        ownSlope.update(repeating: 0, count: length)
        let limbs = map.weightLimbs
        let before = lengths[layer - 1]
        let slopes = words + offsets[layer - 1]
        let intercepts = slopes + map.inputs * before
        map.magnitudes.withUnsafeBufferPointer { magnitudes in
            for source in 0..<map.inputs where active[source] {
                let index = unit * map.inputs + source
                let weight = magnitudes[index * limbs..<(index + 1) * limbs]
                let subtract = map.isNegative[index]
                Self.addWeight(
                    weight, slopes + source * before, before, to: ownSlope, length, subtract: subtract)
                Self.addWeight(
                    weight, intercepts + source * before, before, to: ownIntercept, length, subtract: subtract
                )
            }
        }
    }

    func toggle(unit: Int, beforeLayer layer: Int, on: Bool) {
        let map = layers[layer]
        let length = lengths[layer]
        let limbs = map.weightLimbs
        let before = lengths[layer - 1]
        let slope = slope(unit, layer - 1)
        let intercept = intercept(unit, layer - 1)
        let slopes = words + offsets[layer]
        let intercepts = slopes + map.outputs * length
        map.magnitudes.withUnsafeBufferPointer { magnitudes in
            for target in 0..<map.outputs {
                let index = target * map.inputs + unit
                let weight = magnitudes[index * limbs..<(index + 1) * limbs]
                let subtract = map.isNegative[index] == on
                Self.addWeight(
                    weight, slope, before, to: slopes + target * length, length, subtract: subtract)
                Self.addWeight(
                    weight, intercept, before, to: intercepts + target * length, length, subtract: subtract)
            }
        }
    }

    func slopeSign(unit: Int, layer: Int) -> Int { Limbs.sign(slope(unit, layer), lengths[layer]) }
    func interceptSign(unit: Int, layer: Int) -> Int { Limbs.sign(intercept(unit, layer), lengths[layer]) }

    func selectRoot(unit: Int, layer: Int) {
        let length = lengths[layer]
        let slope = slope(unit, layer)
        let intercept = intercept(unit, layer)
        let slopeLength = Limbs.magnitude(slope, length, into: scratch)
        let interceptLength = Limbs.magnitude(intercept, length, into: scratch + length)
        guard interceptLength > 0 else {
            selected = (unit, layer, 0)
            return
        }
        let quotient = Self.approximateQuotient(
            Limbs.leadingBits(scratch + length, interceptLength), Limbs.leadingBits(scratch, slopeLength))
        let negative = Limbs.isNegative(slope, length) == Limbs.isNegative(intercept, length)
        selected = (unit, layer, negative ? -quotient : quotient)
    }

    /// Three roundings of relative 2^−53 and two cuts of 2^−63; NaN outside the exponents where that holds.
    private static func approximateQuotient(
        _ a: (bits: UInt64, exponent: Int), _ b: (bits: UInt64, exponent: Int)
    ) -> Double {
        let exponent = a.exponent - b.exponent
        guard abs(exponent) <= 900 else { return .nan }
        return Double(sign: .plus, exponent: exponent, significand: Double(a.bits) / Double(b.bits))
    }

    /// The sign of a − b where their approximations decide it, else `nil`.
    @inline(__always)
    private static func decided(_ a: Double, _ b: Double) -> Int? {
        let difference = a - b
        return abs(difference) > 0x1p-48 * max(abs(a), abs(b)) ? (difference > 0 ? 1 : -1) : nil
    }

    func compareRoot(to point: FractionPoint) -> Int {
        if let sign = Self.decided(selected.approximation, point.approximation) { return sign }
        return Self.compareExactly(root(), point)
    }

    private static func compareExactly(_ a: FractionPoint, _ b: FractionPoint) -> Int {
        let signA = a.numerator.isEmpty ? 0 : (a.isNegative ? -1 : 1)
        let signB = b.numerator.isEmpty ? 0 : (b.isNegative ? -1 : 1)
        if signA != signB { return signA < signB ? -1 : 1 }
        if signA == 0 { return 0 }
        return signA * Limbs.compareProducts(a.numerator, b.denominator, b.numerator, a.denominator)
    }

    func root() -> FractionPoint {
        let (unit, layer, approximation) = selected
        let length = lengths[layer]
        let slope = slope(unit, layer)
        let intercept = intercept(unit, layer)
        let slopeLength = Limbs.magnitude(slope, length, into: scratch)
        let interceptLength = Limbs.magnitude(intercept, length, into: scratch + length)
        return FractionPoint(
            approximation: approximation,
            isNegative: Limbs.isNegative(slope, length) == Limbs.isNegative(intercept, length),
            numerator: Array(UnsafeBufferPointer(start: scratch + length, count: interceptLength)),
            denominator: Array(UnsafeBufferPointer(start: scratch, count: slopeLength)))
    }

    func isLess(_ a: FractionPoint, _ b: FractionPoint) -> Bool {
        (Self.decided(a.approximation, b.approximation) ?? Self.compareExactly(a, b)) < 0
    }

    func areEqual(_ a: FractionPoint, _ b: FractionPoint) -> Bool {
        Self.decided(a.approximation, b.approximation) == nil && Self.compareExactly(a, b) == 0
    }

    func point(_ value: Rational) -> FractionPoint {
        let nearest = value.nearestDouble
        let safe = value.isZero || (abs(nearest) > 0x1p-900 && abs(nearest) < 0x1p900)
        return FractionPoint(
            approximation: safe ? nearest : .nan, isNegative: value.sign < 0,
            numerator: value.numerator.magnitudeLimbs, denominator: value.denominator.magnitudeLimbs)
    }

    private var output: Int { layers.count - 1 }
    /// The number of words that the output's slopes and intercepts take together.
    private var outputWords: Int { 2 * layers[output].outputs * lengths[output] }

    func outputMap() -> [UInt64] {
        Array(UnsafeBufferPointer(start: words + offsets[output], count: outputWords))
    }

    func outputEquals(_ map: [UInt64]) -> Bool {
        let current = words + offsets[output]
        for index in 0..<outputWords where current[index] != map[index] { return false }
        return true
    }

    func coefficients(of map: [UInt64]) -> [Rational] {
        let length = lengths[output]
        return (0..<2 * layers[output].outputs).map { index in
            var limbs = Array(map[index * length..<(index + 1) * length])
            let negative = limbs[length - 1] >> 63 == 1
            if negative {
                var carry = true
                for place in limbs.indices {
                    let (limb, overflow) = (~limbs[place]).addingReportingOverflow(carry ? 1 : 0)
                    limbs[place] = limb
                    carry = overflow
                }
            }
            let magnitude = BigInteger(magnitudeLimbs: limbs)
            return Rational(negative ? -magnitude : magnitude, outputDenominator)
        }
    }

    func value(of point: FractionPoint) -> Rational {
        let numerator = BigInteger(magnitudeLimbs: point.numerator)
        return Rational(
            point.isNegative ? -numerator : numerator, BigInteger(magnitudeLimbs: point.denominator))
    }

    var bytesPerPiece: Int { 8 * (outputWords + 4 * lengths[max(0, output - 1)]) + 128 }
}
