public import ExactArithmetic

/// What `ExactEvaluator` answers for a batch.
public struct ExactEvaluation: Sendable {
    /// Row-major, rows × m.
    public var outputs: [Rational]
    /// rows × hidden units, layer after layer: true where the pre-activation is > 0. Empty unless asked for.
    public var activations: [Bool]
    /// Row-major, rows × m × n; a unit exactly at its fold is off. Empty unless asked for.
    public var gradients: [Rational]
}

/// A network prepared for evaluation in rational arithmetic on many rows.
public struct ExactEvaluator: Sendable {
    public let network: Network<Rational>

    public init(network: Network<Rational>) { self.network = network }

    /// Evaluates `rows` rows of n coordinates, exactly.
    ///
    /// - Parameter cancelled: polled every few milliseconds, from any of the threads.
    public func evaluate(
        _ inputs: [Rational], rows: Int, activations: Bool = false, gradients: Bool = false, threads: Int = 1,
        cancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(EvaluationError) -> ExactEvaluation {
        throw .cancelled
    }
}
