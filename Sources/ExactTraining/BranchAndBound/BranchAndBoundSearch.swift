internal import Foundation
internal import HeapModule
internal import Threads
internal import Synchronization

/// The open nodes, the best network and the loop over them, on several threads.
final class BranchAndBoundSearch: Sendable {
    struct Outcome {
        var parameters: FittedParameters
        /// Of the weighted mean loss of the scaled problem.
        var lowerBound: Double
        var nodes: Int
        /// Nil where the search did not end by itself.
        var trees: [TrainingCertificate.Tree]?
    }

    private struct State {
        var heap = Heap<SearchNode>()
        /// Of each thread the bound of what it has, +∞ where it has nothing.
        var running: [Double]
        /// The least bound of the regions that are done with.
        var closed = Double.infinity
        var roots: RootTuples
        var areRootsLeft = true
        var order = 0
        var nodes = 0
        var parameters: FittedParameters
        /// The weighted sum of the losses of `parameters`, rounded up or nearly so.
        var upper: Double
        var records: [(cells: [Int], positiveUnits: Int, record: ProofRecord)] = []
        var lastReport: ContinuousClock.Instant
        var isReporting = false
        var isAbandoned = false
    }

    private let data: DataArrangement
    private let losses: RowLosses
    private let options: TrainingOptions
    private let scaled: ScaledProblem
    private let started: ContinuousClock.Instant
    private let progress: @Sendable (TrainingProgress) -> Void
    private let isOver: @Sendable () -> Bool
    private let state: Mutex<State>
    private let rootCones = Mutex<[Int: Cone]>([:])
    /// The bit pattern of the bound that closes a region.
    private let cutoffBits: Atomic<UInt64>
    /// The bit pattern of the least bound of all open regions at the last report.
    private let leastBoundBits = Atomic<UInt64>(0)
    /// Of weighted sums.
    private let absoluteGap: Double
    private let totalWeight: Double
    private let freeCount: Int

    /// So many roots are opened at once.
    private static let rootBatch = 1 << 18

    init(
        _ data: DataArrangement, _ options: TrainingOptions, scaled: ScaledProblem,
        started: ContinuousClock.Instant, progress: @escaping @Sendable (TrainingProgress) -> Void,
        isOver: @escaping @Sendable () -> Bool
    ) {
        self.data = data
        self.options = options
        self.scaled = scaled
        self.started = started
        self.progress = progress
        self.isOver = isOver
        losses = RowLosses(data)
        totalWeight = scaled.problem.weights.reduce(0, +)
        let zero = FittedParameters.zero(scaled.problem)
        let loss = zero.lossUpperBound(scaled.problem) * totalWeight
        absoluteGap = options.absoluteGapFraction * loss
        freeCount = data.freeCount
        state = Mutex(
            State(
                running: [Double](repeating: .infinity, count: options.threads),
                roots: RootTuples(
                    dimension: data.dimension, units: scaled.problem.hiddenUnits,
                    hasFlips: scaled.problem.outputTerm == .affine),
                parameters: zero, upper: loss, lastReport: started))
        cutoffBits = Atomic(0)
        cutoffBits.store(cutoff(loss).bitPattern, ordering: .relaxed)
    }

    private var cutoff: Double { Double(bitPattern: cutoffBits.load(ordering: .relaxed)) }

    /// A bound that leaves no more than the gap asked for below an upper bound.
    private func cutoff(_ upper: Double) -> Double {
        upper - 0.9 * max(options.relativeGap * upper, absoluteGap)
    }

    var outcome: Outcome {
        state.withLock { state in
            let isComplete = state.heap.isEmpty && !state.areRootsLeft && !state.isAbandoned
            var trees: [TrainingCertificate.Tree]?
            if options.wantCertificate, isComplete {
                trees = state.records.map {
                    TrainingCertificate.Tree(
                        positiveUnits: $0.positiveUnits, cells: $0.cells,
                        nodes: $0.record.nodes(rows: data.count, slopeScale: scaled.slopeScale))
                }
            }
            return Outcome(
                parameters: state.parameters, lowerBound: meanDown(lowerBound(state)), nodes: state.nodes,
                trees: trees)
        }
    }

