internal import CGMP

/// A heap-held GMP rational in lowest terms.
///
/// `@unchecked Sendable`: the rational is written only by the closure of `make`, before any other reference exists,
/// and is only read from then on. It stands behind a pointer of its own, so that reading one twice at the same
/// time (x + x) is no overlapping access to a stored property.
@usableFromInline
final class RationalStorage: @unchecked Sendable {
    private let pointer: mpq_ptr

    private init() {
        pointer = mpq_ptr.allocate(capacity: 1)
        crease_mpq_init(pointer)
    }

    deinit {
        crease_mpq_clear(pointer)
        pointer.deallocate()
    }

    static func make(_ fill: (mpq_ptr) -> Void) -> RationalStorage {
        let storage = RationalStorage()
        fill(storage.pointer)
        return storage
    }

    /// Calls `body` with the rational, which lives at least until `body` returns and is only read.
    func read<Result>(_ body: (mpq_ptr) -> Result) -> Result {
        withExtendedLifetime(self) { body(pointer) }
    }
}

/// An exact rational number in lowest terms.
///
/// Numerator and denominator are held inline while both fit 64 bits, else in a GMP rational. The inline form is
/// used whenever it fits, so equal numbers have equal representations. Inline operations cost tens of
/// nanoseconds (one or two 64-bit greatest common divisors); the others are GMP's.
public struct Rational: Sendable {
    @usableFromInline var smallNumerator: Int64
    /// Positive in the inline form.
    @usableFromInline var smallDenominator: Int64
    @usableFromInline var large: RationalStorage?

    @inlinable
    init(inlineNumerator: Int64, inlineDenominator: Int64) {
        smallNumerator = inlineNumerator
        smallDenominator = inlineDenominator
        large = nil
    }

    @inlinable
    public init(_ value: Int) {
        if value == .min {
            // Its opposite does not fit 64 bits, so it is not held inline.
            self.init(wideNumerator: Int128(value), denominator: 1)
        } else {
            self.init(inlineNumerator: Int64(value), inlineDenominator: 1)
        }
    }

    /// The fraction `numerator / denominator`, reduced.
    ///
    /// - Precondition: `denominator` is not 0.
    public init(_ numerator: Int, _ denominator: Int) {
        precondition(denominator != 0, "division by zero")
        let negative = (numerator < 0) != (denominator < 0)
        let n = numerator.magnitude
        let d = denominator.magnitude
        let g = greatestCommonDivisor(UInt64(n), UInt64(d))
        self.init(
            reducedNumerator: (negative ? -1 : 1) * Int128(UInt64(n) / g), denominator: UInt128(UInt64(d) / g)
        )
    }

    public init(_ value: BigInteger) {
        if let int = value.int {
            self.init(int)
            return
        }
        let integer = value.storage
        self.init(
            RationalStorage.make { q in
                integer.read { crease_mpz_set(crease_mpq_numerator(q), $0) }
                crease_mpz_set_int64(crease_mpq_denominator(q), 1)
            })
    }

    /// The fraction `numerator / denominator`, reduced.
    ///
    /// - Precondition: `denominator` is not 0.
    public init(_ numerator: BigInteger, _ denominator: BigInteger) {
        precondition(denominator.sign != 0, "division by zero")
        let n = numerator.storage
        let d = denominator.storage
        self.init(
            RationalStorage.make { q in
                n.read { crease_mpz_set(crease_mpq_numerator(q), $0) }
                d.read { crease_mpz_set(crease_mpq_denominator(q), $0) }
                crease_mpq_canonicalize(q)
            })
    }

    /// The fraction of two 128-bit integers that have no common divisor.
    ///
    /// - Precondition: `denominator` > 0 and the fraction is in lowest terms.
    @inlinable
    public init(reducedNumerator numerator: Int128, denominator: UInt128) {
        if let n = Int64(exactly: numerator), let d = Int64(exactly: denominator), n != .min {
            self.init(inlineNumerator: n, inlineDenominator: d)
        } else {
            self.init(wideNumerator: numerator, denominator: denominator)
        }
    }

