internal import ExactArithmetic
internal import PiecewiseLinear

/// The best affine functions, exactly.
enum RegressionLines {
    /// The line of least mean squared distance; of all, where all places are one, the constant.
    ///
    /// Complexity: O(n) rational operations, on numbers that grow with every new denominator.
    /// - Returns: `nil` where cancelled.
    static func leastSquares(
        x: [Rational], y: [Rational], isCancelled: () -> Bool
    ) -> PiecewiseLinearFunction? {
        let count = Rational(x.count)
        guard let sumX = sum(x, isCancelled), let sumY = sum(y, isCancelled) else { return nil }
        let meanX = sumX / count
        let meanY = sumY / count
        var variance = Rational.zero
        var covariance = Rational.zero
        for (index, (place, target)) in zip(x, y).enumerated() {
            if index & 0x3f == 0, isCancelled() { return nil }
            let centred = place - meanX
            variance += centred * centred
            covariance += centred * target
        }
        let slope = variance.isZero ? .zero : covariance / variance
        return PiecewiseLinearFunction(slope: slope, intercept: meanY - slope * meanX)
    }

    /// - Returns: `nil` where cancelled.
    static func sum(_ values: [Rational], _ isCancelled: () -> Bool) -> Rational? {
        var sum = Rational.zero
        for (index, value) in values.enumerated() {
            // Sums of many denominators become as long as all of them together.
            if index & 0x3f == 0, isCancelled() { return nil }
            sum += value
        }
        return sum
    }

    /// A line of least mean absolute distance.
    ///
    /// The distance of the best line of slope m, g(m) = min_b Σ |y_i − m x_i − b|, is convex and piecewise linear. The
    /// search closes in on a slope whose subdifferential has 0, alternately by the middle of the bracket and by the
    /// place where the two tangents at its ends meet: the latter ends it, since g has finitely many pieces.
    /// Complexity: O(n log n) for each step; a few dozen steps in binary64 find a bracket, a few in rationals end it.
    /// - Returns: `nil` where cancelled.
    static func leastAbsolute(
        x: [Rational], y: [Rational], isCancelled: () -> Bool
    ) -> PiecewiseLinearFunction? {
        guard let start = approximateSlope(x.map(\.nearestDouble), y.map(\.nearestDouble), isCancelled) else {
            return nil
        }
        guard
            let first = AbsoluteTangent(slope: Rational(exactly: start.slope) ?? .zero, x, y, isCancelled)
        else { return nil }
        guard !first.isLeast else { return first.line }
        // From the first slope downhill, in steps that double, until the distance grows.
        var left = first
        var right = first
        let isFalling = first.derivatives.upper.sign < 0
        var step = Rational(exactly: start.uncertainty) ?? .one
        while true {
            let from = isFalling ? right : left
            guard
                let next = AbsoluteTangent(
                    slope: from.slope + (isFalling ? step : -step), x, y, isCancelled)
            else { return nil }
            if next.isLeast { return next.line }
            (left, right) = isFalling ? (from, next) : (next, from)
            if (next.derivatives.upper.sign < 0) != isFalling { break }
            step = step * Rational(16)
        }
        var takesMiddle = false
        while true {
            takesMiddle.toggle()
            var slope = left.meeting(right)
            if takesMiddle,
                let middle = Rational(exactly: ((left.slope + right.slope) / Rational(2)).nearestDouble),
                middle > left.slope, middle < right.slope
            {
                slope = middle
            }
            guard let tangent = AbsoluteTangent(slope: slope, x, y, isCancelled) else { return nil }
            if tangent.isLeast { return tangent.line }
            if tangent.derivatives.upper.sign < 0 { left = tangent } else { right = tangent }
        }
    }

