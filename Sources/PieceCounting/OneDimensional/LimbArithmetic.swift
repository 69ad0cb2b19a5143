internal import ExactArithmetic

/// Integers of a fixed number of 64-bit limbs, least significant first, in two's complement, in memory that the
/// caller owns. Sums and products are modulo 2^(64 · limbs), which is exact where the caller's bound on the result
/// says so.
enum Limbs {
    typealias Words = UnsafeMutablePointer<UInt64>

    static func isNegative(_ x: Words, _ count: Int) -> Bool { x[count - 1] >> 63 == 1 }

    static func sign(_ x: Words, _ count: Int) -> Int {
        if isNegative(x, count) { return -1 }
        for index in 0..<count where x[index] != 0 { return 1 }
        return 0
    }

    /// sum ± x · factor · 2^(64 · offset): x has `count` limbs, `sum` has `sumCount` ≥ `count`.
    @inline(__always)
    static func multiplyAdd(
        _ sum: Words, _ sumCount: Int, _ x: Words, _ count: Int, _ factor: UInt64, offset: Int, subtract: Bool
    ) {
        var place = offset
        var index = 0
        var carry: UInt64 = 0
        if subtract {
            while index < count && place < sumCount {
                let (high, low) = x[index].multipliedFullWidth(by: factor)
                let (term, overflow) = low.addingReportingOverflow(carry)
                let (difference, borrow) = sum[place].subtractingReportingOverflow(term)
                sum[place] = difference
                carry = high &+ (overflow ? 1 : 0) &+ (borrow ? 1 : 0)
                index += 1
                place += 1
            }
            subtractLimb(sum, sumCount, carry, at: place)
            // As an unsigned number a negative x is too large by 2^(64 · count).
            if isNegative(x, count) { addLimb(sum, sumCount, factor, at: offset + count) }
        } else {
            while index < count && place < sumCount {
                let (high, low) = x[index].multipliedFullWidth(by: factor)
                let (term, overflow) = low.addingReportingOverflow(carry)
                let (total, excess) = sum[place].addingReportingOverflow(term)
                sum[place] = total
                carry = high &+ (overflow ? 1 : 0) &+ (excess ? 1 : 0)
                index += 1
                place += 1
            }
            addLimb(sum, sumCount, carry, at: place)
            if isNegative(x, count) { subtractLimb(sum, sumCount, factor, at: offset + count) }
        }
    }

    @inline(__always)
    private static func addLimb(_ sum: Words, _ count: Int, _ limb: UInt64, at start: Int) {
        var carry = limb
        var place = start
        while carry != 0 && place < count {
            let (total, overflow) = sum[place].addingReportingOverflow(carry)
            sum[place] = total
            carry = overflow ? 1 : 0
            place += 1
        }
    }

    @inline(__always)
    private static func subtractLimb(_ sum: Words, _ count: Int, _ limb: UInt64, at start: Int) {
        var borrow = limb
        var place = start
        while borrow != 0 && place < count {
            let (difference, overflow) = sum[place].subtractingReportingOverflow(borrow)
            sum[place] = difference
            borrow = overflow ? 1 : 0
            place += 1
        }
    }

    /// Writes |x| and answers the number of limbs up to its leading one.
    static func magnitude(_ x: Words, _ count: Int, into result: Words) -> Int {
        if isNegative(x, count) {
            var carry = true
            for index in 0..<count {
                let (limb, overflow) = (~x[index]).addingReportingOverflow(carry ? 1 : 0)
                result[index] = limb
                carry = overflow
            }
        } else {
            result.update(from: x, count: count)
        }
        var length = count
        while length > 0 && result[length - 1] == 0 { length -= 1 }
        return length
    }

    /// The leading 64 bits of a positive integer and the exponent that they stand at.
    static func leadingBits(_ x: Words, _ length: Int) -> (bits: UInt64, exponent: Int) {
        let shift = x[length - 1].leadingZeroBitCount
        var bits = x[length - 1] << UInt64(shift)
        if shift > 0, length > 1 { bits |= x[length - 2] >> UInt64(64 - shift) }
        return (bits, (length - 1) * 64 - shift)
    }

    /// The sign of a · b − c · d for non-negative integers.
    static func compareProducts(_ a: [UInt64], _ b: [UInt64], _ c: [UInt64], _ d: [UInt64]) -> Int {
        let left = product(a, b)
        let right = product(c, d)
        if left.count != right.count { return left.count < right.count ? -1 : 1 }
        for index in left.indices.reversed() where left[index] != right[index] {
            return left[index] < right[index] ? -1 : 1
        }
        return 0
    }

    /// Without leading zero limbs.
    private static func product(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: a.count + b.count)
        for (i, x) in a.enumerated() {
            var carry: UInt64 = 0
            for (j, y) in b.enumerated() {
                let (high, low) = x.multipliedFullWidth(by: y)
                let (first, overflow) = low.addingReportingOverflow(carry)
                let (second, excess) = first.addingReportingOverflow(result[i + j])
                result[i + j] = second
                carry = high &+ (overflow ? 1 : 0) &+ (excess ? 1 : 0)
            }
            result[i + b.count] = carry
        }
        while result.last == 0 { result.removeLast() }
        return result
    }
}

extension BigInteger {
    private static var two62: BigInteger { BigInteger(1 << 62) }

    /// The limbs of the absolute value, least significant first, without leading zeros.
    var magnitudeLimbs: [UInt64] {
        if let small = int { return small == 0 ? [] : [UInt64(small.magnitude)] }
        var rest = sign < 0 ? -self : self
        var limbs: [UInt64] = []
        var pending: UInt128 = 0
        var bits = 0
        while rest.sign != 0 {
            let (quotient, digit) = rest.flooredQuotientAndRemainder(dividingBy: Self.two62)
            pending |= UInt128(digit.int?.magnitude ?? 0) << UInt128(bits)
            bits += 62
            if bits >= 64 {
                limbs.append(UInt64(truncatingIfNeeded: pending))
                pending >>= 64
                bits -= 64
            }
            rest = quotient
        }
        if pending != 0 { limbs.append(UInt64(pending)) }
        while limbs.last == 0 { limbs.removeLast() }
        return limbs
    }

    /// The integer with these limbs, least significant first.
    init(magnitudeLimbs limbs: [UInt64]) {
        var count = limbs.count
        while count > 0, limbs[count - 1] == 0 { count -= 1 }
        if count == 0 || (count == 1 && limbs[0] >> 62 == 0) {
            self.init(count == 0 ? 0 : Int(limbs[0]))
            return
        }
        // Digits to the base 2^62, the largest whose digits are inline integers.
        var digit = (count * 64 - limbs[count - 1].leadingZeroBitCount - 1) / 62
        var value = BigInteger.zero
        while digit >= 0 {
            let place = digit * 62
            let low = limbs[place / 64] >> UInt64(place % 64)
            let above = place / 64 + 1
            let high = place % 64 > 2 && above < count ? limbs[above] << UInt64(64 - place % 64) : 0
            let bits = BigInteger(Int((low | high) & (1 << 62 - 1)))
            value = value.sign == 0 ? bits : value * Self.two62 + bits
            digit -= 1
        }
        self = value
    }
}
