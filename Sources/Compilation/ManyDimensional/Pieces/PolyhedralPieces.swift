public import ExactArithmetic
internal import LinearProgramming
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
    ///   - progress: told a phase, and how much of it is done.
    /// - Throws: `tooManyCells`, `cancelled`, `dimensionsDisagree`.
    public init(
        of function: FunctionExpression, in box: [ClosedRange<Rational>]? = nil, maximumCells: Int,
        progress: (String, Double) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ManyDimensionalFault) {
        progress("cutting", 0)
        let cells = try FunctionCells(
            function, in: box, maximumCells: maximumCells, isCancelled: isCancelled
        ).cells
        var joining = PolyhedralJoining(cells, maximumCells: maximumCells, isCancelled)
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
    private let cells: [FunctionCells.Cell]
    private let sides: [[FilteredInequality]]
    private let generators: [[DoubleDescription.Generator]]
    private let boxes: [[ClosedRange<Double>]]
    private let isCancelled: () -> Bool
    private let maximumCells: Int
    private(set) var affine: [Int] = []
    var open: DisjointSets
    var closed: DisjointSets
    var level: DisjointSets

    /// What two cells share.
    private struct Pair {
        var first: Int
        var second: Int
        var common: [DoubleDescription.Generator]
        /// Whether it has dimension n − 1 or more.
        var isWide: Bool
    }

    init(_ cells: [FunctionCells.Cell], maximumCells: Int, _ isCancelled: @escaping () -> Bool) {
        self.cells = cells
        self.maximumCells = maximumCells
        self.isCancelled = isCancelled
        sides = cells.map { cell in
            cell.description.facets.map { FilteredInequality(cell.description.inequalities[$0]) }
        }
        generators = cells.map { $0.description.allGenerators }
        boxes = cells.map { $0.description.outerBox }
        open = DisjointSets(cells.count)
        closed = open
        level = open
    }

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
        var done = 0
        for group in members where group.count > 1 {
            defer { done += group.count }
            try forEachNear(group, { progress("joining", (Double(done) + $0) / Double(cells.count)) }) {
                (first, second) throws(ManyDimensionalFault) in
                if open.root(first) == open.root(second) { return }
                guard let pair = try shared(first, second, measured: true) else { return }
                closed.join(first, second)
                if pair.isWide { open.join(first, second) }
            }
        }
        level = closed
        let scattered = members.filter { group in Set(group.map { closed.root($0) }).count > 1 }
        if scattered.isEmpty { return }
        var pairs: [Pair] = []
        try forEachNear(Array(cells.indices), { progress("meeting", $0 / Double(cells.count)) }) {
            (first, second) throws(ManyDimensionalFault) in
            guard let pair = try shared(first, second, measured: false) else { return }
            pairs.append(pair)
            // The memory of a pair is some hundred bytes.
            guard pairs.count <= 200 * max(1, maximumCells) else { throw .tooManyCells(limit: maximumCells) }
        }
        for (count, group) in scattered.enumerated() {
            progress("connecting", Double(count) / Double(scattered.count))
            try join(group, where: cells[group[0]].function, pairs)
        }
    }

    /// Joins the cells of an affine function that the set on which f equals it connects.
    private mutating func join(_ group: [Int], where function: AffineFunction, _ pairs: [Pair])
        throws(ManyDimensionalFault)
    {
        var differences: [AffineFunction: FilteredInequality] = [:]
        let isMet = cells.indices.map { index in
            let other = cells[index].function
            let difference =
                differences[other]
                ?? FilteredInequality(
                    LinearInequality(
                        normal: zip(function.gradient, other.gradient).map { $0 - $1 },
                        offset: other.intercept - function.intercept))
            differences[other] = difference
            return Self.isZeroSomewhere(difference, generators[index]) ? difference : nil
        }
        var sets = DisjointSets(cells.count)
        for (count, pair) in pairs.enumerated() {
            if count & 4095 == 0, isCancelled() { throw .cancelled }
            guard let difference = isMet[pair.first], isMet[pair.second] != nil else { continue }
            if Self.isZeroSomewhere(difference, pair.common) { sets.join(pair.first, pair.second) }
        }
        var first: [Int: Int] = [:]
        for member in group {
            let root = sets.root(member)
            if let other = first[root] { level.join(member, other) } else { first[root] = member }
        }
    }

    /// Whether an affine function is 0 at a point that generators span: at a vertex, or between a vertex and another
    /// generator.
    private static func isZeroSomewhere(
        _ function: FilteredInequality, _ generators: [DoubleDescription.Generator]
    ) -> Bool {
        var (above, below, vertexAbove, vertexBelow) = (false, false, false, false)
        for generator in generators {
            let sign = function.sign(at: generator)
            if generator.isVertex {
                if sign == 0 { return true }
                if sign > 0 { vertexAbove = true } else { vertexBelow = true }
            }
            if sign > 0 { above = true }
            if sign < 0 { below = true }
            if (vertexAbove && below) || (vertexBelow && above) { return true }
        }
        return false
    }

    // MARK: Pairs

    /// Pairs whose boxes meet; `progress` is told how many members are done.
    private func forEachNear(
        _ members: [Int], _ progress: (Double) -> Void,
        _ body: (Int, Int) throws(ManyDimensionalFault) -> Void
    ) throws(ManyDimensionalFault) {
        let sorted = members.sorted { (boxes[$0][0].lowerBound, $0) < (boxes[$1][0].lowerBound, $1) }
        for (place, first) in sorted.enumerated() {
            if place & 15 == 0 {
                if isCancelled() { throw .cancelled }
                progress(Double(place))
            }
            for second in sorted[(place + 1)...] {
                if boxes[second][0].lowerBound > boxes[first][0].upperBound { break }
                guard zip(boxes[first], boxes[second]).allSatisfy({ $0.overlaps($1) }) else { continue }
                try body(first, second)
            }
        }
    }

    /// `nil` where the cells share nothing.
    private func shared(_ first: Int, _ second: Int, measured: Bool) throws(ManyDimensionalFault) -> Pair? {
        let (a, b) = (cells[first].description, cells[second].description)
        switch a.meeting(b, sides[first], sides[second]) {
        case .apart: return nil
        case .face(let common):
            let isWide =
                measured
                && RationalMatrix(common.map { [$0.isVertex ? .one : .zero] + $0.point }).rank >= a.dimension
            return Pair(first: first, second: second, common: common, isWide: isWide)
        case .unknown:
            var common = a
            do {
                for facet in b.facets {
                    try common.cut(b.inequalities[facet], isCancelled: isCancelled)
                    if common.isEmpty { return nil }
                }
            } catch {
                if case .cancelled = error { throw .cancelled }
                throw .tooManyCells(limit: maximumCells)
            }
            return Pair(
                first: first, second: second, common: common.allGenerators,
                isWide: measured && common.affineDimension >= a.dimension - 1)
        }
    }
}

extension DoubleDescription {
    /// A box around the polyhedron, rounded outwards, without end where the polyhedron has none.
    fileprivate var outerBox: [ClosedRange<Double>] {
        let lines = lineDirections
        return (0..<dimension).map { axis in
            var (lower, upper) = (Double.infinity, -Double.infinity)
            for generator in generators {
                let value = generator.point[axis]
                if generator.isVertex {
                    lower = min(lower, value.double(rounding: .down))
                    upper = max(upper, value.double(rounding: .up))
                }
            }
            for generator in generators where !generator.isVertex {
                let sign = generator.point[axis].sign
                if sign < 0 { lower = -.infinity }
                if sign > 0 { upper = .infinity }
            }
            if lines.contains(where: { !$0[axis].isZero }) { (lower, upper) = (-.infinity, .infinity) }
            return lower <= upper ? lower...upper : -.infinity ... .infinity
        }
    }
}
