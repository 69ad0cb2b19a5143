import ExactArithmetic
import ExactTraining
import ReLUNetworks
import Testing

/// Both methods of training, against each other and against what any right answer must satisfy.
struct TrainingMethodsTests {
    static let methods = methods(for: .squared)

    /// The methods that take a loss.
    static func methods(for loss: TrainingLoss) -> [TrainingMethod] {
        [.enumeration, .branchAndBound].filter { method in
            let problem = try? TrainingProblem(
                inputs: [0], columns: 1, targets: [1], hiddenUnits: 1, loss: loss)
            return problem.flatMap { try? train($0, options: TrainingOptions(method: method)) } != nil
        }
    }

    /// Trains with every method and holds the answers against the definitions and each other; returns one of them.
    @discardableResult
    static func check(_ problem: TrainingProblem, _ context: String) throws -> TrainingResult {
        var results: [TrainingResult] = []
        for method in methods(for: problem.loss) {
            let result = try train(problem, options: TrainingOptions(method: method, timeLimit: 20))
            let isOptimal = result.optimal
            #expect(isOptimal, "\(context) \(method): \(result.lowerBound)...\(result.loss)")
            #expect(result.lowerBound <= result.loss, "\(context) \(method)")
            #expect(result.lowerBound >= 0, "\(context) \(method)")
            try checkLoss(result, problem, "\(context) \(method)")
            for other in results {
                // Each is a bound in real arithmetic, so that no tolerance is due.
                #expect(
                    result.lowerBound <= other.loss,
                    "\(context): \(method) has a bound above a network's loss")
                #expect(
                    other.lowerBound <= result.loss,
                    "\(context): \(other.method) has a bound above a network's loss")
            }
            results.append(result)
        }
        return try #require(results.first)
    }

    /// `loss` is the network's loss, rounded up; the network has the shape promised.
    private static func checkLoss(_ result: TrainingResult, _ problem: TrainingProblem, _ context: String)
        throws
    {
        let widths = result.network.hiddenWidths
        let extra = problem.outputTerm == .affine ? 2 : 0
        #expect(widths.count == 1, "\(context)")
        #expect(widths[0] >= problem.hiddenUnits && widths[0] <= problem.hiddenUnits + extra, "\(context)")
        #expect(result.network.layers[1].weights.allSatisfy { $0.magnitude == 1 }, "\(context)")
        if problem.outputTerm == .none { #expect(result.network.layers[1].bias == [0], "\(context)") }
        guard let network = result.network.exact else {
            Issue.record("\(context): not finite")
            return
        }
        var sum = Rational.zero
        var weight = Rational.zero
        for row in 0..<problem.rows {
            let input = try (0..<problem.columns).map {
                try LossFunctionsTests.rational(problem.inputs[row * problem.columns + $0])
            }
            let rowWeight = try LossFunctionsTests.rational(problem.weights[row])
            let target = try LossFunctionsTests.rational(problem.targets[row])
            sum += rowWeight * loss(problem.loss, network(input)[0], target)
            weight += rowWeight
        }
        let exact = sum / weight
        let stated = try LossFunctionsTests.rational(result.loss)
        // The logistic loss is evaluated here in floating point.
        let slack = problem.loss == .logistic ? try LossFunctionsTests.rational(1e-14) : Rational.zero
        #expect(
            stated >= exact * (1 - slack),
            "\(context): loss \(result.loss) is less than \(exact.nearestDouble)")
        #expect(
            stated.nearestDouble <= exact.nearestDouble * (1 + 1e-12) + 1e-300,
            "\(context): loss \(result.loss) is more than \(exact.nearestDouble)")
    }

    /// The definitions, written again.
    private static func loss(_ loss: TrainingLoss, _ f: Rational, _ y: Rational) -> Rational {
        let e = f - y
        func positive(_ value: Rational) -> Rational { value.sign > 0 ? value : .zero }
        func rational(_ value: Double) -> Rational { Rational(exactly: value) ?? .zero }
        switch loss {
        case .squared: return e * e
        case .absolute: return e.magnitude
        case .huber(let delta):
            let d = rational(delta)
            return e.magnitude <= d ? e * e / 2 : d * (e.magnitude - d / 2)
        case .quantile(let level):
            return e.sign <= 0 ? rational(level) * -e : (1 - rational(level)) * e
        case .hinge: return positive(1 - y * f)
        case .squaredHinge: return positive(1 - y * f) * positive(1 - y * f)
        case .logistic: return rational(LossFunctionsTests.logistic(margin: (y * f).nearestDouble))
        }
    }

    @Test(arguments: RandomProblems.losses)
    func methodsAgree(loss: TrainingLoss) throws {
        for outputTerm in OutputTerm.allCases {
            for (index, shape) in RandomProblems.Shape.allCases.enumerated() {
                for repetition in 0..<(shape == .general || shape == .grid ? 4 : 2) {
                    let seed = UInt64(1000 * index + repetition)
                    let problem = try RandomProblems.problem(
                        seed: seed, loss: loss, outputTerm: outputTerm, shape: shape)
                    try Self.check(problem, "\(loss) \(outputTerm) \(shape) seed \(seed)")
                }
            }
        }
    }

    @Test func knownOptima() throws {
        func squared(_ x: [Double], _ y: [Double], _ w: Int, _ term: OutputTerm = .none) throws
            -> TrainingProblem
        {
            try TrainingProblem(inputs: x, columns: 1, targets: y, hiddenUnits: w, outputTerm: term)
        }
        // A single unit cannot be negative at one point and positive at another: the smaller part is lost.
        #expect(try Self.check(squared([0, 1], [-1, 2], 1), "two signs").loss.isNear(0.5))
        #expect(try Self.check(squared([0, 1], [-1, 2], 2), "two units").loss < 1e-8)
        // Contradictory duplicates: the mean is the best; the median for the absolute loss.
        #expect(try Self.check(squared([3, 3, 3], [1, 2, 6], 2), "duplicates").loss.isNear(14.0 / 3))
        let duplicates = try squared([3, 3, 3], [1, 2, 6], 2).with(loss: .absolute)
        #expect(try Self.check(duplicates, "duplicates, absolute").loss.isNear(5.0 / 3))
        // A hat needs three units, and two with an affine term leave the least error of a two-piece fit.
        #expect(try Self.check(squared([0, 1, 2, 3], [0, 1, 0, 0], 3), "hat").loss < 1e-8)
        #expect(try Self.check(squared([0, 1, 2, 3], [0, 1, 2, 3], 1, .affine), "line").loss < 1e-8)
        // With an affine term one unit interpolates any three points.
        #expect(try Self.check(squared([0, 1, 2], [0, 1, -7], 1, .affine), "three points").loss < 1e-8)
        #expect(try Self.check(squared([0, 1, 2], [5, 5, 5], 1, .bias), "constant").loss < 1e-8)
        // Two units cannot be positive at both ends and negative between.
        let labels = try TrainingProblem(
            inputs: [0, 1, 2], columns: 1, targets: [1, -1, 1], hiddenUnits: 2, loss: .hinge)
        #expect(try Self.check(labels, "alternating").loss.isNear(1.0 / 3))
    }

    @Test(arguments: [TrainingLoss.squared, .absolute, .huber(delta: 0.5), .hinge])
    func answersAreInvariant(loss: TrainingLoss) throws {
        for seed: UInt64 in 1...4 {
            let outputTerm = OutputTerm.allCases[Int(seed) % 3]
            let problem = try RandomProblems.problem(
                seed: seed, loss: loss, outputTerm: outputTerm, shape: .general)
            let context = "\(loss) \(outputTerm) seed \(seed)"
            let original = try Self.check(problem, context).loss
            var random = SeededGenerator(seed: seed)
            let order = Array(0..<problem.rows).shuffled(using: &random)
            let n = problem.columns
            let permuted = try problem.with(
                inputs: order.flatMap { problem.inputs[$0 * n..<($0 + 1) * n] },
                targets: order.map { problem.targets[$0] })
            #expect(try Self.check(permuted, "\(context), permuted").loss.isNear(original), "\(context)")

            for scale in [1e6, 1e-6] {
                let moved = try problem.with(inputs: problem.inputs.map { $0 * scale + 3 * scale })
                #expect(
                    try Self.check(moved, "\(context), moved").loss.isNear(original), "\(context) \(scale)")
                // x ↦ A x with a unipotent A.
                let sheared = try problem.with(
                    inputs: problem.inputs.indices.map { index in
                        scale * (problem.inputs[index] + (index % n == 0 ? 0 : 2 * problem.inputs[index - 1]))
                    })
                #expect(
                    try Self.check(sheared, "\(context), sheared").loss.isNear(original),
                    "\(context) \(scale)")
                if loss.isClassification { continue }
                let scaledLoss: TrainingLoss =
                    if case .huber(let delta) = loss { .huber(delta: delta * scale) } else { loss }
                let scaled = try problem.with(targets: problem.targets.map { $0 * scale }, loss: scaledLoss)
                let factor = loss == .absolute ? scale : scale * scale
                #expect(
                    try Self.check(scaled, "\(context), scaled").loss.isNear(
                        original * factor, scale: factor),
                    "\(context) \(scale)")
            }
        }
    }

    @Test func aTimeLimitOrCancellationLeavesABestNetwork() throws {
        var random = SeededGenerator(seed: 9)
        let problem = try TrainingProblem(
            inputs: (0..<60).map { _ in Double.random(in: -1...1, using: &random) }, columns: 2,
            targets: (0..<30).map { _ in Double.random(in: -1...1, using: &random) }, hiddenUnits: 2)
        let clock = ContinuousClock()
        for method in Self.methods {
            for isCancelled in [true, false] {
                let start = clock.now
                let options = TrainingOptions(
                    method: method, relativeGap: 0, absoluteGapFraction: 0,
                    timeLimit: isCancelled ? nil : 0.2,
                    programLimit: .max)
                let result = try train(
                    problem, options: options,
                    cancelled: { isCancelled && clock.now - start > .milliseconds(200) })
                #expect(clock.now - start < .seconds(2), "\(method)")
                #expect(result.lowerBound <= result.loss, "\(method)")
                #expect(result.loss < 1, "\(method)")
            }
        }
    }

    @Test func oneThreadAndSeedGiveOneNetwork() throws {
        let problem = try RandomProblems.problem(seed: 3, loss: .squared, outputTerm: .bias, shape: .general)
        for method in Self.methods {
            let networks = try (0..<2).map { _ in
                try train(problem, options: TrainingOptions(method: method)).network.layers.map(\.weights)
            }
            #expect(networks[0] == networks[1], "\(method)")
        }
    }
}

extension Double {
    /// Equal up to what a gap of 1e-6 and an absolute gap of 1e-9 of a loss near 1 leave.
    func isNear(_ other: Double, scale: Double = 1) -> Bool {
        (self - other).magnitude <= 2e-6 * max(magnitude, other.magnitude) + 1e-8 * scale
    }
}
