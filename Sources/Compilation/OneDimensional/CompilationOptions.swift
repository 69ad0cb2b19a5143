/// What the caller asks of a compilation.
public struct CompilationOptions: Sendable {
    /// Whether weights are rounded to binary64 or kept as exact rationals.
    public enum Arithmetic: Sendable {
        /// Every weight and bias correctly rounded once; the report bounds the effect.
        case double
        /// The exact network counts; the report speaks of it and nothing is rounded.
        case exact
    }

    /// Whether the last layer may have a bias. Without one some functions need a node more.
    public var outputBias: Bool
    /// What may be spent on deciding whether fewer nodes suffice.
    public var subsetSumBudget: SubsetSumBudget
    public var arithmetic: Arithmetic
    /// The most points that a table, or breakpoints that a function, may have.
    public var maximumBreakpoints: Int

    public init(
        outputBias: Bool = true, subsetSumBudget: SubsetSumBudget = .init(),
        arithmetic: Arithmetic = .double, maximumBreakpoints: Int = 16_000_000
    ) {
        self.outputBias = outputBias
        self.subsetSumBudget = subsetSumBudget
        self.arithmetic = arithmetic
        self.maximumBreakpoints = maximumBreakpoints
    }
}

/// What the search for a subset of given sum may spend, in all its methods together.
public struct SubsetSumBudget: Sendable {
    /// Elementary steps: a machine word combined, a partial sum formed or compared. About 1–5 ns each.
    public var operations: Int
    /// The most memory held at once.
    public var bytes: Int

    public init(operations: Int = 20_000_000, bytes: Int = 64 << 20) {
        self.operations = max(0, operations)
        self.bytes = max(0, bytes)
    }
}

/// Why a function or a table cannot be compiled. Indices count points from 0 in the posted order.
public enum CompilationFault: Error, Equatable, Sendable {
    case noPoints
    case mismatchedCoordinates(x: Int, y: Int)
    /// `x[index]` is not greater than `x[index - 1]`.
    case notIncreasing(index: Int)
    /// A NaN or an infinity among the coordinates of this point.
    case notFinite(index: Int)
    /// Continuing the first and last segment needs two points.
    case extendNeedsTwoPoints
    /// The tables' powers of ten lie between −`limit` and `limit`.
    case exponentOutOfRange(limit: Int)
    case tooManyBreakpoints(limit: Int)
    /// A weight at this breakpoint (counted after merging) lies beyond the range of binary64. `nil`: the output
    /// bias, or a function without breakpoints. Exact arithmetic has no such limit.
    case weightOverflow(breakpoint: Int?)
    case cancelled
}
