internal import ExactArithmetic

/// The search for the cells of a network, depth first over the units in the order of layers: a cell is cut by a unit
/// when the unit's form takes both signs inside it, which one linear program decides from the cell's inner point.
///
/// Binary64 with error bounds decides what it can, rational arithmetic the rest (`ExactDecision`).
final class CellSearch {
    let network: ProgramNetwork
    let tables: FormTables
    let rows: CellRows
    let exactForms: ExactForms
    /// A bit for each hidden unit that is on; units not decided yet have no bit.
    let pattern: UnsafeMutablePointer<UInt64>
    let words: Int
    /// The inner point (x_1, …, x_n, 1, 0, …) where `rationalPoint` is nil.
    let point: UnsafeMutablePointer<Double>
    var rationalPoint: [Rational]?

    let filter: FilteredForms
    let program: CutProgram
    let composition: CompositionScratch
    private let implications: [KnownImplications]
    private let arena: WordArena
    private let candidate: UnsafeMutablePointer<Double>
    private let domainForms: UnsafeMutablePointer<Double>
    private let domainBounds: UnsafeMutablePointer<Double>
    /// The slot of partial sums of each layer's successor: the number of units that are on.
    private let onCounts: UnsafeMutablePointer<Int>
    private var pending: [Pending] = []
    private let dimension: Int
    private let hiddenLayers: Int
    let firstUnits: UnsafeMutablePointer<Int>
    private let figuresStorage: UnsafeMutablePointer<SearchFigures>

    private struct Pending {
        let layer: Int
        let unit: Int
        let isOn: Bool
        let onCount: Int
        let rowCount: Int
        let cuts: Int
        let point: CellPoint
    }

    /// What to do with cells.
    struct Purpose {
        let keepsCells: Bool
        /// Splits a task off after so many cuts.
        let splitsAfter: Int?
    }

    /// The memory that a search takes, in bytes, but for exact forms: where it is too much for an integer, infinity or
    /// a large number.
    static func bytes(_ network: ProgramNetwork) -> Double {
        let n = Double(network.dimension)
        let stride = n + 4
        let widths = network.layers.dropLast().map { Double($0.outputs) }
        let rows = widths.reduce(Double(network.bounds.count), +)
        var words = rows * (n + 8) + 5 * n * n + 2 * (n + 3) * ((widths.max() ?? 0) + 1)
        for (layer, width) in widths.enumerated() {
            let next = layer + 1 < widths.count ? widths[layer + 1] : 0
            words += width * (2 * stride + 2) + (width + 1) * next * (2 * stride + 1)
            words += 8 * width * (width / 32 + 4)
        }
        for layer in network.layers { words += 2 * Double(layer.columns.count + layer.outputs) }
        return 8 * words
    }

    init(_ network: ProgramNetwork) {
        self.network = network
        dimension = network.dimension
        hiddenLayers = network.hiddenLayers
        tables = FormTables(network)
        exactForms = ExactForms(network.exact)
        let stride = tables.stride
        let maximumRows = network.size + network.bounds.count
        rows = CellRows(capacity: maximumRows + 1)
        filter = FilteredForms(stride: stride)
        program = CutProgram(dimension: network.dimension, stride: stride, maximumRows: maximumRows + 1)
        composition = CompositionScratch(network)
        implications = (0..<network.hiddenLayers).map {
            KnownImplications(firstUnit: network.firstUnits[$0], width: network.layers[$0].outputs)
        }
        words = max(1, (network.size + 63) / 64)
        arena = WordArena(capacity: words + 2 * stride + 2 * network.bounds.count * stride)
        pattern = arena.words(words)
        point = arena.doubles(stride)
        candidate = arena.doubles(stride)
        domainForms = arena.doubles(network.bounds.count * stride)
        domainBounds = arena.doubles(network.bounds.count * stride)
        onCounts = .allocate(capacity: max(1, network.hiddenLayers))
        onCounts.initialize(repeating: 0, count: max(1, network.hiddenLayers))
        figuresStorage = .allocate(capacity: 1)
        figuresStorage.initialize(to: SearchFigures())
        firstUnits = .allocate(capacity: network.firstUnits.count)
        firstUnits.initialize(from: network.firstUnits, count: network.firstUnits.count)
        point[network.dimension] = 1
        candidate[network.dimension] = 1
        let relative = Double(network.dimension + 6) * 0x1p-53
        for (index, bound) in network.bounds.enumerated() {
            let value = bound.value.nearestDouble
            domainForms[index * stride + bound.coordinate] = 1
            domainForms[index * stride + network.dimension] = -value
            domainBounds[index * stride + bound.coordinate] = relative
            domainBounds[index * stride + network.dimension] = 2 * relative * value.magnitude + 0x1p-960
        }
    }

