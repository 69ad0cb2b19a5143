public import ExactArithmetic

/// What `simplify` may change beside removing units.
public enum Simplification: Sendable {
    /// The number of layers stays (except that a constant function becomes one affine layer).
    case sameDepth
    /// Layers whose units are all affine on R^n are folded into their neighbours as well.
    case fewerLayers
}

extension NetworkAlgebra {
    /// An equal network without the units that exact sign and interval reasoning shows to be superfluous: units
    /// that are never on, constant or unused; units equal to another one up to a positive factor; always-on units
    /// that are affine combinations of other always-on units of their layer.
    ///
    /// Equality is exact on all of R^n. Complexity: O(parameters) rational operations a round (more where many
    /// units of one layer are always on), and each round but the last removes a unit or a layer.
    public func simplify(_ network: Network<Rational>, _ simplification: Simplification = .sameDepth)
        throws(AlgebraError) -> Network<Rational>
    {
        var work = LayerList(network, cancelled: cancelled)
        while true {
            var changed = try work.removeUnused()
            changed = try work.removeConstantUnits() || changed
            changed = try work.mergeProportionalUnits() || changed
            changed = try work.mergeDependentAlwaysOnUnits() || changed
            if simplification == .fewerLayers {
                changed = try work.foldAffineLayers(maximumParameters: maximumParameters) || changed
            }
            if !changed { return work.network }
        }
    }
}

/// A network whose units are taken away one after the other. Layer l's unit u owns row u of map l and column u of
/// map l + 1.
private struct LayerList {
    private struct Map {
        /// One row a unit.
        var rows: [[Rational]]
        var bias: [Rational]
    }

    private let inputs: Int
    private var maps: [Map]
    private let cancelled: @Sendable () -> Bool

    init(_ network: Network<Rational>, cancelled: @escaping @Sendable () -> Bool) {
        inputs = network.inputs
        maps = network.layers.map { layer in
            Map(rows: (0..<layer.outputs).map { Array(layer.row($0)) }, bias: layer.bias)
        }
        self.cancelled = cancelled
    }

    var network: Network<Rational> {
        var width = inputs
        var layers: [AffineLayer<Rational>] = []
        for map in maps {
            layers.append(
                AffineLayer(
                    inputs: width, outputs: map.rows.count, weights: Array(map.rows.joined()), bias: map.bias)
            )
            width = map.rows.count
        }
        return Network(layers: layers)
    }

    private var hiddenLayers: Range<Int> { 0..<maps.count - 1 }

    private func poll() throws(AlgebraError) {
        if cancelled() { throw .cancelled }
    }

    private mutating func keep(_ isKept: [Bool], in layer: Int) {
        maps[layer].rows = zip(maps[layer].rows, isKept).filter(\.1).map(\.0)
        maps[layer].bias = zip(maps[layer].bias, isKept).filter(\.1).map(\.0)
        for row in maps[layer + 1].rows.indices {
            maps[layer + 1].rows[row] = zip(maps[layer + 1].rows[row], isKept).filter(\.1).map(\.0)
        }
    }

    /// If a hidden layer is empty, all that comes after it is constant: one affine layer says it.
    private mutating func collapseIfConstant(_ layer: Int) -> Bool {
        guard maps[layer].rows.isEmpty else { return false }
        var values: [Rational] = []
        for index in maps.indices.dropFirst(layer + 1) {
            values = zip(maps[index].rows, maps[index].bias).map { row, bias in
                let sum = zip(row, values).reduce(bias) { $0 + $1.0 * $1.1 }
                return index < maps.count - 1 ? max(.zero, sum) : sum
            }
        }
        maps = [
            Map(rows: values.map { _ in [Rational](repeating: .zero, count: inputs) }, bias: values)
        ]
        return true
    }

    /// Units whose outgoing weights are all 0, from the last layer back.
    mutating func removeUnused() throws(AlgebraError) -> Bool {
        var changed = false
        for layer in hiddenLayers.reversed() {
            try poll()
            let isUsed = maps[layer].rows.indices.map { unit in
                maps[layer + 1].rows.contains { !$0[unit].isZero }
            }
            if isUsed.allSatisfy({ $0 }) { continue }
            changed = true
            keep(isUsed, in: layer)
            if collapseIfConstant(layer) { return true }
        }
        return changed
    }