    private func lowerBound(_ state: State) -> Double {
        var least = state.closed
        if state.areRootsLeft { least = min(least, losses.constant) }
        for node in state.heap.unordered { least = min(least, node.bound) }
        for bound in state.running { least = min(least, bound) }
        return min(least, state.upper)
    }

    private func meanDown(_ sum: Double) -> Double {
        let total = scaled.problem.weights.reduce(EnclosedNumber.zero) { $0 + EnclosedNumber($1) }.upperBound
        return max(0, DirectedRounding.quotientDown(sum, total))
    }

    // MARK: The loop

    func run() {
        let starts = LocalStarts(data, losses, freeCount: freeCount, seed: options.seed)
        runOnThreads(options.threads) { [self] thread in
            let local = LocalSearch(data, losses, freeCount: freeCount)
            for index in stride(from: thread, to: starts.count, by: options.threads) {
                if isOver() { return }
                let (parameters, positiveUnits) = starts[index]
                let (found, loss) = local.descend(
                    parameters, positiveUnits: positiveUnits, curvature: starts.curvature, steps: 20)
                offer(found, positiveUnits: positiveUnits, approximateLoss: loss + losses.constant)
            }
        }
        openRoots()
        let slopeScale = slopeScale()
        runOnThreads(options.threads) { [self] thread in
            work(thread, slopeScale: slopeScale)
        }
    }

    /// Σ |g| at the best network.
    private func slopeScale() -> Double {
        let parameters = state.withLock { $0.parameters }
        let problem = scaled.problem
        var sum = 0.0
        for (row, prediction) in parameters.predictions(problem).enumerated() {
            sum += problem.weights[row] * problem.loss.derivative(prediction, problem.targets[row]).magnitude
        }
        // A perfect fit still needs a margin.
        return max(sum, 1e-4 * totalWeight * (problem.loss.isClassification ? 1 : losses.reach))
    }

    private func work(_ thread: Int, slopeScale: Double) {
        let bounding = NodeBounding(
            data, losses, wantsLeaf: options.wantCertificate, isOver: isOver)
        bounding.slopeScale = slopeScale
        let local = LocalSearch(data, losses, freeCount: freeCount)
        // Nodes that there is no room for in the heap: depth first.
        var stack: [SearchNode] = []
        var patience = DescentPatience()
        var idle = 0
        while true {
            if isOver() {
                state.withLock {
                    $0.isAbandoned = true
                    for node in stack { $0.closed = min($0.closed, node.bound) }
                    $0.running[thread] = .infinity
                }
                return
            }
            guard let node = stack.popLast() ?? take(thread) else {
                if isDone() { return }
                idle += 1
                usleep(idle < 200 ? 20 : 500)
                continue
            }
            idle = 0
            expand(node, thread, bounding, local, &patience, &stack)
            report()
        }
    }

    private func isDone() -> Bool {
        state.withLock { state in
            state.heap.isEmpty && !state.areRootsLeft && state.running.allSatisfy { $0 == .infinity }
        }
    }

    private func take(_ thread: Int) -> SearchNode? {
        let needsRoots = state.withLock { $0.heap.isEmpty && $0.areRootsLeft }
        if needsRoots { openRoots() }
        return state.withLock { state in
            let cutoff = cutoff
            while let node = state.heap.popMin() {
                data.memory.add(-node.footprint)
                if node.bound >= cutoff {
                    state.closed = min(state.closed, node.bound)
                    continue
                }
                state.running[thread] = node.bound
                return node
            }
            state.running[thread] = .infinity
            return nil
        }
    }