    deinit {
        onCounts.deallocate()
        figuresStorage.deallocate()
        firstUnits.deallocate()
    }

    var figures: SearchFigures { figuresStorage.pointee }

    /// The task of the whole domain.
    static func wholeDomain(_ network: ProgramNetwork) -> SearchTask {
        var lower = [Rational?](repeating: nil, count: network.dimension)
        var upper = lower
        for bound in network.bounds {
            if bound.sign > 0 {
                lower[bound.coordinate] = bound.value
            } else {
                upper[bound.coordinate] = bound.value
            }
        }
        // Off the symmetric places, where hyperplanes tend to meet.
        let middle = (0..<network.dimension).map { k -> Rational in
            let offset = Rational(2 * k + 3, 256)
            switch (lower[k], upper[k]) {
            case (nil, nil): return offset
            case (let low?, nil): return low + offset
            case (nil, let high?): return high - offset
            case (let low?, let high?):
                return low + (high - low) * (Rational(1, 2) + offset / Rational(2 * k + 4))
            }
        }
        let rounded = middle.map(\.nearestDouble)
        let isInside = rounded.enumerated().allSatisfy { k, value in
            guard let exact = Rational(exactly: value) else { return false }
            return (lower[k].map { $0 < exact } ?? true) && (upper[k].map { exact < $0 } ?? true)
        }
        return SearchTask(
            layer: 0, unit: 0, pattern: [], rows: network.bounds.indices.map { -1 - $0 },
            point: CellPoint(double: isInside ? rounded : [], rational: isInside ? nil : middle))
    }

    /// Searches a task's cell.
    ///
    func run(
        _ task: SearchTask, _ purpose: Purpose, into found: inout FoundCells,
        _ counter: EnumerationControl.PartCounter
    ) throws(PieceCountingFault) {
        restore(task)
        var layer = task.layer
        var unit = task.unit
        var cuts = 0
        pending.removeAll(keepingCapacity: true)
        var steps = 0
        while true {
            var isDone = false
            if layer == hiddenLayers {
                try counter.admit(found.count)
                emit(purpose, into: &found)
                isDone = true
            } else if unit == tables.widths[layer] {
                layer += 1
                unit = 0
                if layer < hiddenLayers { enter(layer) }
                continue
            } else {
                steps += 1
                if steps & 63 == 0 { try counter.admit(found.count) }
                switch try decide(layer, unit, counter) {
                case .on: set(layer, unit, true)
                case .off: set(layer, unit, false)
                case .cut(let nearIsOn, let far):
                    cuts += 1
                    pending.append(
                        Pending(
                            layer: layer, unit: unit, isOn: !nearIsOn, onCount: onCounts[layer],
                            rowCount: rows.count, cuts: cuts, point: far))
                    cut(layer, unit, nearIsOn)
                    isDone = split(layer, unit, cuts, purpose, into: &found)
                }
                unit += 1
            }
            while isDone {
                guard let next = pending.popLast() else { return }
                layer = next.layer
                unit = next.unit
                cuts = next.cuts
                onCounts[layer] = next.onCount
                rows.truncate(next.rowCount)
                set(next.point)
                exactForms.forget(from: layer + 1)
                clear(from: firstUnits[layer] + unit)
                cut(layer, unit, next.isOn)
                isDone = split(layer, unit, cuts, purpose, into: &found)
                unit += 1
            }
        }
    }

    // MARK: Moves

    /// Makes the task's cell the one at hand.
    func restore(_ task: SearchTask) {
        rows.truncate(0)
        exactForms.forgetAll()
        clear(from: 0)
        for source in task.rows where source < 0 { appendDomainRow(-1 - source) }
        var units = task.rows.drop { $0 < 0 }
        for layer in 0..<hiddenLayers {
            enter(layer)
            let first = firstUnits[layer]
            let end = layer < task.layer ? tables.widths[layer] : layer == task.layer ? task.unit : 0
            for unit in 0..<end {
                let place = first + unit
                let isOn = (task.pattern[place >> 6] >> UInt64(place & 63)) & 1 == 1
                if units.first == place {
                    units.removeFirst()
                    cut(layer, unit, isOn)
                } else {
                    set(layer, unit, isOn)
                }
            }
            if layer >= task.layer { break }
        }
        set(task.point)
    }

