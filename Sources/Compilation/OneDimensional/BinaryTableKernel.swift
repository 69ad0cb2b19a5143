internal import ExactArithmetic
internal import PiecewiseLinear

/// A table of binary64 points with its breakpoints chosen: exact access on demand.
struct BinaryTablePieces: ExactPieces {
    let x: [Double]
    let y: [Double]
    let leftSlope: Rational
    let rightSlope: Rational
    /// The points where the slope changes.
    var kept: [Int] = []

    var breakpointCount: Int { kept.count }
    func breakpoint(_ index: Int) -> Rational { Self.exact(x[kept[index]]) }
    func value(_ index: Int) -> Rational { Self.exact(y[kept[index]]) }
    func segmentSlope(_ from: Int, _ to: Int) -> Rational {
        (Self.exact(y[to]) - Self.exact(y[from])) / (Self.exact(x[to]) - Self.exact(x[from]))
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

    /// Every coordinate was found finite before.
    static func exact(_ value: Double) -> Rational { Rational(exactly: value) ?? .zero }
}

/// An unevaluated sum of two binary64, the second at most half a unit in the last place of the first.
private struct DoubleDouble {
    var high: Double
    var low: Double

    /// The exact difference (Knuth's two-sum).
    @inline(__always)
    init(_ left: Double, minus right: Double) {
        high = left - right
        let moved = high - left
        low = (left - (high - moved)) - (right + moved)
    }
}

/// A slope rise / run as a sum of two binary64.
///
/// With u = 2^−53 and no underflow, the value is within 32u² of the quotient, relatively: the remainder of the
/// first quotient is exact, its corrections lose at most 12u² of the rise, and the second quotient, at most 4u of the
/// first, is off by 2u of itself.
private struct Slope {
    var high: Double
    var low: Double
    /// Whether `high` is the slope itself.
    var isExact: Bool

    @inline(__always)
    init(rise: DoubleDouble, run: DoubleDouble) {
        high = rise.high / run.high
        let remainder = rise.high.addingProduct(-high, run.high)
        let correction = rise.low.addingProduct(-high, run.low)
        low = (remainder + correction) / run.high
        isExact = remainder == 0 && rise.low == 0 && (run.low == 0 || high == 0)
    }

    static let relativeError = 0x1p-98
}

/// What is known of a slope's jump from `before` to `after`.
private enum Jump {
    case none
    /// The jump rounded to nearest; whether that changed it, where that is known.
    case rounded(Double, changed: Bool?)
    case undecided

    @inline(__always)
    init(from before: Slope, to after: Slope) {
        let difference = DoubleDouble(after.high, minus: before.high)
        if before.isExact && after.isExact {
            self =
                difference.high == 0 ? .none : .rounded(difference.high, changed: difference.low != 0)
            return
        }
        let error = 2 * Slope.relativeError * (before.high.magnitude + after.high.magnitude)
        let rest = difference.low + (after.low - before.low)
        let high = difference.high + rest
        let low = rest - (high - difference.high)
        // Rounding is monotone: where both ends of the interval round to `high`, the jump does.
        if difference.high.magnitude >= rest.magnitude, high.magnitude > 2 * error,
            high + (low + error) == high, high + (low - error) == high
        {
            self = .rounded(high, changed: nil)
        } else {
            self = .undecided
        }
    }
}

extension ScaledTable {
    /// The function of a table of binary64 points in machine arithmetic with exact results; `nil` where its numbers
    /// are out of the reach of this path, which says nothing of the table.
    ///
    /// Complexity: O(n), a few tens of nanoseconds a point, and rational arithmetic only where three neighbouring
    /// points are collinear or a jump lies near the middle of two binary64.
    func roundedBinary(
        sides: SideRule, isCancelled: () -> Bool
    ) throws(CompilationFault) -> (BinaryTablePieces, RoundedFunction)? {
        guard case .binary64(let x, let y) = coordinates, x.count == y.count, x.count >= 2 else { return nil }
        let count = x.count
        if isCancelled() { throw .cancelled }
        for index in 0..<count where !(isInReach(x[index]) && isInReach(y[index])) { return nil }
        for index in 1..<count where x[index] <= x[index - 1] { throw .notIncreasing(index: index) }
        let probe = BinaryTablePieces(x: x, y: y, leftSlope: .zero, rightSlope: .zero)
        let firstSlope = probe.segmentSlope(0, 1)
        let lastSlope = probe.segmentSlope(count - 2, count - 1)
        let ends: (Rational, Rational) =
            switch sides {
            case .constant: (.zero, .zero)
            case .slopes(let left, let right): (left, right)
            case .extend: (firstSlope, lastSlope)
            }
        var pieces = BinaryTablePieces(x: x, y: y, leftSlope: ends.0, rightSlope: ends.1)
        var result = RoundedFunction()
        result.leftSlope = ends.0.nearestDouble
        if ends.0.isZero { result.flatPieces.append(0) }
        pieces.kept.reserveCapacity(count)
        result.breakpoints.reserveCapacity(count)
        result.breakpointIsRounded = Array(repeating: false, count: count)
        result.jumps.reserveCapacity(count)
        result.values.reserveCapacity(count)
        func keep(_ index: Int, _ jump: Double, isFlat: Bool) {
            pieces.kept.append(index)
            // A breakpoint of −0 is one of 0.
            result.breakpoints.append(x[index] + 0)
            result.jumps.append(jump)
            result.values.append(y[index] + 0)
            if isFlat { result.flatPieces.append(pieces.kept.count) }
        }
        func keep(_ index: Int, exactly jump: Rational, isFlat: Bool) {
            guard !jump.isZero else { return }
            if !result.isRounded, jump.exactDouble == nil { result.isRounded = true }
            keep(index, jump.nearestDouble, isFlat: isFlat)
        }
        keep(0, exactly: firstSlope - ends.0, isFlat: firstSlope.isZero)
        var before = Slope(rise: DoubleDouble(y[1], minus: y[0]), run: DoubleDouble(x[1], minus: x[0]))
        for index in 1..<count - 1 {
            if index & 4095 == 0, isCancelled() { throw .cancelled }
            let rise = DoubleDouble(y[index + 1], minus: y[index])
            let after = Slope(rise: rise, run: DoubleDouble(x[index + 1], minus: x[index]))
            switch Jump(from: before, to: after) {
            case .none: break
            case .rounded(let jump, let changed) where changed != nil || result.isRounded:
                keep(index, jump, isFlat: rise.high == 0)
                if changed == true { result.isRounded = true }
            case .rounded, .undecided:
                keep(
                    index,
                    exactly: pieces.segmentSlope(index, index + 1) - pieces.segmentSlope(index - 1, index),
                    isFlat: rise.high == 0)
            }
            before = after
        }
        keep(count - 1, exactly: ends.1 - lastSlope, isFlat: ends.1.isZero)
        result.breakpointIsRounded.removeLast(count - result.breakpoints.count)
        return (pieces, result)
    }

    /// Whether quotients of differences of such numbers, and the errors of these quotients, neither overflow nor
    /// underflow: differences are 0 or in [2^−353, 2^301].
    private func isInReach(_ value: Double) -> Bool {
        value == 0 || (0x1p-300...0x1p300).contains(value.magnitude)
    }
}
