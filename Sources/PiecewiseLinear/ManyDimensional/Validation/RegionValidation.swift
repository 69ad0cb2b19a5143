public import ExactArithmetic
internal import LinearProgramming
internal import Threads

extension RegionFunction {
    /// Checks that every region has interior, that regions agree, up to a tolerance, wherever they meet or overlap, and
    /// that their union has no gap: that it is convex, which includes all of R^n.
    ///
    /// The union is convex exactly where each facet of a region either has regions beyond all of it (but for sets of lower
    /// dimension) or has the whole union on one side: a path in general position to a point between the
    /// regions would leave the union through a facet that has neither.
    ///
    /// Complexity: some linear programs for each inequality, each pair of regions that the boxes around them do not
    /// separate, and each pair of a facet of the union and a region.
    ///
    /// - Parameters:
    ///   - regions: polyhedra with affine functions, all on R^n.
    ///   - continuityTolerance: by how much functions may differ where their regions meet; at least 0.
    ///   - threads: at most so many; what is found does not depend on it.
    ///   - progress: how much is done, from 0 to 1.
    public init(
        regions: [Region], dimension: Int, continuityTolerance: Rational = .zero, threads: Int = 1,
        progress: (Double) -> Void = { _ in }, isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(FunctionFault) {
        guard !regions.isEmpty, dimension > 0, continuityTolerance.sign >= 0,
            regions.allSatisfy({ region in
                region.function.dimension == dimension
                    && region.halfSpaces.allSatisfy { $0.normal.count == dimension }
            })
        else { throw .shapesDisagree }
        let cells = try parallelMap(regions.count, threads: threads, progress: { progress(0.3 * $0) }) {
            (index) throws(FunctionFault) in try RegionCell(regions[index], index, dimension, isCancelled)
        }
        let meeting = try RegionCell.possibleMeetings(cells, threads: threads, isCancelled)
        let check = RegionCheck(cells: cells, tolerance: continuityTolerance)
        let differences = try parallelMap(
            cells.count, threads: threads, progress: { progress(0.3 + 0.4 * $0) }
        ) { (index) throws(FunctionFault) in
            var most = Rational.zero
            for other in meeting[index] where other > index {
                most = max(most, try check.difference(index, other, isCancelled))
            }
            return most
        }
        let areInside = try parallelMap(
            cells.count, threads: threads, progress: { progress(0.7 + 0.3 * $0) }
        ) { (index) throws(FunctionFault) in try check.cover(index, meeting[index], isCancelled) }
        self.init(
            uncheckedDimension: dimension,
            regions: cells.map { cell in
                Region(
                    halfSpaces: cell.polyhedron.inequalities.map {
                        HalfSpace(normal: $0.normal, offset: $0.offset)
                    }, function: cell.function)
            },
            box: RegionCell.box(around: cells), isDomainConvex: true,
            coversSpace: areInside.allSatisfy(\.self), discontinuity: differences.max() ?? .zero)
    }
}

/// A region by its facets.
struct RegionCell: Sendable {
    let function: AffineFunction
    /// One inequality a facet.
    let polyhedron: Polyhedron
    /// The posted inequality of each facet.
    let posted: [Int]
    /// The range of each coordinate, `nil` where it has no end.
    let box: [(lower: Rational?, upper: Rational?)]
    /// Vertices and directions, unless there are very many.
    let corners: RegionCorners?

    init(_ region: RegionFunction.Region, _ index: Int, _ dimension: Int, _ isCancelled: () -> Bool)
        throws(FunctionFault)
    {
        function = region.function
        let whole = Polyhedron(
            dimension: dimension,
            inequalities: region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) })
        if let corners = try RegionCorners(whole, isCancelled) {
            guard corners.description.hasInterior else { throw .emptyRegion(index) }
            self.corners = corners
            posted = corners.posted
            polyhedron = Polyhedron(
                dimension: dimension, inequalities: posted.map { whole.inequalities[$0] })
            box = corners.box
            return
        }
        corners = nil
        let hasInterior = try solving { () throws(LinearProgrammingFault) in
            try whole.hasInterior(isCancelled: isCancelled)
        }
        guard hasInterior else { throw .emptyRegion(index) }
        let posted = try solving { () throws(LinearProgrammingFault) in
            try whole.irredundantInequalities(isCancelled: isCancelled)
        }
        self.posted = posted
        polyhedron = Polyhedron(dimension: dimension, inequalities: posted.map { whole.inequalities[$0] })
        box = try Self.box(around: polyhedron, isCancelled)
    }

    private static func box(around polyhedron: Polyhedron, _ isCancelled: () -> Bool) throws(FunctionFault)
        -> [(lower: Rational?, upper: Rational?)]
    {
        var box: [(lower: Rational?, upper: Rational?)] = []
        for axis in 0..<polyhedron.dimension {
            var ends: [Rational?] = []
            for sign in [Rational(-1), .one] {
                var objective = [Rational](repeating: .zero, count: polyhedron.dimension)
                objective[axis] = sign
                let outcome = try solving { () throws(LinearProgrammingFault) in
                    try polyhedron.maximum(of: objective, isCancelled: isCancelled)
                }
                if case .optimal(_, let value, _) = outcome {
                    ends.append(sign * value)
                } else {
                    ends.append(nil)
                }
            }
            box.append((ends[0], ends[1]))
        }
        return box
    }

    /// `nil` where some region is unbounded.
    static func box(around cells: [RegionCell]) -> [ClosedRange<Rational>]? {
        var box: [ClosedRange<Rational>] = []
        for axis in cells[0].box.indices {
            let ends = cells.map { ($0.box[axis].lower, $0.box[axis].upper) }
            let bounded = ends.compactMap { lower, upper in lower.flatMap { low in upper.map { (low, $0) } } }
            guard bounded.count == cells.count, let least = bounded.map(\.0).min(),
                let most = bounded.map(\.1).max()
            else { return nil }
            box.append(least...most)
        }
        return box
    }

    /// For each region those that can have a common point with it, as far as boxes and facets tell.
    static func possibleMeetings(
        _ cells: [RegionCell], threads: Int, _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(FunctionFault) -> [[Int]] {
        let later = try parallelMap(cells.count, threads: threads) { (first) throws(FunctionFault) in
            if isCancelled() { throw .cancelled }
            return cells.indices.dropFirst(first + 1).filter { !cells[first].isApart(from: cells[$0]) }
        }
        var partners = [[Int]](repeating: [], count: cells.count)
        for (first, others) in later.enumerated() {
            for second in others {
                partners[first].append(second)
                partners[second].append(first)
            }
        }
        return partners
    }

    private func isApart(from other: RegionCell) -> Bool {
        for (a, b) in zip(box, other.box) {
            if let upper = a.upper, let lower = b.lower, upper < lower { return true }
            if let upper = b.upper, let lower = a.lower, upper < lower { return true }
        }
        return polyhedron.inequalities.contains { $0.isViolated(throughout: other.box) }
            || other.polyhedron.inequalities.contains { $0.isViolated(throughout: box) }
    }
}

