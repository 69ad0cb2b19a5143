public import ExactArithmetic
internal import Threads

/// What `ExactEvaluator` answers for a batch.
public struct ExactEvaluation: Sendable, Equatable {
    /// Row-major, rows × m.
    public var outputs: [Rational] = []
    /// rows × hidden units, layer after layer: true where the pre-activation is > 0. Empty unless asked for.
    public var activations: [Bool] = []
    /// Row-major, rows × m × n; a unit exactly at its fold is off. Empty unless asked for.
    public var gradients: [Rational] = []
}

/// A network prepared for evaluation in rational arithmetic on many rows.
///
/// Layers are evaluated as integer matrices over common denominators; where those would be long (many different
/// denominators in one layer or one row), with rationals.
public struct ExactEvaluator: Sendable {
    public let network: Network<Rational>
    let integers: IntegerNetwork?

    /// Complexity: O(parameters), one copy of them.
    public init(network: Network<Rational>) {
        self.init(network: network, overCommonDenominators: true)
    }

    init(network: Network<Rational>, overCommonDenominators: Bool) {
        self.network = network
        integers = overCommonDenominators ? IntegerNetwork(network) : nil
    }

    /// Evaluates `rows` rows of n coordinates, exactly.
    ///
    /// - Parameters:
    ///   - threads: at most this many threads, the caller's among them.
    ///   - cancelled: polled at least every few hundred rational operations, from any of the threads.
    public func evaluate(
        _ inputs: [Rational], rows: Int, activations: Bool = false, gradients: Bool = false, threads: Int = 1,
        cancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(EvaluationError) -> ExactEvaluation {
        let (count, overflow) = rows.multipliedReportingOverflow(by: network.inputs)
        guard rows >= 0, !overflow, count == inputs.count else { throw .shapesDisagree }
        let workers = max(1, min(threads, rows))
        // Neighbouring rows together, some shares for each thread.
        let share = max(1, rows / (workers * 8))
        let parts = try parallelMap(rows / share + (rows % share > 0 ? 1 : 0), threads: workers, perThread: 1)
        {
            (index) throws(EvaluationError) in
            let part = index * share..<min(rows, (index + 1) * share)
            return try evaluate(inputs, part, activations, gradients, cancelled)
        }
        var whole = ExactEvaluation()
        for part in parts {
            whole.outputs += part.outputs
            whole.activations += part.activations
            whole.gradients += part.gradients
        }
        return whole
    }

    private func evaluate(
        _ inputs: [Rational], _ rows: Range<Int>, _ activations: Bool, _ gradients: Bool,
        _ cancelled: () -> Bool
    ) throws(EvaluationError) -> ExactEvaluation {
        var result = ExactEvaluation()
        var polls = 0
        func poll() throws(EvaluationError) {
            polls += 1
            if polls % 8 == 0, cancelled() { throw .cancelled }
        }
        let n = network.inputs
        for row in rows {
            if cancelled() { throw .cancelled }
            let point = inputs[row * n..<(row + 1) * n]
            guard let integers, let layers = try integers.values(point, poll) else {
                try evaluateRationally(point, activations, gradients, &result, cancelled)
                continue
            }
            let m = network.outputs
            for output in 0..<m { result.outputs.append(layers[layers.count - 1].ratio(output, m)) }
            if activations {
                for layer in layers.dropLast() {
                    for unit in 0..<layer.count - 1 { result.activations.append(layer.sign(unit) > 0) }
                }
            }
            if gradients {
                let fromInputs = GradientDirection.cheaper(for: network).direction == .fromInputs
                result.gradients += try integers.gradient(layers, fromInputs: fromInputs, poll)
            }
        }
        return result
    }

    /// One row with rationals, gradients with the values.
    private func evaluateRationally(
        _ point: ArraySlice<Rational>, _ activations: Bool, _ gradients: Bool,
        _ result: inout ExactEvaluation,
        _ cancelled: () -> Bool
    ) throws(EvaluationError) {
        var values = Array(point)
        var slopes: [[Rational]] = []
        if gradients {
            slopes = point.indices.map { row in point.indices.map { $0 == row ? .one : .zero } }
        }
        var operations = 0
        for (index, layer) in network.layers.enumerated() {
            var next: [Rational] = []
            var nextSlopes: [[Rational]] = []
            for unit in 0..<layer.outputs {
                var sum = layer.bias[unit]
                var slope = [Rational](repeating: .zero, count: gradients ? network.inputs : 0)
                for (input, weight) in layer.row(unit).enumerated() where !weight.isZero {
                    operations += 1
                    if operations % 16 == 0, cancelled() { throw .cancelled }
                    if !values[input].isZero { sum += weight * values[input] }
                    for column in slope.indices where !slopes[input][column].isZero {
                        slope[column] += weight * slopes[input][column]
                    }
                }
                let isOn = index == network.hiddenLayers || sum.sign > 0
                if activations, index < network.hiddenLayers { result.activations.append(isOn) }
                next.append(isOn ? sum : .zero)
                if gradients {
                    nextSlopes.append(isOn ? slope : .init(repeating: .zero, count: network.inputs))
                }
            }
            values = next
            slopes = nextSlopes
        }
        result.outputs += values
        if gradients { result.gradients += slopes.joined() }
    }
}
