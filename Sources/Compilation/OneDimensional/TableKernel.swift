internal import ExactArithmetic
internal import PiecewiseLinear

/// A decimal table with its breakpoints chosen: exact access on demand.
struct TablePieces: ExactPieces {
    let x: [Int64]
    let y: [Int64]
    let xScale: Rational
    let yScale: Rational
    let leftSlope: Rational
    let rightSlope: Rational
    /// The points where the slope changes.
    var kept: [Int] = []

    var breakpointCount: Int { kept.count }
    func breakpoint(_ index: Int) -> Rational { Rational(Int(x[kept[index]])) * xScale }
    func value(_ index: Int) -> Rational { Rational(Int(y[kept[index]])) * yScale }
    func segmentSlope(_ from: Int, _ to: Int) -> Rational {
        Rational(Int(y[to] - y[from]), Int(x[to] - x[from])) * (yScale / xScale)
    }
    func slope(_ piece: Int) -> Rational {
        piece == 0
            ? leftSlope : piece == kept.count ? rightSlope : segmentSlope(kept[piece - 1], kept[piece])
    }
    func function() -> PiecewiseLinearFunction {
        PiecewiseLinearFunction(
            breakpoints: kept.indices.map(breakpoint), slopes: (0...kept.count).map(slope),
            anchorValue: kept.isEmpty ? .zero : value(0))
    }
}

/// An integer times a power of ten of at most 22 either way, rounded once, and whether that changed it.
private struct DecimalScale {
    let power: Double
    let isDivisor: Bool
    let exact: Rational

    init(exponent: Int, exact: Rational) {
        power = Rational.powerOfTen(abs(exponent)).nearestDouble
        isDivisor = exponent < 0
        self.exact = exact
    }

    @inline(__always)
    func rounded(_ mantissa: Int64) -> (Double, Bool) {
        guard mantissa.magnitude < 1 << 53 else {
            let value = Rational(Int(mantissa)) * exact
            let rounded = value.nearestDouble
            return (rounded, Rational(exactly: rounded) != value)
        }
        let integer = Double(mantissa)
        if isDivisor {
            let quotient = integer / power
            return (quotient, (-integer).addingProduct(quotient, power) != 0)
        }
        let product = integer * power
        return (product, (-product).addingProduct(integer, power) != 0)
    }
}

/// The quotient n / (d · 10^−exponent) correctly rounded by double-double division with an error test; `nil` where
/// the test cannot decide.
@inline(__always)
private func roundedQuotient(_ n: Int64, _ d: Int64, power: Double, isDivisor: Bool) -> Double? {
    func split(_ value: Int64) -> (Double, Double) {
        let high = Double(value)
        return (high, Double(value - Int64(high)))
    }
    func scaled(_ value: (Double, Double)) -> (Double, Double) {
        let high = value.0 * power
        let low = (-high).addingProduct(value.0, power) + value.1 * power
        let sum = high + low
        return (sum, low - (sum - high))
    }
    var numerator = split(n)
    var denominator = split(d)
    if isDivisor { denominator = scaled(denominator) } else { numerator = scaled(numerator) }
    let first = numerator.0 / denominator.0
    var rest = numerator.0.addingProduct(-first, denominator.0)
    rest += numerator.1.addingProduct(-first, denominator.1)
    let second = rest / denominator.0
    let high = first + second
    let low = second - (high - first)
    let error = high.magnitude * 0x1p-96
    guard high + (low + error) == high, high + (low - error) == high else { return nil }
    return high
}

