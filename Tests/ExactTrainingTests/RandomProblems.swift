import ExactTraining

/// Small training problems of every kind, random and degenerate.
enum RandomProblems {
    static let losses: [TrainingLoss] = [
        .squared, .absolute, .huber(delta: 0.5), .quantile(level: 0.2), .hinge, .squaredHinge, .logistic,
    ]

    /// What makes the data awkward.
    enum Shape: CaseIterable, Sendable {
        case general
        /// Integer inputs in a small box: duplicates, collinear points, contradictory targets.
        case grid
        case collinear
        case equalTargets
        case equalInputs
        /// Inputs so close that a step between them takes slopes of 2^18 and more.
        case steep
        /// Some weights are 0.
        case weighted
        case onePoint
        case moreUnitsThanPoints
    }

    /// The problem of a seed: few enough points that enumeration takes some milliseconds.
    static func problem(
        seed: UInt64, loss: TrainingLoss, outputTerm: OutputTerm, shape: Shape
    ) throws -> TrainingProblem {
        var random = SeededGenerator(seed: seed)
        var n = Int.random(in: 1...3, using: &random)
        var w = [1, 2, 2, 2, 3][Int.random(in: 0..<5, using: &random)]
        if w == 3 { n = 1 }
        if n == 3 { w = min(w, 2) }
        var rows =
            switch (n, w) {
            case (1, 1): 9
            case (1, 2): 6
            case (1, _): 4
            case (2, 1): 6
            case (3, 1): 5
            default: 4
            }
        rows = Int.random(in: max(2, rows - 2)...rows, using: &random)
        switch shape {
        case .onePoint: rows = 1
        case .moreUnitsThanPoints:
            rows = 2
            (n, w) = (1, 3)
        default: break
        }
        let direction = (0..<n).map { _ in Double(Int.random(in: -2...2, using: &random)) }
        var inputs: [Double] = []
        for row in 0..<rows {
            let along = Double(Int.random(in: -3...3, using: &random))
            for column in 0..<n {
                switch shape {
                case .grid, .moreUnitsThanPoints:
                    inputs.append(Double(Int.random(in: -1...1, using: &random)))
                case .collinear: inputs.append(0.25 + along * direction[column])
                case .equalInputs: inputs.append(0.5 * Double(column))
                case .steep:
                    let step = Double(Int.random(in: 0...3, using: &random)) * 0x1p-19
                    inputs.append(Double(row % 2) + step)
                default: inputs.append(Double.random(in: -1...1, using: &random))
                }
            }
        }
        let targets: [Double] = (0..<rows).map { _ in
            if loss.isClassification { return Bool.random(using: &random) ? 1 : -1 }
            return shape == .equalTargets ? 0.75 : Double.random(in: -1...1, using: &random)
        }
        let weights: [Double]? =
            shape == .weighted
            ? (0..<rows).map { $0 == 0 ? 0.5 : Double(Int.random(in: 0...3, using: &random)) } : nil
        return try TrainingProblem(
            inputs: inputs, columns: n, targets: targets, weights: weights, hiddenUnits: w, loss: loss,
            outputTerm: outputTerm)
    }
}

extension TrainingProblem {
    /// The same problem with other data.
    func with(
        inputs: [Double]? = nil, targets: [Double]? = nil, weights: [Double]? = nil, loss: TrainingLoss? = nil
    ) throws -> TrainingProblem {
        try TrainingProblem(
            inputs: inputs ?? self.inputs, columns: columns, targets: targets ?? self.targets,
            weights: weights ?? self.weights, hiddenUnits: hiddenUnits, loss: loss ?? self.loss,
            outputTerm: outputTerm)
    }
}
