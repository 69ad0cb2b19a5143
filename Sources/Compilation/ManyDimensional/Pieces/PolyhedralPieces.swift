public import ExactArithmetic
internal import LinearProgramming
internal import Threads
public import PiecewiseLinear

/// The pieces of a function that is given on polyhedra, which need not meet in whole faces and may overlap.
///
/// What two polyhedra share has generators: those of a face, where a facet's hyperplane separates them, else those of a
/// double description. `open` joins polyhedra of one affine function that share a set of dimension n − 1, `closed` those that
/// share a point, and `level` joins what {x : f(x) = g(x)} connects: two polyhedra's parts of it meet where the function
/// f − g is 0 on what they share, which the signs at the generators say.
public struct PolyhedralPieces: Sendable {
    public struct Region: Sendable {
        /// One a facet.
        public let halfSpaces: [HalfSpace]
        public let vertices: [[Rational]]
        /// Directions of unbounded edges; both directions of a line.
        public let rays: [[Rational]]
        public let function: AffineFunction
    }

    public let counts: FunctionPieceCounts
    /// The number of each cell's piece, by definition, in order of first appearance.
    public let affine: [Int]
    public let open: [Int]
    public let closed: [Int]
    public let level: [Int]
    private let cells: [FunctionCells.Cell]

    public var cellCount: Int { cells.count }

    /// - Parameters:
    ///   - box: where pieces are counted; `nil` for all of the domain.
    ///   - maximumCells: the most polyhedra.
    ///   - threads: at most so many; what is found does not depend on it.
    ///   - progress: told a phase, and how much of it is done.
    /// - Throws: `tooManyCells`, `cancelled`, `dimensionsDisagree`.
    public init(
        of function: FunctionExpression, in box: [ClosedRange<Rational>]? = nil, maximumCells: Int,
        threads: Int = 1, progress: (String, Double) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ManyDimensionalFault) {
        progress("cutting", 0)
        let cells = try FunctionCells(
            function, in: box, maximumCells: maximumCells, threads: threads, isCancelled: isCancelled
        ).cells
        var joining = try PolyhedralJoining(
            cells, maximumCells: maximumCells, threads: threads, isCancelled)
        try joining.run(progress)
        self.cells = cells
        affine = joining.affine
        open = Self.numbers(&joining.open)
        closed = Self.numbers(&joining.closed)
        level = Self.numbers(&joining.level)
        counts = FunctionPieceCounts(
            affine: Set(affine).count, open: Set(open).count, closed: Set(closed).count,
            level: Set(level).count)
    }

    /// A cell as a polyhedron with its function.
    public func region(_ index: Int) -> Region {
        let description = cells[index].description
        let lines = description.lineDirections
        return Region(
            halfSpaces: description.facets.map {
                HalfSpace(
                    normal: description.inequalities[$0].normal, offset: description.inequalities[$0].offset)
            },
            vertices: description.generators.filter(\.isVertex).map(\.point),
            rays: description.generators.filter { !$0.isVertex }.map(\.point) + lines
                + lines.map { $0.map { -$0 } },
            function: cells[index].function)
    }

    private static func numbers(_ sets: inout DisjointSets) -> [Int] {
        var numbers: [Int: Int] = [:]
        return (0..<sets.elements).map { element in
            let root = sets.root(element)
            let number = numbers[root] ?? numbers.count
            numbers[root] = number
            return number
        }
    }
}

/// Cells joined under each definition.
private struct PolyhedralJoining {
    private let meetings: CellMeetings
    private let threads: Int
    private let isCancelled: @Sendable () -> Bool
    private let maximumCells: Int
    /// The number of each cell's affine function.
    private(set) var affine: [Int] = []
    var open: DisjointSets
    var closed: DisjointSets
    var level: DisjointSets

    init(
        _ cells: [FunctionCells.Cell], maximumCells: Int, threads: Int,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        self.maximumCells = maximumCells
        self.threads = threads
        self.isCancelled = isCancelled
        meetings = try CellMeetings(cells, maximumCells: maximumCells, threads: threads, isCancelled)
        open = DisjointSets(cells.count)
        closed = open
        level = open
    }

    private var cells: [FunctionCells.Cell] { meetings.cells }