    @usableFromInline
    init(wideNumerator numerator: Int128, denominator: UInt128) {
        let magnitude = numerator.magnitude
        self.init(
            large: RationalStorage.make {
                crease_mpz_set_words(
                    crease_mpq_numerator($0), UInt64(truncatingIfNeeded: magnitude >> 64),
                    UInt64(truncatingIfNeeded: magnitude), numerator < 0 ? 1 : 0)
                crease_mpz_set_words(
                    crease_mpq_denominator($0), UInt64(truncatingIfNeeded: denominator >> 64),
                    UInt64(truncatingIfNeeded: denominator), 0)
            })
    }

    /// The value of a reduced GMP rational, inline where it fits.
    init(_ storage: RationalStorage) {
        let inline: (Int64, Int64)? = storage.read {
            let numerator = crease_mpq_numerator($0)
            let denominator = crease_mpq_denominator($0)
            guard crease_mpz_fits_int64(numerator) != 0, crease_mpz_fits_int64(denominator) != 0,
                crease_mpz_get_int64(numerator) != .min
            else { return nil }
            return (crease_mpz_get_int64(numerator), crease_mpz_get_int64(denominator))
        }
        if let inline {
            self.init(inlineNumerator: inline.0, inlineDenominator: inline.1)
        } else {
            self.init(large: storage)
        }
    }

    private init(large: RationalStorage) {
        smallNumerator = 0
        smallDenominator = 0
        self.large = large
    }

    /// The exact value of a binary64; `nil` for NaN and infinities.
    public init?(exactly value: Double) {
        guard value.isFinite else { return nil }
        if let integer = Int64(exactly: value), integer != .min {
            self.init(inlineNumerator: integer, inlineDenominator: 1)
            return
        }
        // value = odd · 2^exponent with |odd| < 2^53
        let significand = value.significandBitPattern | (value.isNormal ? 1 << 52 : 0)
        let scale = (value.isNormal ? Int(value.exponentBitPattern) - 1075 : -1074)
        let zeros = significand.trailingZeroBitCount
        let exponent = scale + zeros
        if exponent < 0, exponent >= -62 {
            let odd = Int64(significand >> zeros)
            self.init(inlineNumerator: value < 0 ? -odd : odd, inlineDenominator: 1 << Int64(-exponent))
            return
        }
        self.init(RationalStorage.make { crease_mpq_set_double($0, value) })
    }

    public static var zero: Rational { Rational(inlineNumerator: 0, inlineDenominator: 1) }
    public static var one: Rational { Rational(inlineNumerator: 1, inlineDenominator: 1) }

    public var numerator: BigInteger {
        guard let large else { return BigInteger(Int(smallNumerator)) }
        return BigInteger(
            IntegerStorage.make { z in large.read { crease_mpz_set(z, crease_mpq_numerator($0)) } })
    }

    /// Positive.
    public var denominator: BigInteger {
        guard let large else { return BigInteger(Int(smallDenominator)) }
        return BigInteger(
            IntegerStorage.make { z in large.read { crease_mpz_set(z, crease_mpq_denominator($0)) } })
    }

    /// −1, 0 or 1.
    @inlinable
    public var sign: Int { large == nil ? Int(smallNumerator.signum()) : largeSign }

    @usableFromInline
    var largeSign: Int {
        guard let large else { return 0 }
        return Int(large.read { crease_mpq_sign($0) })
    }

    @inlinable
    public var isZero: Bool { large == nil && smallNumerator == 0 }

    /// Whether numerator and denominator fit 64 bits: then operations cost tens of nanoseconds.
    public var isInline: Bool { large == nil }

    @inlinable
    public var magnitude: Rational { sign < 0 ? -self : self }

