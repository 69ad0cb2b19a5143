internal import ExactArithmetic

/// A rational network as integer matrices in homogeneous coordinates: the values (v_1, …, v_n) over the common
/// denominator s are the vector (s v_1, …, s v_n, s), and a layer with common denominator d of its entries is the
/// matrix with rows (d W_u, d b_u) and (0, d). A row of inputs then needs no greatest common divisors but one
/// for each layer, which keeps the numbers as short as they can be.
struct IntegerNetwork: Sendable {
    struct Map: Sendable {
        let inputs: Int
        let outputs: Int
        /// Row-major, outputs + 1 rows of inputs + 1 entries.
        let matrix: IntegerVector
    }

    /// Denominators beyond this many bits are left to rational arithmetic: a common denominator could be far longer
    /// than the numbers.
    static let maximumDenominatorBits = 2_300

    let maps: [Map]

    /// `nil` where a layer's common denominator is too long.
    init?(_ network: Network<Rational>) {
        var maps: [Map] = []
        for layer in network.layers {
            let (n, m) = (layer.inputs, layer.outputs)
            guard
                let denominator = commonDenominator(
                    layer.weights + layer.bias, maximumBits: Self.maximumDenominatorBits)
            else { return nil }
            let matrix = IntegerVector(count: (m + 1) * (n + 1))
            for unit in 0..<m {
                for (index, weight) in layer.row(unit).enumerated() {
                    matrix[unit * (n + 1) + index] = weight.scaledInteger(denominator)
                }
                matrix[unit * (n + 1) + n] = layer.bias[unit].scaledInteger(denominator)
            }
            matrix[m * (n + 1) + n] = denominator
            maps.append(Map(inputs: n, outputs: m, matrix: matrix))
        }
        self.maps = maps
    }

    /// The values of one row after every layer, in homogeneous coordinates, rectified where hidden; `nil` where the
    /// point's common denominator is too long.
    func values(_ point: ArraySlice<Rational>, _ poll: () throws(EvaluationError) -> Void)
        throws(EvaluationError) -> [IntegerVector]?
    {
        guard let denominator = commonDenominator(point, maximumBits: Self.maximumDenominatorBits) else {
            return nil
        }
        var current = IntegerVector(count: point.count + 1)
        for (index, value) in point.enumerated() { current[index] = value.scaledInteger(denominator) }
        current[point.count] = denominator
        var layers: [IntegerVector] = []
        for (layer, map) in maps.enumerated() {
            let next = IntegerVector(count: map.outputs + 1)
            for unit in 0...map.outputs {
                try poll()
                next.setDotProduct(
                    at: unit, map.matrix, start: unit * (map.inputs + 1), current, terms: map.inputs + 1)
                if layer < maps.count - 1, next.sign(unit) < 0 { next.setZero(unit) }
            }
            if layer < maps.count - 1 { next.removeContent() }
            layers.append(next)
            current = next
        }
        return layers
    }

    /// The m × n entries of the Jacobian of the pattern that `values` has, row-major, from the cheaper side.
    func gradient(_ values: [IntegerVector], fromInputs: Bool, _ poll: () throws(EvaluationError) -> Void)
        throws(EvaluationError) -> [Rational]
    {
        let n = maps[0].inputs
        let m = maps[maps.count - 1].outputs
        var entries = [Rational](repeating: .zero, count: m * n)
        let order = fromInputs ? Array(maps.indices) : Array(maps.indices.reversed())
        for column in 0..<(fromInputs ? n : m) {
            var current = IntegerVector(count: 2)
            for (step, layer) in order.enumerated() {
                let map = maps[layer]
                let (from, to) = fromInputs ? (map.inputs, map.outputs) : (map.outputs, map.inputs)
                let next = IntegerVector(count: to + 1)
                let row = map.inputs + 1
                // The units that this step arrives at, unless they are the network's inputs or outputs.
                let isMasked = step < order.count - 1
                let pattern = isMasked ? values[fromInputs ? layer : layer - 1] : nil
                for unit in 0..<to {
                    try poll()
                    if let pattern, pattern.sign(unit) == 0 { continue }
                    if step == 0 {
                        next.copy(
                            map.matrix, fromInputs ? unit * row + column : column * row + unit, to: unit)
                    } else {
                        next.setDotProduct(
                            at: unit, map.matrix, start: fromInputs ? unit * row : unit,
                            stride: fromInputs ? 1 : row, current, terms: from)
                    }
                }
                let denominator = map.matrix.count - 1
                if step == 0 {
                    next.copy(map.matrix, denominator, to: to)
                } else {
                    next.setProduct(at: to, map.matrix, denominator, current, from)
                }
                if isMasked { next.removeContent() }
                current = next
            }
            for index in 0..<(fromInputs ? m : n) {
                let place = fromInputs ? index * n + column : column * n + index
                entries[place] = current.ratio(index, fromInputs ? m : n)
            }
        }
        return entries
    }
}