    /// The interval of each unit's pre-activation, `nil` for an infinite end; by interval arithmetic from R^n on.
    private func intervals() throws(AlgebraError) -> [[(lower: Rational?, upper: Rational?)]] {
        var layers: [[(lower: Rational?, upper: Rational?)]] = []
        var values: [(lower: Rational?, upper: Rational?)] = .init(repeating: (nil, nil), count: inputs)
        for layer in hiddenLayers {
            try poll()
            let found = zip(maps[layer].rows, maps[layer].bias).map { row, bias in
                var lower: Rational? = bias
                var upper: Rational? = bias
                for (weight, value) in zip(row, values) where !weight.isZero {
                    let (low, high) =
                        weight.sign > 0 ? (value.lower, value.upper) : (value.upper, value.lower)
                    lower = lower.flatMap { sum in low.map { sum + weight * $0 } }
                    upper = upper.flatMap { sum in high.map { sum + weight * $0 } }
                }
                return (lower: lower, upper: upper)
            }
            layers.append(found)
            values = found.map {
                (lower: max(.zero, $0.lower ?? .zero), upper: $0.upper.map { max(.zero, $0) })
            }
        }
        return layers
    }

    /// Units that are never on, and units with one value only: that goes into the next bias.
    mutating func removeConstantUnits() throws(AlgebraError) -> Bool {
        var changed = false
        let bounds = try intervals()
        for layer in hiddenLayers {
            try poll()
            var isKept = [Bool](repeating: true, count: maps[layer].rows.count)
            for (unit, bound) in bounds[layer].enumerated() {
                guard let upper = bound.upper, upper.sign <= 0 || bound.lower == upper else { continue }
                isKept[unit] = false
                if upper.sign > 0 { add(column: unit, of: layer, times: upper) }
            }
            if isKept.allSatisfy({ $0 }) { continue }
            changed = true
            keep(isKept, in: layer)
            if collapseIfConstant(layer) { return true }
        }
        return changed
    }

    private mutating func add(column unit: Int, of layer: Int, times value: Rational) {
        for row in maps[layer + 1].rows.indices {
            maps[layer + 1].bias[row] += maps[layer + 1].rows[row][unit] * value
        }
    }

    /// `column(target) += factor · column(source)` of the map after `layer`.
    private mutating func addColumn(_ source: Int, to target: Int, factor: Rational, after layer: Int) {
        for row in maps[layer + 1].rows.indices {
            maps[layer + 1].rows[row][target] += factor * maps[layer + 1].rows[row][source]
        }
    }

    /// Row and bias divided by the magnitude of the first non-zero number, and that magnitude.
    private func direction(_ layer: Int, _ unit: Int) -> (direction: [Rational], scale: Rational)? {
        let numbers = maps[layer].rows[unit] + [maps[layer].bias[unit]]
        guard let scale = numbers.first(where: { !$0.isZero })?.magnitude else { return nil }
        return (numbers.map { $0 / scale }, scale)
    }

    /// σ(c t) = c σ(t) for c > 0: units on one ray become one.
    mutating func mergeProportionalUnits() throws(AlgebraError) -> Bool {
        var changed = false
        for layer in hiddenLayers {
            try poll()
            var first: [[Rational]: (unit: Int, scale: Rational)] = [:]
            var isKept = [Bool](repeating: true, count: maps[layer].rows.count)
            for unit in maps[layer].rows.indices {
                guard let (ray, scale) = direction(layer, unit) else { continue }
                if let (representative, itsScale) = first[ray] {
                    addColumn(unit, to: representative, factor: scale / itsScale, after: layer)
                    isKept[unit] = false
                } else {
                    first[ray] = (unit, scale)
                }
            }
            if isKept.allSatisfy({ $0 }) { continue }
            changed = true
            keep(isKept, in: layer)
        }
        return changed
    }

