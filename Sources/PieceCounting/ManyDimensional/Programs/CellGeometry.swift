internal import ExactArithmetic
internal import LinearProgramming
internal import ReLUNetworks

/// Questions about one found cell after the other, exactly: its map, its facets, what it touches.
final class CellGeometry {
    let network: ProgramNetwork
    let cells: FoundCells
    let search: CellSearch
    private var loaded = -1
    private let arena: WordArena
    let form: UnsafeMutablePointer<Double>
    let bound: UnsafeMutablePointer<Double>
    let remaining: CellRows
    /// Two constraints around a facet's hyperplane, and their bounds.
    let slabForms: UnsafeMutablePointer<Double>
    let slabBounds: UnsafeMutablePointer<Double>
    /// Room for four points.
    let points: UnsafeMutablePointer<Double>
    /// Linear programs so far.
    var programs = 0

    init(_ network: ProgramNetwork, _ cells: FoundCells) {
        self.network = network
        self.cells = cells
        search = CellSearch(network)
        remaining = CellRows(capacity: network.size + network.bounds.count + 2)
        let stride = search.tables.stride
        arena = WordArena(capacity: 10 * stride)
        slabForms = arena.doubles(2 * stride)
        slabBounds = arena.doubles(2 * stride)
        points = arena.doubles(4 * stride)
        form = arena.doubles(search.tables.stride)
        bound = arena.doubles(search.tables.stride)
    }

    func load(_ cell: Int) {
        if loaded == cell { return }
        loaded = cell
        let rational = cells.rationalPoints[cell]
        let n = network.dimension
        search.restore(
            SearchTask(
                layer: network.hiddenLayers, unit: 0, pattern: Array(cells.pattern(cell)),
                rows: cells.rows(cell).map { Int($0) },
                point: CellPoint(
                    double: rational == nil ? Array(cells.points[cell * n..<(cell + 1) * n]) : [],
                    rational: rational)))
    }

    /// The affine map on the cell times a positive number that is the same for all cells.
    func map(_ cell: Int) -> [ExactForm] {
        load(cell)
        return (0..<network.exact.outputs).map {
            search.exactForms.form(network.hiddenLayers, $0, isOn: search.isOn)
        }
    }

    /// The constraints form ≥ 0 that bound the cell, in the order of `cells.rows`.
    func constraints(_ cell: Int) -> [ExactForm] {
        load(cell)
        return cells.rows(cell).map { search.exactRow(Int($0)) }
    }

    // MARK: Facets

    /// For each constraint that comes from a unit, the signs of all units in the relative interior of the facet that
    /// it makes if it makes one: those of the cell, but 0 for the units whose forms are multiples of the
    /// constraint's. A plane of bits for +, then one for 0. Twice the same constraint gives one key.
    func facetKeys(_ cell: Int) -> [(row: Int, key: [UInt64])] {
        load(cell)
        let words = cells.words
        var zeros = [UInt64](repeating: 0, count: words)
        /// Forms whose gradient is not certainly other than 0 in binary64.
        var doubtful: [Int] = []
        for place in network.units where unitData(place).inverseNorm == 0 {
            let form = exactForm(place)
            if !form.isConstant { doubtful.append(place) }
            if form.isConstant, form.constant.isZero { zeros[place >> 6] |= 1 << UInt64(place & 63) }
        }
        var isSpare = [UInt64](repeating: 0, count: words)
        var result: [(row: Int, key: [UInt64])] = []
        for (row, source) in cells.rows(cell).enumerated() where source >= 0 {
            let own = Int(source)
            if (isSpare[own >> 6] >> UInt64(own & 63)) & 1 == 1 { continue }
            var key = Array(cells.pattern(cell)) + zeros
            for place in network.units
            where place == own || (mayBeParallel(own, place, doubtful) && isMultiple(own, place)) {
                let bit: UInt64 = 1 << UInt64(place & 63)
                key[place >> 6] &= ~bit
                key[words + (place >> 6)] |= bit
                isSpare[place >> 6] |= bit
            }
            result.append((row, key))
        }
        return result
    }

    private func exactForm(_ place: Int) -> ExactForm {
        let layer = network.layer(of: place)
        return search.exactForms.form(layer, place - network.firstUnits[layer], isOn: search.isOn)
    }

    private func unitData(
        _ place: Int
    ) -> (form: UnsafePointer<Double>, bound: UnsafePointer<Double>, inverseNorm: Double) {
        let layer = network.layer(of: place)
        let unit = place - network.firstUnits[layer]
        let offset = unit * search.tables.stride
        return (
            UnsafePointer(search.tables.forms[layer] + offset),
            UnsafePointer(search.tables.bounds[layer] + offset), search.tables.inverseNorms[layer][unit]
        )
    }

