internal import CEvaluationKernels

/// Weights and biases of some affine maps in the layout of the kernels.
///
/// `@unchecked Sendable`: the memory is written by `init` alone, and only read from then on.
final class PackedNetwork: @unchecked Sendable {
    /// One for each layer, pointing into `memory`.
    let maps: UnsafeMutableBufferPointer<crease_affine_map>
    /// Which functions work on the packed maps.
    let kernels: crease_kernels
    private let memory: UnsafeMutableRawPointer

    /// - Parameter transposed: packs the transposed weights of the layers in reverse order, without biases.
    init(
        layers: some BidirectionalCollection<AffineLayer<Double>>, kernels: crease_kernels,
        transposed: Bool = false
    ) {
        self.kernels = kernels
        let order = transposed ? Array(layers.reversed()) : Array(layers)
        // Each layer's panels begin at a cache line, so that no vector crosses one.
        let numbers = order.reduce(0) {
            $0 + aligned($1.weights.count) + (transposed ? 0 : aligned($1.bias.count))
        }
        maps = .allocate(capacity: order.count)
        memory = .allocate(byteCount: 8 * max(1, numbers), alignment: 64)
        var next = memory.assumingMemoryBound(to: Double.self)
        for (index, layer) in order.enumerated() {
            let inputs = transposed ? layer.outputs : layer.inputs
            let outputs = transposed ? layer.inputs : layer.outputs
            let panels = next
            layer.weights.withUnsafeBufferPointer { weights in
                guard let weights = weights.baseAddress else { return }
                crease_pack(weights, inputs, outputs, transposed ? 1 : 0, panels)
            }
            next += aligned(layer.weights.count)
            var bias: UnsafePointer<Double>?
            if !transposed {
                bias = UnsafePointer(next)
                for (unit, value) in layer.bias.enumerated() { (next + unit).initialize(to: value) }
                next += aligned(layer.bias.count)
            }
            maps.initializeElement(
                at: index,
                to: crease_affine_map(inputs: inputs, outputs: outputs, panels: panels, bias: bias))
        }
    }

    deinit {
        maps.deallocate()
        memory.deallocate()
    }
}

/// `count` doubles, up to a whole number of cache lines.
private func aligned(_ count: Int) -> Int { (count + 7) / 8 * 8 }

extension Network<Double> {
    /// A bound b such that no value can overflow, in whatever order the sums are formed, while every |x_i| ≤ b;
    /// −1 where no b ≥ 1 was found.
    ///
    /// With A the largest row sum of |W| and B the largest |bias| of a layer, |values| ≤ A·X + B. The powers of
    /// two tried and the slack of 2^23 below the range make the rounding of this computation harmless.
    var inputMagnitudeWithoutOverflow: Double {
        let norms: [(Double, Double)] = layers.map { layer in
            var largest = 0.0
            for unit in 0..<layer.outputs {
                let sum = layer.row(unit).reduce(0) { $0 + $1.magnitude }
                largest = sum <= largest ? largest : sum  // a NaN stays
            }
            return (largest, layer.bias.reduce(0) { $1.magnitude <= $0 ? $0 : $1.magnitude })
        }
        for exponent in stride(from: 1000, through: 0, by: -20) {
            let bound = Double(sign: .plus, exponent: exponent, significand: 1)
            var magnitude = bound
            var holds = true
            for (weight, bias) in norms {
                magnitude = weight * magnitude + bias
                holds = holds && magnitude <= 0x1p1000
            }
            if holds { return bound }
        }
        return -1
    }
}
