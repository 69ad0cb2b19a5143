internal import ExactArithmetic
internal import ReLUNetworks

/// A candidate answer: f(x) = Σ_j s_j σ(⟨a_j, x⟩ + b_j) + ⟨a, x⟩ + b.
///
/// What is stated of it holds for the real function that the stored doubles describe.
struct FittedParameters: Sendable {
    /// w entries, ±1.
    let signs: [Int]
    /// Row-major, w × (n + 1): row j is (a_j, b_j).
    let hidden: [Double]
    /// n + 1 entries, (a, b); zeros where the problem has no such term.
    let outputTerm: [Double]

    /// - Precondition: `hidden.count == signs.count * outputTerm.count`, `outputTerm` is not empty.
    init(signs: [Int], hidden: [Double], outputTerm: [Double]) {
        precondition(!outputTerm.isEmpty && hidden.count == signs.count * outputTerm.count, "shapes disagree")
        self.signs = signs
        self.hidden = hidden
        self.outputTerm = outputTerm
    }

    /// The zero function, which every problem admits.
    static func zero(_ problem: TrainingProblem) -> FittedParameters {
        FittedParameters(
            signs: [Int](repeating: 1, count: problem.hiddenUnits),
            hidden: [Double](repeating: 0, count: problem.hiddenUnits * (problem.columns + 1)),
            outputTerm: [Double](repeating: 0, count: problem.columns + 1))
    }

    /// n.
    var columns: Int { outputTerm.count - 1 }

    /// The same function as a network: one hidden layer, outer weights ±1, the constant in the output's bias. The
    /// linear part of an affine output term passes through two more hidden units, σ(t) − σ(−t) = t; without one
    /// there are exactly w.
    var network: Network<Double> {
        let n = columns
        var weights = [Double]()
        var bias = [Double]()
        for unit in signs.indices {
            weights += hidden[unit * (n + 1)..<unit * (n + 1) + n]
            bias.append(hidden[unit * (n + 1) + n])
        }
        var outer = signs.map(Double.init)
        let slope = outputTerm[..<n]
        if slope.contains(where: { $0 != 0 }) {
            weights += slope
            weights += slope.map { $0 == 0 ? 0 : -$0 }
            bias += [0, 0]
            outer += [1, -1]
        }
        return Network(layers: [
            AffineLayer(inputs: n, outputs: outer.count, weights: weights, bias: bias),
            AffineLayer(inputs: outer.count, outputs: 1, weights: outer, bias: [outputTerm[n]]),
        ])
    }

    /// f at every row, rounded: for solvers.
    func predictions(_ problem: TrainingProblem) -> [Double] {
        let n = columns
        return (0..<problem.rows).map { row in
            func affine(_ parameters: [Double], _ start: Int) -> Double {
                var sum = parameters[start + n]
                for column in 0..<n { sum += parameters[start + column] * problem.inputs[row * n + column] }
                return sum
            }
            var sum = affine(outputTerm, 0)
            for unit in signs.indices { sum += Double(signs[unit]) * max(0, affine(hidden, unit * (n + 1))) }
            return sum
        }
    }

    /// The weighted mean loss, rounded: for solvers.
    func approximateLoss(_ problem: TrainingProblem) -> Double {
        var sum = 0.0
        var weight = 0.0
        for (row, prediction) in predictions(problem).enumerated() {
            sum += problem.weights[row] * problem.loss.value(prediction, problem.targets[row])
            weight += problem.weights[row]
        }
        return sum / weight
    }

    /// The weighted mean loss, rounded up: at most a few units in the last place above the true value (logistic loss:
    /// 2^-46 of it).
    ///
    /// Complexity: O(D w n), some 5 ns a product; where the loss is so close to 0 that double-double arithmetic
    /// does not give its digits, rational arithmetic decides. +∞ where a prediction overflows.
    func lossUpperBound(_ problem: TrainingProblem) -> Double {
        var sum = EnclosedNumber.zero
        for row in 0..<problem.rows where problem.weights[row] != 0 {
            let loss = problem.loss.enclosure(prediction(problem, row: row), problem.targets[row])
            sum += EnclosedNumber(problem.weights[row]) * loss
        }
        let bound = sum.upperBound
        guard bound < .infinity else { return .infinity }
        if !sum.isSharp, let exact = exactLoss(problem) { return max(0, exact.double(rounding: .up)) }
        return max(0, DirectedRounding.quotientUp(bound, totalWeightDown(problem)))
    }

    /// The exact weighted mean loss; `nil` for the logistic loss and for parameters that are not finite.
    func exactLoss(_ problem: TrainingProblem) -> Rational? {
        var sum = Rational.zero
        var weight = Rational.zero
        for row in 0..<problem.rows where problem.weights[row] != 0 {
            guard let prediction = exactPrediction(problem, row: row),
                let target = Rational(exactly: problem.targets[row]),
                let rowWeight = Rational(exactly: problem.weights[row]),
                let loss = problem.loss.exactValue(prediction, target)
            else { return nil }
            sum += rowWeight * loss
            weight += rowWeight
        }
        return weight.isZero ? nil : sum / weight
    }

    private func prediction(_ problem: TrainingProblem, row: Int) -> EnclosedNumber {
        let n = columns
        func affine(_ parameters: [Double], _ start: Int) -> EnclosedNumber {
            var sum = EnclosedNumber(parameters[start + n])
            for column in 0..<n {
                sum += .product(parameters[start + column], problem.inputs[row * n + column])
            }
            return sum
        }
        var sum = affine(outputTerm, 0)
        for unit in signs.indices {
            let value = affine(hidden, unit * (n + 1)).rectified
            sum += signs[unit] > 0 ? value : -value
        }
        return sum
    }

    private func exactPrediction(_ problem: TrainingProblem, row: Int) -> Rational? {
        let n = columns
        func affine(_ parameters: [Double], _ start: Int) -> Rational? {
            guard var sum = Rational(exactly: parameters[start + n]) else { return nil }
            for column in 0..<n {
                guard let factor = Rational(exactly: parameters[start + column]),
                    let input = Rational(exactly: problem.inputs[row * n + column])
                else { return nil }
                sum += factor * input
            }
            return sum
        }
        guard var sum = affine(outputTerm, 0) else { return nil }
        for unit in signs.indices {
            guard let value = affine(hidden, unit * (n + 1)) else { return nil }
            guard value.sign > 0 else { continue }
            sum += signs[unit] > 0 ? value : -value
        }
        return sum
    }

    private func totalWeightDown(_ problem: TrainingProblem) -> Double {
        var sum = EnclosedNumber.zero
        for weight in problem.weights { sum += EnclosedNumber(weight) }
        return sum.lowerBound
    }
}

extension TrainingLoss {
    /// ℓ(f, y); `nil` for the logistic loss, whose values are not rational.
    func exactValue(_ prediction: Rational, _ target: Rational) -> Rational? {
        let excess = prediction - target
        switch self {
        case .squared: return excess * excess
        case .absolute: return excess.magnitude
        case .huber(let delta):
            guard let delta = Rational(exactly: delta) else { return nil }
            return excess.magnitude <= delta
                ? excess * excess / 2 : delta * (excess.magnitude - delta / 2)
        case .quantile(let level):
            guard let level = Rational(exactly: level) else { return nil }
            return excess.sign <= 0 ? -level * excess : (1 - level) * excess
        case .hinge, .squaredHinge:
            let violation = 1 - target * prediction
            guard violation.sign > 0 else { return .zero }
            return self == .hinge ? violation : violation * violation
        case .logistic: return nil
        }
    }
}
