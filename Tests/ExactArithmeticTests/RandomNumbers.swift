import ExactArithmetic

/// SplitMix64: a failing case is repeated from its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: Int) { state = UInt64(bitPattern: Int64(seed)) }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

extension SeededGenerator {
    mutating func int(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// Integers of every length, and those at the edges of 64, 63 and 32 bits.
    mutating func edgyInt() -> Int {
        switch int(0...5) {
        case 0:
            let edges = [
                0, 1, -1, 2, .max, .max - 1, .min, .min + 1, 1 << 62, -(1 << 62), 1 << 32, (1 << 53) + 1,
            ]
            return edges[int(0...edges.count - 1)]
        case 1: return int(-12...12)
        default: return Int(truncatingIfNeeded: next()) >> int(0...63)
        }
    }

    mutating func edgyPositiveInt() -> Int {
        let value = edgyInt()
        return value == .min ? .max : max(1, abs(value))
    }

    mutating func bigInteger(words: Int) -> BigInteger {
        (0..<words).reduce(BigInteger.zero) { sum, _ in sum * BigInteger(1 << 61) + BigInteger(edgyInt()) }
    }

    /// Inline and GMP values, and those between.
    mutating func rational() -> Rational {
        switch int(0...4) {
        case 0: return Rational(int(-9...9), int(1...9))
        case 1, 2: return Rational(edgyInt(), edgyPositiveInt())
        case 3: return Rational(exactly: finiteDouble()) ?? .zero
        default:
            let denominator = bigInteger(words: int(1...3))
            return Rational(bigInteger(words: int(1...3)), denominator.sign == 0 ? .one : denominator)
        }
    }

    /// Any finite binary64, of every exponent alike.
    mutating func finiteDouble() -> Double {
        let value = Double(bitPattern: next())
        return value.isFinite ? value : 0
    }
}
