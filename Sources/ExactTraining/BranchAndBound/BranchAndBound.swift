internal import Foundation

/// Branch and bound over products of cones of the data's hyperplane arrangement, from the cells of d independent
/// hyperplanes on, for every number of positive units.
///
/// Every region is bounded by its convex relaxation (`NodeRelaxation`), in real arithmetic (`ProvenBound`), and cut
/// where the relaxation loses most. The search is best first; where its memory ends it goes depth first.
struct BranchAndBound {
    let problem: TrainingProblem
    let options: TrainingOptions
    let progress: @Sendable (TrainingProgress) -> Void
    let cancelled: @Sendable () -> Bool

    func run() -> TrainingResult {
        let started = ContinuousClock.now
        let deadline = options.timeLimit.map { started + .seconds(min($0, 1e9)) }
        let isOver: @Sendable () -> Bool = {
            if let deadline, ContinuousClock.now >= deadline { return true }
            return cancelled()
        }
        let scaled = ScaledProblem(problem)
        guard let data = DataArrangement(scaled.problem, isCancelled: isOver) else {
            return result(.zero(problem), lowerBound: 0, nodes: 0, started, nil)
        }
        let search = BranchAndBoundSearch(
            data, options, scaled: scaled, started: started, progress: progress, isOver: isOver)
        search.run()
        let outcome = search.outcome
        let parameters = outcome.parameters.scaled(by: scaled.targetScale)
        let lowerBound = scaled.lossDown(outcome.lowerBound)
        var certificate: TrainingCertificate?
        if options.wantCertificate, let trees = outcome.trees {
            certificate = TrainingCertificate(
                problem: problem, lowerBound: lowerBound, points: data.problemRows,
                coordinates: data.points.coordinates, basePoints: data.baseRows, trees: trees)
        }
        return result(parameters, lowerBound: lowerBound, nodes: outcome.nodes, started, certificate)
    }

    private func result(
        _ parameters: FittedParameters, lowerBound: Double, nodes: Int, _ started: ContinuousClock.Instant,
        _ certificate: TrainingCertificate?
    ) -> TrainingResult {
        let loss = parameters.lossUpperBound(problem)
        let lowerBound = min(loss, lowerBound)
        let zeroLoss = FittedParameters.zero(problem).approximateLoss(problem)
        let isOptimal =
            loss - lowerBound <= options.relativeGap * loss
            || loss - lowerBound <= options.absoluteGapFraction * zeroLoss
        return TrainingResult(
            network: parameters.network, loss: loss, lowerBound: lowerBound,
            relativeGap: loss > 0 ? (loss - lowerBound) / loss : 0, optimal: isOptimal,
            method: .branchAndBound, nodesExplored: nodes,
            elapsedSeconds: seconds(ContinuousClock.now - started), certificate: certificate)
    }
}
