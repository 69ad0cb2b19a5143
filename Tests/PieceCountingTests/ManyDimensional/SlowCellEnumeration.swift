import ExactArithmetic
import LinearProgramming
import PieceCounting
import ReLUNetworks

/// An independent count on R^n: all sign patterns, layer by layer, by exact linear programs; cells are compared pair
/// by pair.
struct SlowCellEnumeration {
    private struct Cell {
        let polyhedron: Polyhedron
        /// For each output the gradient, then the intercept.
        let map: [[Rational]]
    }

    private var cells: [Cell] = []
    private(set) var counts: [PieceDefinition: Int] = [:]

    init(_ network: Network<Rational>, box: InputBox? = nil) throws {
        let n = network.inputs
        var sides: [LinearInequality] = []
        if let box {
            for i in 0..<n {
                let unit = (0..<n).map { $0 == i ? Rational.one : .zero }
                sides.append(LinearInequality(normal: unit, offset: box.upper[i]))
                sides.append(LinearInequality(normal: unit.map { -$0 }, offset: -box.lower[i]))
            }
        }
        let identity = (0..<n).map { i in (0...n).map { $0 == i ? Rational.one : .zero } }
        try visit(network, 0, identity, sides)
        count()
        try join()
    }

    private mutating func visit(
        _ network: Network<Rational>, _ layer: Int, _ values: [[Rational]], _ sides: [LinearInequality]
    ) throws {
        let forms = Self.forms(network.layers[layer], values)
        if layer == network.hiddenLayers {
            cells.append(
                Cell(polyhedron: Polyhedron(dimension: network.inputs, inequalities: sides), map: forms))
            return
        }
        try choose(network, layer, forms, [], sides)
    }

    private mutating func choose(
        _ network: Network<Rational>, _ layer: Int, _ forms: [[Rational]], _ chosen: [[Rational]],
        _ sides: [LinearInequality]
    ) throws {
        if chosen.count == forms.count { return try visit(network, layer + 1, chosen, sides) }
        let form = forms[chosen.count]
        let zero = [Rational](repeating: .zero, count: form.count)
        if form.allSatisfy(\.isZero) { return try choose(network, layer, forms, chosen + [zero], sides) }
        for isOn in [true, false] {
            let sign: Rational = isOn ? -1 : 1
            let side = LinearInequality(
                normal: form.dropLast().map { $0 * sign }, offset: -form[form.count - 1] * sign)
            let polyhedron = Polyhedron(dimension: network.inputs, inequalities: sides + [side])
            if try polyhedron.hasInterior() {
                try choose(network, layer, forms, chosen + [isOn ? form : zero], sides + [side])
            }
        }
    }

    private static func forms(_ layer: AffineLayer<Rational>, _ values: [[Rational]]) -> [[Rational]] {
        (0..<layer.outputs).map { unit in
            var form = [Rational](repeating: .zero, count: values[0].count)
            for (input, value) in values.enumerated() {
                let weight = layer.weights[unit * layer.inputs + input]
                for place in form.indices { form[place] += weight * value[place] }
            }
            form[form.count - 1] += layer.bias[unit]
            return form
        }
    }

    private mutating func count() {
        counts[.activation] = cells.count
        counts[.affine] = Set(cells.map(\.map)).count
    }

    private mutating func join() throws {
        var open = 0
        var closed = 0
        var level = 0
        for (map, members) in Dictionary(grouping: cells.indices, by: { cells[$0].map }) {
            let polyhedra = members.map { cells[$0].polyhedron }
            let n = polyhedra[0].dimension
            open += try Self.components(polyhedra) {
                if case .space(let dimension, _, _) = try $0.intersection($1).affineHull() {
                    return dimension >= n - 1
                }
                return false
            }
            let parts = try Self.components(polyhedra) { try Self.isFeasible($0.intersection($1)) }
            closed += parts
            level += parts == 1 ? 1 : try levelComponents(map, members)
        }
        counts[.open] = open
        counts[.closed] = closed
        counts[.level] = level
    }

    /// The components of {f = g} that hold a cell on which f is g.
    private func levelComponents(_ map: [[Rational]], _ members: [Int]) throws -> Int {
        let isMember = Set(members)
        var polyhedra: [Polyhedron] = members.map { cells[$0].polyhedron }
        for index in cells.indices where !isMember.contains(index) {
            let cell = cells[index]
            var equal: [LinearInequality] = []
            for (form, other) in zip(cell.map, map) {
                let difference = zip(form, other).map { $0 - $1 }
                let normal = Array(difference.dropLast())
                let offset = -difference[difference.count - 1]
                equal.append(LinearInequality(normal: normal, offset: offset))
                equal.append(LinearInequality(normal: normal.map { -$0 }, offset: -offset))
            }
            let part = Polyhedron(
                dimension: cell.polyhedron.dimension, inequalities: cell.polyhedron.inequalities + equal)
            if try Self.isFeasible(part) { polyhedra.append(part) }
        }
        return try Self.components(polyhedra, counted: members.count) {
            try Self.isFeasible($0.intersection($1))
        }
    }

    private static func isFeasible(_ polyhedron: Polyhedron) throws -> Bool {
        let zero = [Rational](repeating: .zero, count: polyhedron.dimension)
        if case .infeasible = try polyhedron.maximum(of: zero) { return false }
        return true
    }

    /// The components of the graph of touching polyhedra that hold one of the first `counted`.
    private static func components(
        _ polyhedra: [Polyhedron], counted: Int? = nil, touch: (Polyhedron, Polyhedron) throws -> Bool
    ) throws -> Int {
        var roots = Array(polyhedra.indices)
        func root(_ node: Int) -> Int {
            var node = node
            while roots[node] != node { node = roots[node] }
            return node
        }
        for a in polyhedra.indices {
            for b in 0..<a where root(a) != root(b) {
                if try touch(polyhedra[a], polyhedra[b]) { roots[root(a)] = root(b) }
            }
        }
        return Set((0..<(counted ?? polyhedra.count)).map(root)).count
    }
}