    var storage: RationalStorage {
        if let large { return large }
        let n = smallNumerator
        let d = smallDenominator
        return RationalStorage.make {
            crease_mpz_set_int64(crease_mpq_numerator($0), n)
            crease_mpz_set_int64(crease_mpq_denominator($0), d)
        }
    }
}

// MARK: - Arithmetic

extension Rational {
    @inlinable
    public static func + (a: Rational, b: Rational) -> Rational {
        guard a.large == nil, b.large == nil else { return largeSum(a, b) }
        return inlineSum(a, b.smallNumerator, b.smallDenominator)
    }

    @inlinable
    public static func - (a: Rational, b: Rational) -> Rational {
        guard a.large == nil, b.large == nil else { return largeDifference(a, b) }
        return inlineSum(a, -b.smallNumerator, b.smallDenominator)
    }

    /// Knuth, The Art of Computer Programming 2, 4.5.1: the common divisor is taken out of the denominators
    /// first, so that only 64-bit divisors are ever computed.
    @inlinable
    static func inlineSum(_ a: Rational, _ numerator: Int64, _ denominator: Int64) -> Rational {
        if a.smallDenominator == 1, denominator == 1 {
            return Rational(reducedNumerator: Int128(a.smallNumerator) + Int128(numerator), denominator: 1)
        }
        let g = greatestCommonDivisor(a.smallDenominator.magnitude, denominator.magnitude)
        if g == 1 {
            return Rational(
                reducedNumerator: Int128(a.smallNumerator) * Int128(denominator)
                    + Int128(numerator) * Int128(a.smallDenominator),
                denominator: UInt128(a.smallDenominator.magnitude) * UInt128(denominator.magnitude))
        }
        let scaledLeft = Int128(a.smallDenominator / Int64(g))
        let scaledRight = Int128(denominator / Int64(g))
        let sum = Int128(a.smallNumerator) * scaledRight + Int128(numerator) * scaledLeft
        if sum == 0 { return .zero }
        let h = greatestCommonDivisor(UInt64(sum.magnitude % UInt128(g)), g)
        return Rational(
            reducedNumerator: sum / Int128(h),
            denominator: scaledLeft.magnitude * (UInt128(denominator.magnitude) / UInt128(h)))
    }

    @inlinable
    public static func * (a: Rational, b: Rational) -> Rational {
        guard a.large == nil, b.large == nil else { return largeProduct(a, b) }
        return inlineProduct(a, b.smallNumerator, b.smallDenominator)
    }

    @inlinable
    static func inlineProduct(_ a: Rational, _ numerator: Int64, _ denominator: Int64) -> Rational {
        if a.smallNumerator == 0 || numerator == 0 { return .zero }
        let g = greatestCommonDivisor(a.smallNumerator.magnitude, denominator.magnitude)
        let h = greatestCommonDivisor(numerator.magnitude, a.smallDenominator.magnitude)
        return Rational(
            reducedNumerator: Int128(a.smallNumerator / Int64(g)) * Int128(numerator / Int64(h)),
            denominator: UInt128(a.smallDenominator.magnitude / h) * UInt128(denominator.magnitude / g))
    }

    /// - Precondition: `b` is not 0.
    @inlinable
    public static func / (a: Rational, b: Rational) -> Rational {
        precondition(!b.isZero, "division by zero")
        guard a.large == nil, b.large == nil else { return largeQuotient(a, b) }
        return b.smallNumerator > 0
            ? inlineProduct(a, b.smallDenominator, b.smallNumerator)
            : inlineProduct(a, -b.smallDenominator, -b.smallNumerator)
    }

    @inlinable
    public static prefix func - (a: Rational) -> Rational {
        a.large == nil
            ? Rational(inlineNumerator: -a.smallNumerator, inlineDenominator: a.smallDenominator)
            : largeDifference(.zero, a)
    }

