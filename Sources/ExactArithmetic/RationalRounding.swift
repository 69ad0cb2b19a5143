internal import CGMP

/// How a rational becomes a binary64.
public enum DoubleRounding: Sendable {
    case toNearestOrEven
    /// Towards −∞: the largest binary64 that is not above the value.
    case down
    /// Towards +∞: the smallest binary64 that is not below the value.
    case up
}

extension Rational {
    /// The nearest binary64, ties to even: what a runtime holds for this number.
    ///
    /// Values beyond the range round to ±infinity, as IEEE 754 says.
    public var nearestDouble: Double { double(rounding: .toNearestOrEven) }

    /// The value where some binary64 has it exactly, else `nil`.
    public var exactDouble: Double? {
        let rounded = nearestDouble
        return Rational(exactly: rounded) == self ? rounded : nil
    }

    /// This number as a binary64, correctly rounded in the given direction, subnormals included.
    public func double(rounding: DoubleRounding) -> Double {
        if large == nil {
            let limit: Int64 = 1 << 53
            if smallDenominator == 1, smallNumerator.magnitude <= limit.magnitude {
                return Double(smallNumerator)
            }
            if rounding == .toNearestOrEven, smallNumerator.magnitude <= limit.magnitude,
                smallDenominator <= limit
            {
                // Both operands are exact, so the quotient is rounded once.
                return Double(smallNumerator) / Double(smallDenominator)
            }
        }
        if isZero { return 0 }
        return storage.read {
            roundedQuotient(crease_mpq_numerator($0), crease_mpq_denominator($0), rounding)
        }
    }
}

/// The binary64 nearest to (or next to) a non-zero fraction: an integer quotient of 64 or 65 bits is cut to the
/// bits that the result's exponent leaves, with everything below as a sticky bit.
private func roundedQuotient(_ numerator: mpz_ptr, _ denominator: mpz_ptr, _ rounding: DoubleRounding)
    -> Double
{
    let negative = crease_mpz_sign(numerator) < 0
    let shift = 64 - Int(crease_mpz_bit_count(numerator)) + Int(crease_mpz_bit_count(denominator))
    let dividend = IntegerStorage.make {
        crease_mpz_abs($0, numerator)
        if shift > 0 { crease_mpz_shift_left($0, $0, UInt64(shift)) }
    }
    let divisor = IntegerStorage.make { crease_mpz_shift_left($0, denominator, UInt64(max(0, -shift))) }
    let (quotient, remainder) = dividend.read { p in divisor.read { quotientAndRemainder(p, $0) } }
    let bits = quotient.read { UInt128(crease_mpz_limb($0, 1)) << 64 | UInt128(crease_mpz_limb($0, 0)) }
    let bitCount = 128 - bits.leadingZeroBitCount
    let exponent = bitCount - 1 - shift  // of the leading bit
    let magnitudeRounding: FloatingPointRoundingRule =
        switch rounding {
        case .toNearestOrEven: .toNearestOrEven
        case .down: negative ? .up : .down
        case .up: negative ? .down : .up
        }
    if exponent > 1023 {
        let huge =
            magnitudeRounding == .down ? Double.greatestFiniteMagnitude : Double.infinity
        return negative ? -huge : huge
    }
    let kept = min(53, exponent + 1075)
    guard kept >= 0 else {
        let tiny = magnitudeRounding == .up ? Double.leastNonzeroMagnitude : 0
        return negative ? -tiny : tiny
    }
    let dropped = UInt128(bitCount - kept)
    var integer = dropped >= 128 ? 0 : bits >> dropped
    let rest = bits - (integer << dropped)
    let sticky = remainder.read(crease_mpz_sign) != 0
    let half: UInt128 = 1 << (dropped - 1)
    let up =
        switch magnitudeRounding {
        case .up: rest != 0 || sticky
        case .toNearestOrEven: rest > half || (rest == half && (sticky || integer & 1 == 1))
        default: false
        }
    if up { integer += 1 }
    // `integer` has at most 53 bits (or is 2^53), and its unit is a multiple of the least subnormal: exact,
    // except for an overflow to infinity, which is the correct rounding.
    let magnitude = Double(sign: .plus, exponent: Int(dropped) - shift, significand: Double(UInt64(integer)))
    return negative ? -magnitude : magnitude
}
