/// Affine forms in the values y ≥ 0 of one layer's units, Σ c_i y_i + constant, with error bounds: entry i of a form is
/// c_i, the last one the constant.
final class CompositionScratch {
    /// Entries from one form to the next.
    let width: Int
    /// Form 0 is the target; then the constraints combined to it.
    let values: UnsafeMutablePointer<Double>
    let errors: UnsafeMutablePointer<Double>
    /// Where forms are composed.
    let nextValues: UnsafeMutablePointer<Double>
    let nextErrors: UnsafeMutablePointer<Double>
    let rows: UnsafeMutablePointer<Int>
    let fixed: UnsafeMutablePointer<Int>
    let multipliers: UnsafeMutablePointer<Double>
    let supportMultipliers: UnsafeMutablePointer<Double>
    let residuals: UnsafeMutablePointer<Double>
    let residualErrors: UnsafeMutablePointer<Double>
    /// n rows of 2 n entries.
    let matrix: UnsafeMutablePointer<Double>
    private let arena: WordArena

    init(_ network: ProgramNetwork) {
        let n = network.dimension
        width = (network.layers.dropLast().map(\.outputs).max() ?? 0) + 1
        arena = WordArena(capacity: 2 * (n + 3) * width + 6 * n + 2 * n * n)
        values = arena.doubles((n + 1) * width)
        errors = arena.doubles((n + 1) * width)
        nextValues = arena.doubles(width)
        nextErrors = arena.doubles(width)
        multipliers = arena.doubles(n)
        supportMultipliers = arena.doubles(n)
        residuals = arena.doubles(n)
        residualErrors = arena.doubles(n)
        matrix = arena.doubles(2 * n * n)
        rows = .allocate(capacity: n)
        rows.initialize(repeating: 0, count: n)
        fixed = .allocate(capacity: n)
        fixed.initialize(repeating: 0, count: n)
    }

    deinit {
        rows.deallocate()
        fixed.deallocate()
    }
}

/// Proofs in the coordinates of a layer's units instead of the input's: where few units of a layer are on, the later
/// forms depend on these alone, the multipliers of an optimal vertex are 0 for reasons that binary64 cannot see, and
/// the proof over the input's coordinates has no margin.
extension CellSearch {
    /// The sign of unit `unit`'s form where all its weights from units that are on, and its bias, agree in sign; 0
    /// where they do not.
    func signByWeights(_ layer: Int, _ unit: Int) -> Int {
        guard layer > 0, tables.hasDoubles[layer] else { return 0 }
        let width = tables.widths[layer]
        let columns = tables.columns[layer]
        let bias = tables.biases[layer][unit]
        var sign = bias > 0 ? 1 : bias < 0 ? -1 : 0
        for input in 0..<tables.widths[layer - 1] where isOn(layer - 1, input) {
            let weight = columns[input * width + unit]
            if weight == 0 { continue }
            let other = weight > 0 ? 1 : -1
            if sign == -other { return 0 }
            sign = other
        }
        // Units that are on are > 0 inside.
        return sign
    }

    /// After a program whose least value seems to be ≥ 0: whether sign · form ≥ 0 follows from the signs of units,
    /// combined in the coordinates of some layer before. Takes a note of the reason.
    func provesByComposition(_ layer: Int, _ unit: Int, _ sign: Double) -> Bool {
        guard layer > 0 else { return false }
        let scratch = composition
        let support = program.support(scratch.rows, scratch.supportMultipliers, rowCount: rows.count)
        for base in (0..<layer).reversed() {
            var isExpressible = true
            for index in 0..<support where isExpressible {
                let source = rows[scratch.rows[index]].source
                // y_i ≥ 0 of a unit of layer `base`, or of a later layer.
                isExpressible =
                    source >= firstUnits[base + 1]
                    || (source >= firstUnits[base] && isOn(base, source - firstUnits[base]))
            }
            if isExpressible, proves(layer, unit, sign, support, base) {
                remember(
                    layer, unit, Int8(sign), (0..<support).lazy.map { self.rows[scratch.rows[$0]].source })
                return true
            }
        }
        return false
    }

