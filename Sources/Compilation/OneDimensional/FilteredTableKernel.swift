internal import ExactArithmetic
internal import PiecewiseLinear

/// A table with its breakpoints chosen: exact access on demand.
struct FilteredPieces<Points: TablePoints>: ExactPieces {
    let points: Points
    let leftSlope: Rational
    let rightSlope: Rational
    /// The points where the slope changes.
    var kept: [Int] = []

    var breakpointCount: Int { kept.count }
    func breakpoint(_ index: Int) -> Rational { points.x(kept[index]) }
    func value(_ index: Int) -> Rational { points.y(kept[index]) }
    func segmentSlope(_ from: Int, _ to: Int) -> Rational {
        (points.y(to) - points.y(from)) / (points.x(to) - points.x(from))
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

/// A slope rise / run as a sum of two binary64.
///
/// With u = 2^−53 and no underflow, the quotient of two sums is within 32u² relatively: the remainder of the first
/// quotient is exact, its corrections lose at most 12u² of the rise, and the second quotient, at most 4u of the first,
/// is off by 2u of itself. Rise, run, their units and the products with these add 2^−104 + 2^−104 + 2 · 2^−105 +
/// 2 · 2^−102 at most. All together stay below 2^−99.
private struct Slope {
    var high: Double
    var low: Double
    /// Whether `high` is the slope itself.
    var isExact: Bool

    @inline(__always)
    init(rise: DoubleDouble, run: DoubleDouble, isPlain: Bool) {
        high = rise.high / run.high
        let remainder = rise.high.addingProduct(-high, run.high)
        let correction = rise.low.addingProduct(-high, run.low)
        low = (remainder + correction) / run.high
        isExact = rise.high == 0 || isPlain && remainder == 0 && rise.low == 0 && run.low == 0
    }

    static let relativeError = 0x1p-98
}

/// What is known of a slope's jump.
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

extension TablePoints {
    /// The table's function in machine arithmetic with exact results. For at least two points.
    ///
    /// Complexity: O(n), some tens of nanoseconds a point, and rational arithmetic only where three neighbouring points
    /// are collinear or a jump lies near the middle of two binary64.
    func rounded(
        sides: SideRule, isCancelled: () -> Bool
    ) throws(CompilationFault) -> (FilteredPieces<Self>, RoundedFunction) {
        if isCancelled() { throw .cancelled }
        for index in 1..<count where !isBefore(index - 1, index) { throw .notIncreasing(index: index) }
        let probe = FilteredPieces(points: self, leftSlope: .zero, rightSlope: .zero)
        let firstSlope = probe.segmentSlope(0, 1)
        let lastSlope = probe.segmentSlope(count - 2, count - 1)
        let ends: (Rational, Rational) =
            switch sides {
            case .constant: (.zero, .zero)
            case .slopes(let left, let right): (left, right)
            case .extend: (firstSlope, lastSlope)
            }
        var pieces = FilteredPieces(points: self, leftSlope: ends.0, rightSlope: ends.1)
        var result = RoundedFunction()
        result.leftSlope = ends.0.nearestDouble
        if ends.0.isZero { result.flatPieces.append(0) }
        pieces.kept.reserveCapacity(count)
        result.breakpoints.reserveCapacity(count)
        result.breakpointIsRounded.reserveCapacity(count)
        result.jumps.reserveCapacity(count)
        result.values.reserveCapacity(count)
        func keep(_ index: Int, _ jump: Double, isFlat: Bool) {
            pieces.kept.append(index)
            let moves = movesX(index)
            // −0 is 0.
            result.breakpoints.append(nearestX(index) + 0)
            result.breakpointIsRounded.append(moves)
            result.jumps.append(jump)
            result.values.append(nearestY(index) + 0)
            if isFlat { result.flatPieces.append(pieces.kept.count) }
            if moves { result.isRounded = true }
        }
        func keep(_ index: Int, exactly jump: Rational, isFlat: Bool) {
            guard !jump.isZero else { return }
            if !result.isRounded, jump.exactDouble == nil { result.isRounded = true }
            keep(index, jump.nearestDouble, isFlat: isFlat)
        }
        keep(0, exactly: firstSlope - ends.0, isFlat: firstSlope.isZero)
        let (riseUnit, runUnit) = slopeUnit
        let isPlain = isPlain
        var before = Slope(
            rise: isPlain ? rise(0) : rise(0) * riseUnit, run: isPlain ? run(0) : run(0) * runUnit,
            isPlain: isPlain)
        for index in 1..<count - 1 {
            if index & 4095 == 0, isCancelled() { throw .cancelled }
            let rise = isPlain ? rise(index) : rise(index) * riseUnit
            let after = Slope(rise: rise, run: isPlain ? run(index) : run(index) * runUnit, isPlain: isPlain)
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
        return (pieces, result)
    }
}
