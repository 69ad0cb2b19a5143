public import ExactArithmetic

/// A proof of a lower bound: for every assignment of signs and every tuple of cells, a dual vector.
///
/// The data it belongs to are part of it, merged: the distinct inputs in lexicographic order.
public struct TrainingCertificate: Sendable {
    public let problem: TrainingProblem
    /// The bound that the leaves prove, on the weighted mean loss.
    public let lowerBound: Double
    /// Rows of the data whose homogeneous inputs (x, 1) are linearly independent: their hyperplanes cut parameter space
    /// into the cells where the trees begin.
    public let basePoints: [Int]
    /// The columns of the homogeneous input (x, 1) that are kept; the others depend on them linearly on the data.
    public let coordinates: [Int]
    /// Preorder, one tree after the other: for 0, 1, …, w positive signs, for every tuple of root cells.
    public let nodes: [Node]

    public enum Node: Sendable {
        /// The cell of `unit` is cut by the hyperplane of row `point`; the non-negative side comes first.
        case cut(unit: Int, point: Int)
        /// Two interchangeable units in the same cell: (plus, plus), (plus, minus), (minus, minus).
        case cutPair(units: [Int], point: Int)
        /// Not to be explored: a permutation of units of equal sign, or a flip, of another root.
        case symmetric
        /// The dual vector, one entry a row; `slopes` are the undecided (row, unit) pairs whose lower bound is the affine
        /// one rather than 0.
        case leaf(dual: [Rational], slopes: [[Int]])
    }
}

/// Checks a certificate in rational arithmetic.
///
/// - Returns: `nil` when it proves its `lowerBound`, else the reason why not.
public func verify(_ certificate: TrainingCertificate) -> String? { "not supported" }
