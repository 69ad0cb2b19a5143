import ExactArithmetic
import Testing

@testable import ExactTraining

/// Best affine functions of one variable: against the vertices of the linear program where the loss is piecewise linear,
/// and by their own proved gap for every loss.
@Suite struct AffineRegressionTests {
    @Test func gapIsProved() throws {
        for seed in 0..<70 {
            var random = RandomProofs(state: UInt64(9000 + seed))
            let loss = RandomProofs.losses[seed % 7]
            let rows = 1 + random.next(12)
            let isCoarse = random.next(2) == 0
            // Columns far from 0 and of any scale.
            let scale = [1, 1e-6, 1e6][random.next(3)]
            let inputs = (0..<rows).map { _ in (random.number(isCoarse: isCoarse) + 3) * scale }
            let targets = (0..<rows).map { _ in
                loss.isClassification ? Double(2 * random.next(2) - 1) : random.number(isCoarse: isCoarse)
            }
            let problem = try TrainingProblem(
                inputs: inputs, columns: 1, targets: targets, hiddenUnits: 1, loss: loss, outputTerm: .affine)
            let fit = AffineRegression(problem).solve()
            #expect(fit.lowerBound <= fit.loss, "seed \(seed)")
            #expect(
                fit.loss - fit.lowerBound <= 1e-6 * fit.loss + 1e-8 * fit.zeroLoss,
                "seed \(seed) \(loss): \(fit)")
            guard let least = try Self.leastAtVertices(problem) else { continue }
            #expect(abs(fit.loss - least) <= 1e-6 * least + 1e-8 * fit.zeroLoss, "seed \(seed) \(loss)")
        }
    }

    /// The least loss of a line through two kinks: an optimum of a piecewise-linear loss is at such a line, where the
    /// inputs are not all equal.
    private static func leastAtVertices(_ problem: TrainingProblem) throws -> Double? {
        switch problem.loss {
        case .absolute, .quantile, .hinge: break
        default: return nil
        }
        guard Set(problem.inputs).count > 1 else { return nil }
        var least = Double.infinity
        for i in 0..<problem.rows {
            for j in 0..<i where problem.inputs[i] != problem.inputs[j] {
                // Hinge: y f = 1 is f = y.
                let slope =
                    (problem.targets[i] - problem.targets[j]) / (problem.inputs[i] - problem.inputs[j])
                let loss = (0..<problem.rows).reduce(0.0) { sum, row in
                    let f = problem.targets[i] + slope * (problem.inputs[row] - problem.inputs[i])
                    let exact = Rational(exactly: f) ?? .zero
                    return sum + problem.loss.upperValue(exact, target: problem.targets[row]).nearestDouble
                }
                least = min(least, loss / Double(problem.rows))
            }
        }
        return least
    }
}
