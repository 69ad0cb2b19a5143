internal import ExactArithmetic
internal import Foundation
internal import Synchronization

/// Theorem 4.1 of Arora et al. (ICLR 2018), with distinct dichotomies only: for every multiset of signed cells, one
/// for each unit, the convex program over the product of the closed cells' cones.
///
/// Every program is either solved, to a network and a proved lower bound within a fraction of the gap asked for, or
/// discarded by a proved lower bound that is no better than the best network known: its own, or that of the same
/// dichotomies without cone constraints and signs (a least-squares fit for the squared loss), which serves all
/// assignments of signs at once. Programs are taken in a scattered order, so that a good network is found early.
struct Enumeration {
    let problem: TrainingProblem
    let options: TrainingOptions
    let progress: @Sendable (TrainingProgress) -> Void
    let cancelled: @Sendable () -> Bool

    func run() throws(TrainingFault) -> TrainingResult {
        let started = ContinuousClock.now
        let deadline = options.timeLimit.map { started + .seconds(min($0, 1e9)) }
        let isOver: @Sendable () -> Bool = {
            if let deadline, ContinuousClock.now >= deadline { return true }
            return cancelled()
        }
        let scaled = ScaledProblem(problem)
        let (inputs, inputOfRow, keptRows) = distinctInputs(scaled.problem)
        try refuse(DichotomyCount(inputs, cancelled: isOver))
        let data = EnumerationData(
            scaled.problem, inputs: inputs, inputOfRow: inputOfRow, keptRows: keptRows,
            memoryLimit: options.memoryLimit, cancelled: isOver)
        if let data { try refuse(data.dichotomies.cells.count, isExact: true) }

        // The search's losses are those of the scaled problem.
        let unit = scaled.lossDown(1)
        let report: @Sendable (TrainingProgress) -> Void = { [progress] in progress($0.scaled(by: unit)) }
        let search = EnumerationSearch(
            scaled.problem, options, started: started, progress: report, isOver: isOver)
        if let data { search.run(data) }
        let outcome = search.outcome
        let parameters = outcome.parameters.scaled(by: scaled.targetScale)
        let loss = parameters.lossUpperBound(problem)
        let lowerBound = min(loss, scaled.lossDown(outcome.lowerBound))
        let gap = loss > 0 ? (loss - lowerBound) / loss : 0
        let zeroLoss = FittedParameters.zero(problem).approximateLoss(problem)
        let isOptimal =
            loss - lowerBound <= options.relativeGap * loss
            || loss - lowerBound <= options.absoluteGapFraction * zeroLoss
        return TrainingResult(
            network: parameters.network, loss: loss, lowerBound: lowerBound, relativeGap: gap,
            optimal: isOptimal,
            method: .enumeration, nodesExplored: outcome.programs,
            elapsedSeconds: seconds(ContinuousClock.now - started), certificate: nil)
    }

    private func refuse(_ count: DichotomyCount) throws(TrainingFault) {
        try refuse(count.cells, isExact: count.isComplete)
    }

    private func refuse(_ cells: Int, isExact: Bool) throws(TrainingFault) {
        let programs = multisets(of: problem.hiddenUnits, kinds: BigInteger(cells) * BigInteger(2))
        guard programs > BigInteger(options.programLimit) else { return }
        throw .tooManyPrograms(programs: programs.description, limit: options.programLimit)
    }
}

func seconds(_ duration: Duration) -> Double {
    Double(duration.components.seconds) + 1e-18 * Double(duration.components.attoseconds)
}

/// The distinct inputs among the rows with a positive weight, in order of appearance.
private func distinctInputs(
    _ problem: TrainingProblem
) -> (inputs: [[Double]], inputOfRow: [Int], keptRows: [Int]) {
    var inputs: [[Double]] = []
    var inputOfRow: [Int] = []
    var indices: [[Double]: Int] = [:]
    let keptRows = (0..<problem.rows).filter { problem.weights[$0] > 0 }
    for row in keptRows {
        // Adding 0 makes −0 the same as 0.
        let input = problem.inputs[row * problem.columns..<(row + 1) * problem.columns].map { $0 + 0 }
        let index = indices[input] ?? inputs.count
        if index == inputs.count {
            indices[input] = index
            inputs.append(input)
        }
        inputOfRow.append(index)
    }
    return (inputs, inputOfRow, keptRows)
}
