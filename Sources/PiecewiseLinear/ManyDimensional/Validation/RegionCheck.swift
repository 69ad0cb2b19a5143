internal import ExactArithmetic
internal import LinearProgramming

/// Regions held against each other, from several threads.
final class RegionCheck: Sendable {
    let cells: [RegionCell]
    let tolerance: Rational
    /// Hyperplanes found to have the union on one side.
    private let supporting = SupportingHyperplanes()

    init(cells: [RegionCell], tolerance: Rational) {
        self.cells = cells
        self.tolerance = tolerance
    }

    private var dimension: Int { cells[0].polyhedron.dimension }

    // MARK: Values

    /// By how much the functions of two regions differ at most on what both have.
    ///
    /// - Throws: `regionsDisagree` where that is more than the tolerance.
    func difference(_ first: Int, _ second: Int, _ isCancelled: () -> Bool) throws(FunctionFault) -> Rational
    {
        let (a, b) = (cells[first].function, cells[second].function)
        if a == b { return .zero }
        if let known = differenceAtCorners(first, second), known <= tolerance { return known }
        var most = Rational.zero
        let slope = zip(a.gradient, b.gradient).map { $0 - $1 }
        let common = cells[first].polyhedron.intersection(cells[second].polyhedron)
        for sign in [Rational.one, Rational(-1)] {
            let outcome = try solving { () throws(LinearProgrammingFault) in
                try common.maximum(of: slope.map { sign * $0 }, isCancelled: isCancelled)
            }
            switch outcome {
            case .infeasible: return .zero
            case .optimal(let point, _, _):
                let excess = sign * (a(point) - b(point))
                guard excess <= tolerance else { throw disagreement(first, second, point) }
                most = max(most, excess)
            case .unbounded(let point, let ray):
                // Along the ray the difference grows for ever: to where it is the tolerance and 1 more.
                let excess = sign * (a(point) - b(point))
                let rate = zip(slope, ray).reduce(Rational.zero) { $0 + sign * $1.0 * $1.1 }
                let steps = max(.zero, (tolerance + .one - excess) / rate)
                throw disagreement(first, second, zip(point, ray).map { $0 + steps * $1 })
            }
        }
        return most
    }

    /// The same where corners tell: 0 where the regions share nothing; `nil` where it is not known, or grows without end.
    private func differenceAtCorners(_ first: Int, _ second: Int) -> Rational? {
        guard let here = cells[first].corners, let there = cells[second].corners else { return nil }
        switch here.description.meeting(there.description, here.sides, there.sides) {
        case .apart: return .zero
        case .unknown: return nil
        case .face(let generators):
            let (a, b) = (cells[first].function, cells[second].function)
            var most = Rational.zero
            for generator in generators {
                let point = generator.point
                if generator.isVertex {
                    most = max(most, (a(point) - b(point)).magnitude)
                } else if !isLevel(a, b, along: point) {
                    return nil
                }
            }
            return most
        }
    }

    private func isLevel(_ a: AffineFunction, _ b: AffineFunction, along direction: [Rational]) -> Bool {
        zip(zip(a.gradient, b.gradient), direction).reduce(Rational.zero) { $0 + ($1.0.0 - $1.0.1) * $1.1 }
            .isZero
    }

    private func disagreement(_ first: Int, _ second: Int, _ point: [Rational]) -> FunctionFault {
        .regionsDisagree(
            first: first, second: second, point: point,
            values: [cells[first].function(point), cells[second].function(point)])
    }

    // MARK: Gaps

    /// Beyond each facet of a region are other regions, or nothing of the union. Whether the former holds for all.
    func cover(_ index: Int, _ partners: [Int], _ isCancelled: () -> Bool) throws(FunctionFault) -> Bool {
        var isInside = true
        for facet in cells[index].polyhedron.inequalities.indices {
            if isCancelled() { throw .cancelled }
            if isCovered(index, facet, partners) { continue }
            let inequality = cells[index].polyhedron.inequalities[facet]
            let plane = Hyperplane(inequality)
            if supporting.contains(plane.key) || cells.allSatisfy({ inequality.holds(throughout: $0.box) }) {
                isInside = false
                supporting.insert(plane.key)
                continue
            }
            var inside: [LinearInequality] = []
            for (other, inequality) in cells[index].polyhedron.inequalities.enumerated() where other != facet
            {
                inside.append(plane.restricted(inequality))
            }
            let face = Polyhedron(dimension: dimension - 1, inequalities: inside)
            var across: [Polyhedron] = []
            var straddling: [Polyhedron] = []
            for partner in partners {
                guard let (trace, isBounded) = plane.trace(beyondOf: cells[partner].polyhedron) else {
                    continue
                }
                if isBounded { across.append(trace) } else { straddling.append(trace) }
            }
            // Regions that the hyperplane cuts are beyond the facet only where regions overlap.
            if try uncovered(face, across[...], isCancelled) == nil { continue }
            guard let place = try uncovered(face, (across + straddling)[...], isCancelled) else { continue }
            isInside = false
            guard try isSupporting(inequality, isCancelled) else {
                throw .gap(
                    region: index, halfSpace: cells[index].posted[facet], point: plane.point(place))
            }
            supporting.insert(plane.key)
        }
        return isInside
    }