    private func proves(_ layer: Int, _ unit: Int, _ sign: Double, _ support: Int, _ base: Int) -> Bool {
        let scratch = composition
        let (values, errors, width) = (scratch.values, scratch.errors, scratch.width)
        compose(layer, unit, sign, base, 0)
        var count = 0
        let scale = tables.inverseNorms[layer][unit]
        for index in 0..<support {
            let row = rows[scratch.rows[index]]
            guard row.source >= firstUnits[base + 1] else { continue }
            var source = base + 1
            while row.source >= firstUnits[source + 1] { source += 1 }
            compose(source, row.source - firstUnits[source], row.sign, base, count + 1)
            scratch.multipliers[count] = scratch.supportMultipliers[index] * row.inverseNorm / scale
            count += 1
        }
        // Units whose multiplier must be exactly 0 fix the others.
        var fixed = 0
        for i in 0..<tables.widths[base] where isOn(base, i) {
            var rest = values[i]
            var size = rest.magnitude + errors[i]
            for index in 0..<count {
                let place = (index + 1) * width + i
                rest -= scratch.multipliers[index] * values[place]
                size += scratch.multipliers[index] * (values[place].magnitude + errors[place])
            }
            if size == 0 { continue }
            if rest.magnitude <= 1e-9 * size {
                if fixed == count { return false }
                scratch.fixed[fixed] = i
                fixed += 1
            } else if rest < 0 {
                return false
            }
        }
        guard fixed == count, let deviation = enclose(count) else { return false }
        for index in 0..<count where !(scratch.multipliers[index] > deviation) { return false }
        for i in 0..<tables.widths[base] where isOn(base, i) {
            var isFixed = false
            for index in 0..<count where scratch.fixed[index] == i { isFixed = true }
            if !isFixed, !isNonnegative(i, count, deviation) { return false }
        }
        return isNonnegative(width - 1, count, deviation)
    }

    /// Whether entry i of target − Σ multiplier · form is ≥ 0 for all multipliers within `deviation`.
    private func isNonnegative(_ i: Int, _ count: Int, _ deviation: Double) -> Bool {
        let (values, errors, width) = (composition.values, composition.errors, composition.width)
        let slack = 1.01 * Double(count + 4) * 0x1p-53
        var rest = values[i]
        var loss = errors[i] + slack * rest.magnitude
        var isZero = rest == 0 && errors[i] == 0
        for index in 0..<count {
            let multiplier = composition.multipliers[index]
            let size = values[(index + 1) * width + i].magnitude
            let error = errors[(index + 1) * width + i]
            rest -= multiplier * values[(index + 1) * width + i]
            loss += slack * multiplier * size + 1.01 * multiplier * error + 1.01 * deviation * (size + error)
            if size != 0 || error != 0 { isZero = false }
        }
        return isZero || rest > 1.01 * loss || (count == 0 && errors[i] == 0 && rest >= 0)
    }

    /// Improves the multipliers of Σ multiplier · form = target at the units `fixed`, as many as forms, and bounds how
    /// far the exact ones are from them; `nil` where the matrix may be singular.
    private func enclose(_ count: Int) -> Double? {
        if count == 0 { return 0 }
        guard invert(count) else { return nil }
        let scratch = composition
        let (values, errors, width) = (scratch.values, scratch.errors, scratch.width)
        let slack = 1.01 * Double(count + 4) * 0x1p-53
        func setResiduals() {
            for k in 0..<count {
                let i = scratch.fixed[k]
                var rest = values[i]
                var error = errors[i] + slack * rest.magnitude
                for index in 0..<count {
                    let place = (index + 1) * width + i
                    let multiplier = scratch.multipliers[index]
                    rest -= multiplier * values[place]
                    error += multiplier.magnitude * (slack * values[place].magnitude + errors[place])
                }
                scratch.residuals[k] = rest
                scratch.residualErrors[k] = 1.01 * error
            }
        }
        func inverse(_ r: Int, _ k: Int) -> Double { scratch.matrix[r * 2 * count + count + k] }
        setResiduals()
        for r in 0..<count {
            for k in 0..<count { scratch.multipliers[r] += inverse(r, k) * scratch.residuals[k] }
        }
        setResiduals()
        var defect = 0.0
        var deviation = 0.0
        for r in 0..<count {
            var row = 0.0
            for s in 0..<count {
                var entry = r == s ? 1.0 : 0.0
                var error = slack
                for k in 0..<count {
                    let place = (s + 1) * width + scratch.fixed[k]
                    entry -= inverse(r, k) * values[place]
                    error += inverse(r, k).magnitude * (slack * values[place].magnitude + errors[place])
                }
                row += entry.magnitude + 1.01 * error
            }
            defect = max(defect, row)
            var sum = 0.0
            for k in 0..<count {
                sum += inverse(r, k).magnitude * (scratch.residuals[k].magnitude + scratch.residualErrors[k])
            }
            deviation = max(deviation, sum)
        }
        guard defect < 0.5 else { return nil }
        return 1.02 * deviation / (1 - defect)
    }

