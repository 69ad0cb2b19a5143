internal import ExactArithmetic
internal import FastJSON
internal import ReLUNetworks

/// Reads networks out of request bodies.
struct NetworkDecoding {
    let service: CreaseApplication
    /// What a JSON number in a network means.
    let reading: NumberReading

    /// A network object, or the name of a stored network.
    func network(_ value: JSONValue) throws -> ServedNetwork {
        if value.kind == .string {
            let name = try value.string()
            guard let stored = service.networks[name] else {
                throw Problem.unprocessable(
                    "unknown-network", at: value.pointer, "No network is stored under the name '\(name)'.")
            }
            return stored.network
        }
        guard value.kind == .object else { throw value.wrongType("a network or the name of a stored one") }
        return try object(value)
    }

    /// `{"layers": [{"weights": [[…], …], "bias": […]}, …]}`.
    func object(_ value: JSONValue) throws -> ServedNetwork {
        var reader = try ObjectReader(value)
        let layersValue = try reader.required("layers")
        try reader.finish()
        let values = try layersValue.elements()
        guard !values.isEmpty else {
            throw Problem.unprocessable("empty", at: layersValue.pointer, "A network has at least one layer.")
        }
        let maximumLayers = service.configuration.maximumLayers
        guard values.count <= maximumLayers else {
            throw Problem.limit(
                "maximumLayers", maximumLayers, at: layersValue.pointer,
                "The network has \(values.count) layers")
        }
        var shapes: [(weights: JSONNumbers, bias: JSONNumbers)] = []
        var parameters = 0
        for value in values {
            var reader = try ObjectReader(value)
            let weights = try reader.required("weights").matrix()
            let biasValue = try reader.required("bias")
            let bias = try biasValue.numbers()
            try reader.finish()
            guard weights.rows > 0 else {
                throw Problem.unprocessable("empty", at: weights.pointer, "A layer has at least one unit.")
            }
            guard bias.count == weights.rows else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: bias.pointer,
                    "The bias has \(bias.count) entries for \(weights.rows) rows of weights.")
            }
            if let before = shapes.last, before.weights.rows != weights.columns {
                throw Problem.unprocessable(
                    "shape-mismatch", at: weights.pointer,
                    "The rows have \(weights.columns) entries where the layer before has "
                        + "\(before.weights.rows) units.")
            }
            parameters += weights.count + bias.count
            shapes.append((weights, bias))
        }
        let maximumParameters = service.configuration.maximumParameters
        guard parameters <= maximumParameters else {
            throw Problem.limit(
                "maximumParameters", maximumParameters, at: layersValue.pointer,
                "The network has \(parameters) weights and biases")
        }
        return try build(shapes)
    }

    private func build(_ shapes: [(weights: JSONNumbers, bias: JSONNumbers)]) throws -> ServedNetwork {
        var plain = reading == .binary64
        for shape in shapes where plain {
            for numbers in [shape.weights, shape.bias] {
                guard let index = numbers.firstNotFinite else { continue }
                guard numbers.isString(index) else {
                    throw ExactNumbers.beyondBinary64(numbers.pointer(index))
                }
                plain = false
                break
            }
        }
        if plain {
            return ServedNetwork(
                Network(
                    layers: shapes.map { weights, bias in
                        AffineLayer(
                            inputs: weights.columns, outputs: weights.rows, weights: weights.doubles,
                            bias: bias.doubles)
                    }))
        }
        var isExact = true
        var exactLayers: [AffineLayer<Rational>] = []
        var roundedLayers: [AffineLayer<Double>] = []
        for (weights, bias) in shapes {
            let layer = AffineLayer(
                inputs: weights.columns, outputs: weights.rows,
                weights: try ExactNumbers.rationals(weights, reading),
                bias: try ExactNumbers.rationals(bias, reading))
            let rounded = layer.map { value in
                if isExact, value.exactDouble == nil { isExact = false }
                return value.nearestDouble
            }
            if let index = rounded.weights.firstIndex(where: { !$0.isFinite }) {
                throw ExactNumbers.beyondBinary64(weights.pointer(index))
            }
            if let index = rounded.bias.firstIndex(where: { !$0.isFinite }) {
                throw ExactNumbers.beyondBinary64(bias.pointer(index))
            }
            exactLayers.append(layer)
            roundedLayers.append(rounded)
        }
        return ServedNetwork(
            exact: Network(layers: exactLayers), rounded: Network(layers: roundedLayers),
            isRoundedExact: isExact)
    }
}

extension ObjectReader {
    /// `"numbers"`, by default what the place says.
    mutating func numberReading(default fallback: NumberReading) throws -> NumberReading {
        guard let value = optional("numbers") else { return fallback }
        return try value.choice(["decimal": .decimal, "binary64": .binary64])
    }

    /// `"arithmetic": "exact"`.
    mutating func isExactArithmetic() throws -> Bool {
        guard let value = optional("arithmetic") else { return false }
        return try value.choice(["double": false, "exact": true])
    }
}

extension JSONValue {
    /// The meaning of a string out of a fixed set.
    func choice<Choice>(_ choices: KeyValuePairs<String, Choice>) throws -> Choice {
        let text = try string()
        if let match = choices.first(where: { $0.key == text }) { return match.value }
        throw Problem.unprocessable(
            "unknown-value", at: pointer,
            "'\(text)' is none of \(choices.map { "'\($0.key)'" }.joined(separator: ", ")).")
    }
}
