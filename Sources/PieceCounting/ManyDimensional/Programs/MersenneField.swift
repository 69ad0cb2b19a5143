internal import ExactArithmetic

/// The integers modulo 2^61 − 1: fingerprints of affine forms, which tell different ones apart and never prove that
/// two are equal.
enum MersenneField {
    static let modulus: UInt64 = (1 << 61) - 1

    @inline(__always)
    static func sum(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let sum = a &+ b
        return sum >= modulus ? sum &- modulus : sum
    }

    @inline(__always)
    static func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (high, low) = a.multipliedFullWidth(by: b)
        // high · 2^64 + low = (high · 8 + low / 2^61) · 2^61 + low mod 2^61, and 2^61 = 1.
        return sum(low & modulus, (high << 3) | (low >> 61))
    }

    static func residue(_ value: BigInteger) -> UInt64 {
        if let small = value.int {
            let remainder = small % Int(modulus)
            return UInt64(remainder < 0 ? remainder + Int(modulus) : remainder)
        }
        let (_, remainder) = value.flooredQuotientAndRemainder(dividingBy: BigInteger(Int(modulus)))
        return UInt64(remainder.int ?? 0)
    }

    /// A fixed sequence of scattered elements other than 0 (SplitMix64).
    static func scattered(_ index: Int) -> UInt64 {
        var z = UInt64(truncatingIfNeeded: index &+ 1) &* 0x9e37_79b9_7f4a_7c15
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return 1 + (z ^ (z >> 31)) % (modulus - 1)
    }
}
