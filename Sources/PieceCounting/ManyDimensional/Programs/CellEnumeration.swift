internal import ExactArithmetic
internal import Synchronization
internal import Threads

/// All cells of a network, found on several threads: one search splits off what lies beyond its first cuts, and the
/// threads take these parts one by one. The cells' order is that of one search alone.
struct CellEnumeration {
    let network: ProgramNetwork
    let limits: CountingLimits
    let threads: Int
    let keepsCells: Bool

    /// Cuts before a part is split off: up to 256 parts.
    private static let splittingDepth = 8
    /// Fewer parts than this are searched by one thread.
    private static let leastParts = 16

    /// - Throws: `limitReached`, `cancelled`.
    func run(
        isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void
    ) throws(PieceCountingFault) -> (cells: FoundCells, figures: SearchFigures) {
        let workers = max(1, min(threads, 64))
        let searchBytes = CellSearch.bytes(network) * Double(workers)
        guard searchBytes <= Double(limits.maximumBytes) else {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: [:])
        }
        let patternWords = max(1, (network.size + 63) / 64)
        // Rows: about as many bound a cell as there are cuts on the way.
        let cellBytes =
            keepsCells ? 8 * (patternWords + network.dimension + 2) + 4 * min(network.size, 32) : 0
        let control = EnumerationControl(
            limits: limits, fixedBytes: Int(searchBytes), cellBytes: cellBytes, isCancelled: isCancelled,
            progress: progress)
        let empty = FoundCells(words: patternWords, dimension: network.dimension)
        let search = CellSearch(network)
        var trunk = empty
        let counter = control.counter()
        try search.run(
            CellSearch.wholeDomain(network),
            CellSearch.Purpose(
                keepsCells: keepsCells, splitsAfter: workers > 1 ? Self.splittingDepth : nil),
            into: &trunk, counter)
        try counter.report(trunk.count)
        if trunk.tasks.isEmpty { return (trunk, search.figures) }

        let tasks = trunk.tasks.map(\.task)
        let purpose = CellSearch.Purpose(keepsCells: keepsCells, splitsAfter: nil)
        let results = Mutex([FoundCells](repeating: empty, count: tasks.count))
        let figures = Mutex(search.figures)
        let fault = Mutex<PieceCountingFault?>(nil)
        let next = Atomic(0)
        let used = tasks.count < Self.leastParts ? 1 : workers
        let network = network
        runOnThreads(used) { _ in
            let search = CellSearch(network)
            do throws(PieceCountingFault) {
                while true {
                    let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
                    guard index < tasks.count else { break }
                    var found = empty
                    let counter = control.counter()
                    try search.run(tasks[index], purpose, into: &found, counter)
                    try counter.report(found.count)
                    let result = found
                    results.withLock { $0[index] = result }
                }
            } catch {
                control.stop()
                fault.withLock { $0 = $0 ?? error }
            }
            let own = search.figures
            figures.withLock { $0 += own }
        }
        if let fault = fault.withLock({ $0 }) { throw fault }
        let parts = results.withLock { $0 }
        var all = empty
        var place = 0
        for (split, part) in zip(trunk.tasks, parts) {
            all.append(trunk, place..<split.before)
            place = split.before
            all.append(part, 0..<part.count)
        }
        all.append(trunk, place..<trunk.count)
        return (all, figures.withLock { $0 })
    }
}

/// What the threads share: the number of cells, the limits, and whether to stop.
final class EnumerationControl: Sendable {
    private let limits: CountingLimits
    private let fixedBytes: Int
    private let cellBytes: Int
    fileprivate let isCancelled: @Sendable () -> Bool
    private let progress: @Sendable (SpaceCountingProgress) -> Void
    fileprivate let cells = Atomic(0)
    fileprivate let isStopped = Atomic(false)

    init(
        limits: CountingLimits, fixedBytes: Int, cellBytes: Int, isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void
    ) {
        self.limits = limits
        self.fixedBytes = fixedBytes
        self.cellBytes = cellBytes
        self.isCancelled = isCancelled
        self.progress = progress
    }

    func stop() { isStopped.store(true, ordering: .relaxed) }

    /// Counts the cells of one part of the search.
    final class PartCounter {
        private let control: EnumerationControl
        private var reported = 0
        private var calls = 0

        fileprivate init(_ control: EnumerationControl) { self.control = control }

        /// To be called now and then with the part's number of cells so far.
        func admit(_ count: Int) throws(PieceCountingFault) {
            calls += 1
            if calls & 255 == 0 || count - reported >= 64 { try report(count) }
        }

        /// Whether someone asked the search to stop.
        var isStopped: Bool { control.isStopped.load(ordering: .relaxed) || control.isCancelled() }

        var cancelled: PieceCountingFault {
            .cancelled(reached: [.activation: BigInteger(control.cells.load(ordering: .relaxed))])
        }

        func report(_ count: Int) throws(PieceCountingFault) {
            let total = control.cells.wrappingAdd(count - reported, ordering: .relaxed).newValue
            reported = count
            try control.check(total)
        }
    }

    func counter() -> PartCounter { PartCounter(self) }

    fileprivate func check(_ total: Int) throws(PieceCountingFault) {
        let reached: [PieceDefinition: BigInteger] = [.activation: BigInteger(total)]
        if isStopped.load(ordering: .relaxed) || isCancelled() { throw .cancelled(reached: reached) }
        if total > limits.maximumCells {
            throw .limitReached(.cells, limit: limits.maximumCells, reached: reached)
        }
        if total > (limits.maximumBytes - fixedBytes) / max(1, cellBytes), cellBytes > 0 {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: reached)
        }
        progress(SpaceCountingProgress(activationCells: total))
    }
}
