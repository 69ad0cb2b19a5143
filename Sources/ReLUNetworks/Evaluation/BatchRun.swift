internal import CEvaluationKernels
internal import Synchronization
internal import Threads

/// One call of the evaluator on many rows: shares of rows are handed out in order to the threads.
///
/// Overflow is excluded by a bound on the inputs. Where the bound fails, the rows concerned are evaluated one by
/// one with a check after every value, which costs more but is rare.
final class BatchRun: Sendable {
    let evaluator: BatchEvaluator
    let buffers: BatchBuffers
    let rows: Int
    let rowsPerTile: Int
    /// Tiles that pass a layer together, so that its weights are read less often.
    let tilesPerBlock: Int
    let gradients: GradientPlan?
    private let rowsPerShare: Int
    private let threads: Int
    private let cancelled: @Sendable () -> Bool
    private let nextShare = Atomic<Int>(0)
    private let firstOverflow = Atomic<Int>(.max)
    private let isCancelled = Atomic<Bool>(false)

    /// Operations after which the cancellation is polled: some 10 ms on the slowest core.
    static let operationsPerPoll = 1e7

    init(
        _ evaluator: BatchEvaluator, _ buffers: BatchBuffers, rows: Int, threads: Int,
        cancelled: @escaping @Sendable () -> Bool
    ) {
        self.evaluator = evaluator
        self.buffers = buffers
        self.rows = rows
        self.cancelled = cancelled
        gradients =
            buffers.gradients == nil
            ? nil : GradientPlan(evaluator.network, kernels: evaluator.packed.kernels)
        let takesPatterns = buffers.activations != nil || gradients != nil
        rowsPerTile = evaluator.packed.kernels.tile_rows
        let bytesPerTile = 8 * rowsPerTile * max(evaluator.width, evaluator.inputs)
        let weightBytes = 8 * evaluator.network.parameters
        // Small networks stay in the first-level cache with one tile. Larger ones are read from the second level
        // or from memory for every block, so a block then fills half of the second level.
        tilesPerBlock =
            takesPatterns || weightBytes < 1 << 16 ? 1 : max(1, min(16, (1 << 19) / max(1, bytesPerTile)))
        let operationsPerRow =
            evaluator.operationsPerRow + (gradients == nil ? 0 : evaluator.gradientOperationsPerRow)
        let rowsPerBlock = rowsPerTile * tilesPerBlock
        let blocks = max(1, min(1e6, (Self.operationsPerPoll / operationsPerRow / Double(rowsPerBlock))))
        rowsPerShare = rowsPerBlock * Int(blocks)
        self.threads = max(1, min(threads, (rows - 1) / rowsPerShare + 1))
    }

    func run() throws(EvaluationError) {
        if threads == 1 {
            work()
        } else {
            runOnThreads(threads) { _ in self.work() }
        }
        if isCancelled.load(ordering: .relaxed) { throw .cancelled }
        let row = firstOverflow.load(ordering: .relaxed)
        if row < rows { throw .overflow(row: row) }
    }

    /// Takes shares until none is left. Shares are handed out in order, so when a thread stops at an overflow all
    /// shares before it are taken, and the least overflow of all threads is the first of the batch.
    private func work() {
        var workspace: TileWorkspace?
        while true {
            let share = nextShare.wrappingAdd(1, ordering: .relaxed).oldValue
            let (start, overflow) = share.multipliedReportingOverflow(by: rowsPerShare)
            if overflow || start >= rows || start > firstOverflow.load(ordering: .relaxed) { return }
            if poll() { return }
            let space = workspace ?? TileWorkspace(self)
            workspace = space
            let end = rows - start <= rowsPerShare ? rows : start + rowsPerShare
            if let row = space.evaluate(start..<end) { firstOverflow.min(row, ordering: .relaxed) }
        }
    }

    /// Whether to stop.
    func poll() -> Bool {
        if isCancelled.load(ordering: .relaxed) { return true }
        guard cancelled() else { return false }
        isCancelled.store(true, ordering: .relaxed)
        return true
    }
}