extension ScaledTable {
    /// The table's function in machine arithmetic with exact results; `nil` where its numbers are out of the reach
    /// of this path, which says nothing of the table.
    ///
    /// Complexity: O(n), a few tens of nanoseconds a point.
    func rounded(
        sides: SideRule, isCancelled: () -> Bool
    ) throws(CompilationFault) -> (TablePieces, RoundedFunction)? {
        guard case .decimal(let x, let xExponent, let y, let yExponent) = coordinates, x.count == y.count,
            x.count >= 2, (-22...22).contains(xExponent), (-22...22).contains(yExponent),
            (-22...22).contains(yExponent - xExponent)
        else { return nil }
        let count = x.count
        if isCancelled() { throw .cancelled }
        let xScale = Rational.powerOfTen(xExponent)
        let yScale = Rational.powerOfTen(yExponent)
        let limit: UInt64 = 1 << 61
        for index in 0..<count where x[index].magnitude >= limit || y[index].magnitude >= limit { return nil }
        for index in 1..<count where x[index] <= x[index - 1] { throw .notIncreasing(index: index) }
        let probe = TablePieces(
            x: x, y: y, xScale: xScale, yScale: yScale, leftSlope: .zero, rightSlope: .zero)
        let firstSlope = probe.segmentSlope(0, 1)
        let lastSlope = probe.segmentSlope(count - 2, count - 1)
        let ends: (Rational, Rational) =
            switch sides {
            case .constant: (.zero, .zero)
            case .slopes(let left, let right): (left, right)
            case .extend: (firstSlope, lastSlope)
            }
        var pieces = TablePieces(
            x: x, y: y, xScale: xScale, yScale: yScale, leftSlope: ends.0, rightSlope: ends.1)
        var result = RoundedFunction()
        result.leftSlope = ends.0.nearestDouble
        if ends.0.isZero { result.flatPieces.append(0) }
        pieces.kept.reserveCapacity(count)
        result.breakpoints.reserveCapacity(count)
        result.breakpointIsRounded.reserveCapacity(count)
        result.jumps.reserveCapacity(count)
        result.values.reserveCapacity(count)
        let places = DecimalScale(exponent: xExponent, exact: xScale)
        let values = DecimalScale(exponent: yExponent, exact: yScale)
        let slopeScale = yScale / xScale
        let slopes = DecimalScale(exponent: yExponent - xExponent, exact: slopeScale)
        func keep(_ index: Int, _ jump: Double, isRounded: Bool, isFlat: Bool) {
            pieces.kept.append(index)
            let (place, moved) = places.rounded(x[index])
            result.breakpoints.append(place)
            result.breakpointIsRounded.append(moved)
            result.jumps.append(jump)
            result.values.append(values.rounded(y[index]).0)
            if isFlat { result.flatPieces.append(pieces.kept.count) }
            if moved || isRounded { result.isRounded = true }
        }
        func keepEnd(_ index: Int, _ jump: Rational, isFlat: Bool) {
            guard !jump.isZero else { return }
            keep(index, jump.nearestDouble, isRounded: jump.exactDouble == nil, isFlat: isFlat)
        }
        keepEnd(0, firstSlope - ends.0, isFlat: firstSlope.isZero)
        for index in 1..<count - 1 {
            if index & 4095 == 0, isCancelled() { throw .cancelled }
            let run0 = x[index] - x[index - 1]
            let run1 = x[index + 1] - x[index]
            let rise0 = y[index] - y[index - 1]
            let rise1 = y[index + 1] - y[index]
            // Below 2^125 in magnitude.
            let numerator = Int128(rise1) * Int128(run0) - Int128(rise0) * Int128(run1)
            if numerator == 0 { continue }
            let denominator = Int128(run0) * Int128(run1)
            var jump: Double?
            if numerator.magnitude < 1 << 62, denominator < 1 << 62 {
                jump = roundedQuotient(
                    Int64(truncatingIfNeeded: numerator), Int64(truncatingIfNeeded: denominator),
                    power: slopes.power, isDivisor: slopes.isDivisor)
            }
            var isRounded = false
            if slopes.power == 1, numerator.magnitude < 1 << 53, denominator.nonzeroBitCount == 1,
                denominator < 1 << 62
            {
                // A quotient by a power of two is exact, and so is the one above.
            } else if jump == nil || !result.isRounded {
                let exact = (Rational(Int(rise1), Int(run1)) - Rational(Int(rise0), Int(run0))) * slopeScale
                jump = exact.nearestDouble
                isRounded = exact.exactDouble == nil
            }
            keep(index, jump ?? 0, isRounded: isRounded, isFlat: rise1 == 0)
        }
        keepEnd(count - 1, ends.1 - lastSlope, isFlat: ends.1.isZero)
        return (pieces, result)
    }
}
