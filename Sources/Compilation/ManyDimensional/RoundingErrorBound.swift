public import ExactArithmetic
public import ReLUNetworks

/// How far a network's values in binary64 can be from those of the ideal network.
public enum RoundingErrorBound {
    /// A bound of |`rounded` evaluated in binary64 − `ideal`| over the binary64 inputs of a box: rounding of the weights
    /// included, sums in any order, with or without fused multiply-add. `nil` where a sum could pass the range of binary64.
    ///
    /// Unit by unit: a range of the ideal value by interval arithmetic, and a bound of the error so far. A sum of k
    /// products in binary64 is off by at most γ_{k + 2} Σ |product| with γ_k = k u / (1 − k u), u = 2^−53, and by half of the
    /// least positive number for each product that underflows (N. Higham, Accuracy and Stability of Numerical Algorithms,
    /// 2002, chapters 2 and 3). Complexity: O(parameters).
    ///
    /// - Parameter rounded: of the same shape as `ideal`, one output.
    public static func bound(
        of rounded: Network<Double>, for ideal: Network<Rational>, on box: [ClosedRange<Rational>]
    ) -> Double? {
        var lower = box.map { $0.lowerBound.double(rounding: .down) }
        var upper = box.map { $0.upperBound.double(rounding: .up) }
        var errors = [Double](repeating: 0, count: box.count)
        for (index, (layer, exact)) in zip(rounded.layers, ideal.layers).enumerated() {
            let isLast = index + 1 == rounded.layers.count
            // Enough for every operation of this file on sums of so many terms to be an upper bound.
            let up = 1 + Double(layer.inputs + 16) * 0x1p-51
            let rate = Double(layer.inputs + 4) * 0x1p-53 * up
            var (nextLower, nextUpper, nextErrors): ([Double], [Double], [Double]) = ([], [], [])
            for unit in 0..<layer.outputs {
                var (low, high) = (layer.bias[unit], layer.bias[unit])
                var size = layer.bias[unit].magnitude
                var error = distance(layer.bias[unit], exact.bias[unit])
                // What the rounded weights make of the ideal values, and what they differ by.
                for (input, weight) in zip(layer.row(unit), exact.row(unit)).enumerated()
                where !weight.1.isZero {
                    let (a, b) = (weight.0 * lower[input], weight.0 * upper[input])
                    low += min(a, b)
                    high += max(a, b)
                    let most = max(lower[input].magnitude, upper[input].magnitude)
                    size += weight.0.magnitude * (most + errors[input])
                    error += weight.0.magnitude * errors[input] + distance(weight.0, weight.1) * most
                }
                // `low` and `high` are off by their own rounding and the weights'.
                let slack = (size * rate * 4 + error + 0x1p-1000) * up
                low -= slack
                high += slack
                error = (error + size * rate) * up + Double(layer.inputs + 2) * 0x1p-1074
                guard low.isFinite, high.isFinite, error.isFinite, size.isFinite else { return nil }
                nextLower.append(isLast ? low : max(0, low))
                nextUpper.append(isLast ? high : max(0, high))
                // A unit that is off for all inputs, in both networks, is 0 in both.
                nextErrors.append(!isLast && high + error < 0 ? 0 : error)
            }
            (lower, upper, errors) = (nextLower, nextUpper, nextErrors)
        }
        return errors.first
    }

    /// |a − b|, rounded up; about 0 where they are the same.
    private static func distance(_ a: Double, _ b: Rational) -> Double {
        if b.exactDouble == a { return 0 }
        guard let a = Rational(exactly: a) else { return .infinity }
        return (a - b).magnitude.double(rounding: .up)
    }
}