    /// Always-on units are affine functions of the layer before; one whose weights are a combination of the
    /// others' weights is that combination of them plus a constant.
    mutating func mergeDependentAlwaysOnUnits() throws(AlgebraError) -> Bool {
        var changed = false
        let bounds = try intervals()
        for layer in hiddenLayers {
            let alwaysOn = maps[layer].rows.indices.filter { (bounds[layer][$0].lower?.sign ?? -1) >= 0 }
            guard alwaysOn.count > 1 else { continue }
            var isKept = [Bool](repeating: true, count: maps[layer].rows.count)
            // Rows in echelon form, each with the combination of kept units that it is.
            var basis: [(pivot: Int, row: [Rational], combination: [Int: Rational])] = []
            for unit in alwaysOn {
                try poll()
                var row = maps[layer].rows[unit]
                var combination: [Int: Rational] = [unit: .one]
                for element in basis where !row[element.pivot].isZero {
                    let factor = row[element.pivot] / element.row[element.pivot]
                    for index in row.indices where !element.row[index].isZero {
                        row[index] -= factor * element.row[index]
                    }
                    for (other, weight) in element.combination {
                        combination[other, default: .zero] -= factor * weight
                    }
                }
                if let pivot = row.firstIndex(where: { !$0.isZero }) {
                    basis.append((pivot, row, combination))
                    continue
                }
                // 0 = unit's weights + Σ combination · weights of the others.
                isKept[unit] = false
                var constant = maps[layer].bias[unit]
                for (other, weight) in combination where other != unit && !weight.isZero {
                    addColumn(unit, to: other, factor: -weight, after: layer)
                    constant += weight * maps[layer].bias[other]
                }
                add(column: unit, of: layer, times: constant)
            }
            if isKept.allSatisfy({ $0 }) { continue }
            changed = true
            keep(isKept, in: layer)
            if collapseIfConstant(layer) { return true }
        }
        return changed
    }

    /// Layers in which every unit is always on, or has an opposite with which it makes a multiple of its
    /// pre-activation: a σ(t) + b σ(−c t) = a t where a = −b c.
    mutating func foldAffineLayers(maximumParameters: Int) throws(AlgebraError) -> Bool {
        let bounds = try intervals()
        for layer in hiddenLayers.reversed() {
            try poll()
            guard let linear = linearUnits(layer, bounds[layer]) else { continue }
            let (before, after) = (maps[layer], maps[layer + 1])
            let width = layer == 0 ? inputs : maps[layer - 1].rows.count
            let (entries, overflow) = after.rows.count.multipliedReportingOverflow(by: width)
            guard !overflow, entries <= maximumParameters else { continue }
            var folded = Map(rows: [], bias: after.bias)
            for (index, weights) in after.rows.enumerated() {
                try poll()
                var row = [Rational](repeating: .zero, count: width)
                for unit in linear where !weights[unit].isZero {
                    for column in 0..<width where !before.rows[unit][column].isZero {
                        row[column] += weights[unit] * before.rows[unit][column]
                    }
                    folded.bias[index] += weights[unit] * before.bias[unit]
                }
                folded.rows.append(row)
            }
            maps.replaceSubrange(layer...layer + 1, with: [folded])
            return true
        }
        return false
    }

    /// The units whose pre-activations, weighted by their outgoing columns, sum up to what the layer gives to the
    /// next one; `nil` where the layer is not seen to be affine.
    private func linearUnits(_ layer: Int, _ bounds: [(lower: Rational?, upper: Rational?)]) -> [Int]? {
        var linear: [Int] = []
        var open: [[Rational]: (unit: Int, scale: Rational)] = [:]
        for unit in maps[layer].rows.indices {
            if let lower = bounds[unit].lower, lower.sign >= 0 {
                linear.append(unit)
                continue
            }
            guard let (ray, scale) = direction(layer, unit) else { return nil }
            guard let (other, itsScale) = open.removeValue(forKey: ray.map { -$0 }) else {
                open[ray] = (unit, scale)
                continue
            }
            let ratio = scale / itsScale
            guard maps[layer + 1].rows.allSatisfy({ $0[other] == -($0[unit] * ratio) }) else { return nil }
            linear.append(other)
        }
        return open.isEmpty ? linear : nil
    }
}
