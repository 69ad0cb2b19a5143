internal import CEvaluationKernels

/// A network prepared for evaluation in binary64 on many rows.
///
/// Every pre-activation is its bias, then + w_1 x_1, + w_2 x_2, … in this order, each step one fused multiply-add
/// where the processor has it. So a row's results do not depend on the batch, on the row's place in it, on the
/// number of threads or on the width of the vectors: AVX2, AVX-512 and 64-bit Arm agree bit for bit. (An x86
/// processor without FMA rounds each product as well, in the same order.) Gradients are sums of the same kind,
/// formed from the inputs' side or from the outputs' side, whichever is cheaper for the network's shape.
public struct BatchEvaluator: Sendable {
    /// n
    public let inputs: Int
    /// m
    public let outputs: Int
    /// The number of hidden units, all layers together: the length of a row of activations.
    public let hiddenUnits: Int
    /// Additions and multiplications for the outputs of one row: a measure by which a caller chooses batches and
    /// numbers of threads. A core does 1 to 40 of them in a nanosecond.
    public let operationsPerRow: Double
    /// Additions and multiplications for the gradients of one row, which come on top.
    public let gradientOperationsPerRow: Double

    let network: Network<Double>
    let packed: PackedNetwork
    /// The widest hidden layer.
    let width: Int
    /// While every |x_i| is at most this, no value can overflow.
    let safeMagnitude: Double

    /// Complexity: O(parameters), one copy of them.
    public init(network: Network<Double>) {
        self.init(network: network, kernels: crease_best_kernels().pointee)
    }

    /// The evaluator that uses the given variant of the kernels.
    init(network: Network<Double>, kernels: crease_kernels) {
        self.network = network
        inputs = network.inputs
        outputs = network.outputs
        width = network.width
        hiddenUnits = network.size
        packed = PackedNetwork(layers: network.layers, kernels: kernels)
        safeMagnitude = network.inputMagnitudeWithoutOverflow
        operationsPerRow = 2 * Double(network.parameters)
        gradientOperationsPerRow = GradientDirection.cheaper(for: network).operations
    }

    /// Evaluates `rows` rows.
    ///
    /// Complexity: O(rows · parameters); one row of a network of at most 64 hidden units a layer allocates nothing.
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
        threads: Int = 1, cancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(EvaluationError) {
        guard rows >= 0, hasShape(inputs.count, rows, self.inputs, 1),
            hasShape(outputs.count, rows, self.outputs, 1),
            activations.map({ hasShape($0.count, rows, hiddenUnits, 1) }) ?? true,
            gradients.map({ hasShape($0.count, rows, self.outputs, self.inputs) }) ?? true
        else { throw .shapesDisagree }
        if rows == 0 { return }
        let buffers = BatchBuffers(
            inputs: inputs.baseAddress, outputs: outputs.baseAddress, activations: activations?.baseAddress,
            gradients: gradients?.baseAddress)
        // What preparing a run costs is worth some 4,000 operations.
        let isSmall = rows < rowsOfAFullTile || Double(rows) * operationsPerRow < 4_000
        if gradients == nil, isSmall {
            var isCancelled = false
            let overflow = evaluateSingly(0..<rows, buffers) {
                isCancelled = cancelled()
                return isCancelled
            }
            if isCancelled { throw .cancelled }
            if let overflow { throw .overflow(row: overflow) }
            return
        }
        try BatchRun(self, buffers, rows: rows, threads: threads, cancelled: cancelled).run()
    }

    /// The outputs, rows × m, of `inputs`, rows × n.
    public func evaluate(_ inputs: [Double], rows: Int, threads: Int = 1) throws(EvaluationError) -> [Double]
    {
        let (count, overflow) = rows.multipliedReportingOverflow(by: outputs)
        guard rows >= 0, hasShape(inputs.count, rows, self.inputs, 1), !overflow else {
            throw .shapesDisagree
        }
        var values = [Double](repeating: 0, count: count)
        try inputs.withUnsafeBufferPointer { (source) throws(EvaluationError) in
            try values.withUnsafeMutableBufferPointer { (target) throws(EvaluationError) in
                try evaluate(inputs: source, rows: rows, into: target, threads: threads)
            }
        }
        return values
    }

    /// From this many rows on, a tile of rows is cheaper than row after row.
    var rowsOfAFullTile: Int { max(3, packed.kernels.tile_rows / 2) }

    /// Row after row; the first row with an overflow. Of large networks `poll` is asked before each row.
    func evaluateSingly(_ rows: Range<Int>, _ buffers: BatchBuffers, poll: () -> Bool) -> Int? {
        withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * width + 1) { scratch -> Int? in
            for row in rows {
                if operationsPerRow > 1e6, poll() { return nil }
                let target = buffers.outputs.map { $0 + row * outputs }
                if !evaluateRow(row, buffers, into: target, scratch) { return row }
            }
            return nil
        }
    }

    /// One row into `target`; false where a value overflowed.
    func evaluateRow(
        _ row: Int, _ buffers: BatchBuffers, into target: UnsafeMutablePointer<Double>?,
        _ scratch: UnsafeMutableBufferPointer<Double>
    ) -> Bool {
        let source = buffers.inputs.map { $0 + row * inputs }
        var isSafe = safeMagnitude >= 0
        if let source {
            for index in 0..<inputs { isSafe = isSafe && source[index].magnitude <= safeMagnitude }
        }
        let isFinite = packed.kernels.row(
            packed.maps.baseAddress, packed.maps.count, source, target, scratch.baseAddress,
            buffers.activations.map { $0 + row * hiddenUnits }, isSafe ? 0 : 1)
        return isFinite != 0
    }
}

/// Whether `count` = a · b · c, without overflow.
private func hasShape(_ count: Int, _ a: Int, _ b: Int, _ c: Int) -> Bool {
    let (ab, first) = a.multipliedReportingOverflow(by: b)
    let (product, second) = ab.multipliedReportingOverflow(by: c)
    return !first && !second && product == count
}

/// Where a batch lies in memory.
///
/// `@unchecked Sendable`: the inputs are only read, and the threads of a run write the rows of disjoint ranges.
struct BatchBuffers: @unchecked Sendable {
    let inputs: UnsafePointer<Double>?
    let outputs: UnsafeMutablePointer<Double>?
    let activations: UnsafeMutablePointer<UInt8>?
    let gradients: UnsafeMutablePointer<Double>?
}
