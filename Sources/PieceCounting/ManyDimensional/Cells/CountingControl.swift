internal import ExactArithmetic
internal import Synchronization

/// What the threads of a count share: limits, cancellation, progress, and why they stopped.
final class CountingControl: Sendable {
    private let limits: CountingLimits
    private let bytesPerCell: Int
    private let isCancelled: @Sendable () -> Bool
    private let progress: @Sendable (SpaceCountingProgress) -> Void
    private let cells = Atomic<Int>(0)
    private let isOver = Atomic<Bool>(false)
    private let fault = Mutex<PieceCountingFault?>(nil)

    init(
        limits: CountingLimits, bytesPerCell: Int, isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void
    ) {
        self.limits = limits
        self.bytesPerCell = bytesPerCell
        self.isCancelled = isCancelled
        self.progress = progress
    }

    /// Takes note of newly found cells; `true` where the work is to end.
    func poll(newCells: Int) -> Bool {
        if newCells > 0 {
            let count = cells.add(newCells, ordering: .relaxed).newValue
            let (bytes, overflow) = count.multipliedReportingOverflow(by: bytesPerCell)
            let reached: [PieceDefinition: BigInteger] = [.activation: BigInteger(count)]
            if count > limits.maximumCells {
                stop(.limitReached(.cells, limit: limits.maximumCells, reached: reached))
            } else if overflow || bytes > limits.maximumBytes {
                stop(.limitReached(.bytes, limit: limits.maximumBytes, reached: reached))
            } else if count / Self.reportInterval != (count - newCells) / Self.reportInterval {
                progress(SpaceCountingProgress(activationCells: count))
            }
        }
        if isOver.load(ordering: .relaxed) { return true }
        if isCancelled() { stop(.cancelled(reached: reached)) }
        return isOver.load(ordering: .relaxed)
    }

    /// Ends the work of all threads; the first reason counts.
    func stop(_ reason: PieceCountingFault?) {
        fault.withLock { $0 = $0 ?? reason }
        isOver.store(true, ordering: .relaxed)
    }

    func checkBytes(_ bytes: Int) {
        if bytes > limits.maximumBytes {
            stop(.limitReached(.bytes, limit: limits.maximumBytes, reached: reached))
        }
    }

    func throwFault() throws(PieceCountingFault) {
        if let fault = fault.withLock({ $0 }) { throw fault }
    }

    private var reached: [PieceDefinition: BigInteger] {
        [.activation: BigInteger(cells.load(ordering: .relaxed))]
    }

    private static let reportInterval = 1 << 16
}
