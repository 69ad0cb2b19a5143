/// What a thread does with a node: bounds it, finds a network in it, and chooses where to cut it.
final class NodeBounding {
    struct Outcome {
        /// Proved, constant included.
        var bound: Double
        var estimate: Double
        /// Where to cut; nil where every row is decided for every unit, or nothing is left to gain.
        var cut: (unit: Int, row: Int)?
        /// The solution in the frame.
        var parameters: [Double] = []
        /// The loss of the network at the solution, constant included.
        var loss = Double.infinity
        var leaf: ProofRecord.Leaf?
    }

    let relaxation: NodeRelaxation
    private let data: DataArrangement
    private let losses: RowLosses
    private let wantsLeaf: Bool
    private let prover: ProvenBound
    private let buffers: RowBuffers
    /// Σ |g| at a good network, which gradients are measured by.
    var slopeScale = 1.0
    /// The least bound of all open regions, or what it was some time ago.
    var leastBound = 0.0
    /// Nodes bounded so far, and proofs of bounds that closed nothing.
    private var nodes = 0
    private var openProofs = 0

    private static let rounds = 3
    /// Of `slopeScale`.
    private static let tolerance = 1e-13

    private let isOver: () -> Bool

    init(
        _ data: DataArrangement, _ losses: RowLosses, wantsLeaf: Bool, isOver: @escaping () -> Bool
    ) {
        self.data = data
        self.isOver = isOver
        self.losses = losses
        self.wantsLeaf = wantsLeaf
        relaxation = NodeRelaxation(data, losses)
        prover = ProvenBound(relaxation)
        buffers = RowBuffers(count: 1, stride: data.stride)
    }

    /// - Parameter cutoff: bounds above it are as good as any.
    func bound(_ node: SearchNode, cones: [Cone], cutoff: Double) -> Outcome {
        nodes += 1
        relaxation.load(cones, positiveUnits: node.positiveUnits)
        let split = relaxation.units * data.dimension
        let isRoot = node.parameters.isEmpty
        if !isRoot { relaxation.start(node.parameters, free: Array(node.parameters[split...])) }
        relaxation.chooseSlopes(fromCoefficients: !isRoot)
        var outcome = Outcome(bound: node.bound, estimate: node.bound)
        var curvature = losses.isSmooth ? losses.trueCurvature : Self.firstCurvature / losses.reach
        let lastCurvature = losses.isSmooth ? curvature : Self.lastCurvature / losses.reach
        var round = 0
        while true {
            let (value, isMinimum) = relaxation.solve(
                curvature: curvature, tolerance: Self.tolerance * slopeScale
            ) { [bound = outcome.bound, constant = losses.constant] minimum, value in
                // Too low to close the region, and not worth a proof.
                let room = cutoff - constant - value
                return room > 0 && value - minimum < Self.nearness * room
                    && !self.isWorthwhile(value + constant, bound, cutoff)
            }
            let total = value + losses.constant
            let error = losses.smoothingError(curvature)
            if total > outcome.estimate, total < cutoff { outcome.estimate = total }
            if isMinimum, total >= outcome.estimate || round == 0 {
                outcome.estimate = max(outcome.estimate, total)
                let isLast = curvature >= lastCurvature
                if total >= cutoff
                    || (isWorthwhile(total, outcome.bound, cutoff) && isLast == losses.isSmooth)
                {
                    // A bound far below is what progress shows: it is worth some work, too.
                    let isBehind = outcome.bound < 0.8 * total
                    let effort: Effort =
                        total < cutoff
                        ? isBehind ? .much : .little : node.failures >= patience && isLast ? .all : .much
                    if total < cutoff { openProofs += 1 }
                    prove(&outcome, effort, curvature, cutoff)
                }
            }
            if outcome.bound >= cutoff { return outcome }
            if curvature < lastCurvature, total + error >= cutoff * (1 - 1e-9) {
                curvature = min(lastCurvature, curvature * Self.curvatureStep)
                continue
            }
            round += 1
            guard round < Self.rounds, relaxation.improveSlopes() else { break }
        }
        outcome.parameters = relaxation.parameters() + relaxation.freeParameters
        choose(&outcome, lastCurvature)
        if outcome.cut == nil, outcome.bound < cutoff {
            // The last word on a region that is decided.
            prove(&outcome, .all, curvature, cutoff)
            if outcome.bound < cutoff { solveCell(&outcome, cones, node.positiveUnits) }
        }
        return outcome
    }

    private static let firstCurvature = 10.0
    private static let lastCurvature = 1e9
    private static let curvatureStep = 10.0

    /// A bound that closes nothing is proved where the region's is among the least ones, which progress and a time limit
    /// show, and where that brings it so much nearer to the cutoff. It is a small part of the work.
    private func isWorthwhile(_ total: Double, _ bound: Double, _ cutoff: Double) -> Bool {
        total - bound > Self.worthwhile * (cutoff - bound)
            && openProofs < Self.openProofsAtFirst + nodes / Self.nodesPerOpenProof
    }

