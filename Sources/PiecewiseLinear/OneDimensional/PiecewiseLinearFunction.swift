public import ExactArithmetic

/// A continuous piecewise-linear function R → R with rational coefficients, in canonical form: the slopes on the
/// two sides of every breakpoint differ, so equal functions have equal representations, and the number of pieces
/// is the number of breakpoints plus one.
public struct PiecewiseLinearFunction: Sendable, Hashable {
    /// t_1 < … < t_{p−1}.
    public let breakpoints: [Rational]
    /// s_0 … s_{p−1}: `slopes[i]` holds left of `breakpoints[i]`, the last one right of all.
    public let slopes: [Rational]
    /// f(t_1), or f(0) for an affine function. With the breakpoints and slopes it fixes f.
    public let anchorValue: Rational

    /// Merges the breakpoints whose two slopes are equal. Complexity: O(p) rational operations.
    ///
    /// - Parameter anchorValue: the value at the first of the given breakpoints; at 0 when there are none.
    /// - Precondition: breakpoints strictly increasing; one slope more than breakpoints.
    public init(breakpoints: [Rational], slopes: [Rational], anchorValue: Rational) {
        precondition(slopes.count == breakpoints.count + 1, "one slope more than breakpoints")
        var keptBreakpoints: [Rational] = []
        var keptSlopes = [slopes[0]]
        keptBreakpoints.reserveCapacity(breakpoints.count)
        keptSlopes.reserveCapacity(slopes.count)
        for (index, breakpoint) in breakpoints.enumerated() where slopes[index] != slopes[index + 1] {
            keptBreakpoints.append(breakpoint)
            keptSlopes.append(slopes[index + 1])
        }
        var anchor = anchorValue
        if let given = breakpoints.first {
            // Up to the first kept breakpoint the function is the leftmost affine piece.
            let place = keptBreakpoints.first ?? .zero
            if place != given { anchor += slopes[0] * (place - given) }
        }
        self.breakpoints = keptBreakpoints
        self.slopes = keptSlopes
        self.anchorValue = anchor
    }

    /// x ↦ slope · x + intercept.
    public init(slope: Rational, intercept: Rational) {
        breakpoints = []
        slopes = [slope]
        anchorValue = intercept
    }

    /// p: the number of maximal intervals on which the function is affine.
    public var pieces: Int { slopes.count }
    /// s_0.
    public var leftSlope: Rational { slopes[0] }
    /// s_{p−1}.
    public var rightSlope: Rational { slopes[slopes.count - 1] }
    /// β_0: the leftmost piece is x ↦ s_0 x + β_0.
    public var leftIntercept: Rational {
        guard let first = breakpoints.first else { return anchorValue }
        return anchorValue - slopes[0] * first
    }
}
