/// The problem with targets and weights near 1: multiplied by powers of two, where that is exact.
struct ScaledProblem {
    let problem: TrainingProblem
    /// Targets and predictions were divided by this power of two.
    let targetScale: Double
    /// Losses were divided by this power of `targetScale`.
    private let degree: Int
    /// Weights were divided by this power of two.
    let weightScale: Double

    init(_ original: TrainingProblem) {
        var loss = original.loss
        var scale = 1.0
        var degree = 0
        if !original.loss.isClassification {
            scale = Self.powerOfTwo(near: original.targets.map(\.magnitude).max() ?? 0)
            degree = 1
        }
        switch original.loss {
        case .squared: degree = 2
        case .huber(let delta):
            degree = 2
            if delta / scale * scale != delta || delta / scale == 0 { scale = 1 }
            loss = .huber(delta: delta / scale)
        default: break
        }
        if original.targets.contains(where: { $0 / scale * scale != $0 }) {
            scale = 1
            loss = original.loss
        }
        var weightScale = Self.powerOfTwo(near: original.weights.max() ?? 1)
        if original.weights.contains(where: { $0 / weightScale * weightScale != $0 }) {
            weightScale = 1
        }
        let scaled = try? TrainingProblem(
            inputs: original.inputs, columns: original.columns,
            targets: original.targets.map { $0 / scale },
            weights: original.weights.map { $0 / weightScale }, hiddenUnits: original.hiddenUnits,
            loss: loss,
            outputTerm: original.outputTerm)
        problem = scaled ?? original
        targetScale = scaled == nil ? 1 : scale
        self.degree = degree
        self.weightScale = scaled == nil ? 1 : weightScale
    }

    /// What a slope ∂ω ℓ/∂f of the scaled problem is to be multiplied by to be one of the original.
    var slopeScale: Double { degree == 2 ? weightScale * targetScale : weightScale }

    private static func powerOfTwo(near value: Double) -> Double {
        guard value > 0x1p-1000, value < 0x1p1000 else { return 1 }
        return Double(sign: .plus, exponent: value.exponent, significand: 1)
    }

    /// A loss of the scaled problem, as one of the original, rounded down.
    func lossDown(_ value: Double) -> Double {
        var result = value
        for _ in 0..<degree { result = DirectedRounding.productDown(result, targetScale) }
        return max(0, result)
    }
}

extension FittedParameters {
    /// The function times a positive power of two.
    func scaled(by factor: Double) -> FittedParameters {
        FittedParameters(
            signs: signs, hidden: hidden.map { $0 * factor }, outputTerm: outputTerm.map { $0 * factor })
    }
}