    private func openRoots() {
        state.withLock { state in
            var count = 0
            while count < Self.rootBatch {
                guard let root = state.roots.next() else {
                    state.areRootsLeft = false
                    return
                }
                count += 1
                let record = options.wantCertificate ? ProofRecord(leaf: nil) : nil
                if let record { state.records.append((root.cells, root.positiveUnits, record)) }
                let node = SearchNode(
                    cones: [], cells: root.cells, positiveUnits: root.positiveUnits, bound: losses.constant,
                    estimate: losses.constant, parameters: [], record: record, order: state.order)
                state.order += 1
                data.memory.add(node.footprint)
                state.heap.insert(node)
            }
        }
    }

    private func root(_ cell: Int) -> Cone {
        if let known = rootCones.withLock({ $0[cell] }) { return known }
        let made = Cone.root(cell, data)
        return rootCones.withLock {
            if let known = $0[cell] { return known }
            $0[cell] = made
            return made
        }
    }

    private func expand(
        _ node: SearchNode, _ thread: Int, _ bounding: NodeBounding, _ local: LocalSearch,
        _ patience: inout DescentPatience, _ stack: inout [SearchNode]
    ) {
        let cones = node.cones.isEmpty ? node.cells.map { root($0) } : node.cones
        bounding.leastBound = Double(bitPattern: leastBoundBits.load(ordering: .relaxed))
        let outcome = bounding.bound(node, cones: cones, cutoff: cutoff)
        if let leaf = outcome.leaf { node.record?.leaf = leaf }
        let nodes = state.withLock { state in
            state.nodes += 1
            return state.nodes
        }
        if outcome.loss < state.withLock({ $0.upper }) {
            offer(outcome.parameters, positiveUnits: node.positiveUnits, approximateLoss: outcome.loss)
        }
        let isNear = outcome.loss < state.withLock({ $0.upper }) * 1.02 && patience.mayDescend()
        if isNear || nodes & 63 == 1, !outcome.parameters.isEmpty {
            let hasImproved = polish(
                outcome, node.positiveUnits, local, steps: outcome.loss < .infinity ? 10 : 0)
            if isNear { patience.note(hasImproved) }
        }
        guard let cut = outcome.cut, outcome.bound < cutoff else {
            close(outcome.bound, thread, isLast: stack.isEmpty)
            return
        }
        let children = parts(of: node, cones, cut, outcome)
        let isFull = data.memory.used > options.memoryLimit
        if isFull { forgetCones() }
        state.withLock { state in
            for var child in children {
                child.order = state.order
                state.order += 1
                if isFull {
                    stack.append(child)
                } else {
                    data.memory.add(child.footprint)
                    state.heap.insert(child)
                }
            }
            state.running[thread] = stack.reduce(.infinity) { min($0, $1.bound) }
        }
    }

    private func close(_ bound: Double, _ thread: Int, isLast: Bool) {
        state.withLock { state in
            state.closed = min(state.closed, bound)
            if isLast { state.running[thread] = .infinity }
        }
    }

    /// The parts of a node: three where two interchangeable units have the same cone.
    private func parts(
        of node: SearchNode, _ cones: [Cone], _ cut: (unit: Int, row: Int), _ outcome: NodeBounding.Outcome
    ) -> [SearchNode] {
        let (plus, minus) = cones[cut.unit].cut(cut.row)
        let isPositive = cut.unit < node.positiveUnits
        let twin = cones.indices.first {
            $0 != cut.unit && cones[$0] === cones[cut.unit] && ($0 < node.positiveUnits) == isPositive
        }
        var parts: [[(unit: Int, cone: Cone)]] = [[(cut.unit, plus)], [(cut.unit, minus)]]
        if let twin {
            let (a, b) = (min(cut.unit, twin), max(cut.unit, twin))
            parts = [[(a, plus), (b, plus)], [(a, plus), (b, minus)], [(a, minus), (b, minus)]]
        }
        var records: [ProofRecord?] = parts.map { _ in nil }
        if let record = node.record {
            let made = parts.map { _ in ProofRecord(leaf: record.leaf) }
            records = made
            if let twin {
                record.content = .cutPair(
                    units: [min(cut.unit, twin), max(cut.unit, twin)], row: cut.row, parts: made)
            } else {
                record.content = .cut(unit: cut.unit, row: cut.row, parts: made)
            }
        }
        return zip(parts, records).map { part, record in
            var child = node
            child.cones = cones
            for (unit, cone) in part { child.cones[unit] = cone }
            child.bound = outcome.bound
            child.estimate = max(outcome.estimate, outcome.bound)
            child.parameters = outcome.parameters
            child.record = record
            if outcome.estimate >= cutoff { child.failures += 1 }
            return child
        }
    }

