internal import CGMP

/// A heap-held GMP integer.
///
/// `@unchecked Sendable`: the integer is written only by the closure of `make`, before any other reference exists,
/// and is only read from then on. It stands behind a pointer of its own, so that reading one twice at the same
/// time (x + x) is no overlapping access to a stored property.
final class IntegerStorage: @unchecked Sendable {
    private let pointer: mpz_ptr

    private init() {
        pointer = mpz_ptr.allocate(capacity: 1)
        crease_mpz_init(pointer)
    }

    deinit {
        crease_mpz_clear(pointer)
        pointer.deallocate()
    }

    static func make(_ fill: (mpz_ptr) -> Void) -> IntegerStorage {
        let storage = IntegerStorage()
        fill(storage.pointer)
        return storage
    }

    /// Calls `body` with the integer, which lives at least until `body` returns and is only read.
    func read<Result>(_ body: (mpz_srcptr) -> Result) -> Result {
        withExtendedLifetime(self) { body(pointer) }
    }
}

/// An integer of any size: 64 bits inline, a GMP integer beyond them.
///
/// The inline form is used whenever the value fits, so two equal values have the same representation.
/// Additions and comparisons cost O(digits), products are GMP's.
public struct BigInteger: Sendable {
    private var small: Int64
    private var large: IntegerStorage?

    public init(_ value: Int) {
        small = Int64(value)
        large = nil
    }

    init(_ storage: IntegerStorage) {
        if storage.read(crease_mpz_fits_int64) != 0 {
            small = storage.read(crease_mpz_get_int64)
            large = nil
        } else {
            small = 0
            large = storage
        }
    }

    /// The integer that `text` writes in decimal, with an optional leading minus sign; `nil` for anything else.
    public init?(_ text: String) {
        if let value = Int64(text), !text.hasPrefix("+") {
            self.init(Int(value))
            return
        }
        let digits = text.utf8.drop { $0 == UInt8(ascii: "-") }
        guard !digits.isEmpty, text.utf8.count - digits.count <= 1,
            digits.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        var status: Int32 = 0
        let storage = IntegerStorage.make { status = crease_mpz_parse_decimal($0, text) }
        guard status == 0 else { return nil }
        self.init(storage)
    }

    public static var zero: BigInteger { BigInteger(0) }
    public static var one: BigInteger { BigInteger(1) }

    /// The value where it fits 64 bits, else `nil`.
    public var int: Int? { large == nil ? Int(small) : nil }

    /// −1, 0 or 1.
    public var sign: Int {
        guard let large else { return small.signum() == 0 ? 0 : (small < 0 ? -1 : 1) }
        return Int(large.read(crease_mpz_sign))
    }

    /// The nearest binary64, ties to even; ±infinity beyond its range.
    public var nearestDouble: Double {
        large == nil ? Double(small) : Rational(self).nearestDouble
    }

    var storage: IntegerStorage {
        if let large { return large }
        let value = small
        return IntegerStorage.make { crease_mpz_set_int64($0, value) }
    }

    private static func combine(
        _ a: BigInteger, _ b: BigInteger, _ operation: (mpz_ptr, mpz_srcptr, mpz_srcptr) -> Void
    ) -> BigInteger {
        let x = a.storage
        let y = b.storage
        return BigInteger(IntegerStorage.make { z in x.read { p in y.read { q in operation(z, p, q) } } })
    }

    public static func + (a: BigInteger, b: BigInteger) -> BigInteger {
        if a.large == nil, b.large == nil {
            let (sum, overflow) = a.small.addingReportingOverflow(b.small)
            if !overflow { return BigInteger(Int(sum)) }
        }
        return combine(a, b) { crease_mpz_add($0, $1, $2) }
    }

    public static func - (a: BigInteger, b: BigInteger) -> BigInteger {
        if a.large == nil, b.large == nil {
            let (difference, overflow) = a.small.subtractingReportingOverflow(b.small)
            if !overflow { return BigInteger(Int(difference)) }
        }
        return combine(a, b) { crease_mpz_sub($0, $1, $2) }
    }

