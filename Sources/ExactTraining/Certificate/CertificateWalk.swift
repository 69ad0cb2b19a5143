/// The walk over a tree of cuts, which gives every leaf the cones of its units: shared by whoever makes a proof and whoever
/// checks it.
final class CertificateWalk {
    let points: ProofPoints
    /// Points.
    let base: [Int]
    private var roots: [Int: ProofCone] = [:]

    /// What is wrong with a tree.
    struct Fault: Error {
        let reason: String
    }

    init(points: ProofPoints, base: [Int]) {
        self.points = points
        self.base = base
    }

    enum Step<Leaf> {
        case cut(unit: Int, point: Int)
        case cutPair(units: [Int], point: Int)
        case leaf(Leaf)
    }

    private func root(_ cell: Int) throws(Fault) -> ProofCone {
        if let cone = roots[cell] { return cone }
        guard let cone = ProofCone.root(cell, base: base, points) else {
            throw Fault(reason: "the base points are not independent")
        }
        roots[cell] = cone
        return cone
    }

    /// Calls `visit` at every leaf, in order.
    ///
    /// - Parameter nodes: in preorder.
    /// - Throws: `Fault` where the nodes are no tree of cuts.
    func walk<Leaf>(
        cells: [Int], positiveUnits: Int, nodes: some Sequence<Step<Leaf>>,
        visit: (Leaf, [ProofCone]) throws(Fault) -> Void
    ) throws(Fault) {
        var pending = [try cells.map { (cell) throws(Fault) in try root(cell) }]
        for node in nodes {
            guard let cones = pending.popLast() else { throw Fault(reason: "a tree has nodes after its end") }
            switch node {
            case .leaf(let leaf): try visit(leaf, cones)
            case .cut(let unit, let point):
                guard cones.indices.contains(unit), (0..<points.count).contains(point) else {
                    throw Fault(reason: "a cut names no unit or no point")
                }
                let (plus, minus) = cones[unit].cut(point, points)
                pending.append(Self.replacing(cones, [unit], [minus]))
                pending.append(Self.replacing(cones, [unit], [plus]))
            case .cutPair(let units, let point):
                guard units.count == 2, units[0] != units[1], units.allSatisfy(cones.indices.contains),
                    (units[0] < positiveUnits) == (units[1] < positiveUnits),
                    (0..<points.count).contains(point)
                else { throw Fault(reason: "a pair is cut that is not interchangeable") }
                guard cones[units[0]].isSame(as: cones[units[1]]) else {
                    throw Fault(reason: "a pair of units is cut whose cells differ")
                }
                let (plus, minus) = cones[units[0]].cut(point, points)
                pending.append(Self.replacing(cones, units, [minus, minus]))
                pending.append(Self.replacing(cones, units, [plus, minus]))
                pending.append(Self.replacing(cones, units, [plus, plus]))
            }
        }
        guard pending.isEmpty else { throw Fault(reason: "a tree ends before all its cells are proved") }
    }

    private static func replacing(
        _ cones: [ProofCone], _ units: [Int], _ replacements: [ProofCone]
    ) -> [ProofCone] {
        var cones = cones
        for (unit, cone) in zip(units, replacements) { cones[unit] = cone }
        return cones
    }
}
