internal import HeapModule

/// A region of the parameter space that is still to be bounded: a product of cones, one for each unit.
struct SearchNode: Comparable {
    /// One a unit; empty for a root that was not visited yet.
    var cones: [Cone]
    /// Root cells, one a unit.
    var cells: [Int]
    var positiveUnits: Int
    /// Proved, of the weighted sum of losses.
    var bound: Double
    /// What the bound is without safe rounding, or the proved one.
    var estimate: Double
    /// The parent's solution in the frame: d numbers a unit, then the free ones; empty for a root.
    var parameters: [Double]
    /// What the parent's bound rests on, and where the proof of this region goes; nil where no certificate is wanted.
    var record: ProofRecord?
    /// How many regions around it would have been closed, had their bounds been proved.
    var failures = 0
    /// The order in which nodes were made, for ties.
    var order: Int

    static func < (a: SearchNode, b: SearchNode) -> Bool {
        if a.bound != b.bound { return a.bound < b.bound }
        return a.estimate != b.estimate ? a.estimate < b.estimate : a.order > b.order
    }

    static func == (a: SearchNode, b: SearchNode) -> Bool { a.order == b.order }

    /// Bytes, without the cones.
    var footprint: Int { 200 + 16 * cones.count + 8 * parameters.count }
}

/// The tuples of root cells with numbers of positive units, one for each class of symmetric ones, in order.
struct RootTuples: Sequence, IteratorProtocol {
    private let units: Int
    private let kinds: Int
    private let hasFlips: Bool
    private var positiveUnits = 0
    private var next0: [Int]?

    /// - Parameter hasFlips: whether a cell and its flip are the same, as with an affine output term.
    init(dimension: Int, units: Int, hasFlips: Bool) {
        self.units = units
        self.hasFlips = hasFlips
        kinds = 1 << (hasFlips ? dimension - 1 : dimension)
        next0 = [Int](repeating: 0, count: units)
    }

    mutating func next() -> (cells: [Int], positiveUnits: Int)? {
        guard let indices = next0 else { return nil }
        let cells = hasFlips ? indices.map { 2 * $0 + 1 } : indices
        let result = (cells, positiveUnits)
        advance(indices)
        return result
    }

    private mutating func advance(_ indices: [Int]) {
        var indices = indices
        var unit = units - 1
        while unit >= 0 {
            if indices[unit] + 1 < kinds {
                indices[unit] += 1
                // The ones after it start over: from the same cell in its group, from 0 in the next group.
                for later in indices.indices where later > unit {
                    indices[later] = later == positiveUnits ? 0 : indices[later - 1]
                }
                next0 = indices
                return
            }
            unit -= 1
        }
        positiveUnits += 1
        next0 = positiveUnits <= units ? [Int](repeating: 0, count: units) : nil
    }
}
