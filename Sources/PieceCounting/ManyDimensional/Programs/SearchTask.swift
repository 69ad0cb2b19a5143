internal import ExactArithmetic

/// A point strictly inside a cell: in binary64 where one was found, else rational.
struct CellPoint: Sendable {
    /// n coordinates, empty where `rational` is the point.
    var double: [Double]
    var rational: [Rational]?
}

/// A cell of the first units: where a part of the search starts.
struct SearchTask: Sendable {
    /// The layer and the unit that is decided next.
    let layer: Int
    let unit: Int
    /// A bit for each unit decided so far that is on.
    let pattern: [UInt64]
    /// The units (or −1 − index of a bound of the domain) that bound the cell, in the order of the units.
    let rows: [Int]
    let point: CellPoint
}

/// What a part of the search found, cell by cell, depth first, "on the inner point's side" before the other.
struct FoundCells: Sendable {
    /// Words of a pattern, a bit for each hidden unit.
    let words: Int
    let dimension: Int
    private(set) var count = 0
    /// Empty where only the number is wanted.
    private(set) var patterns: [UInt64] = []
    private(set) var fingerprints: [UInt64] = []
    /// n coordinates a cell.
    private(set) var points: [Double] = []
    /// Of the cells whose inner point is no binary64.
    private(set) var rationalPoints: [Int: [Rational]] = [:]
    /// The units that bound the cells, cell after cell.
    private(set) var rows: [Int32] = []
    private(set) var rowEnds: [Int] = []
    /// Tasks that were split off, each before the cell of this index.
    private(set) var tasks: [(before: Int, task: SearchTask)] = []

    init(words: Int, dimension: Int) {
        self.words = words
        self.dimension = dimension
    }

    mutating func appendCount() { count += 1 }

    mutating func append(
        pattern: UnsafeBufferPointer<UInt64>, fingerprint: UInt64, point: UnsafeBufferPointer<Double>,
        rational: [Rational]?, rows cellRows: CellRows
    ) {
        patterns.append(contentsOf: pattern)
        fingerprints.append(fingerprint)
        points.append(contentsOf: point)
        if let rational { rationalPoints[count] = rational }
        for index in 0..<cellRows.count { rows.append(Int32(cellRows[index].source)) }
        rowEnds.append(rows.count)
        count += 1
    }

    mutating func append(_ task: SearchTask) { tasks.append((count, task)) }

    /// Puts the cells `range` of `other` behind these.
    mutating func append(_ other: FoundCells, _ range: Range<Int>) {
        if !other.fingerprints.isEmpty {
            for (index, point) in other.rationalPoints where range.contains(index) {
                rationalPoints[count + index - range.lowerBound] = point
            }
            let first = range.lowerBound > 0 ? other.rowEnds[range.lowerBound - 1] : 0
            let last = range.upperBound > 0 ? other.rowEnds[range.upperBound - 1] : 0
            let shift = rows.count - first
            patterns += other.patterns[range.lowerBound * words..<range.upperBound * words]
            fingerprints += other.fingerprints[range]
            points += other.points[range.lowerBound * dimension..<range.upperBound * dimension]
            rows += other.rows[first..<last]
            rowEnds += other.rowEnds[range].lazy.map { $0 + shift }
        }
        count += range.count
    }

    func pattern(_ cell: Int) -> ArraySlice<UInt64> { patterns[cell * words..<(cell + 1) * words] }

    func isOn(_ cell: Int, _ unit: Int) -> Bool {
        (patterns[cell * words + (unit >> 6)] >> UInt64(unit & 63)) & 1 == 1
    }

    func rows(_ cell: Int) -> ArraySlice<Int32> {
        rows[(cell > 0 ? rowEnds[cell - 1] : 0)..<rowEnds[cell]]
    }

    func point(_ cell: Int) -> [Rational] {
        rationalPoints[cell]
            ?? (0..<dimension).map { Rational(exactly: points[cell * dimension + $0]) ?? .zero }
    }

    /// About what the arrays take.
    var bytes: Int {
        8 * (patterns.capacity + fingerprints.capacity + points.capacity + rowEnds.capacity)
            + 4 * rows.capacity
    }
}
