internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import PiecewiseLinear

/// What cells have in common.
struct CellMeetings: Sendable {
    let cells: [FunctionCells.Cell]
    private let sides: [[FilteredInequality]]
    private let generators: [[DoubleDescription.Generator]]
    private let boxes: [[ClosedRange<Double>]]
    private let maximumCells: Int
    private let isCancelled: @Sendable () -> Bool

    /// What two cells share.
    struct Pair: Sendable {
        var first: Int
        var second: Int
        var common: [DoubleDescription.Generator]
        /// Whether it has dimension n − 1 or more.
        var isWide: Bool
    }

    init(
        _ cells: [FunctionCells.Cell], maximumCells: Int, threads: Int,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        self.cells = cells
        self.maximumCells = maximumCells
        self.isCancelled = isCancelled
        sides = try parallelMap(cells.count, threads: threads, perThread: 64) {
            (index) throws(ManyDimensionalFault) in
            if isCancelled() { throw .cancelled }
            let description = cells[index].description
            return description.facets.map { FilteredInequality(description.inequalities[$0]) }
        }
        generators = cells.map { $0.description.allGenerators }
        boxes = cells.map { $0.description.outerBox }
    }

    // MARK: Pairs

    /// In the order of their boxes along the first axis.
    func sorted(_ members: [Int]) -> [Int] {
        members.sorted { (boxes[$0][0].lowerBound, $0) < (boxes[$1][0].lowerBound, $1) }
    }

    /// Later members whose boxes meet that of the member at a place.
    func near(_ place: Int, in sorted: [Int]) -> [Int] {
        let box = boxes[sorted[place]]
        return sorted[(place + 1)...].prefix { boxes[$0][0].lowerBound <= box[0].upperBound }
            .filter { zip(box, boxes[$0]).allSatisfy { $0.overlaps($1) } }
    }

    /// `nil` where the cells share nothing.
    func shared(_ first: Int, _ second: Int, measured: Bool) throws(ManyDimensionalFault) -> Pair? {
        if isCancelled() { throw .cancelled }
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
                throw .tooManyCells(limit: maximumCells, reached: cells.count)
            }
            return Pair(
                first: first, second: second, common: common.allGenerators,
                isWide: measured && common.affineDimension >= a.dimension - 1)
        }
    }

    // MARK: Level sets

    /// Cells joined where {x : f(x) = g(x)} goes on from one to the other, for an affine function g.
    ///
    /// - Parameters:
    ///   - functions: those of the cells, by number.
    ///   - numbers: each cell's.
    func components(
        where g: AffineFunction, functions: [AffineFunction], _ numbers: [Int], _ pairs: [Pair],
        _ isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) -> DisjointSets {
        let differences = functions.map { other in
            FilteredInequality(
                LinearInequality(
                    normal: zip(g.gradient, other.gradient).map { $0 - $1 },
                    offset: other.intercept - g.intercept))
        }
        let isMet = cells.indices.map {
            Self.isZeroSomewhere(differences[numbers[$0]], generators[$0])
        }
        var sets = DisjointSets(cells.count)
        for (count, pair) in pairs.enumerated() where isMet[pair.first] && isMet[pair.second] {
            if count & 255 == 0, isCancelled() { throw .cancelled }
            if Self.isZeroSomewhere(differences[numbers[pair.first]], pair.common) {
                sets.join(pair.first, pair.second)
            }
        }
        return sets
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
