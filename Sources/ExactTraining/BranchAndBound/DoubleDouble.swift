internal import ExactArithmetic

/// The unevaluated sum of two doubles. Sums and products have relative errors of at most 2^-100, which those who use them
/// charge.
struct DoubleDouble {
    var high: Double
    var low: Double

    /// Bounds the relative errors of `+`, `-` and `*`.
    static let unit = 0x1p-100

    init(_ high: Double, _ low: Double = 0) {
        self.high = high
        self.low = low
    }

    /// Within 2^-105 of the magnitude of `value`, unless that is below 2^-900 or so.
    init(_ value: Rational) {
        high = value.nearestDouble
        let rest = Rational(exactly: high).map { value - $0 } ?? .zero
        low = rest.nearestDouble
    }

    static func difference(_ a: Double, _ b: Double) -> DoubleDouble {
        let sum = a - b
        return DoubleDouble(sum, DirectedRounding.sumError(a, -b, sum))
    }

    static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
        let s = a.high + b.high
        let sRest = DirectedRounding.sumError(a.high, b.high, s)
        let t = a.low + b.low
        let tRest = DirectedRounding.sumError(a.low, b.low, t)
        let (u, uRest) = quickSum(s, sRest + t)
        let (high, low) = quickSum(u, tRest + uRest)
        return DoubleDouble(high, low)
    }

    static prefix func - (a: DoubleDouble) -> DoubleDouble { DoubleDouble(-a.high, -a.low) }

    static func - (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble { a + -b }

    static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
        let product = a.high * b.high
        let rest = (-product).addingProduct(a.high, b.high)
        let (high, low) = quickSum(product, rest + (a.high * b.low).addingProduct(a.low, b.high))
        return DoubleDouble(high, low)
    }

    /// The number times a power of two.
    func scaled(_ factor: Double) -> DoubleDouble { DoubleDouble(high * factor, low * factor) }

    private static func quickSum(_ a: Double, _ b: Double) -> (Double, Double) {
        let sum = a + b
        return (sum, b - (sum - a))
    }
}
