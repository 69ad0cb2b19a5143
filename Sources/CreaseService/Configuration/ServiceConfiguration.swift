/// What an operator can set. Every limit here is named in the problem that a request beyond it gets.
public struct ServiceConfiguration: Sendable {
    // The mathematics' limits.

    /// Breakpoints of a function of one variable, posted or computed.
    public var maximumBreakpoints = 20_000_000
    /// Weights and biases of one network.
    public var maximumParameters = 50_000_000
    /// Layers of one network.
    public var maximumLayers = 10_000
    /// Cells that a count of pieces may hold in memory at once.
    public var maximumCells = 50_000_000
    /// Bytes that one computation may allocate beyond its input.
    public var maximumWorkBytes = 4 << 30
    /// Bytes of one answer.
    public var maximumAnswerBytes = 2 << 30
    /// Operations spent on deciding a subset-sum question (the minimality of a one-hidden-layer network).
    public var subsetSumBudget = 200_000_000
    /// Rows of the data of one training.
    public var maximumTrainingRows = 1_000_000
    /// Rows × columns × hidden units of one training.
    public var maximumTrainingSize = 100_000_000
    /// Bytes that one search holds in open nodes and cones; past it the search goes depth-first.
    public var maximumTrainingBytes = 1 << 30
    /// Bytes of one certificate; a larger one is not kept.
    public var maximumCertificateBytes = 128 << 20
    /// Functions inside functions.
    public var maximumNesting = 32

    // Functions on R^n.

    /// Variables of a function.
    public var maximumVariables = 256
    /// Variables of a function on simplices, a grid or regions.
    public var maximumMeshVariables = 6
    /// Affine functions of a maximum, of a sum of maxima, or of a lattice form.
    public var maximumAffineFunctions = 100_000
    /// Indices in the selections of a lattice form.
    public var maximumSelectionIndices = 1_000_000
    /// Points of a function on simplices or a grid.
    public var maximumVertices = 200_000
    /// Simplices; a cell of a grid on R^n is n! of them.
    public var maximumSimplices = 200_000
    public var maximumRegions = 2000
    /// Inequalities of all regions of a function.
    public var maximumRegionInequalities = 50_000
    /// Hidden units on the way to a network.
    public var maximumCompilationUnits = 200_000
    /// Cells that a function is cut into on the way to a network.
    public var maximumCompilationCells = 20_000

    // Time.

    /// Seconds that a request may compute before it is answered with 503, or 202 where it can become a job.
    public var synchronousSeconds = 30.0

    // Stored networks.

    public var maximumNetworks = 1000
    public var maximumNetworkBytes = 256 << 20

    // Threads.

    /// Threads that compute for requests.
    public var workers: Int
    /// Requests that may wait for such a thread.
    public var queueCapacity = 256
    /// Jobs that run at once.
    public var jobThreads: Int
    /// Threads that one job uses.
    public var threadsPerJob: Int

    // Jobs.

    public var maximumQueuedJobs = 64
    public var maximumJobs = 1000
    public var maximumJobBytes = 512 << 20
    public var jobTimeToLive = 3600.0
    public var maximumJobSeconds = 3600.0

    /// - Parameter cores: the processors of this machine.
    public init(cores: Int) {
        workers = max(2, cores)
        jobThreads = 2
        threadsPerJob = max(1, cores)
    }
}
