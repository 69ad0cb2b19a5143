/// A loss ℓ(f, y) that is convex in the prediction f.
public enum TrainingLoss: Sendable, Hashable {
    /// (f − y)².
    case squared
    /// |f − y|.
    case absolute
    /// (f − y)²/2 while |f − y| ≤ `delta`, beyond that `delta`·(|f − y| − `delta`/2).
    case huber(delta: Double)
    /// The pinball loss: `level`·(y − f) where f ≤ y, (1 − `level`)·(f − y) otherwise.
    case quantile(level: Double)
    /// max(0, 1 − y f) for labels y in {−1, 1}.
    case hinge
    /// max(0, 1 − y f)² for labels y in {−1, 1}.
    case squaredHinge
    /// log(1 + exp(−y f)) for labels y in {−1, 1}. Its infimum need not be attained.
    case logistic

    /// Whether targets are labels in {−1, 1}.
    public var isClassification: Bool {
        switch self {
        case .hinge, .squaredHinge, .logistic: true
        case .squared, .absolute, .huber, .quantile: false
        }
    }
}

/// What is added to the sum of the hidden units.
public enum OutputTerm: Sendable, Hashable, CaseIterable {
    /// Nothing: the class of Theorem 4.1 of Arora et al. (ICLR 2018).
    case none
    /// A constant.
    case bias
    /// An affine function of the input.
    case affine
}

/// What makes a training problem meaningless. Indices are those of the caller's rows and columns, from 0.
public enum TrainingFault: Error, Equatable, Sendable {
    /// There are no rows, or every sample weight is 0.
    case noData
    /// The inputs have no columns.
    case noInputs
    /// `hiddenUnits` (or `pieces`) is less than 1.
    case noHiddenUnits
    /// More hidden units than the solver accepts.
    case tooManyHiddenUnits(limit: Int)
    /// More input columns than the solver accepts.
    case tooManyInputs(limit: Int)
    /// `inputs` does not hold rows × columns numbers.
    case inputCount(expected: Int, actual: Int)
    case targetCount(expected: Int, actual: Int)
    case weightCount(expected: Int, actual: Int)
    case inputNotFinite(row: Int, column: Int)
    case targetNotFinite(row: Int)
    case weightNotFinite(row: Int)
    case negativeWeight(row: Int)
    /// The loss needs a label −1 or 1.
    case labelNotSigned(row: Int)
    /// `delta` of the Huber loss is not positive and finite, or `level` of the quantile loss not inside (0, 1).
    case lossParameter
    /// The numbers of a column (or the targets or weights, column `nil`) spread over more orders of magnitude than can
    /// be scaled without rounding.
    case magnitude(row: Int, column: Int?)
    /// Enumeration would need `programs` convex programs (a decimal integer), more than `limit`. Where counting alone
    /// would take more than a second or two, `programs` is what the first points need, a lower bound.
    case tooManyPrograms(programs: String, limit: Int)
    /// An option is out of its range.
    case option(name: String)
    /// Segmented regression takes one input column.
    case notOneDimensional
}

/// Data, architecture and loss: minimise the weighted mean of ℓ(f(x_i), y_i) over one-hidden-layer networks
/// f(x) = Σ_j s_j σ(⟨a_j, x⟩ + b_j) + output term, s_j in {−1, 1}.
public struct TrainingProblem: Sendable {
    /// Row-major, `rows` × `columns`.
    public let inputs: [Double]
    public let rows: Int
    public let columns: Int
    public let targets: [Double]
    /// One a row; all 1 where none were given.
    public let weights: [Double]
    public let hiddenUnits: Int
    public let loss: TrainingLoss
    public let outputTerm: OutputTerm

    public static let maximumHiddenUnits = 16
    public static let maximumColumns = 30

    /// - Parameters:
    ///   - inputs: row-major, `targets.count` × `columns`.
    ///   - weights: non-negative, not all 0.
    /// - Throws: the first fault found. Degenerate data (duplicates, collinear inputs, equal targets, one row) are
    ///   no faults.
    public init(
        inputs: [Double], columns: Int, targets: [Double], weights: [Double]? = nil, hiddenUnits: Int,
        loss: TrainingLoss = .squared, outputTerm: OutputTerm = .none
    ) throws(TrainingFault) {
        guard columns >= 1 else { throw .noInputs }
        guard columns <= Self.maximumColumns else { throw .tooManyInputs(limit: Self.maximumColumns) }
        guard !targets.isEmpty else { throw .noData }
        guard hiddenUnits >= 1 else { throw .noHiddenUnits }
        guard hiddenUnits <= Self.maximumHiddenUnits else {
            throw .tooManyHiddenUnits(limit: Self.maximumHiddenUnits)
        }
        let (expected, overflow) = targets.count.multipliedReportingOverflow(by: columns)
        guard !overflow, inputs.count == expected else {
            if inputs.count % columns == 0 {
                throw .targetCount(expected: inputs.count / columns, actual: targets.count)
            }
            throw .inputCount(expected: overflow ? .max : expected, actual: inputs.count)
        }
        if let weights, weights.count != targets.count {
            throw .weightCount(expected: targets.count, actual: weights.count)
        }
        for (index, value) in inputs.enumerated() where !value.isFinite {
            throw .inputNotFinite(row: index / columns, column: index % columns)
        }
        for (row, value) in targets.enumerated() {
            guard value.isFinite else { throw .targetNotFinite(row: row) }
            if loss.isClassification, value.magnitude != 1 { throw .labelNotSigned(row: row) }
        }
        if let weights {
            for (row, value) in weights.enumerated() {
                guard value.isFinite else { throw .weightNotFinite(row: row) }
                guard value >= 0 else { throw .negativeWeight(row: row) }
            }
            guard weights.contains(where: { $0 > 0 }) else { throw .noData }
        }
        switch loss {
        case .huber(let delta): guard delta > 0, delta.isFinite else { throw .lossParameter }
        case .quantile(let level): guard level > 0, level < 1 else { throw .lossParameter }
        default: break
        }
        self.inputs = inputs
        self.columns = columns
        self.rows = targets.count
        self.targets = targets
        self.weights = weights ?? [Double](repeating: 1, count: targets.count)
        self.hiddenUnits = hiddenUnits
        self.loss = loss
        self.outputTerm = outputTerm
    }
}
