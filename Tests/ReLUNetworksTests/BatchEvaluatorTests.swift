import CEvaluationKernels
import ExactArithmetic
import Synchronization
import Testing

@testable import ReLUNetworks

/// Every variant of the kernels that this machine runs.
private func variants() -> [crease_kernels] {
    var list: [crease_kernels] = []
    while let kernels = crease_kernels_at(list.count) { list.append(kernels.pointee) }
    return list
}

private func isFused(_ kernels: crease_kernels) -> Bool { String(cString: kernels.name) != "SSE2" }

/// One value after the other, in the documented order.
private func reference(_ network: Network<Double>, _ point: ArraySlice<Double>, fused: Bool) -> [Double] {
    var values = Array(point)
    for (index, layer) in network.layers.enumerated() {
        values = (0..<layer.outputs).map { unit in
            var sum = layer.bias[unit]
            for (weight, value) in zip(layer.row(unit), values) {
                sum = fused ? sum.addingProduct(weight, value) : sum + weight * value
            }
            return index < network.hiddenLayers && sum < 0 ? 0 : sum
        }
    }
    return values
}

private struct Batch {
    var outputs: [Double]
    var activations: [UInt8]
    var gradients: [Double]
}

private func run(
    _ evaluator: BatchEvaluator, _ inputs: [Double], rows: Int, activations: Bool = true,
    gradients: Bool = true,
    threads: Int = 1
) throws -> Batch {
    var batch = Batch(
        outputs: .init(repeating: .nan, count: rows * evaluator.outputs),
        activations: .init(repeating: 7, count: activations ? rows * evaluator.hiddenUnits : 0),
        gradients: .init(
            repeating: .nan, count: gradients ? rows * evaluator.outputs * evaluator.inputs : 0))
    try inputs.withUnsafeBufferPointer { source in
        try batch.outputs.withUnsafeMutableBufferPointer { outputs in
            try batch.activations.withUnsafeMutableBufferPointer { bytes in
                try batch.gradients.withUnsafeMutableBufferPointer { slopes in
                    try evaluator.evaluate(
                        inputs: source, rows: rows, into: outputs, activations: activations ? bytes : nil,
                        gradients: gradients ? slopes : nil, threads: threads)
                }
            }
        }
    }
    return batch
}

