internal import Synchronization
internal import Threads

/// The loop over all programs, on several threads with one shared best network.
final class EnumerationSearch: Sendable {
    struct Outcome {
        var parameters: FittedParameters
        var lowerBound: Double
        var programs: Int
    }

    private struct State {
        var parameters: FittedParameters
        /// The loss of `parameters`, rounded up.
        var upperBound: Double
        /// The least bound among the programs decided.
        var lowerBound = Double.infinity
        var programs = 0
        var isComplete = false
        var lastReport: ContinuousClock.Instant
        var isReporting = false
    }

    private let problem: TrainingProblem
    private let options: TrainingOptions
    private let started: ContinuousClock.Instant
    private let progress: @Sendable (TrainingProgress) -> Void
    private let isOver: @Sendable () -> Bool
    private let state: Mutex<State>
    private let absoluteGap: Double

    init(
        _ problem: TrainingProblem, _ options: TrainingOptions, started: ContinuousClock.Instant,
        progress: @escaping @Sendable (TrainingProgress) -> Void, isOver: @escaping @Sendable () -> Bool
    ) {
        self.problem = problem
        self.options = options
        self.started = started
        self.progress = progress
        self.isOver = isOver
        let zero = FittedParameters.zero(problem)
        let loss = zero.lossUpperBound(problem)
        absoluteGap = options.absoluteGapFraction * loss
        state = Mutex(State(parameters: zero, upperBound: loss, lastReport: started))
    }

    var outcome: Outcome {
        state.withLock {
            Outcome(
                parameters: $0.parameters,
                lowerBound: $0.isComplete ? min($0.lowerBound, $0.upperBound) : 0,
                programs: $0.programs)
        }
    }

    func run(_ data: EnumerationData) {
        let order = MultisetOrder(
            kinds: data.dichotomies.cells.count, size: problem.hiddenUnits, seed: options.seed)
        let total = order.signedCount
        let threads = options.threads
        let finished = Mutex(0)
        runOnThreads(threads) { thread in
            let worker = EnumerationWorker(data)
            var index = thread
            while index < order.count {
                if self.isOver() { return }
                worker.decide(order[index], self)
                self.report(total)
                index += threads
            }
            finished.withLock { $0 += 1 }
        }
        if finished.withLock({ $0 }) == threads { state.withLock { $0.isComplete = true } }
    }

    /// The best loss known and the gap that a solved program may leave.
    var target: (upperBound: Double, tolerance: Double) {
        let upperBound = state.withLock { $0.upperBound }
        return (upperBound, 0.25 * max(options.relativeGap * upperBound, absoluteGap))
    }

    func record(bound: Double, programs: Int) {
        state.withLock {
            $0.lowerBound = min($0.lowerBound, bound)
            $0.programs += programs
        }
    }

    func offer(_ parameters: FittedParameters) {
        let loss = parameters.lossUpperBound(problem)
        state.withLock {
            if loss < $0.upperBound {
                $0.upperBound = loss
                $0.parameters = parameters
            }
        }
    }

    private func report(_ total: Int) {
        let now = ContinuousClock.now
        let snapshot: State? = state.withLock {
            guard !$0.isReporting, now - $0.lastReport >= .milliseconds(50) else { return nil }
            $0.isReporting = true
            $0.lastReport = now
            return $0
        }
        guard let snapshot else { return }
        progress(
            TrainingProgress(
                lowerBound: 0, upperBound: snapshot.upperBound,
                relativeGap: snapshot.upperBound > 0 ? 1 : 0,
                nodesExplored: snapshot.programs, openNodes: max(0, total - snapshot.programs),
                elapsedSeconds: seconds(now - started)))
        state.withLock { $0.isReporting = false }
    }
}

/// The multisets of `size` out of `kinds` cells in a scattered order that depends on the seed.
struct MultisetOrder {
    let kinds: Int
    let size: Int
    let count: Int
    private let stride: Int
    private let start: Int

    /// - Precondition: there are fewer than 2^62 of them.
    init(kinds: Int, size: Int, seed: UInt64) {
        self.kinds = kinds
        self.size = size
        count = Self.count(kinds: kinds, size: size)
        var stride = max(1, Int(Double(count) * 0.6180339887498949))
        func divisor(_ a: Int, _ b: Int) -> Int { b == 0 ? a : divisor(b, a % b) }
        while divisor(stride, count) != 1 { stride += 1 }
        self.stride = stride
        start = Int(seed % UInt64(max(1, count)))
    }

    /// Multisets of signed cells.
    var signedCount: Int { Self.count(kinds: 2 * kinds, size: size) }

    private static func count(kinds: Int, size: Int) -> Int {
        var result = 1
        for index in 0..<size { result = result * (kinds + index) / (index + 1) }
        return result
    }

    /// Ascending.
    subscript(index: Int) -> [Int] {
        let (high, low) = index.multipliedFullWidth(by: stride)
        let product = count.dividingFullWidth((high, low)).remainder
        var rank = product >= count - start ? product - (count - start) : product + start
        // Combinations c_1 < c_2 < … of kinds + size − 1, by the combinatorial number system; c_j − j + 1 is ascending.
        var result: [Int] = []
        for remaining in (1...size).reversed() {
            // The largest c with C(c, remaining) ≤ rank; C(c, k) is the count of multisets of k out of c − k + 1 kinds.
            var (low, high) = (0, kinds - 1)
            while low < high {
                let middle = (low + high + 1) / 2
                if Self.count(kinds: middle, size: remaining) <= rank {
                    low = middle
                } else {
                    high = middle - 1
                }
            }
            rank -= Self.count(kinds: low, size: remaining)
            result.append(low)
        }
        return result.reversed()
    }
}