    public static func * (a: BigInteger, b: BigInteger) -> BigInteger {
        if a.large == nil, b.large == nil {
            let (product, overflow) = a.small.multipliedReportingOverflow(by: b.small)
            if !overflow { return BigInteger(Int(product)) }
        }
        return combine(a, b) { crease_mpz_mul($0, $1, $2) }
    }

    public static prefix func - (a: BigInteger) -> BigInteger { .zero - a }
    public static func += (a: inout BigInteger, b: BigInteger) { a = a + b }
    public static func -= (a: inout BigInteger, b: BigInteger) { a = a - b }
    public static func *= (a: inout BigInteger, b: BigInteger) { a = a * b }

    /// The quotient rounded towards −∞ and the remainder, which has the divisor's sign.
    ///
    /// - Precondition: `divisor` is not 0.
    public func flooredQuotientAndRemainder(dividingBy divisor: BigInteger) -> (BigInteger, BigInteger) {
        precondition(divisor.sign != 0, "division by zero")
        let x = storage
        let y = divisor.storage
        let (quotient, remainder) = x.read { p in y.read { q in quotientAndRemainder(p, q) } }
        return (BigInteger(quotient), BigInteger(remainder))
    }

    /// This integer to the power `exponent` (0 to the power 0 is 1).
    ///
    /// - Precondition: `exponent` ≥ 0; the caller bounds the size of the result.
    public func power(_ exponent: Int) -> BigInteger {
        precondition(exponent >= 0, "negative exponent")
        let base = storage
        return BigInteger(IntegerStorage.make { z in base.read { crease_mpz_power(z, $0, UInt(exponent)) } })
    }

    /// The non-negative greatest common divisor; that of 0 and 0 is 0.
    public static func greatestCommonDivisor(_ a: BigInteger, _ b: BigInteger) -> BigInteger {
        combine(a, b) { crease_mpz_gcd($0, $1, $2) }
    }
}

extension BigInteger: Comparable, Hashable {
    public static func == (a: BigInteger, b: BigInteger) -> Bool {
        switch (a.large, b.large) {
        case (nil, nil): a.small == b.small
        case (let x?, let y?): x.read { p in y.read { crease_mpz_compare(p, $0) == 0 } }
        default: false
        }
    }

    public static func < (a: BigInteger, b: BigInteger) -> Bool {
        if a.large == nil, b.large == nil { return a.small < b.small }
        let x = a.storage
        let y = b.storage
        return x.read { p in y.read { crease_mpz_compare(p, $0) < 0 } }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(small)
        guard let large else { return }
        large.read {
            for limb in 0..<((crease_mpz_bit_count($0) + 63) / 64) {
                hasher.combine(crease_mpz_limb($0, limb))
            }
        }
    }
}

extension BigInteger: CustomStringConvertible {
    /// Decimal digits, with a leading minus sign for negative values.
    public var description: String {
        guard let large else { return String(small) }
        return large.read(decimalText)
    }
}

/// The decimal digits of a GMP integer.
func decimalText(_ value: mpz_srcptr) -> String {
    let capacity = crease_mpz_decimal_capacity(value)
    return withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
        guard let start = buffer.baseAddress else { return "" }
        crease_mpz_write_decimal(start, value)
        return String(cString: start)
    }
}

/// The quotient rounded towards −∞ and the remainder; `divisor` is not 0.
func quotientAndRemainder(
    _ dividend: mpz_srcptr, _ divisor: mpz_srcptr
) -> (quotient: IntegerStorage, remainder: IntegerStorage) {
    var remainder: IntegerStorage?
    let quotient = IntegerStorage.make { q in
        remainder = IntegerStorage.make { r in crease_mpz_floor_divide(q, r, dividend, divisor) }
    }
    return (quotient, remainder ?? IntegerStorage.make { _ in })
}