    /// Whether error bounds leave it possible that two gradients are parallel.
    private func mayBeParallel(_ a: Int, _ b: Int, _ doubtful: [Int]) -> Bool {
        let first = unitData(a)
        let second = unitData(b)
        if first.inverseNorm == 0 || second.inverseNorm == 0 {
            return doubtful.contains(b) || first.inverseNorm == 0 && second.inverseNorm != 0
        }
        var error = 0x1p-46
        var product = 0.0
        for k in 0..<network.dimension {
            error += 4 * first.bound[k] * first.inverseNorm + 4 * second.bound[k] * second.inverseNorm
            product += first.form[k] * second.form[k]
        }
        let factor = product < 0 ? -second.inverseNorm : second.inverseNorm
        for k in 0..<network.dimension
        where (first.form[k] * first.inverseNorm - second.form[k] * factor).magnitude > error {
            return false
        }
        return true
    }

    /// Whether one form that is not constant is a multiple of the other.
    private func isMultiple(_ a: Int, _ b: Int) -> Bool {
        let first = exactForm(a).scaled
        let second = exactForm(b).scaled
        return first == second
            || first
                == ExactForm(gradient: second.gradient.map { -$0 }, constant: -second.constant)
    }

    /// Whether constraint `row`, whose key among `facetKeys` is `key`, makes a facet: whether the others, but for its
    /// multiples, leave room beyond it.
    func isFacet(
        _ cell: Int, _ row: Int, _ key: [UInt64], _ isCancelled: () -> Bool
    ) throws(LinearProgrammingFault) -> Bool {
        programs += 1
        load(cell)
        let sources = cells.rows(cell).map { Int($0) }
        let others = sources.indices.filter { index in
            let source = sources[index]
            return source < 0 || (key[cells.words + (source >> 6)] >> UInt64(source & 63)) & 1 == 0
        }
        let own = search.rows[row]
        if search.rationalPoint == nil, own.inverseNorm > 0 {
            remaining.truncate(0)
            for index in others { remaining.append(search.rows[index]) }
            let outcome = search.program.minimise(
                own.form, sign: own.sign, scale: own.inverseNorm, over: remaining, from: search.point)
            switch outcome {
            case .negative:
                if search.farPoint(own.form, own.bound, own.sign, remaining) != nil { return true }
            case .nonnegative:
                if search.program.proves(
                    own.form, own.bound, sign: own.sign, scale: own.inverseNorm, remaining)
                {
                    return false
                }
            case .undecided: break
            }
        }
        let all = constraints(cell)
        let program = LinearProgram(
            maximising: all[row].gradient.map { -$0 },
            inequalities: others.map { all[$0].inequality(sign: 1) })
        switch try program.solved(isCancelled: isCancelled) {
        case .optimal(let point, _, _): return all[row].value(at: point).sign < 0
        case .unbounded: return true
        case .infeasible: preconditionFailure("a cell has interior")
        }
    }

    // MARK: Touching

    /// For each unit whether its zero set may meet the closed cell; certainly does not where the bit is 0.
    func touchedUnits(_ cell: Int) -> [UInt64] {
        load(cell)
        var touched = [UInt64](repeating: 0, count: cells.words)
        for layer in 0..<network.hiddenLayers {
            for unit in 0..<network.layers[layer].outputs {
                let place = network.firstUnits[layer] + unit
                let offset = unit * search.tables.stride
                let sign = search.isOn(layer, unit) ? 1.0 : -1.0
                if !isCertainlyPositive(
                    search.tables.forms[layer] + offset, search.tables.bounds[layer] + offset, sign: sign)
                {
                    touched[place >> 6] |= 1 << UInt64(place & 63)
                }
            }
        }
        return touched
    }

    /// Whether sign · form > 0 on the closed cell at hand, as far as error bounds tell.
    private func isCertainlyPositive(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, sign: Double
    ) -> Bool {
        guard search.rationalPoint == nil else { return false }
        let n = network.dimension
        var square = 0.0
        var isConstant = true
        for k in 0..<n {
            square += form[k] * form[k]
            if form[k] != 0 || bound[k] != 0 { isConstant = false }
        }
        if isConstant { return sign * form[n] > 2 * bound[n] }
        guard square > 1e-200, square < 1e200 else { return false }
        let scale = 1 / square.squareRoot()
        programs += 1
        guard
            case .nonnegative = search.program.minimise(
                form, sign: sign, scale: scale, over: search.rows, from: search.point)
        else { return false }
        return search.program.proves(form, bound, sign: sign, scale: scale, search.rows, strictly: true)
    }

    /// Whether the closed cell a and the closed cell b have a common point, on which the forms `equations` of a are 0.
    ///
    /// The common points of two closed cells are those of one at which the units that only one of them has on are 0:
    /// where the sum of their absolute values, an affine form on the cell, has its minimum 0.
    func meet(
        _ a: Int, _ b: Int, equations: [ExactForm] = [], _ isCancelled: () -> Bool
    ) throws(LinearProgrammingFault) -> Bool {
        guard mayMeet(a, b) else { return false }
        let sum = distance(a, differing(a, b))
        return try hasPoint(a, equations: equations, atMostZero: sum, isCancelled)
    }

