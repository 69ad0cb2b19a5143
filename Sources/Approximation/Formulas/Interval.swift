internal import Glibc

/// A closed interval of reals with binary64 ends, or all of R where nothing is known.
///
/// Every operation answers an interval that contains the results for all reals in its arguments: the four operations
/// and the square root are rounded once by the processor and then moved outwards by one unit in the last place; the
/// elementary functions of the C library, whose error in glibc is at most two units, by four.
struct Interval: Sendable, Equatable {
    let lower: Double
    let upper: Double

    static let everything = Interval(lower: -.infinity, upper: .infinity)

    init(lower: Double, upper: Double) {
        if lower <= upper {
            self.lower = lower
            self.upper = upper
        } else {
            // Also where one is NaN.
            self = Self.everything
        }
    }

    init(_ value: Double) { self.init(lower: value, upper: value) }

    var isBounded: Bool { lower > -.infinity && upper < .infinity }
    var width: Double { (upper - lower).nextUp }
    var magnitude: Double { max(lower.magnitude, upper.magnitude) }
    func contains(_ value: Double) -> Bool { lower <= value && value <= upper }

    func hull(_ other: Interval) -> Interval {
        Interval(lower: min(lower, other.lower), upper: max(upper, other.upper))
    }

    private static func outwards(_ lower: Double, _ upper: Double) -> Interval {
        Interval(lower: lower.nextDown, upper: upper.nextUp)
    }

    static func + (left: Interval, right: Interval) -> Interval {
        outwards(left.lower + right.lower, left.upper + right.upper)
    }

    static func - (left: Interval, right: Interval) -> Interval {
        outwards(left.lower - right.upper, left.upper - right.lower)
    }

    static prefix func - (value: Interval) -> Interval { Interval(lower: -value.upper, upper: -value.lower) }

    static func * (left: Interval, right: Interval) -> Interval {
        guard left.isBounded, right.isBounded else {
            let isZero = { (value: Interval) in value.lower == 0 && value.upper == 0 }
            return isZero(left) || isZero(right) ? Interval(0) : everything
        }
        let (a, b) = (left.lower * right.lower, left.lower * right.upper)
        let (c, d) = (left.upper * right.lower, left.upper * right.upper)
        return outwards(min(min(a, b), min(c, d)), max(max(a, b), max(c, d)))
    }

    static func / (left: Interval, right: Interval) -> Interval {
        guard right.isBounded, !right.contains(0) else { return everything }
        return left * outwards(1 / right.upper, 1 / right.lower)
    }

    // MARK: Elementary functions

    /// The ends of a function's range moved outwards by four units and cut to the range that it can have.
    private static func widened(
        _ lower: Double, _ upper: Double, within range: ClosedRange<Double> = -.infinity ... .infinity
    ) -> Interval {
        let below = (lower - 4 * lower.ulp).nextDown
        let above = (upper + 4 * upper.ulp).nextUp
        return Interval(lower: max(range.lowerBound, below), upper: min(range.upperBound, above))
    }

    var squareRoot: Interval {
        guard lower >= 0 else { return .everything }
        return Interval(lower: max(0, lower.squareRoot().nextDown), upper: upper.squareRoot().nextUp)
    }

    var exponential: Interval { .widened(exp(lower), exp(upper), within: 0 ... .infinity) }

    var logarithm: Interval { lower > 0 ? .widened(log(lower), log(upper)) : .everything }

    var arcTangent: Interval { .widened(atan(lower), atan(upper)) }

    var hyperbolicTangent: Interval { .widened(tanh(lower), tanh(upper), within: -1...1) }

    var sine: Interval { wave(sin, crest: 0.25, trough: 0.75) }

    var cosine: Interval { wave(cos, crest: 0, trough: 0.5) }

    /// - Parameters: the places of the maximum and the minimum, as shares of a period.
    private func wave(_ function: (Double) -> Double, crest: Double, trough: Double) -> Interval {
        // Far away, the place in the period is not known well enough.
        guard magnitude < 1e6, upper - lower < 6 else { return Interval(lower: -1, upper: 1) }
        func reaches(_ share: Double) -> Bool {
            // With a slack that covers the error of the divisions by far.
            let from = lower / (2 * .pi) - share - 1e-9
            let to = upper / (2 * .pi) - share + 1e-9
            return from.rounded(.up) <= to.rounded(.down)
        }
        let ends = (function(lower), function(upper))
        let range = Interval.widened(min(ends.0, ends.1), max(ends.0, ends.1), within: -1...1)
        return Interval(
            lower: reaches(trough) ? -1 : range.lower, upper: reaches(crest) ? 1 : range.upper)
    }

    var tangent: Interval {
        guard magnitude < 1e6, upper - lower < 3 else { return .everything }
        let from = lower / .pi - 0.5 - 1e-9
        let to = upper / .pi - 0.5 + 1e-9
        if from.rounded(.up) <= to.rounded(.down) { return .everything }
        return .widened(tan(lower), tan(upper))
    }

    var absolute: Interval {
        lower >= 0
            ? self : upper <= 0 ? -self : Interval(lower: 0, upper: max(-lower, upper))
    }

    /// A whole power, at least 0.
    func power(_ exponent: Int) -> Interval {
        if exponent == 0 { return Interval(1) }
        if exponent == 1 { return self }
        guard isBounded else { return .everything }
        if exponent % 2 == 0 {
            let reach = absolute
            return .widened(
                pow(reach.lower, Double(exponent)), pow(reach.upper, Double(exponent)),
                within: 0 ... .infinity)
        }
        return .widened(pow(lower, Double(exponent)), pow(upper, Double(exponent)))
    }
}