/// A region's vertices and directions, and its facets as what lies on them.
struct RegionCorners: Sendable {
    let description: DoubleDescription
    /// The posted inequality of each facet, and which of the description's it is.
    let posted: [Int]
    let facets: [Int]
    let sides: [FilteredInequality]
    /// The hyperplanes of the facets, each with the side on which the region lies.
    let hyperplanes: [[Rational]]
    let box: [(lower: Rational?, upper: Rational?)]

    /// `nil` where there are too many.
    init?(_ polyhedron: Polyhedron, _ isCancelled: () -> Bool) throws(FunctionFault) {
        var description = DoubleDescription(dimension: polyhedron.dimension)
        var places: [Int] = []
        for (index, inequality) in polyhedron.inequalities.enumerated() {
            do {
                try description.cut(inequality, isCancelled: isCancelled)
            } catch {
                if case .cancelled = error { throw .cancelled }
                return nil
            }
            if description.isEmpty { break }
            if description.inequalities.count > places.count { places.append(index) }
        }
        self.description = description
        facets = description.hasInterior ? description.facets : []
        posted = facets.map { places[$0] }
        let inequalities = facets.map { description.inequalities[$0] }
        sides = inequalities.map { FilteredInequality($0) }
        hyperplanes = inequalities.map { inequality in
            let scale = inequality.normal.first { !$0.isZero }?.magnitude ?? .one
            return (inequality.normal + [inequality.offset]).map { $0 / scale }
        }
        let lines = description.lineDirections
        var box: [(lower: Rational?, upper: Rational?)] = []
        for axis in 0..<polyhedron.dimension {
            let vertices = description.generators.filter(\.isVertex).map { $0.point[axis] }
            let signs = Set(description.generators.filter { !$0.isVertex }.map { $0.point[axis].sign })
            let isLine = lines.contains { !$0[axis].isZero }
            box.append(
                (
                    isLine || signs.contains(-1) ? nil : vertices.min(),
                    isLine || signs.contains(1) ? nil : vertices.max()
                ))
        }
        self.box = box
    }

    /// Whether all of a facet of another region is in this one, which lies beyond it.
    func holds(facet: Int, of other: RegionCorners) -> Bool {
        guard other.description.lineDirections.isEmpty,
            hyperplanes.contains(other.hyperplanes[facet].map { -$0 })
        else { return false }
        let members = other.description.generators(on: other.facets[facet])
        return sides.allSatisfy { side in members.allSatisfy { side.sign(at: $0) >= 0 } }
    }
}

extension LinearInequality {
    /// Whether no point of the box satisfies the inequality.
    func isViolated(throughout box: [(lower: Rational?, upper: Rational?)]) -> Bool {
        guard let least = Self.least(normal, box) else { return false }
        return least > offset
    }

    /// Whether all points of the box do.
    func holds(throughout box: [(lower: Rational?, upper: Rational?)]) -> Bool {
        guard let least = Self.least(normal.map { -$0 }, box) else { return false }
        return -least <= offset
    }

    private static func least(_ normal: [Rational], _ box: [(lower: Rational?, upper: Rational?)])
        -> Rational?
    {
        var sum = Rational.zero
        for (slope, range) in zip(normal, box) where !slope.isZero {
            guard let end = slope.sign > 0 ? range.lower : range.upper else { return nil }
            sum += slope * end
        }
        return sum
    }
}

/// Linear programs end without a result only where they are cancelled.
func solving<Result>(_ body: () throws(LinearProgrammingFault) -> Result) throws(FunctionFault) -> Result {
    do { return try body() } catch { throw .cancelled }
}
