import ExactArithmetic
import ReLUNetworks
import Testing

@testable import ExactTraining

struct FittedNetworkTests {
    /// The upper bound lies between the exact loss and a few units in the last place more; the network is the same
    /// function.
    @Test(arguments: LossFunctionsTests.losses)
    func lossIsRoundedUp(loss: TrainingLoss) throws {
        for seed: UInt64 in 1...60 {
            var random = SeededGenerator(seed: seed)
            let n = Int.random(in: 1...3, using: &random)
            let w = Int.random(in: 1...3, using: &random)
            let rows = Int.random(in: 1...8, using: &random)
            let scale = [1, 1, 1e-6, 1e6, 1e-140, 1e140][Int.random(in: 0..<6, using: &random)]
            let isOnGrid = Bool.random(using: &random)
            func draw() -> Double {
                isOnGrid
                    ? Double(Int.random(in: -4...4, using: &random)) * 0.5
                    : Double.random(in: -2...2, using: &random)
            }
            let parameters = FittedParameters(
                signs: (0..<w).map { _ in Bool.random(using: &random) ? 1 : -1 },
                hidden: (0..<w * (n + 1)).map { _ in draw() * scale },
                outputTerm: (0...n).map { _ in draw() * scale * Double(seed % 2) })
            let inputs = (0..<rows * n).map { _ in draw() }
            let bare = try TrainingProblem(
                inputs: inputs, columns: n, targets: [Double](repeating: 1, count: rows), hiddenUnits: w)
            let targets =
                loss.isClassification
                ? (0..<rows).map { _ in Bool.random(using: &random) ? 1 : -1 }
                : seed % 3 == 0 ? parameters.predictions(bare) : (0..<rows).map { _ in draw() * scale }
            let problem = try TrainingProblem(
                inputs: inputs, columns: n, targets: targets,
                weights: (0..<rows).map { $0 == 0 ? 1 : draw().magnitude }, hiddenUnits: w, loss: loss,
                outputTerm: .affine)
            let bound = parameters.lossUpperBound(problem)
            if let exact = parameters.exactLoss(problem) {
                let isClose = bound <= exact.double(rounding: .up) * (1 + 0x1p-50)
                #expect(isClose, "seed \(seed) \(bound) \(exact.nearestDouble)")
                #expect(try #require(Rational(exactly: bound)) >= exact, "seed \(seed)")
                let network = try #require(parameters.network.exact)
                #expect(try meanLoss(of: network, problem) == exact, "seed \(seed)")
            } else {
                let approximate = parameters.approximateLoss(problem)
                #expect(bound >= approximate * (1 - 1e-15), "seed \(seed)")
                #expect(bound <= approximate * (1 + 1e-12) + 1e-300, "seed \(seed)")
            }
        }
    }

    private func meanLoss(of network: Network<Rational>, _ problem: TrainingProblem) throws -> Rational {
        var sum = Rational.zero
        var weight = Rational.zero
        for row in 0..<problem.rows {
            let input = try (0..<problem.columns).map {
                try LossFunctionsTests.rational(problem.inputs[row * problem.columns + $0])
            }
            let rowWeight = try LossFunctionsTests.rational(problem.weights[row])
            let target = try LossFunctionsTests.rational(problem.targets[row])
            sum += rowWeight * (try #require(problem.loss.exactValue(network(input)[0], target)))
            weight += rowWeight
        }
        return sum / weight
    }

    @Test func overflowIsInfinite() throws {
        let problem = try TrainingProblem(inputs: [1e300], columns: 1, targets: [0], hiddenUnits: 1)
        let parameters = FittedParameters(signs: [1], hidden: [1e300, 0], outputTerm: [0, 0])
        #expect(parameters.lossUpperBound(problem) == .infinity)
    }

    @Test func onlyAnAffineTermTakesMoreUnits() throws {
        let parameters = FittedParameters(signs: [1, -1], hidden: [1, 0, 1, -1], outputTerm: [0, 2])
        #expect(parameters.network.hiddenWidths == [2])
        let sloped = FittedParameters(signs: [1, -1], hidden: [1, 0, 1, -1], outputTerm: [3, 2])
        #expect(sloped.network.hiddenWidths == [4])
    }
}
