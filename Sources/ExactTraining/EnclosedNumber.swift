/// A real number as an unevaluated sum of two doubles, with a bound on what is missing: |true − (high + low)| ≤ error.
///
/// Sums and products of double-double numbers have relative errors of at most 3u² + O(u³) and 5u² + O(u³), u = 2^-53
/// (Joldes, Muller, Popescu, Tight and rigorous error bounds for basic building blocks of double-word arithmetic,
/// 2017); 8u² is charged. What overflows has an infinite or undefined error, and an upper bound of +∞.
struct EnclosedNumber {
    private(set) var high: Double
    private(set) var low: Double
    private(set) var error: Double

    /// 8u².
    private static let unit = 0x1p-103
    /// Covers the roundings of an error bound of a few terms.
    private static let slack = 1 + 0x1p-48
    /// Covers what products lose where they underflow.
    private static let underflow = 0x1p-1060

    init(_ value: Double) {
        high = value
        low = 0
        error = 0
    }

    private init(high: Double, low: Double, error: Double) {
        self.high = high
        self.low = low
        self.error = error
    }

    static var zero: EnclosedNumber { EnclosedNumber(0) }

    /// An upper bound; +∞ where there was an overflow.
    var upperBound: Double {
        let bound = DirectedRounding.sumUp(high, DirectedRounding.sumUp(low, error))
        return bound.isNaN ? .infinity : bound
    }

    /// A lower bound; −∞ where there was an overflow.
    var lowerBound: Double {
        let bound = DirectedRounding.sumDown(high, DirectedRounding.sumDown(low, -error))
        return bound.isNaN ? -.infinity : bound
    }

    /// Whether the number is known to about the last digit of a double, or exactly.
    var isSharp: Bool { error <= 0x1p-60 * high.magnitude }

    /// a b.
    static func product(_ a: Double, _ b: Double) -> EnclosedNumber {
        if a == 0 || b == 0 { return .zero }
        let high = a * b
        let low = (-high).addingProduct(a, b)
        return EnclosedNumber(high: high, low: low, error: high.magnitude < 0x1p-900 ? underflow : 0)
    }

    static func + (a: EnclosedNumber, b: EnclosedNumber) -> EnclosedNumber {
        let (high, highRest) = exactSum(a.high, b.high)
        let (low, lowRest) = exactSum(a.low, b.low)
        let (middle, middleRest) = quickSum(high, highRest + low)
        let (sum, rest) = quickSum(middle, lowRest + middleRest)
        // Sums of doubles do not underflow; what is exact costs nothing.
        let rounding = low == 0 && lowRest == 0 ? 0 : sum.magnitude * unit
        return EnclosedNumber(high: sum, low: rest, error: (a.error + b.error + rounding) * slack)
    }

    static func += (a: inout EnclosedNumber, b: EnclosedNumber) { a = a + b }

    static prefix func - (a: EnclosedNumber) -> EnclosedNumber {
        EnclosedNumber(high: -a.high, low: -a.low, error: a.error)
    }

    static func - (a: EnclosedNumber, b: EnclosedNumber) -> EnclosedNumber { a + -b }

    static func * (a: EnclosedNumber, b: EnclosedNumber) -> EnclosedNumber {
        if (a.high == 0 && a.error == 0) || (b.high == 0 && b.error == 0) { return .zero }
        let product = a.high * b.high
        let rest = (-product).addingProduct(a.high, b.high)
        let cross = (a.high * b.low).addingProduct(a.low, b.high)
        let (high, low) = quickSum(product, rest + cross)
        let error =
            high.magnitude * unit + a.error * (b.high.magnitude + b.error) * slack
            + b.error * a.high.magnitude * slack + underflow
        return EnclosedNumber(high: high, low: low, error: error * slack)
    }

    /// max(0, t).
    var rectified: EnclosedNumber {
        if high > 0 { return self }
        // A number that might be positive by its error has that error at 0, too.
        return EnclosedNumber(high: 0, low: 0, error: high.magnitude > 2 * error ? 0 : error)
    }

    var magnitude: EnclosedNumber { high < 0 ? -self : self }

    private static func exactSum(_ a: Double, _ b: Double) -> (Double, Double) {
        let sum = a + b
        return (sum, DirectedRounding.sumError(a, b, sum))
    }

    /// Exact where |a| ≥ |b| or a = 0.
    private static func quickSum(_ a: Double, _ b: Double) -> (Double, Double) {
        let sum = a + b
        return (sum, b - (sum - a))
    }
}