    private func split(
        _ layer: Int, _ unit: Int, _ cuts: Int, _ purpose: Purpose, into found: inout FoundCells
    ) -> Bool {
        guard let limit = purpose.splitsAfter, cuts >= limit else { return false }
        found.append(
            SearchTask(
                layer: layer, unit: unit + 1,
                pattern: Array(UnsafeBufferPointer(start: pattern, count: words)),
                rows: (0..<rows.count).map { rows[$0].source }, point: cellPoint))
        return true
    }

    private func emit(_ purpose: Purpose, into found: inout FoundCells) {
        guard purpose.keepsCells else { return found.appendCount() }
        let last = hiddenLayers - 1
        found.append(
            pattern: UnsafeBufferPointer(start: pattern, count: words),
            fingerprint: tables.fingerprint(slot: last >= 0 ? onCounts[last] : 0),
            point: UnsafeBufferPointer(start: point, count: dimension), rational: rationalPoint,
            rows: rows)
    }

    private func enter(_ layer: Int) {
        if layer > 0 { tables.enter(layer, slot: onCounts[layer - 1]) }
        tables.start(layer)
        onCounts[layer] = 0
        implications[layer].removeAll()
        exactForms.forget(from: layer)
    }

    private func set(_ layer: Int, _ unit: Int, _ isOn: Bool) {
        let place = firstUnits[layer] + unit
        guard isOn else { return }
        pattern[place >> 6] |= 1 << UInt64(place & 63)
        tables.addUnit(layer, unit, slot: onCounts[layer])
        onCounts[layer] += 1
    }

    private func cut(_ layer: Int, _ unit: Int, _ isOn: Bool) {
        let offset = unit * tables.stride
        rows.append(
            CellRows.Row(
                form: UnsafePointer(tables.forms[layer] + offset),
                bound: UnsafePointer(tables.bounds[layer] + offset),
                inverseNorm: tables.inverseNorms[layer][unit], sign: isOn ? 1 : -1,
                source: firstUnits[layer] + unit))
        set(layer, unit, isOn)
    }

    private func appendDomainRow(_ index: Int) {
        rows.append(
            CellRows.Row(
                form: UnsafePointer(domainForms + index * tables.stride),
                bound: UnsafePointer(domainBounds + index * tables.stride), inverseNorm: 1,
                sign: Double(network.bounds[index].sign), source: -1 - index))
    }

    /// Turns off all units from `unit` on, in the order of all hidden units.
    private func clear(from unit: Int) {
        let word = unit >> 6
        guard word < words else { return }
        pattern[word] &= (1 << UInt64(unit & 63)) - 1
        for later in word + 1..<max(word + 1, words) { pattern[later] = 0 }
    }

    private func set(_ cellPoint: CellPoint) {
        rationalPoint = cellPoint.rational
        for (k, coordinate) in cellPoint.double.enumerated() { point[k] = coordinate }
    }

    private var cellPoint: CellPoint {
        rationalPoint.map { CellPoint(double: [], rational: $0) }
            ?? CellPoint(
                double: Array(UnsafeBufferPointer(start: point, count: dimension)), rational: nil)
    }

    func isOn(_ layer: Int, _ unit: Int) -> Bool {
        let place = firstUnits[layer] + unit
        return (pattern[place >> 6] >> UInt64(place & 63)) & 1 == 1
    }

    // MARK: Decisions

    enum Decision {
        case on
        /// ≤ 0 on the cell.
        case off
        case cut(nearIsOn: Bool, far: CellPoint)
    }

    private func decide(
        _ layer: Int, _ unit: Int, _ counter: EnumerationControl.PartCounter
    ) throws(PieceCountingFault) -> Decision {
        figuresStorage.pointee.decisions += 1
        let known = implications[layer].sign(unit, pattern)
        if known != 0 {
            figuresStorage.pointee.implied += 1
            return known > 0 ? .on : .off
        }
        let form = tables.forms[layer] + unit * tables.stride
        let bound = tables.bounds[layer] + unit * tables.stride
        if let constant = constantDecision(form, bound) { return constant }
        let agreed = signByWeights(layer, unit)
        if agreed != 0 {
            figuresStorage.pointee.implied += 1
            return agreed > 0 ? .on : .off
        }
        let inverseNorm = tables.inverseNorms[layer][unit]
        if rationalPoint == nil, inverseNorm > 0 {
            var sign = filter.value(form, bound, at: point).sign
            if sign == 0 { sign = moveOff(form, bound, inverseNorm) }
            if sign != 0, let decision = filtered(layer, unit, sign, inverseNorm) { return decision }
        }
        figuresStorage.pointee.exact += 1
        return try exactDecision(layer, unit, counter)
    }