    /// Whether one region beyond a facet holds all of it, as far as vertices tell.
    private func isCovered(_ index: Int, _ facet: Int, _ partners: [Int]) -> Bool {
        guard let corners = cells[index].corners else { return false }
        return partners.contains { cells[$0].corners?.holds(facet: facet, of: corners) ?? false }
    }

    private func isSupporting(_ inequality: LinearInequality, _ isCancelled: () -> Bool) throws(FunctionFault)
        -> Bool
    {
        for cell in cells where !inequality.holds(throughout: cell.box) {
            let holds = try solving { () throws(LinearProgrammingFault) in
                try cell.polyhedron.implies(inequality, isCancelled: isCancelled)
            }
            if !holds { return false }
        }
        return true
    }

    private func hasInterior(_ polyhedron: Polyhedron, _ isCancelled: () -> Bool) throws(FunctionFault)
        -> Bool
    {
        try innerPoint(polyhedron, isCancelled) != nil
    }

    private func innerPoint(_ polyhedron: Polyhedron, _ isCancelled: () -> Bool) throws(FunctionFault)
        -> [Rational]?
    {
        if polyhedron.dimension == 0 { return [] }
        let interior = try solving { () throws(LinearProgrammingFault) in
            try polyhedron.interior(isCancelled: isCancelled)
        }
        guard case .point(let point) = interior else { return nil }
        return point
    }

    /// An inner point of `face` that is in none of the covers, if there is one. Each cover leaves of a polyhedron the
    /// parts beyond one of its inequalities and within those before.
    private func uncovered(_ face: Polyhedron, _ covers: ArraySlice<Polyhedron>, _ isCancelled: () -> Bool)
        throws(FunctionFault) -> [Rational]?
    {
        guard let point = try innerPoint(face, isCancelled) else { return nil }
        guard let cover = covers.first else { return point }
        let rest = covers.dropFirst()
        guard try hasInterior(face.intersection(cover), isCancelled) else {
            return try uncovered(face, rest, isCancelled)
        }
        var within = face
        for inequality in cover.inequalities {
            let opposite = LinearInequality(
                normal: inequality.normal.map { -$0 }, offset: -inequality.offset)
            let beyond = within.intersection(
                Polyhedron(dimension: face.dimension, inequalities: [opposite]))
            if let point = try uncovered(beyond, rest, isCancelled) { return point }
            within = within.intersection(
                Polyhedron(dimension: face.dimension, inequalities: [inequality]))
        }
        return nil
    }
}

/// {x : ⟨normal, x⟩ = offset}, with all coordinates but one as its own.
private struct Hyperplane {
    private let inequality: LinearInequality
    /// The coordinate that the others give.
    private let axis: Int

    init(_ inequality: LinearInequality) {
        self.inequality = inequality
        axis = inequality.normal.firstIndex { !$0.isZero } ?? 0
    }

    /// Equal for equal half-spaces.
    var key: [Rational] {
        let scale = inequality.normal[axis].magnitude
        return (inequality.normal + [inequality.offset]).map { $0 / scale }
    }

    /// The inequality for points of the hyperplane. Its normal is 0 where the two are parallel.
    func restricted(_ other: LinearInequality) -> LinearInequality {
        let factor = other.normal[axis] / inequality.normal[axis]
        var normal: [Rational] = []
        for index in other.normal.indices where index != axis {
            normal.append(other.normal[index] - factor * inequality.normal[index])
        }
        return LinearInequality(normal: normal, offset: other.offset - factor * inequality.offset)
    }

    /// The points of the hyperplane, but for sets of lower dimension, beyond which a polyhedron lies at once, and whether
    /// the hyperplane bounds it; `nil` where there are none.
    func trace(beyondOf polyhedron: Polyhedron) -> (trace: Polyhedron, isBounded: Bool)? {
        var inequalities: [LinearInequality] = []
        var isBounded = false
        for other in polyhedron.inequalities {
            let restricted = restricted(other)
            guard restricted.normal.allSatisfy(\.isZero) else {
                inequalities.append(restricted)
                continue
            }
            if restricted.offset.sign < 0 { return nil }
            if restricted.offset.isZero {
                // The hyperplane itself: the polyhedron is before it or beyond it.
                if other.normal[axis].sign == inequality.normal[axis].sign { return nil }
                isBounded = true
            }
        }
        return (
            Polyhedron(dimension: polyhedron.dimension - 1, inequalities: inequalities), isBounded
        )
    }

    /// A point by its coordinates in the hyperplane.
    func point(_ place: [Rational]) -> [Rational] {
        var point = place
        point.insert(.zero, at: axis)
        let sum = zip(inequality.normal, point).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
        point[axis] = (inequality.offset - sum) / inequality.normal[axis]
        return point
    }
}
