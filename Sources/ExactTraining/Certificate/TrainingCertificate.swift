/// What a search leaves behind as the material of a proof: its tree of cuts, and at every leaf the dual vector that its
/// bound rests on, in binary64.
///
/// `ExactCertificate` makes the proof of it: it repairs the dual vectors in rational arithmetic, so they may be as
/// inexact as a solver leaves them.
///
/// A *point* is a distinct input of the data with positive weight; θ·(x, 1) = 0 is its hyperplane in the parameter
/// space of a unit. An affine change of the inputs changes neither cells nor dual vectors.
public struct TrainingCertificate: Sendable {
    /// The problem as it was posed: nothing merged, centred or scaled.
    public let problem: TrainingProblem
    /// What the leaves are to prove, on the weighted mean loss.
    public let lowerBound: Double
    /// A row of `problem` for each point. Rows that are not listed have weight 0 or the inputs of one that is.
    public let points: [Int]
    /// The columns of the homogeneous input (x, 1) that are kept, `columns` being that of the ones; the others depend
    /// on them linearly on the data. Their number is d.
    public let coordinates: [Int]
    /// Positions in `points` of d points whose homogeneous inputs are linearly independent: their hyperplanes cut the
    /// parameter space into the 2^d cells where the trees begin.
    public let basePoints: [Int]
    /// One for every number of positive units and every tuple of cells that is canonical: not a permutation, among units
    /// of equal sign, of another, and with an affine output term not a flip θ ↦ −θ of one either. In any order.
    public let trees: [Tree]

    public struct Tree: Sendable {
        /// The first so many units are added, the others subtracted.
        public let positiveUnits: Int
        /// One a unit: bit k is set where the cell lies on the non-negative side of base point k. Ascending within the
        /// positive and within the negative units; with an affine output term bit 0 is set (the flip of a cell is its
        /// complement).
        public let cells: [Int]
        /// Preorder.
        public let nodes: [Node]

        public init(positiveUnits: Int, cells: [Int], nodes: [Node]) {
            self.positiveUnits = positiveUnits
            self.cells = cells
            self.nodes = nodes
        }
    }

    /// Points are positions in `points`.
    public enum Node: Sendable {
        /// The cell of `unit` is cut by the hyperplane of `point`; the non-negative side comes first.
        case cut(unit: Int, point: Int)
        /// Two interchangeable units in the same cell: (plus, plus), (plus, minus), (minus, minus).
        case cutPair(units: [Int], point: Int)
        /// For each point g ∈ ∂ Σ ω_i ℓ(f, y_i), the sum over the rows at the point (weights as posted, not divided by
        /// their sum), at about the solution of the leaf's relaxation; and the slopes α ∈ [0, 1] of the lower bounds
        /// α θ·x̃ ≤ σ(θ·x̃) at undecided pairs, where they are not 0.
        case leaf(dual: [Double], slopes: [Slope])
    }

    public struct Slope: Sendable {
        public let point: Int
        public let unit: Int
        public let value: Double

        public init(point: Int, unit: Int, value: Double) {
            self.point = point
            self.unit = unit
            self.value = value
        }
    }

    public init(
        problem: TrainingProblem, lowerBound: Double, points: [Int], coordinates: [Int], basePoints: [Int],
        trees: [Tree]
    ) {
        self.problem = problem
        self.lowerBound = lowerBound
        self.points = points
        self.coordinates = coordinates
        self.basePoints = basePoints
        self.trees = trees
    }
}