    /// A slope near the best one, and how far off it may be about; both finite, the second positive.
    private static func approximateSlope(
        _ x: [Double], _ y: [Double], _ isCancelled: () -> Bool
    ) -> (slope: Double, uncertainty: Double)? {
        let (fromX, toX) = (x.min() ?? 0, x.max() ?? 0)
        let (fromY, toY) = (y.min() ?? 0, y.max() ?? 0)
        let unit = (toY - fromY) / (toX - fromX)
        guard unit.isFinite, unit > 0 else { return (0, 1) }
        /// Positive where the best line of this slope gains by a larger one.
        func trend(_ slope: Double) -> Double {
            let rests = zip(x, y).map { $1 - slope * $0 }
            let order = rests.indices.sorted { rests[$0] < rests[$1] }
            let half = order.count / 2
            let upper = order.suffix(half).reduce(0) { $0 + x[$1] / Double(order.count) }
            return upper - order.prefix(half).reduce(0) { $0 + x[$1] / Double(order.count) }
        }
        var low = -unit
        var high = unit
        while trend(low) < 0, low.magnitude < unit * 0x1p60 {
            if isCancelled() { return nil }
            (low, high) = (low * 4, low)
        }
        while trend(high) > 0, high.magnitude < unit * 0x1p60 {
            if isCancelled() { return nil }
            (low, high) = (high, high * 4)
        }
        for _ in 0..<60 {
            if isCancelled() { return nil }
            let middle = low / 2 + high / 2
            guard middle > low, middle < high else { break }
            if trend(middle) > 0 { low = middle } else { high = middle }
        }
        let slope = low / 2 + high / 2
        let uncertainty = max(slope.magnitude, unit) * 0x1p-48
        guard slope.isFinite, uncertainty.isFinite else { return (0, 1) }
        return (slope, max(uncertainty, .leastNormalMagnitude))
    }
}

/// The best line of one slope in the sense of absolute distances, and how its distance changes with the slope.
private struct AbsoluteTangent {
    let slope: Rational
    let intercept: Rational
    /// Σ |y_i − slope · x_i − intercept|.
    let value: Rational
    /// The subdifferential: the derivatives to the left and to the right.
    let derivatives: (lower: Rational, upper: Rational)

    /// Residuals above the median count with sign +1, below with −1; those at it with any signs in [−1, 1] that make
    /// the sum of all 0, as the best intercept asks for. Σ (signs · x) then ranges over an interval, whose ends give
    /// the largest signs to the largest or the smallest places.
    ///
    /// `nil` where cancelled.
    init?(slope: Rational, _ x: [Rational], _ y: [Rational], _ isCancelled: () -> Bool) {
        var rests: [Rational] = []
        rests.reserveCapacity(x.count)
        for index in x.indices {
            if index & 0x3f == 0, isCancelled() { return nil }
            rests.append(y[index] - slope * x[index])
        }
        let median = rests.sorted()[(rests.count - 1) / 2]
        var value = Rational.zero
        var decided = Rational.zero
        var balance = 0
        var free: [Rational] = []
        for (index, (rest, place)) in zip(rests, x).enumerated() {
            if index & 0x3f == 0, isCancelled() { return nil }
            if rest == median {
                free.append(place)
            } else if rest > median {
                value += rest - median
                decided += place
                balance += 1
            } else {
                value += median - rest
                decided -= place
                balance -= 1
            }
        }
        free.sort()
        // In halves: the free signs are −1 + halves, each between 0 and 2, that sum up to this.
        let halves = free.count - balance
        func extreme(_ places: some Sequence<Rational>) -> Rational {
            var left = halves
            return places.reduce(.zero) { sum, place in
                let share = min(2, left)
                left -= share
                return sum + place * Rational(share - 1)
            }
        }
        self.slope = slope
        intercept = median
        self.value = value
        derivatives = (-(decided + extreme(free.reversed())), -(decided + extreme(free)))
    }

    var isLeast: Bool { derivatives.lower.sign <= 0 && derivatives.upper.sign >= 0 }
    var line: PiecewiseLinearFunction { PiecewiseLinearFunction(slope: slope, intercept: intercept) }

    /// Where this tangent, falling, meets one further right that rises.
    func meeting(_ right: AbsoluteTangent) -> Rational {
        let falling = derivatives.upper
        let rising = right.derivatives.lower
        return (right.value - value + falling * slope - rising * right.slope) / (falling - rising)
    }
}
