public import ExactArithmetic

/// Why a function of one variable cannot be built. Indices count from 0 in the posted order.
public enum PiecewiseLinearFault: Error, Equatable, Sendable {
    /// A table needs at least one point.
    case noPoints
    /// As many values as abscissae are needed.
    case mismatchedCoordinates(x: Int, y: Int)
    /// `x[index]` is not greater than `x[index - 1]`.
    case notIncreasing(index: Int)
    /// `SideRule.extend` continues the first and last segment, so it needs two points.
    case extendNeedsTwoPoints
    /// A sum, maximum or minimum of no functions.
    case noFunctions
    /// A sum needs one coefficient a function.
    case mismatchedCoefficients(functions: Int, coefficients: Int)
    /// The result would have more breakpoints than the stated limit.
    case tooManyBreakpoints(limit: Int)
    case cancelled
}

/// How a table of points continues left of its first and right of its last point.
public enum SideRule: Sendable, Hashable {
    /// With these slopes.
    case slopes(left: Rational, right: Rational)
    /// With the first and the last value: slopes 0.
    case constant
    /// With the slopes of the first and the last segment.
    case extend
}

/// What bounds an operation on functions.
public struct PiecewiseLinearLimits: Sendable {
    /// The most breakpoints that a result may have.
    public var maximumBreakpoints: Int
    /// Polled every few thousand steps; the operation throws `cancelled` once it answers true.
    public var isCancelled: @Sendable () -> Bool

    public init(
        maximumBreakpoints: Int = 4_000_000, isCancelled: @escaping @Sendable () -> Bool = { false }
    ) {
        self.maximumBreakpoints = maximumBreakpoints
        self.isCancelled = isCancelled
    }

    /// - Throws: `tooManyBreakpoints`; and `cancelled` where `count` is a multiple of 1024 and the work is.
    func check(_ count: Int) throws(PiecewiseLinearFault) {
        if count > maximumBreakpoints { throw .tooManyBreakpoints(limit: maximumBreakpoints) }
        if count & 1023 == 0, isCancelled() { throw .cancelled }
    }

    /// - Throws: `cancelled` where `step` is a multiple of 1024 and the work is.
    func poll(_ step: Int) throws(PiecewiseLinearFault) {
        if step & 1023 == 0, isCancelled() { throw .cancelled }
    }
}
