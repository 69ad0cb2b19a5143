internal import ExactArithmetic

/// Enclosures of logarithms and exponentials in fixed-point arithmetic with 62 bits behind the point, all rounding
/// charged to the result.
enum LogEnclosure {
    private static let bits = 62
    private static let one = Int128(1) << 62
    /// ln 2 · 2^62, rounded down.
    private static let ln2: Int128 = 3_196_577_161_300_663_914
    /// Bounds the error of a series below in units of 2^−62: at most 64 operations, each off by at most 1, on terms that
    /// shrink.
    private static let slack: Int128 = 256

    /// A number at most −v log v, for v in [0, 1]; within about 2^−50 of it.
    static func entropyTerm(_ v: Rational) -> Rational {
        if v.sign <= 0 || v == .one { return .zero }
        // log is largest at the upper end: −v log v ≥ −v log(v⁺).
        let term = -v * fixed(upperLog(v.double(rounding: .up)))
        return term.sign > 0 ? term : .zero
    }

    /// A number at least log(1 + e^s), within about 2^−50 of it.
    static func upperSoftplus(_ s: Rational) -> Rational {
        let rounded = s.double(rounding: .up)
        if rounded > 0 {
            // s + log(1 + e^−s); e^−s is largest at the lower end of s.
            return s + tail(-s.double(rounding: .down))
        }
        return tail(rounded)
    }

    /// A number at least log(1 + e^s) for s ≤ 0.
    private static func tail(_ s: Double) -> Rational {
        let exponential = upperExponential(s)
        // Below 2^−30 the logarithm's own bound log(1 + t) ≤ t is as good.
        if exponential < (one >> 30) { return fixed(exponential) }
        return fixed(logarithm(one + exponential) + slack)
    }

    /// At least e^s · 2^62 for s ≤ 0.
    private static func upperExponential(_ s: Double) -> Int128 {
        if s < -44 { return 1 }
        // The argument in fixed point, rounded up, is r − k ln 2 with 0 ≤ r < ln 2.
        let argument = Int128((s * 0x1p62).rounded(.up))
        let halvings = (-argument + ln2 - 1) / ln2
        let rest = argument + halvings * (ln2 + 1)
        var term = one
        var sum = one
        var index: Int128 = 1
        while term != 0, index < 40 {
            term = (term * rest) >> bits
            term /= index
            sum += term
            index += 1
        }
        return ((sum + slack) >> halvings) + 1
    }

    /// At least log(x) · 2^62.
    ///
    /// - Parameter x: positive and finite.
    private static func upperLog(_ x: Double) -> Int128 {
        // x = m · 2^k with m in [1, 2): the significand fits the fixed point exactly.
        let m = Int128(x.significand * 0x1p62)
        let k = Int128(x.exponent)
        // For k < 0 the smaller ln 2 gives the larger product.
        return logarithm(m) + k * (k > 0 ? ln2 + 1 : ln2) + slack
    }

    /// log(m / 2^62) · 2^62 within `slack`, for m / 2^62 in [1, 2]: 2 atanh((m − 1)/(m + 1)), whose argument is at most
    /// 1/3.
    private static func logarithm(_ m: Int128) -> Int128 {
        let z = ((m - one) << bits) / (m + one)
        let square = (z * z) >> bits
        var power = z
        var sum = z
        var index: Int128 = 3
        while power != 0, index < 100 {
            power = (power * square) >> bits
            sum += power / index
            index += 2
        }
        return 2 * sum
    }

    private static func fixed(_ value: Int128) -> Rational {
        Rational(
            BigInteger(Int(clamping: value >> 64)) * BigInteger(2).power(64)
                + BigInteger(Int(UInt64(truncatingIfNeeded: value) >> 1)) * BigInteger(2)
                + BigInteger(Int(UInt64(truncatingIfNeeded: value) & 1)), BigInteger(2).power(bits))
    }
}
