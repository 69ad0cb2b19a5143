/// What a count of the pieces of a network on R^n is to find, and what it may use.
public struct SpaceCountingOptions: Sendable {
    /// `maximumCells` bounds the activation cells.
    public var limits: CountingLimits
    /// The most regions in the answer; `nil` for no list.
    public var listLimit: Int?
    /// How many regions to leave out before the first listed one.
    public var listStart: Int
    /// The definition whose pieces the listed regions are numbered by.
    public var listedDefinition: PieceDefinition
    /// The counts that are wanted. More of them may be in the answer where they cost nothing.
    public var definitions: Set<PieceDefinition>
    /// The most threads that work at the same time, at least 1. The answer does not depend on it.
    public var threads: Int

    public init(
        limits: CountingLimits = CountingLimits(), listLimit: Int? = nil, listStart: Int = 0,
        listedDefinition: PieceDefinition = .paper,
        definitions: Set<PieceDefinition> = Set(PieceDefinition.allCases), threads: Int = 2
    ) {
        self.limits = limits
        self.listLimit = listLimit
        self.listStart = listStart
        self.listedDefinition = listedDefinition
        self.definitions = definitions
        self.threads = threads
    }
}

/// How far a running count has come.
public struct SpaceCountingProgress: Sendable, Hashable {
    /// Full-dimensional activation cells found so far.
    public let activationCells: Int

    public init(activationCells: Int) {
        self.activationCells = activationCells
    }
}