    /// Gauss–Jordan with partial pivoting of the forms' entries at the units `fixed`: about the inverse, in the right
    /// half of the scratch matrix.
    private func invert(_ count: Int) -> Bool {
        let scratch = composition
        let matrix = scratch.matrix
        let length = 2 * count
        for k in 0..<count {
            for s in 0..<count {
                matrix[k * length + s] = scratch.values[(s + 1) * scratch.width + scratch.fixed[k]]
                matrix[k * length + count + s] = k == s ? 1 : 0
            }
        }
        for column in 0..<count {
            var pivot = column
            for row in column..<count
            where matrix[row * length + column].magnitude > matrix[pivot * length + column].magnitude {
                pivot = row
            }
            let entry = matrix[pivot * length + column]
            if !(entry.magnitude > 0) { return false }
            for k in 0..<length {
                let value = matrix[pivot * length + k] / entry
                matrix[pivot * length + k] = matrix[column * length + k]
                matrix[column * length + k] = value
            }
            for row in 0..<count where row != column && matrix[row * length + column] != 0 {
                let factor = matrix[row * length + column]
                for k in 0..<length { matrix[row * length + k] -= factor * matrix[column * length + k] }
            }
        }
        return true
    }

    /// sign · the form of a unit of a layer after `base`, in the values of the units of `base`, as form `index`.
    private func compose(_ layer: Int, _ unit: Int, _ sign: Double, _ base: Int, _ index: Int) {
        let scratch = composition
        let last = scratch.width - 1
        let values = scratch.values + index * scratch.width
        let errors = scratch.errors + index * scratch.width
        func error(_ isDouble: Bool, _ entry: Double) -> Double {
            isDouble ? 0 : 0x1p-52 * entry.magnitude + 0x1p-960
        }
        let width = tables.widths[layer]
        let isDouble = tables.hasDoubles[layer]
        values[last] = sign * tables.biases[layer][unit]
        errors[last] = error(isDouble, values[last])
        for input in 0..<tables.widths[layer - 1] {
            let entry = isOn(layer - 1, input) ? tables.columns[layer][input * width + unit] : 0
            values[input] = sign * entry
            errors[input] = isOn(layer - 1, input) ? error(isDouble, entry) : 0
        }
        var current = layer - 1
        while current > base {
            let outer = tables.widths[current]
            let inner = tables.widths[current - 1]
            let isDouble = tables.hasDoubles[current]
            let slack = 1.01 * Double(outer + 4) * 0x1p-53
            let (next, nextErrors) = (scratch.nextValues, scratch.nextErrors)
            for i in 0..<inner {
                next[i] = 0
                nextErrors[i] = 0
            }
            next[last] = values[last]
            nextErrors[last] = errors[last] + slack * values[last].magnitude
            func add(_ j: Int, _ entry: Double, to i: Int) {
                let product = values[j].magnitude * entry.magnitude
                let size = (values[j].magnitude + errors[j]) * (entry.magnitude + error(isDouble, entry))
                next[i] += values[j] * entry
                nextErrors[i] += 1.01 * (size - product).magnitude + slack * size
            }
            for j in 0..<outer where values[j] != 0 || errors[j] != 0 {
                add(j, tables.biases[current][j], to: last)
                for i in 0..<inner where isOn(current - 1, i) {
                    add(j, tables.columns[current][i * outer + j], to: i)
                }
            }
            for i in 0..<inner {
                values[i] = next[i]
                errors[i] = nextErrors[i]
            }
            values[last] = next[last]
            errors[last] = nextErrors[last]
            current -= 1
        }
    }
}