    private func forgetCones() {
        rootCones.withLock { roots in
            for cone in roots.values { cone.forgetParts() }
        }
    }

    // MARK: Networks

    private func polish(
        _ outcome: NodeBounding.Outcome, _ positiveUnits: Int, _ local: LocalSearch, steps: Int
    ) -> Bool {
        let curvature = losses.isSmooth ? losses.trueCurvature : 1e7 / losses.reach
        let (found, loss) = local.descend(
            outcome.parameters, positiveUnits: positiveUnits, curvature: curvature, steps: steps)
        return offer(found, positiveUnits: positiveUnits, approximateLoss: loss + losses.constant)
    }

    /// - Returns: whether it is the best network now.
    @discardableResult
    private func offer(_ parameters: [Double], positiveUnits: Int, approximateLoss: Double) -> Bool {
        let slack = losses.isSmooth ? 0 : losses.smoothingError(1e7 / losses.reach)
        guard approximateLoss - slack < state.withLock({ $0.upper }) else { return false }
        let dimension = data.dimension
        let units = scaled.problem.hiddenUnits
        var hidden: [Double] = []
        for unit in 0..<units {
            hidden += data.original(Array(parameters[unit * dimension..<(unit + 1) * dimension]))
        }
        var free = [Double](repeating: 0, count: dimension)
        if freeCount == 1 { free[dimension - 1] = parameters[units * dimension] }
        if freeCount == dimension { free = Array(parameters[(units * dimension)...]) }
        let fitted = FittedParameters(
            signs: (0..<units).map { $0 < positiveUnits ? 1 : -1 }, hidden: hidden,
            outputTerm: data.original(free))
        guard (fitted.hidden + fitted.outputTerm).allSatisfy(\.isFinite) else { return false }
        let loss = fitted.lossUpperBound(scaled.problem) * totalWeight
        return state.withLock { state in
            guard loss < state.upper else { return false }
            state.upper = loss
            state.parameters = fitted
            cutoffBits.store(cutoff(loss).bitPattern, ordering: .relaxed)
            return true
        }
    }

    /// How often a thread descends from networks that come close to the best one: on noisy data most of them do.
    private struct DescentPatience {
        private var skips = 0
        private var left = 0

        mutating func mayDescend() -> Bool {
            left -= 1
            return left < 0
        }

        mutating func note(_ hasImproved: Bool) {
            skips = hasImproved ? 0 : min(2 * skips + 1, 255)
            left = skips
        }
    }

    // MARK: Progress

    private func report() {
        let now = ContinuousClock.now
        let snapshot: TrainingProgress? = state.withLock { state in
            guard !state.isReporting, now - state.lastReport >= .milliseconds(50) else { return nil }
            state.isReporting = true
            state.lastReport = now
            let factor = 1 / totalWeight
            let upper = scaled.lossDown(state.upper * factor)
            let least = lowerBound(state)
            leastBoundBits.store(least.bitPattern, ordering: .relaxed)
            let lower = min(upper, scaled.lossDown(meanDown(least)))
            return TrainingProgress(
                lowerBound: lower, upperBound: upper, relativeGap: upper > 0 ? (upper - lower) / upper : 0,
                nodesExplored: state.nodes, openNodes: state.heap.count,
                elapsedSeconds: seconds(now - started))
        }
        guard let snapshot else { return }
        progress(snapshot)
        state.withLock { $0.isReporting = false }
    }
}