    private static let worthwhile = 0.1
    private static let openProofsAtFirst = 200
    private static let nodesPerOpenProof = 8
    /// Of a region that is not going to be closed the minimum is found up to this part of what it is too low by.
    private static let nearness = 0.05

    private enum Effort { case little, much, all }

    /// So many regions above have failed to be closed for want of a proof before rational arithmetic is called.
    private var patience: Int { 10 + data.count / 100 }

    private func prove(_ outcome: inout Outcome, _ effort: Effort, _ curvature: Double, _ cutoff: Double) {
        if relaxation.isPart {
            relaxation.useAllRows()
            _ = relaxation.solve(curvature: curvature, tolerance: Self.tolerance * slopeScale) { _, _ in false
            }
        }
        relaxation.keepDual()
        let proven = prover.value(isThorough: effort != .little)
        var bound = proven.map { $0 + losses.constant } ?? 0
        if effort == .all, bound < cutoff {
            bound = max(bound, RationalBound(relaxation: relaxation).value())
        }
        guard bound > outcome.bound || (wantsLeaf && outcome.leaf == nil && bound >= outcome.bound) else {
            return
        }
        outcome.bound = bound
        if wantsLeaf { outcome.leaf = leaf() }
    }

    /// The decided region's convex program by other means.
    private func solveCell(_ outcome: inout Outcome, _ cones: [Cone], _ positiveUnits: Int) {
        var exact = ExactCell(data, cones, positiveUnits: positiveUnits)
        var found = exact?.solve(isOver: isOver)
        if found == nil, !isOver() {
            found = CellProgram(data, cones, positiveUnits: positiveUnits)?.solve()
        }
        guard let solution = found else { return }
        outcome.parameters = solution.parameters
        // To be looked at in any case.
        outcome.loss = -.infinity
        guard solution.bound > outcome.bound else { return }
        outcome.bound = solution.bound
        outcome.estimate = max(outcome.estimate, solution.bound)
        if wantsLeaf { outcome.leaf = ProofRecord.Leaf(slopes: solution.slopes, alphas: []) }
    }

    private func leaf() -> ProofRecord.Leaf {
        var alphas: [TrainingCertificate.Slope] = []
        for unit in 0..<relaxation.units {
            let alpha = relaxation.dualAlpha(unit)
            let sides = relaxation.cones[unit].sides
            for row in 0..<data.count where sides[row] == Cone.Side.undecided && alpha[row] > 0 {
                alphas.append(TrainingCertificate.Slope(point: row, unit: unit, value: alpha[row]))
            }
        }
        return ProofRecord.Leaf(slopes: (0..<data.count).map { relaxation.dualSlope[$0] }, alphas: alphas)
    }

    /// The undecided row at which the network's loss exceeds the relaxed one most; at it the unit that may vary most.
    private func choose(_ outcome: inout Outcome, _ curvature: Double) {
        let prediction = buffers[0]
        relaxation.predict(prediction)
        var loss = losses.constant + relaxation.decidedLoss
        var best = (row: -1, excess: -1.0)
        let units = relaxation.units
        let (lower, upper) = (relaxation.lower, relaxation.upper)
        let (relaxation, losses) = (relaxation, losses)
        for row in 0..<relaxation.viewCount {
            let dataRow = relaxation.dataRow(row)
            let full = losses.value(prediction[row], row: dataRow)
            loss += full
            guard (0..<units).contains(where: { relaxation.isUndecided($0, row) }) else { continue }
            let relaxed = losses.relaxedValue(lower[row], upper[row], row: dataRow)
            if full - relaxed > best.excess { best = (row, full - relaxed) }
        }
        outcome.loss = loss
        guard best.row >= 0 else { return }
        if best.excess <= 1e-14 * loss {
            // Nothing is lost at any row: the row that varies most.
            var widest = -1.0
            for row in 0..<relaxation.viewCount {
                if let width = width(row)?.width, width > widest {
                    widest = width
                    best.row = row
                }
            }
        }
        guard let unit = width(best.row)?.unit else { return }
        outcome.cut = (unit, relaxation.dataRow(best.row))
    }

    /// The undecided unit with the widest bounds at a row of the view.
    private func width(_ row: Int) -> (unit: Int, width: Double)? {
        var best: (unit: Int, width: Double)?
        for unit in 0..<relaxation.units where relaxation.isUndecided(unit, row) {
            let width =
                relaxation.rectified(unit)[row] - relaxation.alpha(unit)[row] * relaxation.value(unit)[row]
            if width > best?.width ?? -1 { best = (unit, width) }
        }
        return best
    }
}
