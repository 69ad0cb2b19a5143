import ExactArithmetic
import Testing

@testable import ReLUNetworks

@Suite struct ExactEvaluatorTests {
    @Test func bothWaysEqualTheDefinition() throws {
        for seed in 0..<150 {
            var random = SeededGenerator(seed: seed)
            let shape = random.shape(inputs: 0...4, hidden: 0...4, width: 0...7)
            let isBinary = random.int(0...2) == 0
            let network = random.network(shape) { (random: inout SeededGenerator) -> Rational in
                isBinary
                    ? Rational(exactly: Double.random(in: -1...1, using: &random)) ?? .zero
                    : random.smallRational()
            }
            let rows = random.int(0...9)
            let inputs = (0..<rows * network.inputs).map { _ in
                Rational(random.int(-9...9), random.int(1...5))
            }
            let expected = (0..<rows).map { row in
                PatternReference(network, Array(inputs[row * network.inputs..<(row + 1) * network.inputs]))
            }
            for overCommonDenominators in [true, false] {
                let evaluator = ExactEvaluator(
                    network: network, overCommonDenominators: overCommonDenominators)
                #expect((evaluator.integers != nil) == overCommonDenominators)
                for threads in [1, 3] {
                    let found = try evaluator.evaluate(
                        inputs, rows: rows, activations: true, gradients: true, threads: threads)
                    #expect(found.outputs == expected.flatMap(\.outputs), "seed \(seed) shape \(shape)")
                    #expect(found.activations == expected.flatMap(\.activations), "seed \(seed)")
                    #expect(found.gradients == expected.flatMap { $0.gradient.joined() }, "seed \(seed)")
                }
            }
            let plain = try ExactEvaluator(network: network).evaluate(inputs, rows: rows)
            #expect(plain.activations.isEmpty && plain.gradients.isEmpty)
        }
    }

    @Test func longCommonDenominatorsAreLeftToRationals() throws {
        let primes = (2..<4_000).filter { candidate in
            !(2..<candidate).prefix { $0 * $0 <= candidate }.contains { candidate % $0 == 0 }
        }
        let weights = primes.map { Rational(1, $0) }
        let network = Network(layers: [
            AffineLayer(inputs: weights.count, outputs: 1, weights: weights, bias: [.zero])
        ])
        let evaluator = ExactEvaluator(network: network)
        #expect(evaluator.integers == nil)
        let ones = Network(layers: [
            AffineLayer(
                inputs: weights.count, outputs: 1, weights: weights.map { _ in Rational.one }, bias: [.zero])
        ])
        let sum = weights.reduce(Rational.zero, +)
        let row = weights.map { _ in Rational.one }
        #expect(try evaluator.evaluate(row, rows: 1).outputs == [sum])
        let swapped = ExactEvaluator(network: ones)
        #expect(swapped.integers != nil)
        #expect(try swapped.evaluate(weights, rows: 1).outputs == [sum])
    }

    @Test func shapesAndCancellation() throws {
        var random = SeededGenerator(seed: 3)
        let evaluator = ExactEvaluator(network: random.rationalNetwork([2, 5, 1]))
        #expect(throws: EvaluationError.shapesDisagree) { _ = try evaluator.evaluate([.one], rows: 1) }
        #expect(throws: EvaluationError.shapesDisagree) { _ = try evaluator.evaluate([], rows: .max) }
        #expect(throws: EvaluationError.cancelled) {
            _ = try evaluator.evaluate([.one, .one], rows: 1, threads: 2, cancelled: { true })
        }
    }
}
