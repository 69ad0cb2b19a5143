public import ReLUNetworks

/// How the optimum is found and proved.
public enum TrainingMethod: Sendable, Hashable {
    /// Branch and bound over the cells of the data's hyperplane arrangement.
    case branchAndBound
    /// One convex program for each distinct tuple of dichotomies and signs (Theorem 4.1 of Arora et al., ICLR 2018).
    case enumeration
}

public struct TrainingOptions: Sendable {
    public var method: TrainingMethod
    /// The search ends when (upper − lower) ≤ `relativeGap`·upper.
    public var relativeGap: Double
    /// The search also ends when upper − lower ≤ `absoluteGapFraction` · loss of the zero predictor, so that
    /// optima of 0 end too.
    public var absoluteGapFraction: Double
    /// Wall-clock seconds; `nil` is no limit.
    public var timeLimit: Double?
    public var threads: Int
    public var seed: UInt64
    /// Bytes for open nodes and cones; past it the search goes depth-first, and ends with the gap that is proved when
    /// even that does not fit.
    public var memoryLimit: Int
    public var wantCertificate: Bool
    /// Enumeration refuses more convex programs than this.
    public var programLimit: Int

    public init(
        method: TrainingMethod = .branchAndBound, relativeGap: Double = 1e-6,
        absoluteGapFraction: Double = 1e-9, timeLimit: Double? = nil, threads: Int = 1, seed: UInt64 = 1,
        memoryLimit: Int = 1 << 30, wantCertificate: Bool = false, programLimit: Int = 2_000_000
    ) {
        self.method = method
        self.relativeGap = relativeGap
        self.absoluteGapFraction = absoluteGapFraction
        self.timeLimit = timeLimit
        self.threads = threads
        self.seed = seed
        self.memoryLimit = memoryLimit
        self.wantCertificate = wantCertificate
        self.programLimit = programLimit
    }
}

/// Where a search stands. Losses are weighted means.
public struct TrainingProgress: Sendable {
    public let lowerBound: Double
    public let upperBound: Double
    /// (upper − lower) / upper; 0 when both are 0.
    public let relativeGap: Double
    public let nodesExplored: Int
    public let openNodes: Int
    public let elapsedSeconds: Double

    /// The same search seen with another unit of the loss.
    func scaled(by unit: Double) -> TrainingProgress {
        TrainingProgress(
            lowerBound: lowerBound * unit, upperBound: upperBound * unit, relativeGap: relativeGap,
            nodesExplored: nodesExplored, openNodes: openNodes, elapsedSeconds: elapsedSeconds)
    }
}

public struct TrainingResult: Sendable {
    /// One hidden layer of `hiddenUnits` nodes, outer weights ±1; the linear part of an affine output term takes two
    /// nodes more.
    public let network: Network<Double>
    /// The weighted mean loss of `network`, rounded up from its exact value (for the logistic loss, from an
    /// enclosure).
    public let loss: Double
    /// No network of this shape has a smaller weighted mean loss: a bound in real arithmetic.
    public let lowerBound: Double
    public let relativeGap: Double
    /// Whether the gap asked for is proved.
    public let optimal: Bool
    public let method: TrainingMethod
    public let nodesExplored: Int
    public let elapsedSeconds: Double
    /// `nil` unless asked for and the search ended by itself.
    public let certificate: TrainingCertificate?
}

/// Finds a globally optimal one-hidden-layer ReLU network and proves it, up to the gap asked for.
///
/// - Parameters:
///   - progress: called about every 50 ms, from one of the search's threads at a time.
///   - cancelled: polled at least every 50 ms from every thread; once it answers `true` the search ends within 100 ms
///     with the best network and the gap proved so far.
/// - Throws: `TrainingFault` for options out of range, and for an enumeration that cannot finish.
/// - Complexity: exponential in `hiddenUnits` and `columns` at worst; O(points still undecided) a node.
public func train(
    _ problem: TrainingProblem, options: TrainingOptions = TrainingOptions(),
    progress: @escaping @Sendable (TrainingProgress) -> Void = { _ in },
    cancelled: @escaping @Sendable () -> Bool = { false }
) throws(TrainingFault) -> TrainingResult {
    guard options.relativeGap >= 0, options.relativeGap < 1 else { throw .option(name: "relativeGap") }
    guard options.absoluteGapFraction >= 0 else { throw .option(name: "absoluteGapFraction") }
    guard options.threads >= 1, options.threads <= 1024 else { throw .option(name: "threads") }
    guard options.memoryLimit >= 1 << 20 else { throw .option(name: "memoryLimit") }
    if let limit = options.timeLimit, !(limit >= 0) { throw .option(name: "timeLimit") }
    switch options.method {
    case .branchAndBound:
        return BranchAndBound(problem: problem, options: options, progress: progress, cancelled: cancelled)
            .run()
    case .enumeration:
        return try Enumeration(problem: problem, options: options, progress: progress, cancelled: cancelled)
            .run()
    }
}
