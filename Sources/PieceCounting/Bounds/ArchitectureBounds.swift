/// Bounds on the number of pieces of networks with n inputs and hidden layers of given widths.
public enum ArchitectureBounds {
    /// Upper bounds on the number of activation cells, hence on the pieces under every definition.
    public static func upperBounds(inputs: Int, hiddenWidths: [Int]) throws(BoundFault) -> [NamedBound] { [] }

    /// Lower bounds on the largest number of pieces: what some network of the architecture has.
    public static func lowerBounds(inputs: Int, hiddenWidths: [Int]) throws(BoundFault) -> [NamedBound] { [] }
}

/// Why a bound has no value.
public enum BoundFault: Error, Sendable, Equatable {
    /// A number that must be at least 1 is not.
    case notPositive(BoundArgument)
    /// Computing it would take more than the stated work or digits.
    case tooLarge(BoundArgument)
}

/// The argument that a `BoundFault` is about.
public enum BoundArgument: Sendable, Equatable {
    case inputs
    case hiddenWidth(index: Int)
    case hiddenLayers(index: Int)
    case pieces
    case size
}
