internal import ExactArithmetic

extension NetworkAlgebra {
    /// The cheapest place at which a signal of a network waits for deeper ones, with the nodes of each layer of
    /// waiting.
    enum WaitingPlace: Equatable {
        /// The inputs wait: 2n nodes.
        case inputs
        /// The outputs of hidden layer `layer` (1 … k) wait: its width, since they are non-negative.
        case hidden(layer: Int)
        /// The outputs wait: 2 nodes each, 1 where the sign is known, 0 for a constant.
        case outputs
    }

    static func cheapestWaitingPlace(of network: Network<Rational>) -> (place: WaitingPlace, nodes: Int) {
        let last = network.layers[network.hiddenLayers]
        let outputCost = (0..<last.outputs).reduce(0) { cost, unit in
            let row = last.row(unit)
            let isConstant = row.allSatisfy(\.isZero)
            let signs = row.map(\.sign) + [last.bias[unit].sign]
            let isSigned =
                network.hiddenLayers > 0 && (signs.allSatisfy { $0 >= 0 } || signs.allSatisfy { $0 <= 0 })
            return cost + (isConstant ? 0 : isSigned ? 1 : 2)
        }
        var best = (place: WaitingPlace.outputs, nodes: outputCost)
        for (index, width) in network.hiddenWidths.enumerated() where width < best.nodes {
            best = (.hidden(layer: index + 1), width)
        }
        if 2 * network.inputs < best.nodes { best = (.inputs, 2 * network.inputs) }
        return best
    }

    /// An equal network with `layers` more hidden layers (none are added to a constant function).
    func delayed(_ network: Network<Rational>, by layers: Int) throws(AlgebraError) -> Network<Rational> {
        if layers == 0 { return network }
        var builder = NetworkBuilder(inputs: network.inputs, self)
        let outputs = try embed(network, delayedBy: layers, &builder)
        return try builder.finish(outputs, over: network.hiddenLayers + layers)
    }

    /// The outputs of the network on the builder's inputs, over layer hiddenLayers + `layers`.
    func embed(_ network: Network<Rational>, delayedBy layers: Int, _ builder: inout NetworkBuilder)
        throws(AlgebraError) -> [AffineForm]
    {
        let before: Int  // maps that are passed before the signal waits
        switch Self.cheapestWaitingPlace(of: network).place {
        case .inputs: before = 0
        case .hidden(let layer): before = layer
        case .outputs: before = network.layers.count
        }
        var forms = builder.coordinates
        var time = 0
        func wait(_ builder: inout NetworkBuilder) throws(AlgebraError) {
            for _ in 0..<layers {
                for index in forms.indices { forms[index] = try builder.advanced(forms[index], from: time) }
                time += 1
            }
        }
        for (index, map) in network.layers.enumerated() {
            if index == before { try wait(&builder) }
            forms = try builder.apply(map, to: forms)
            guard index < network.hiddenLayers else { break }
            time += 1
            for unit in forms.indices { forms[unit] = try builder.rectified(forms[unit], layer: time) }
        }
        if before == network.layers.count { try wait(&builder) }
        return forms
    }
}
