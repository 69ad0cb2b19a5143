import ExactArithmetic
import LinearProgramming
import PieceCounting
import ReLUNetworks

/// An independent count on R^n or a box: every sign pattern is tried by a rational linear program, every pair of cells
/// is intersected.
struct SignPatternOracle {
    struct Cell {
        let pattern: [Bool]
        let polyhedron: Polyhedron
        /// Gradients and intercepts of the outputs, side by side.
        let map: [[Rational]]
    }

    let cells: [Cell]
    let counts: [PieceDefinition: BigInteger]

    /// `nil` where there are more than `maximumCells`.
    init?(_ network: Network<Rational>, lower: [Rational]?, upper: [Rational]?, maximumCells: Int) throws {
        let n = network.inputs
        func unit(_ k: Int, _ value: Rational) -> [Rational] { (0..<n).map { $0 == k ? value : 0 } }
        var box: [LinearInequality] = []
        for k in 0..<n {
            if let lower { box.append(LinearInequality(normal: unit(k, -1), offset: -lower[k])) }
            if let upper { box.append(LinearInequality(normal: unit(k, 1), offset: upper[k])) }
        }
        var cells: [Cell] = []
        /// Forms of n + 1 entries.
        func visit(
            _ layer: Int, _ values: [[Rational]], _ pattern: [Bool], _ constraints: [LinearInequality]
        ) throws {
            if cells.count > maximumCells { return }
            let affine = network.layers[layer]
            let forms = (0..<affine.outputs).map { row in
                var form = [Rational](repeating: 0, count: n) + [affine.bias[row]]
                for (weight, value) in zip(affine.row(row), values) {
                    for k in 0...n { form[k] += weight * value[k] }
                }
                return form
            }
            if layer == network.hiddenLayers {
                cells.append(
                    Cell(
                        pattern: pattern, polyhedron: Polyhedron(dimension: n, inequalities: constraints),
                        map: forms))
                return
            }
            func decide(_ index: Int, _ signs: [Bool], _ constraints: [LinearInequality]) throws {
                if index == forms.count {
                    let next = zip(forms, signs).map { form, isOn in
                        isOn ? form : [Rational](repeating: 0, count: n + 1)
                    }
                    return try visit(layer + 1, next, pattern + signs, constraints)
                }
                let form = forms[index]
                if form.dropLast().allSatisfy(\.isZero) {
                    return try decide(index + 1, signs + [form[n].sign > 0], constraints)
                }
                for isOn in [true, false] {
                    let row =
                        isOn
                        ? LinearInequality(normal: form.dropLast().map { -$0 }, offset: form[n])
                        : LinearInequality(normal: Array(form.dropLast()), offset: -form[n])
                    let polyhedron = Polyhedron(dimension: n, inequalities: constraints + [row])
                    if try polyhedron.hasInterior() {
                        try decide(index + 1, signs + [isOn], constraints + [row])
                    }
                }
            }
            try decide(0, [], constraints)
        }
        try visit(0, (0..<n).map { unit($0, 1) + [0] }, [], box)
        if cells.count > maximumCells { return nil }
        self.cells = cells
        counts = try Self.counts(cells)
    }

    private static func counts(_ cells: [Cell]) throws -> [PieceDefinition: BigInteger] {
        let maps = Set(cells.map(\.map))
        var open = 0
        var closed = 0
        var level = 0
        for map in maps {
            let group = cells.filter { $0.map == map }
            open += try components(group.count) { a, b in
                try group[a].polyhedron.sharedFacetPoint(with: group[b].polyhedron) != nil
            }.count
            closed += try components(group.count) { a, b in
                try meet(group[a].polyhedron, group[b].polyhedron)
            }.count
            guard group.count > 1 else {
                level += 1
                continue
            }
            // The whole set on which f equals the map, cell by cell.
            let sections = try cells.map { cell in
                Polyhedron(
                    dimension: cell.polyhedron.dimension,
                    inequalities: cell.polyhedron.inequalities
                        + zip(cell.map, map).flatMap { own, wanted -> [LinearInequality] in
                            let difference = zip(own, wanted).map { $0 - $1 }
                            let normal = Array(difference.dropLast())
                            let offset = -(difference.last ?? 0)
                            return [
                                LinearInequality(normal: normal, offset: offset),
                                LinearInequality(normal: normal.map { -$0 }, offset: -offset),
                            ]
                        })
            }.map { (polyhedron: $0, exists: try isNonempty($0)) }
            let joined = try components(cells.count) { a, b in
                guard sections[a].exists, sections[b].exists else { return false }
                return try meet(sections[a].polyhedron, sections[b].polyhedron)
            }
            level += joined.filter { $0.contains { cells[$0].map == map } }.count
        }
        return [
            .activation: BigInteger(cells.count), .open: BigInteger(open), .closed: BigInteger(closed),
            .level: BigInteger(level), .affine: BigInteger(maps.count),
        ]
    }

    private static func isNonempty(_ polyhedron: Polyhedron) throws -> Bool {
        let zeros = [Rational](repeating: 0, count: polyhedron.dimension)
        if case .infeasible = try polyhedron.maximum(of: zeros) { return false }
        return true
    }

    private static func meet(_ a: Polyhedron, _ b: Polyhedron) throws -> Bool {
        try isNonempty(a.intersection(b))
    }

    /// Connected components of 0..<count, by trying all pairs.
    private static func components(_ count: Int, _ related: (Int, Int) throws -> Bool) rethrows -> [[Int]] {
        var components: [[Int]] = []
        for node in 0..<count {
            var merged = [node]
            var rest: [[Int]] = []
            for component in components {
                if try component.contains(where: { try related($0, node) }) {
                    merged += component
                } else {
                    rest.append(component)
                }
            }
            components = rest + [merged]
        }
        return components
    }
}
