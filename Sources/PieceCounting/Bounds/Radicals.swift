public import ExactArithmetic
internal import Foundation

/// Roots of integers and bounds that contain them, without floating point in any decision.
public enum Radicals {
    /// The largest r with r^degree ≤ value.
    ///
    /// Newton's iteration from above: O(log(bits)) steps after the first guess, which is checked to be above.
    /// - Precondition: `value` ≥ 0, `degree` ≥ 1.
    public static func floorRoot(_ value: BigInteger, degree: Int) -> BigInteger {
        precondition(value.sign >= 0 && degree >= 1, "root of a negative number or of no degree")
        if degree == 1 || value <= .one { return value }
        let bits = bitLength(value)
        if degree >= bits { return .one }
        let exponent = BigInteger(degree)
        var guess = guessAbove(value, bits: bits, degree: degree)
        if guess.power(degree) < value {
            guess = BigInteger(2).power((bits + degree - 1) / degree)
        }
        while true {
            let quotient = value.flooredQuotientAndRemainder(dividingBy: guess.power(degree - 1)).0
            let next = (guess * (exponent - .one) + quotient).flooredQuotientAndRemainder(
                dividingBy: exponent
            ).0
            if next >= guess { return guess }
            guess = next
        }
    }

    /// A number slightly above the root, by logarithms in binary64.
    private static func guessAbove(_ value: BigInteger, bits: Int, degree: Int) -> BigInteger {
        let top = value.magnitudeLimbs.suffix(2).reversed().map { Double($0) }
        let leading = top.count == 2 ? top[0] * 0x1p64 + top[1] : top[0]
        let logarithm = log2(leading) + Double(64 * ((bits + 63) / 64 - top.count))
        let exponent = logarithm / Double(degree)
        let whole = max(0, Int(exponent) - 48)
        let significand = BigInteger(Int(exp2(exponent - Double(whole)) * (1 + 0x1p-24)) + 1)
        return significand * BigInteger(2).power(whole)
    }

    /// The least r with r^degree ≥ value.
    ///
    /// - Precondition: `value` ≥ 0, `degree` ≥ 1.
    public static func ceilingRoot(_ value: BigInteger, degree: Int) -> BigInteger {
        let floor = floorRoot(value, degree: degree)
        return floor.power(degree) == value ? floor : floor + .one
    }

    /// The number of binary digits of |value|; 0 for 0.
    public static func bitLength(_ value: BigInteger) -> Int { value.magnitudeLimbs.bitCount }
}
