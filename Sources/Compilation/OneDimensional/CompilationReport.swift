public import ExactArithmetic

/// What is known of a compiled network; the members are those of the service's answer.
public struct CompilationReport: Sendable, Hashable {
    /// Whether a smaller network of the same depth is excluded.
    public enum Minimality: String, Sendable {
        /// No network with one hidden layer and fewer nodes computes the function.
        case proved
        /// The search for a smaller one was not finished within its budget.
        case unknown
    }

    public var inputDimension: Int
    /// p, in the paper's sense: maximal intervals on which the function is affine.
    public var pieces: Int
    public var hiddenLayers: Int
    /// `hiddenLayers` + 1.
    public var depth: Int
    public var width: Int
    /// The number of hidden nodes.
    public var size: Int
    /// No network with one hidden layer that computes the function has fewer nodes. At least p − 1.
    public var sizeLowerBound: Int
    public var minimal: Minimality
    /// ⌈log2(n + 1)⌉ + 1 of Theorem 2.1: the depth that is always enough.
    public var depthBound: Int
    /// The statement that the size rests on, with its case.
    public var theorem: String
    /// Where the network equals the function.
    public var domain: String
    /// Whether the network, before rounding, equals the function on `domain`.
    public var exact: Bool
    /// How far the network before rounding is from the function at most.
    public var maximumDeviation: Double
    /// An upper bound of |network evaluated in binary64 − function| over the binary64 inputs of
    /// `roundingErrorDomain`: rounding of the weights included, sums in any order, with or without fused
    /// multiply-add. Infinite where a sum could pass the range of binary64. 0 in exact arithmetic.
    public var maximumRoundingError: Double
    /// The closed interval on which `maximumRoundingError` holds; `nil` is all of R. Over all of R there is no
    /// such bound, because a rounded slope's error grows with |x|.
    public var roundingErrorDomain: RoundingErrorDomain?
    /// Whether some weight or bias of the ideal network is not exactly a binary64.
    public var rounded: Bool
}

/// A closed interval with rational ends.
public struct RoundingErrorDomain: Sendable, Hashable {
    public let lower: Rational
    public let upper: Rational

    public init(lower: Rational, upper: Rational) {
        self.lower = lower
        self.upper = upper
    }
}