    /// A form without gradient, where that is certain.
    private func constantDecision(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>
    ) -> Decision? {
        for k in 0..<dimension where form[k] != 0 || bound[k] != 0 { return nil }
        let constant = form[dimension]
        if constant.magnitude > 2 * bound[dimension] { return constant > 0 ? .on : .off }
        return constant == 0 && bound[dimension] == 0 ? .off : nil
    }

    private func filtered(_ layer: Int, _ unit: Int, _ sign: Int, _ inverseNorm: Double) -> Decision? {
        let form = UnsafePointer(tables.forms[layer] + unit * tables.stride)
        let bound = UnsafePointer(tables.bounds[layer] + unit * tables.stride)
        let outcome = program.minimise(
            form, sign: Double(sign), scale: inverseNorm, over: rows, from: point)
        figuresStorage.pointee.programs += 1
        switch outcome {
        case .undecided: return nil
        case .negative:
            guard let far = farPoint(form, bound, Double(sign), rows) else { return nil }
            return .cut(nearIsOn: sign > 0, far: far)
        case .nonnegative:
            if program.proves(form, bound, sign: Double(sign), scale: inverseNorm, rows) {
                remember(
                    layer, unit, Int8(sign),
                    (0..<dimension).lazy.map { self.rows[self.program.tight[$0]].source })
            } else if !provesByComposition(layer, unit, Double(sign)) {
                return nil
            }
            return sign > 0 ? .on : .off
        }
    }

    func remember(_ layer: Int, _ unit: Int, _ sign: Int8, _ sources: some Sequence<Int>) {
        let first = firstUnits[layer]
        implications[layer].insert(unit, sign: sign, forcedBy: sources.lazy.filter { $0 >= first }, pattern)
    }

    /// A point inside the rows with the other sign, between the program's vertex and the inner point.
    func farPoint(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, _ sign: Double, _ rows: CellRows
    ) -> CellPoint? {
        let vertex = program.vertex
        let far = sign * filter.value(form, bound, at: vertex).value
        let near = sign * filter.value(form, bound, at: point).value
        guard far < 0, near > 0 else { return nil }
        let crossing = far / (far - near)
        for fraction in [0.5, 0.875, 0.125] {
            let share = fraction * crossing
            for k in 0..<dimension { candidate[k] = vertex[k] + share * (point[k] - vertex[k]) }
            let (value, error, _) = filter.value(form, bound, at: candidate)
            if -sign * value > error, filter.isInside(rows, candidate) {
                return CellPoint(
                    double: Array(UnsafeBufferPointer(start: candidate, count: dimension)),
                    rational: nil)
            }
        }
        return nil
    }

    /// Moves the inner point, which is on the form's hyperplane or too near to it, along the gradient within the cell;
    /// returns the form's sign there, 0 without success.
    private func moveOff(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, _ inverseNorm: Double
    ) -> Int {
        for direction in [1.0, -1.0] {
            var step = 1.0
            for index in 0..<rows.count {
                let row = rows[index]
                var rate = 0.0
                for k in 0..<dimension { rate += row.form[k] * form[k] }
                rate *= row.sign * direction * inverseNorm
                let slack = row.sign * filter.value(row.form, row.bound, at: point).value
                if rate < 0, slack < -step * rate { step = slack / -rate }
            }
            step *= 0.375
            guard step > 0 else { continue }
            for k in 0..<dimension {
                candidate[k] = point[k] + direction * step * inverseNorm * form[k]
            }
            let sign = filter.value(form, bound, at: candidate).sign
            if sign != 0, filter.isInside(rows, candidate) {
                for k in 0..<dimension { point[k] = candidate[k] }
                return sign
            }
        }
        return 0
    }
}

/// How a search went.
package struct SearchFigures: Sendable {
    package var decisions = 0
    /// Settled by what was known.
    package var implied = 0
    /// Linear programs in binary64.
    package var programs = 0
    /// Settled by rational arithmetic.
    package var exact = 0

    static func += (a: inout SearchFigures, b: SearchFigures) {
        a.decisions += b.decisions
        a.implied += b.implied
        a.programs += b.programs
        a.exact += b.exact
    }
}
