internal import CGMP

/// Integers of any size side by side, changed in place: for long sums of products, which cost a tenth of what they
/// cost as separate values.
///
/// `@unchecked Sendable`: whoever makes a vector fills it before passing it to other tasks, and it is only read
/// from then on.
public final class IntegerVector: @unchecked Sendable {
    public let count: Int
    private let entries: mpz_ptr

    /// `count` zeros.
    public init(count: Int) {
        self.count = count
        entries = mpz_ptr.allocate(capacity: max(1, count))
        for index in 0..<count { crease_mpz_init(entries + index) }
    }

    deinit {
        for index in 0..<count { crease_mpz_clear(entries + index) }
        entries.deallocate()
    }

    private func entry(_ index: Int) -> mpz_ptr {
        precondition(index >= 0 && index < count, "index out of range")
        return entries + index
    }

    public subscript(index: Int) -> BigInteger {
        get {
            let source = entry(index)
            return BigInteger(IntegerStorage.make { crease_mpz_set($0, source) })
        }
        set {
            let target = entry(index)
            if let int = newValue.int {
                crease_mpz_set_int64(target, Int64(int))
            } else {
                newValue.storage.read { crease_mpz_set(target, $0) }
            }
        }
    }

    /// −1, 0 or 1.
    public func sign(_ index: Int) -> Int { Int(crease_mpz_sign(entry(index))) }

    public func bitCount(_ index: Int) -> Int { crease_mpz_bit_count(entry(index)) }

    public func setZero(_ index: Int) { crease_mpz_set_int64(entry(index), 0) }

    public func copy(_ source: IntegerVector, _ sourceIndex: Int, to index: Int) {
        crease_mpz_set(entry(index), source.entry(sourceIndex))
    }

    /// self[index] = Σ_{i < terms} matrix[start + i · stride] · values[i]. `values` is another vector.
    public func setDotProduct(
        at index: Int, _ matrix: IntegerVector, start: Int, stride: Int = 1, _ values: IntegerVector,
        terms: Int
    ) {
        precondition(values !== self && terms <= values.count, "shapes disagree")
        if terms == 0 { return setZero(index) }
        precondition(
            start >= 0 && stride >= 0 && start + (terms - 1) * stride < matrix.count, "shapes disagree")
        crease_mpz_dot(entry(index), matrix.entry(start), stride, values.entry(0), terms)
    }

    /// self[index] = a[i] · b[j]
    public func setProduct(at index: Int, _ a: IntegerVector, _ i: Int, _ b: IntegerVector, _ j: Int) {
        crease_mpz_mul(entry(index), a.entry(i), b.entry(j))
    }

    /// self[target] = (self[pivot] · self[target] − self[factor] · self[source]) / divisor[index], a quotient that
    /// must leave no remainder. `target` is none of the others.
    func eliminate(
        _ target: Int, pivot: Int, factor: Int, source: Int, divisor: IntegerVector, _ index: Int
    ) {
        crease_mpz_eliminate(entry(target), entry(pivot), entry(factor), entry(source), divisor.entry(index))
    }

    /// self = (pivot[p] · self − factor[f] · source) / divisor[0], entry by entry, quotients that must leave no
    /// remainder: the exchange step of fraction-free elimination. `pivot`, `factor`, `divisor` are other vectors.
    public func eliminate(
        pivot: IntegerVector, _ p: Int, factor: IntegerVector, _ f: Int, source: IntegerVector,
        divisor: IntegerVector
    ) {
        precondition(
            pivot !== self && factor !== self && source !== self && divisor !== self
                && source.count == count, "shapes disagree")
        let p = pivot.entry(p)
        let f = factor.entry(f)
        let d = divisor.entry(0)
        for index in 0..<count {
            crease_mpz_eliminate(entries + index, p, f, source.entries + index, d)
        }
    }

    /// Changes the sign of every entry.
    public func negate() {
        for index in 0..<count { crease_mpz_neg(entries + index, entries + index) }
    }

    /// Whether self[i] < other[j].
    public func isLess(_ i: Int, than other: IntegerVector, _ j: Int) -> Bool {
        crease_mpz_compare(entry(i), other.entry(j)) < 0
    }

    /// self[index] = significand · 2^exponent with 0.5 ≤ |significand| < 1, cut to 53 bits; (0, 0) for 0.
    public func scaledDouble(_ index: Int) -> (significand: Double, exponent: Int) {
        var exponent = 0
        let significand = crease_mpz_significand(entry(index), &exponent)
        return (significand, exponent)
    }

    func swap(_ a: Int, _ b: Int) {
        let x = entry(a)
        let y = entry(b)
        (x.pointee, y.pointee) = (y.pointee, x.pointee)
    }

    /// Divides every entry by the greatest common divisor of all.
    public func removeContent() { crease_mpz_remove_content(entries, count) }

    /// self[numerator] / self[denominator], reduced.
    ///
    /// - Precondition: the denominator is not 0.
    public func ratio(_ numerator: Int, _ denominator: Int) -> Rational {
        let n = entry(numerator)
        let d = entry(denominator)
        precondition(crease_mpz_sign(d) != 0, "division by zero")
        return Rational(
            RationalStorage.make {
                crease_mpz_set(crease_mpq_numerator($0), n)
                crease_mpz_set(crease_mpq_denominator($0), d)
                crease_mpq_canonicalize($0)
            })
    }
}

/// A positive integer that all the numbers' denominators divide, or `nil` when the least such one has more than
/// `maximumBits` bits.
public func commonDenominator(_ numbers: some Sequence<Rational>, maximumBits: Int) -> BigInteger? {
    var common = BigInteger.one
    for number in numbers where !number.isInteger {
        let denominator = number.denominator
        if denominator == common { continue }
        let x = common.storage
        let y = denominator.storage
        let multiple = IntegerStorage.make { z in x.read { p in y.read { crease_mpz_lcm(z, p, $0) } } }
        guard multiple.read({ crease_mpz_bit_count($0) }) <= maximumBits else { return nil }
        common = BigInteger(multiple)
    }
    return common
}

extension Rational {
    /// Whether the denominator is 1.
    public var isInteger: Bool {
        large == nil ? smallDenominator == 1 : denominator == .one
    }

    /// This number times `multiple`, as an integer.
    ///
    /// - Precondition: the denominator divides `multiple`.
    public func scaledInteger(_ multiple: BigInteger) -> BigInteger {
        if large == nil, let factor = multiple.int {
            let (product, overflow) = smallNumerator.multipliedReportingOverflow(
                by: Int64(factor) / smallDenominator)
            if !overflow { return BigInteger(Int(product)) }
        }
        return (self * Rational(multiple)).numerator
    }
}
