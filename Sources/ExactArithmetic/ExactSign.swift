/// Signs of sums of products of doubles, always right: a floating-point filter with an error bound decides almost
/// all of them, exact fixed-point arithmetic the rest.
public enum ExactSign {
    /// The sign (−1, 0, 1) of Σ a_i b_i + constant.
    ///
    /// Complexity: O(n), some 1 ns a term where the filter decides and 10 ns where it does not; no allocation on
    /// the heap.
    ///
    /// - Precondition: all numbers are finite; `a` and `b` are equally long.
    public static func dotProduct(
        _ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>, plus constant: Double = 0
    ) -> Int {
        precondition(a.count == b.count, "lengths disagree")
        return filteredSign(a, b, constant) ?? exactSign(a, b, constant)
    }

    /// The sign (−1, 0, 1) of Σ a_i b_i + constant; see above.
    public static func dotProduct(_ a: [Double], _ b: [Double], plus constant: Double = 0) -> Int {
        a.withUnsafeBufferPointer { x in b.withUnsafeBufferPointer { dotProduct(x, $0, plus: constant) } }
    }

    /// The sign where the rounded sum is farther from 0 than its error can be.
    ///
    /// With u = 2^-53 and n products the error of the sum is at most γ_{n+1} Σ|a_i b_i| plus 2^-1075 for each
    /// product that is subnormal (Higham, Accuracy and Stability of Numerical Algorithms, 3.1 and 2.8); 2(n + 4)u
    /// and 2^-1073 leave room for the rounding of the bound itself while n < 2^40. An overflow decides nothing.
    static func filteredSign(
        _ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>, _ constant: Double
    ) -> Int? {
        var sum = constant
        var magnitude = constant.magnitude
        for index in 0..<a.count {
            let product = a[index] * b[index]
            sum += product
            magnitude += product.magnitude
        }
        let terms = Double(a.count + 4)
        let error = terms * 0x1p-52 * magnitude + terms * 0x1p-1073
        guard error.isFinite, sum.isFinite, sum.magnitude > error else { return nil }
        return sum > 0 ? 1 : -1
    }

    /// The sum in fixed point: every product of two doubles is an integer of at most 106 bits times a power of two
    /// from 2^-2148 to 2^1942. Digits have 32 bits and are held in 64, so that carries wait (Kulisch's
    /// accumulator).
    static func exactSign(
        _ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>, _ constant: Double
    ) -> Int {
        let digitCount = 136
        return withUnsafeTemporaryAllocation(of: Int64.self, capacity: digitCount) { digits in
            digits.initialize(repeating: 0)
            /// Carries until every digit is in 0 ..< 2^32, and what is left beyond the last one.
            func propagate() -> Int64 {
                var carry: Int64 = 0
                for index in 0..<digitCount {
                    let value = digits[index] + carry
                    digits[index] = value & 0xFFFF_FFFF
                    carry = value >> 32
                }
                digits[digitCount - 1] += carry << 32
                return carry
            }
            func add(_ x: Double, _ y: Double) {
                guard x != 0, y != 0 else { return }
                let (significandX, exponentX) = parts(x)
                let (significandY, exponentY) = parts(y)
                let (high, low) = significandX.multipliedFullWidth(by: significandY)
                let isNegative = (x < 0) != (y < 0)
                for (part, shift) in [(low, 0), (high, 64)] where part != 0 {
                    let position = exponentX + exponentY + 2148 + shift
                    var rest = UInt128(part) << UInt128(position & 31)
                    var index = position >> 5
                    while rest != 0 {
                        let digit = Int64(UInt32(truncatingIfNeeded: rest))
                        digits[index] += isNegative ? -digit : digit
                        rest >>= 32
                        index += 1
                    }
                }
            }
            add(constant, 1)
            for index in 0..<a.count {
                add(a[index], b[index])
                // A term adds less than 2^33 to a digit.
                if index & 0xFF_FFFF == 0xFF_FFFF { _ = propagate() }
            }
            if propagate() < 0 { return -1 }
            return digits.contains { $0 != 0 } ? 1 : 0
        }
    }

    /// |value| = significand · 2^exponent.
    private static func parts(_ value: Double) -> (significand: UInt64, exponent: Int) {
        value.isNormal
            ? (value.significandBitPattern | 1 << 52, Int(value.exponentBitPattern) - 1075)
            : (value.significandBitPattern, -1074)
    }
}
