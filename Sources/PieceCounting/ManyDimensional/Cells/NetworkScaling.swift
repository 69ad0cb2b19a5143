internal import ExactArithmetic
internal import ReLUNetworks

/// Powers of two that bring the largest entries of a layer's rows and of the input's columns near 1.
///
/// With x_i = 2^{c_i} x'_i for the coordinates and homogeneous points, units scaled by 2^{−r_j} and their successors'
/// columns by 2^{r_j}, no sign changes and no two maps become equal.
struct LayerScaling: Sendable {
    /// Exponents of the columns' factors, of the constant's, and of what the rows are divided by.
    let columns: [Int]
    let constant: Int
    let rows: [Int]

    /// For each layer of a network.
    static func of(_ layers: [AffineLayer<Rational>]) -> [LayerScaling] {
        let first = layers[0]
        var columns = (0..<first.inputs).map { input in
            -(largest((0..<first.outputs).lazy.map { (first.weights[$0 * first.inputs + input], 0) }) ?? 0)
        }
        let constant = -(largest(first.bias.lazy.map { ($0, 0) }) ?? 0)
        return layers.enumerated().map { index, layer in
            let rows =
                index == layers.count - 1
                ? [Int](repeating: 0, count: layer.outputs)
                : (0..<layer.outputs).map { unit in
                    let row = zip(layer.row(unit), columns).lazy.map { ($0, $1) }
                    let entries = largest(row)
                    let bias = layer.bias[unit].binaryExponent.map { $0 + constant }
                    return [entries, bias].compactMap { $0 }.max() ?? 0
                }
            defer { columns = rows }
            return LayerScaling(columns: columns, constant: constant, rows: rows)
        }
    }

    /// The largest exponent of values times powers of two; `nil` where all are 0.
    private static func largest(_ values: some Sequence<(Rational, Int)>) -> Int? {
        var most: Int?
        for (value, power) in values {
            if let exponent = value.binaryExponent { most = max(most ?? .min, exponent + power) }
        }
        return most
    }
}

extension Rational {
    /// About log2 of the magnitude, within 1; `nil` for 0.
    var binaryExponent: Int? {
        if isZero { return nil }
        let rounded = nearestDouble
        if rounded.isNormal { return Int(rounded.exponent) + 1 }
        return numerator.magnitudeLimbs.bitCount - denominator.magnitudeLimbs.bitCount
    }

    func scaled(byPowerOfTwo exponent: Int) -> Rational {
        if exponent == 0 || isZero { return self }
        let factor = Rational(BigInteger(2).power(abs(exponent)))
        return exponent > 0 ? self * factor : self / factor
    }

    /// The nearest binary64 of this number times 2^exponent.
    func rounded(timesPowerOfTwo exponent: Int) -> Double {
        let value = nearestDouble
        if value.isNormal, abs(exponent) < 500, abs(Int(value.exponent)) < 500 {
            return value * Double(bitPattern: UInt64(1023 + exponent) << 52)
        }
        return scaled(byPowerOfTwo: exponent).nearestDouble
    }
}