    @inlinable
    public static func += (a: inout Rational, b: Rational) { a = a + b }
    @inlinable
    public static func -= (a: inout Rational, b: Rational) { a = a - b }
    @inlinable
    public static func *= (a: inout Rational, b: Rational) { a = a * b }
    @inlinable
    public static func /= (a: inout Rational, b: Rational) { a = a / b }

    @usableFromInline
    static func largeSum(_ a: Rational, _ b: Rational) -> Rational {
        combine(a, b) { crease_mpq_add($0, $1, $2) }
    }

    @usableFromInline
    static func largeDifference(_ a: Rational, _ b: Rational) -> Rational {
        combine(a, b) { crease_mpq_sub($0, $1, $2) }
    }

    @usableFromInline
    static func largeProduct(_ a: Rational, _ b: Rational) -> Rational {
        combine(a, b) { crease_mpq_mul($0, $1, $2) }
    }

    @usableFromInline
    static func largeQuotient(_ a: Rational, _ b: Rational) -> Rational {
        combine(a, b) { crease_mpq_div($0, $1, $2) }
    }

    private static func combine(
        _ a: Rational, _ b: Rational, _ operation: (mpq_ptr, mpq_srcptr, mpq_srcptr) -> Void
    ) -> Rational {
        let x = a.storage
        let y = b.storage
        return Rational(RationalStorage.make { z in x.read { p in y.read { q in operation(z, p, q) } } })
    }
}

// MARK: - Order

extension Rational: Comparable, Hashable {
    public static func == (a: Rational, b: Rational) -> Bool {
        switch (a.large, b.large) {
        case (nil, nil):
            a.smallNumerator == b.smallNumerator && a.smallDenominator == b.smallDenominator
        case (let x?, let y?): x.read { p in y.read { crease_mpq_equal(p, $0) != 0 } }
        default: false
        }
    }

    @inlinable
    public static func < (a: Rational, b: Rational) -> Bool {
        guard a.large == nil, b.large == nil else { return largeLess(a, b) }
        return Int128(a.smallNumerator) * Int128(b.smallDenominator)
            < Int128(b.smallNumerator) * Int128(a.smallDenominator)
    }

    @usableFromInline
    static func largeLess(_ a: Rational, _ b: Rational) -> Bool {
        let x = a.storage
        let y = b.storage
        return x.read { p in y.read { crease_mpq_compare(p, $0) < 0 } }
    }

    public func hash(into hasher: inout Hasher) {
        guard large != nil else {
            hasher.combine(smallNumerator)
            hasher.combine(smallDenominator)
            return
        }
        hasher.combine(numerator)
        hasher.combine(denominator)
    }
}

extension Rational: CustomStringConvertible, ExpressibleByIntegerLiteral {
    @inlinable
    public init(integerLiteral value: Int) { self.init(value) }

    /// `"n"` for an integer, else `"n/d"` in lowest terms.
    public var description: String {
        guard let large else {
            return smallDenominator == 1
                ? String(smallNumerator) : "\(smallNumerator)/\(smallDenominator)"
        }
        let numeratorText = large.read { decimalText(crease_mpq_numerator($0)) }
        let denominatorText = large.read { decimalText(crease_mpq_denominator($0)) }
        return denominatorText == "1" ? numeratorText : "\(numeratorText)/\(denominatorText)"
    }
}

/// Stein's binary algorithm; the greatest common divisor of 0 and x is x.
@inlinable
func greatestCommonDivisor(_ a: UInt64, _ b: UInt64) -> UInt64 {
    if a == 1 || b == 1 { return 1 }
    if a == 0 { return b }
    if b == 0 { return a }
    let shift = (a | b).trailingZeroBitCount
    var x = a &>> UInt64(a.trailingZeroBitCount)
    var y = b
    repeat {
        y &>>= UInt64(y.trailingZeroBitCount)
        if x > y { swap(&x, &y) }
        y &-= x
    } while y != 0
    return x &<< UInt64(shift)
}