    private func differing(_ a: Int, _ b: Int) -> [Int] {
        network.units.filter { cells.isOn(a, $0) != cells.isOn(b, $0) }
    }

    /// Whether the closed cells may have a common point; certainly not where the answer is `false`.
    func mayMeet(_ a: Int, _ b: Int) -> Bool {
        load(a)
        let stride = search.tables.stride
        for k in 0..<stride {
            form[k] = 0
            bound[k] = 0
        }
        for place in differing(a, b) {
            let layer = network.layer(of: place)
            let offset = (place - network.firstUnits[layer]) * stride
            let sign = cells.isOn(a, place) ? 1.0 : -1.0
            for k in 0..<stride {
                form[k] += sign * search.tables.forms[layer][offset + k]
                // Each addition rounds.
                bound[k] += search.tables.bounds[layer][offset + k] + 0x1p-52 * form[k].magnitude
            }
        }
        return !isCertainlyPositive(form, bound, sign: 1)
    }

    /// The sum of the absolute values of the units `differing` on the cell.
    private func distance(_ cell: Int, _ differing: [Int]) -> ExactForm {
        var sum = ExactForm(
            gradient: [Rational](repeating: .zero, count: network.dimension), constant: .zero)
        for place in differing {
            let row = search.exactRow(place)
            for k in sum.gradient.indices { sum.gradient[k] += row.gradient[k] }
            sum.constant += row.constant
        }
        return sum
    }

    enum Section {
        case empty
        /// Not empty, and within the other closed cell.
        case inside
        case beyond
    }

    /// Where the part of the closed cell a on which the forms `equations` are 0 lies with regard to the closed cell b.
    func section(
        _ a: Int, equations forms: [ExactForm], from b: Int, _ isCancelled: () -> Bool
    ) throws(LinearProgrammingFault) -> Section {
        load(a)
        programs += 1
        let sum = distance(a, differing(a, b))
        let program = LinearProgram(
            maximising: sum.gradient, inequalities: constraints(a).map { $0.inequality(sign: 1) },
            equations: forms.map { LinearInequality(normal: $0.gradient, offset: -$0.constant) })
        switch try program.solved(isCancelled: isCancelled) {
        case .infeasible: return .empty
        case .unbounded: return .beyond
        case .optimal(_, let value, _): return (value + sum.constant).isZero ? .inside : .beyond
        }
    }

    /// Whether the closed cell has a point at which all `forms`, 0 or constant somewhere, are 0.
    func hasPoint(
        _ cell: Int, equations forms: [ExactForm], atMostZero: ExactForm? = nil, _ isCancelled: () -> Bool
    ) throws(LinearProgrammingFault) -> Bool {
        programs += 1
        let program = LinearProgram(
            maximising: [Rational](repeating: .zero, count: network.dimension),
            inequalities: constraints(cell).map { $0.inequality(sign: 1) }
                + (atMostZero.map { [$0.inequality(sign: -1)] } ?? []),
            equations: forms.map { LinearInequality(normal: $0.gradient, offset: -$0.constant) })
        if case .infeasible = try program.solved(isCancelled: isCancelled) { return false }
        return true
    }

    /// Rounds a positive multiple of the form into `form` and `bound`.
    func setForm(_ exact: ExactForm) {
        let n = network.dimension
        let largest = exact.gradient.map(\.magnitude).max() ?? .one
        for k in 0...n {
            form[k] = ((k < n ? exact.gradient[k] : exact.constant) / largest).nearestDouble
            bound[k] = Double(n + 8) * 0x1p-53 * form[k].magnitude + 0x1p-960
        }
        for k in n + 1..<max(n + 1, search.tables.stride) {
            form[k] = 0
            bound[k] = 0
        }
    }

    /// Whether all `forms` may be 0 together on the closed cell; certainly not where the answer is `false`.
    func mayHavePoint(_ cell: Int, equations forms: [ExactForm]) -> Bool {
        load(cell)
        for exact in forms {
            if exact.isConstant {
                if !exact.constant.isZero { return false }
                continue
            }
            setForm(exact)
            let sign = search.filter.value(form, bound, at: search.point).sign
            if sign != 0, isCertainlyPositive(form, bound, sign: Double(sign)) { return false }
        }
        return true
    }
}

extension ProgramNetwork {
    /// All hidden units.
    var units: Range<Int> { 0..<size }
}

extension ExactForm {
    /// Divided by the magnitude of the gradient's first entry that is not 0: equal for positive multiples.
    var scaled: ExactForm {
        guard let leading = gradient.first(where: { !$0.isZero })?.magnitude else { return self }
        return ExactForm(gradient: gradient.map { $0 / leading }, constant: constant / leading)
    }

    static func - (a: ExactForm, b: ExactForm) -> ExactForm {
        ExactForm(
            gradient: zip(a.gradient, b.gradient).map { $0 - $1 }, constant: a.constant - b.constant)
    }
}