    mutating func run(_ progress: (String, Double) -> Void) throws(ManyDimensionalFault) {
        var groups: [AffineFunction: Int] = [:]
        var members: [[Int]] = []
        for (index, cell) in cells.enumerated() {
            let place = groups[cell.function] ?? members.count
            if place == members.count {
                groups[cell.function] = place
                members.append([])
            }
            members[place].append(index)
            affine.append(place)
        }
        try joinNeighbours(members) { progress("joining", $0) }
        level = closed
        let scattered = members.filter { group in Set(group.map { closed.root($0) }).count > 1 }
        if scattered.isEmpty { return }
        let pairs = try allPairs { progress("meeting", $0) }
        try connect(scattered, functions: members.map { cells[$0[0]].function }, pairs) {
            progress("connecting", $0)
        }
    }

    /// Joins cells of one affine function that have a common point.
    private mutating func joinNeighbours(_ groups: [[Int]], _ progress: (Double) -> Void)
        throws(ManyDimensionalFault)
    {
        progress(0)
        var near: [(Int, Int)] = []
        var done = 0
        for group in groups where group.count > 1 {
            let sorted = meetings.sorted(group)
            for place in sorted.indices {
                if place & 15 == 0, isCancelled() { throw .cancelled }
                near += meetings.near(place, in: sorted).map { (sorted[place], $0) }
                done += 1
                if near.count < Self.pairsAtATime { continue }
                try joinShared(near)
                near = []
                progress(Double(done) / Double(cells.count))
            }
        }
        try joinShared(near)
    }

    private mutating func joinShared(_ near: [(Int, Int)]) throws(ManyDimensionalFault) {
        // Those that others have joined before need no look.
        let left = near.filter { open.root($0.0) != open.root($0.1) }
        let meetings = meetings
        let shared = try parallelMap(left.count, threads: threads) { (index) throws(ManyDimensionalFault) in
            try meetings.shared(left[index].0, left[index].1, measured: true)
        }
        for pair in shared.lazy.compactMap(\.self) {
            closed.join(pair.first, pair.second)
            if pair.isWide { open.join(pair.first, pair.second) }
        }
    }

    /// All pairs of cells that have a common point.
    private func allPairs(_ progress: (Double) -> Void) throws(ManyDimensionalFault) -> [CellMeetings.Pair] {
        let sorted = meetings.sorted(Array(cells.indices))
        var pairs: [CellMeetings.Pair] = []
        var done = 0
        while done < sorted.count {
            progress(Double(done) / Double(sorted.count))
            let first = done
            done = min(sorted.count, first + Self.cellsAtATime)
            let meetings = meetings
            let found = try parallelMap(done - first, threads: threads) {
                (index) throws(ManyDimensionalFault) in
                var pairs: [CellMeetings.Pair] = []
                for other in meetings.near(first + index, in: sorted) {
                    guard let pair = try meetings.shared(sorted[first + index], other, measured: false) else {
                        continue
                    }
                    pairs.append(pair)
                }
                return pairs
            }
            for part in found { pairs += part }
            // The memory of a pair is some hundred bytes.
            guard pairs.count <= 200 * max(1, maximumCells) else {
                throw .tooManyCells(limit: maximumCells, reached: cells.count)
            }
        }
        return pairs
    }

    private static let pairsAtATime = 4096
    private static let cellsAtATime = 64

    /// Joins the cells of each group's affine function that the set on which f equals it connects.
    private mutating func connect(
        _ groups: [[Int]], functions: [AffineFunction], _ pairs: [CellMeetings.Pair],
        _ progress: (Double) -> Void
    ) throws(ManyDimensionalFault) {
        let (meetings, affine, isCancelled) = (meetings, affine, isCancelled)
        let roots = try parallelMap(groups.count, threads: threads, perThread: 1, progress: progress) {
            (place) throws(ManyDimensionalFault) in
            var sets = try meetings.components(
                where: functions[affine[groups[place][0]]], functions: functions, affine, pairs, isCancelled)
            return groups[place].map { sets.root($0) }
        }
        for (group, roots) in zip(groups, roots) {
            var first: [Int: Int] = [:]
            for (member, root) in zip(group, roots) {
                if let other = first[root] { level.join(member, other) } else { first[root] = member }
            }
        }
    }
}