@Suite struct BatchEvaluatorTests {
    @Test func everyVariantAgreesBitForBitWithTheDocumentedOrder() throws {
        for seed in 0..<60 {
            var random = SeededGenerator(seed: seed)
            let shape = random.shape(inputs: 1...9, hidden: 0...4, width: 1...41)
            // Zeros of both signs in some of the networks, since even their signs must agree.
            let zeros = seed % 3
            func number(_ random: inout SeededGenerator) -> Double {
                switch random.int(0...(zeros == 0 ? 0 : 3)) {
                case 1: -0.0
                case 2: Double(random.int(-1...1))
                default: Double.random(in: -3...3, using: &random)
                }
            }
            let network = random.network(shape, number)
            let rows = random.int(1...120)
            let inputs = (0..<rows * network.inputs).map { _ in number(&random) }
            for kernels in variants() {
                let evaluator = BatchEvaluator(network: network, kernels: kernels)
                let found = try run(evaluator, inputs, rows: rows, activations: false, gradients: false)
                let expected = (0..<rows).flatMap { row in
                    reference(
                        network, inputs[row * network.inputs..<(row + 1) * network.inputs],
                        fused: isFused(kernels))
                }
                #expect(
                    found.outputs.map(\.bitPattern) == expected.map(\.bitPattern),
                    "seed \(seed) shape \(shape) rows \(rows) \(String(cString: kernels.name))")
            }
        }
    }

    @Test func resultsDoNotDependOnBatchPositionOrThreads() throws {
        for seed in 0..<8 {
            var random = SeededGenerator(seed: seed)
            let network = random.doubleNetwork([3, random.int(1...70), random.int(1...70), 2])
            let rows = 20_000
            let inputs = (0..<rows * 3).map { _ in Double.random(in: -3...3, using: &random) }
            let evaluator = BatchEvaluator(network: network)
            let whole = try evaluator.evaluate(inputs, rows: rows, threads: 4)
            #expect(try evaluator.evaluate(inputs, rows: rows) == whole, "seed \(seed)")
            let pattern = try run(evaluator, inputs, rows: rows, threads: 3)
            #expect(pattern.outputs == whole, "seed \(seed)")
            for _ in 0..<50 {
                let count = random.int(1...60)
                let start = random.int(0...rows - count)
                let part = Array(inputs[start * 3..<(start + count) * 3])
                let expected = Array(whole[start * 2..<(start + count) * 2])
                #expect(
                    try evaluator.evaluate(part, rows: count) == expected, "seed \(seed) \(start) \(count)")
                let patternPart = try run(evaluator, part, rows: count)
                #expect(patternPart.outputs == expected)
                let gradients = pattern.gradients[start * 6..<(start + count) * 6]
                #expect(patternPart.gradients == Array(gradients), "seed \(seed) \(start) \(count)")
            }
        }
    }

    /// Integer weights and inputs: double precision is exact, so patterns at folds and gradients are comparable.
    @Test func patternsAndGradientsEqualTheDefinitionOnIntegers() throws {
        for seed in 0..<80 {
            var random = SeededGenerator(seed: seed)
            let shape = random.shape(inputs: 1...5, hidden: 0...3, width: 1...13)
            let network = random.network(shape) { Double($0.int(-2...2)) }
            let rows = random.int(1...40)
            let inputs = (0..<rows * network.inputs).map { _ in Double(random.int(-3...3)) }
            let exact = try #require(network.exact)
            let expected = (0..<rows).map { row in
                PatternReference(
                    exact,
                    inputs[row * network.inputs..<(row + 1) * network.inputs].compactMap(
                        Rational.init(exactly:)))
            }
            for kernels in variants() {
                let found = try run(BatchEvaluator(network: network, kernels: kernels), inputs, rows: rows)
                #expect(found.outputs == expected.flatMap { $0.outputs.map(\.nearestDouble) }, "seed \(seed)")
                #expect(
                    found.activations == expected.flatMap { $0.activations.map { $0 ? 1 : 0 } },
                    "seed \(seed)")
                #expect(
                    found.gradients == expected.flatMap { $0.gradient.joined().map(\.nearestDouble) },
                    "seed \(seed) shape \(shape)")
            }
            let single = try run(BatchEvaluator(network: network), inputs, rows: rows, gradients: false)
            #expect(
                single.activations == expected.flatMap { $0.activations.map { $0 ? 1 : 0 } }, "seed \(seed)")
        }
    }

    @Test func theFirstRowWithAnOverflowIsReported() throws {
        let network = Network(layers: [
            AffineLayer(inputs: 1, outputs: 2, weights: [1e200, -1e200], bias: [0, 0]),
            AffineLayer(inputs: 2, outputs: 1, weights: [1e-200, 1e-200], bias: [0.0]),
        ])
        let evaluator = BatchEvaluator(network: network)
        for rows in [1, 2, 30, 5_000, 200_000] {
            for row in [0, rows / 2, rows - 1] {
                for threads in [1, 3] {
                    var inputs = [Double](repeating: 1, count: rows)
                    inputs[row] = 1e120  // the second unit is −∞, which a rectifier would hide
                    inputs[rows - 1] = -1e120
                    #expect(throws: EvaluationError.overflow(row: row)) {
                        _ = try evaluator.evaluate(inputs, rows: rows, threads: threads)
                    }
                }
            }
        }
        // Large but harmless: the cautious bound fails, the values do not.
        let identity = Network(layers: [
            AffineLayer(inputs: 1, outputs: 1, weights: [1.0], bias: [0]),
            AffineLayer(inputs: 1, outputs: 1, weights: [1.0], bias: [0]),
        ])
        let large = (0..<50).map { Double($0) * 1e306 }
        #expect(try BatchEvaluator(network: identity).evaluate(large, rows: 50) == large)
    }

    @Test func anOverflowingGradientIsReported() throws {
        let network = Network(layers: [
            AffineLayer(inputs: 1, outputs: 1, weights: [1e200], bias: [0]),
            AffineLayer(inputs: 1, outputs: 1, weights: [1e200], bias: [0.0]),
        ])
        let evaluator = BatchEvaluator(network: network)
        #expect(throws: EvaluationError.overflow(row: 2)) {
            _ = try run(evaluator, [0, -1, 1e-200, 1e-200], rows: 4)
        }
        #expect(try run(evaluator, [0, -1], rows: 2).gradients == [0, 0])
    }

    @Test func wrongShapesAndCancellationAreErrors() throws {
        var random = SeededGenerator(seed: 1)
        let evaluator = BatchEvaluator(network: random.doubleNetwork([2, 300, 300, 1]))
        #expect(throws: EvaluationError.shapesDisagree) { _ = try evaluator.evaluate([1, 2, 3], rows: 1) }
        #expect(throws: EvaluationError.shapesDisagree) { _ = try evaluator.evaluate([], rows: -1) }
        #expect(throws: EvaluationError.shapesDisagree) { _ = try evaluator.evaluate([], rows: .max / 2 + 1) }
        #expect(try evaluator.evaluate([], rows: 0).isEmpty)
        let polls = Atomic<Int>(0)
        let inputs = [Double](repeating: 1, count: 200_000)
        var outputs = [Double](repeating: 0, count: 100_000)
        #expect(throws: EvaluationError.cancelled) {
            try inputs.withUnsafeBufferPointer { source in
                try outputs.withUnsafeMutableBufferPointer { target in
                    try evaluator.evaluate(
                        inputs: source, rows: 100_000, into: target, threads: 2,
                        cancelled: { polls.wrappingAdd(1, ordering: .relaxed).newValue > 3 })
                }
            }
        }
        #expect(polls.load(ordering: .relaxed) <= 6)
    }

    @Test func emptyHiddenLayersAndInputsWork() throws {
        let constant = Network(layers: [
            AffineLayer<Double>(inputs: 2, outputs: 0, weights: [], bias: []),
            AffineLayer(inputs: 0, outputs: 1, weights: [], bias: [5]),
        ])
        for rows in [1, 40] {
            let found = try run(
                BatchEvaluator(network: constant), .init(repeating: 1, count: 2 * rows), rows: rows)
            #expect(found.outputs == .init(repeating: 5, count: rows))
            #expect(found.gradients == .init(repeating: 0, count: 2 * rows))
        }
    }
}
