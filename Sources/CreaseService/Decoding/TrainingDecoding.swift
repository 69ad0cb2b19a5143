internal import ExactTraining
internal import FastJSON

// Losses and output terms as requests and certificates write them.

extension TrainingLoss {
    var name: String {
        switch self {
        case .squared: "squared"
        case .absolute: "absolute"
        case .huber: "huber"
        case .quantile: "quantile"
        case .hinge: "hinge"
        case .squaredHinge: "squared-hinge"
        case .logistic: "logistic"
        }
    }

    /// A name, or an object with `kind` and the loss's parameters.
    ///
    /// Losses that have a parameter: `huber` takes `delta`, 1 where it is absent; `quantile` takes `level`, which is
    /// required.
    init(_ value: JSONValue) throws {
        guard value.kind == .object else {
            self = try Self.named(value, nil)
            return
        }
        var reader = try ObjectReader(value)
        let kind = try reader.required("kind")
        self = try Self.named(kind, value)
        switch self {
        case .huber:
            if let delta = reader.optional("delta") { self = .huber(delta: try delta.double()) }
        case .quantile:
            let level = try reader.required("level").double()
            self = .quantile(level: level)
        default: break
        }
        try reader.finish()
        try check(value)
    }

    /// - Parameter object: the object that the name stands in, if it does.
    private static func named(_ value: JSONValue, _ object: JSONValue?) throws -> TrainingLoss {
        let loss: TrainingLoss = try value.choice([
            "squared": .squared, "absolute": .absolute, "huber": .huber(delta: 1),
            "quantile": .quantile(level: 0.5), "hinge": .hinge, "squared-hinge": .squaredHinge,
            "logistic": .logistic,
        ])
        if case .quantile = loss, object == nil {
            throw Problem.unprocessable(
                "missing-member", at: value.pointer,
                "The quantile loss has a level: {\"kind\": \"quantile\", \"level\": 0.9}.")
        }
        return loss
    }

    private func check(_ value: JSONValue) throws {
        switch self {
        case .huber(let delta) where !(delta > 0):
            throw Problem.unprocessable(
                "out-of-range", at: "\(value.pointer)/delta", "delta is greater than 0.")
        case .quantile(let level) where !(level > 0 && level < 1):
            throw Problem.unprocessable(
                "out-of-range", at: "\(value.pointer)/level", "level is greater than 0 and less than 1.")
        default: break
        }
    }
}

extension OutputTerm {
    var name: String {
        switch self {
        case .none: "none"
        case .bias: "bias"
        case .affine: "affine"
        }
    }

    init(_ value: JSONValue) throws {
        self = try value.choice(["none": .none, "bias": .bias, "affine": .affine])
    }
}
