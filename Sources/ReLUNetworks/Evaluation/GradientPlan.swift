internal import CEvaluationKernels

/// From which side the product W_{k+1} D_k W_k … D_1 W_1 of a row's gradients is formed.
enum GradientDirection {
    /// A column for each input, through the layers in order.
    case fromInputs
    /// A row for each output, through the transposed layers.
    case fromOutputs

    static func cheaper<Scalar>(
        for network: Network<Scalar>
    ) -> (direction: GradientDirection, operations: Double) {
        func weights(_ layers: some Sequence<AffineLayer<Scalar>>) -> Double {
            layers.reduce(0) { $0 + Double($1.weights.count) }
        }
        let forward = 2 * Double(network.inputs) * weights(network.layers.dropFirst())
        let backward = 2 * Double(network.outputs) * weights(network.layers.dropLast())
        return forward <= backward ? (.fromInputs, forward) : (.fromOutputs, backward)
    }
}

/// The maps that the columns (or rows) of a gradient pass, prepared for one batch.
struct GradientPlan: Sendable {
    let direction: GradientDirection
    /// For `fromInputs` layers 2 … k+1 without biases, for `fromOutputs` the transposed layers k … 1.
    let packed: PackedNetwork
    /// How many columns (inputs) or rows (outputs) there are.
    let columns: Int

    init(_ network: Network<Double>, kernels: crease_kernels) {
        direction = GradientDirection.cheaper(for: network).direction
        switch direction {
        case .fromInputs:
            columns = network.inputs
            packed = PackedNetwork(layers: network.layers.dropFirst(), kernels: kernels)
        case .fromOutputs:
            columns = network.outputs
            packed = PackedNetwork(layers: network.layers.dropLast(), kernels: kernels, transposed: true)
        }
    }
}
