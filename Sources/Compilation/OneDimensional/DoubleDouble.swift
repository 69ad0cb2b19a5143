/// An unevaluated sum of two binary64, the second at most half a unit in the last place of the first.
struct DoubleDouble: Sendable {
    var high: Double
    var low: Double

    @inline(__always)
    init(high: Double, low: Double) {
        self.high = high
        self.low = low
    }

    /// The exact difference (Knuth's two-sum).
    @inline(__always)
    init(_ left: Double, minus right: Double) {
        high = left - right
        let moved = high - left
        low = (left - (high - moved)) - (right + moved)
    }

    /// An integer below 2^120 in magnitude, within 2^−105 of it, relatively; exactly below 2^53.
    @inline(__always)
    init(_ integer: Int128) {
        if let small = Int64(exactly: integer) {
            high = Double(small)
            // Double(small) may be 2^63.
            low = Double(Int64(truncatingIfNeeded: integer - Self.integer(high)))
        } else {
            let mask: Int128 = (1 << 40) - 1
            let parts = (
                Double(Int64(truncatingIfNeeded: integer >> 80)) * 0x1p80,
                Double(Int64(truncatingIfNeeded: (integer >> 40) & mask)) * 0x1p40,
                Double(Int64(truncatingIfNeeded: integer & mask))
            )
            let first = DoubleDouble(parts.0, minus: -parts.1)
            let second = DoubleDouble(first.high, minus: -parts.2)
            let rest = first.low + second.low
            high = second.high + rest
            low = rest - (high - second.high)
        }
    }

    private static func integer(_ value: Double) -> Int128 {
        value == 0x1p63 ? Int128(1) << 63 : Int128(Int64(value))
    }

    /// Within 2^−102 of the product, relatively.
    @inline(__always)
    static func * (left: DoubleDouble, right: DoubleDouble) -> DoubleDouble {
        let product = left.high * right.high
        let rest =
            (-product).addingProduct(left.high, right.high)
            + (left.high * right.low + left.low * right.high)
        let high = product + rest
        return DoubleDouble(high: high, low: rest - (high - product))
    }
}
