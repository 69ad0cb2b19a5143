public import ExactArithmetic
public import ReLUNetworks

/// A proof, to be checked in rational arithmetic alone, that no network of a problem's class has a smaller loss than
/// `lowerBound`, with a network whose loss is within `relativeGap` of it.
///
/// Rows are those of `problem`. A *point* is a distinct input of positive weight; any row with its inputs names it.
public struct ExactCertificate: Sendable {
    public let problem: TrainingProblem
    public let network: Network<Double>
    /// The weighted mean loss of `network`, rounded up.
    public let loss: Double
    public let lowerBound: Double
    /// (loss − lowerBound) / loss, rounded up; 0 where the loss is.
    public let relativeGap: Double
    /// As in `TrainingCertificate`; d of them.
    public let coordinates: [Int]
    /// Rows of d points whose homogeneous inputs are linearly independent.
    public let baseRows: [Int]
    public let trees: [Tree]

    public struct Tree: Sendable {
        public let positiveUnits: Int
        /// As in `TrainingCertificate.Tree`.
        public let cells: [Int]
        /// Preorder.
        public let nodes: [Node]

        public init(positiveUnits: Int, cells: [Int], nodes: [Node]) {
            self.positiveUnits = positiveUnits
            self.cells = cells
            self.nodes = nodes
        }
    }

    public enum Node: Sendable {
        case cut(unit: Int, row: Int)
        case cutPair(units: [Int], row: Int)
        case leaf(Leaf)
    }

    public struct Leaf: Sendable {
        /// g, one entry a row, 0 for rows of weight 0. Binary64 entries that `exact` does not replace are meant exactly.
        public let dual: [Double]
        public let exact: [ExactEntry]
        public let slopes: [Slope]

        public init(dual: [Double], exact: [ExactEntry], slopes: [Slope]) {
            self.dual = dual
            self.exact = exact
            self.slopes = slopes
        }
    }

    public struct ExactEntry: Sendable {
        public let row: Int
        public let value: Rational

        public init(row: Int, value: Rational) {
            self.row = row
            self.value = value
        }
    }

    /// α in [0, 1] of an undecided pair of the point that the row names and a unit.
    public struct Slope: Sendable {
        public let row: Int
        public let unit: Int
        public let value: Double

        public init(row: Int, unit: Int, value: Double) {
            self.row = row
            self.unit = unit
            self.value = value
        }
    }

    public init(
        problem: TrainingProblem, network: Network<Double>, loss: Double, lowerBound: Double,
        relativeGap: Double, coordinates: [Int], baseRows: [Int], trees: [Tree]
    ) {
        self.problem = problem
        self.network = network
        self.loss = loss
        self.lowerBound = lowerBound
        self.relativeGap = relativeGap
        self.coordinates = coordinates
        self.baseRows = baseRows
        self.trees = trees
    }

    /// Leaves of all trees.
    public var leafCount: Int {
        trees.reduce(0) { sum, tree in
            sum
                + tree.nodes.reduce(0) { count, node in
                    if case .leaf = node { count + 1 } else { count }
                }
        }
    }
}

/// The cells where the trees of a proof begin, up to the symmetries of the problem.
struct RootCells {
    let dimension: Int
    let units: Int
    /// With an affine output term σ(t) = t + σ(−t) makes a cell and its flip the same.
    let hasFlips: Bool

    /// Whether a tree with these cells stands for itself.
    func isCanonical(_ cells: [Int], positiveUnits: Int) -> Bool {
        guard cells.count == units, (0...units).contains(positiveUnits),
            cells.allSatisfy({ $0 >= 0 && $0 < 1 << dimension && (!hasFlips || $0 & 1 == 1) })
        else { return false }
        return (1..<max(1, units)).allSatisfy { $0 == positiveUnits || cells[$0 - 1] <= cells[$0] }
    }

    /// The number of canonical trees, nil where it does not fit 62 bits.
    var count: Int? {
        let cells = 1 << (hasFlips ? dimension - 1 : dimension)
        var total = 0
        for positive in 0...units {
            guard let added = Self.multisets(of: positive, from: cells),
                let subtracted = Self.multisets(of: units - positive, from: cells)
            else { return nil }
            let (product, overflow) = added.multipliedReportingOverflow(by: subtracted)
            let (sum, overflows) = total.addingReportingOverflow(product)
            guard !overflow, !overflows else { return nil }
            total = sum
        }
        return total
    }

    /// Binomial (from + size − 1 over size).
    private static func multisets(of size: Int, from cells: Int) -> Int? {
        var result = 1
        for index in 0..<size {
            let (product, overflow) = result.multipliedReportingOverflow(by: cells + index)
            guard !overflow else { return nil }
            result = product / (index + 1)
        }
        return result
    }
}
