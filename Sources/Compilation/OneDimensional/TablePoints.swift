internal import ExactArithmetic

/// A decimal column, each number with an exponent of its own: mantissas[i] · 10^exponents[i].
public struct DecimalColumn: Sendable {
    let mantissas: [Int64]
    let exponents: [Int16]
    /// The numbers rounded to nearest.
    let nearest: [Double]
    /// Of the numbers that are not 0.
    let leastExponent: Int

    /// - Parameter leastExponent: at most the exponent of every number that is not 0.
    public init(mantissas: [Int64], exponents: [Int16], leastExponent: Int, nearest: [Double]) {
        self.mantissas = mantissas
        self.exponents = exponents
        self.leastExponent = leastExponent
        self.nearest = nearest
    }

    private static let powersOfTen: [Int128] = (0...36).map {
        (0..<$0).reduce(Int128(1)) { power, _ in power * 10 }
    }
    private static let powersOfFive: [Int64] = (0...27).map {
        (0..<$0).reduce(Int64(1)) { power, _ in power * 5 }
    }

    /// Whether all numbers are integers below 2^119 in units of 10^leastExponent, and that is in [10^−40, 10^40].
    var isInReach: Bool {
        guard mantissas.count == exponents.count, mantissas.count == nearest.count,
            (-40...40).contains(leastExponent)
        else { return false }
        let limit = UInt128(1) << 119
        return mantissas.indices.allSatisfy { index in
            if mantissas[index] == 0 { return true }
            let steps = Int(exponents[index]) - leastExponent
            guard (0...36).contains(steps) else { return false }
            let (value, overflow) = Int128(mantissas[index]).multipliedReportingOverflow(
                by: Self.powersOfTen[steps])
            return !overflow && value.magnitude < limit
        }
    }

    /// In units of 10^leastExponent, for a column in reach.
    @inline(__always)
    func integer(_ index: Int) -> Int128 {
        mantissas[index] == 0
            ? 0 : Int128(mantissas[index]) &* Self.powersOfTen[Int(exponents[index]) - leastExponent]
    }

    func exact(_ index: Int) -> Rational {
        Rational(reducedNumerator: Int128(mantissas[index]), denominator: 1)
            * Rational.powerOfTen(Int(exponents[index]))
    }

    /// Whether the number is a binary64, for a column in reach.
    func isBinary64(_ index: Int) -> Bool {
        let mantissa = mantissas[index]
        let exponent = Int(exponents[index])
        if mantissa == 0 { return true }
        if exponent >= 0 {
            let value = (Int128(mantissa) * Self.powersOfTen[min(36, exponent)]).magnitude
            return exponent <= 36 && value >> value.trailingZeroBitCount < 1 << 53
        }
        // No 64-bit number but 0 is a multiple of 5^28.
        guard -exponent < Self.powersOfFive.count, mantissa % Self.powersOfFive[-exponent] == 0 else {
            return false
        }
        let quotient = (mantissa / Self.powersOfFive[-exponent]).magnitude
        return quotient >> quotient.trailingZeroBitCount < 1 << 53
    }
}

/// Points of a table as the filtered kernel reads them.
protocol TablePoints: Sendable {
    var count: Int { get }
    /// x_{i+1} − x_i and y_{i+1} − y_i in the coordinates' units, within 2^−104 relatively.
    func run(_ index: Int) -> DoubleDouble
    func rise(_ index: Int) -> DoubleDouble
    /// Whether runs and rises are exact and both units are 1.
    var isPlain: Bool { get }
    /// The unit of y over that of x is the first over the second, both within 2^−105 relatively.
    var slopeUnit: (DoubleDouble, DoubleDouble) { get }
    func isBefore(_ index: Int, _ next: Int) -> Bool
    /// The exact coordinates.
    func x(_ index: Int) -> Rational
    func y(_ index: Int) -> Rational
    /// The coordinates rounded to nearest.
    func nearestX(_ index: Int) -> Double
    func nearestY(_ index: Int) -> Double
    /// Whether that changed x.
    func movesX(_ index: Int) -> Bool
}

/// Binary64 numbers that mean their exact values.
struct BinaryPoints: TablePoints {
    let xs: [Double]
    let ys: [Double]

    /// `nil` where quotients of differences, or the errors of these quotients, might overflow or underflow: here
    /// differences are 0 or in [2^−353, 2^301].
    init?(x: [Double], y: [Double]) {
        func isInReach(_ value: Double) -> Bool {
            value == 0 || (0x1p-300...0x1p300).contains(value.magnitude)
        }
        guard x.count == y.count, x.allSatisfy(isInReach), y.allSatisfy(isInReach) else { return nil }
        xs = x
        ys = y
    }

    var count: Int { xs.count }
    func run(_ index: Int) -> DoubleDouble { DoubleDouble(xs[index + 1], minus: xs[index]) }
    func rise(_ index: Int) -> DoubleDouble { DoubleDouble(ys[index + 1], minus: ys[index]) }
    var isPlain: Bool { true }
    var slopeUnit: (DoubleDouble, DoubleDouble) {
        (DoubleDouble(high: 1, low: 0), DoubleDouble(high: 1, low: 0))
    }
    func isBefore(_ index: Int, _ next: Int) -> Bool { xs[index] < xs[next] }
    // Every number is finite.
    func x(_ index: Int) -> Rational { Rational(exactly: xs[index]) ?? .zero }
    func y(_ index: Int) -> Rational { Rational(exactly: ys[index]) ?? .zero }
    func nearestX(_ index: Int) -> Double { xs[index] }
    func nearestY(_ index: Int) -> Double { ys[index] }
    func movesX(_ index: Int) -> Bool { false }
}

/// Decimals of any exponents.
struct DecimalPoints: TablePoints {
    let xs: DecimalColumn
    let ys: DecimalColumn
    let slopeUnit: (DoubleDouble, DoubleDouble)

    init?(x: DecimalColumn, y: DecimalColumn) {
        // Below 2^104 in all their factors of 5: the power of ten is a sum of two binary64.
        let exponent = y.leastExponent - x.leastExponent
        guard x.mantissas.count == y.mantissas.count, x.isInReach, y.isInReach, abs(exponent) <= 44 else {
            return nil
        }
        xs = x
        ys = y
        let power = Rational.powerOfTen(abs(exponent))
        let high = power.nearestDouble
        let low = (power - (Rational(exactly: high) ?? .zero)).nearestDouble
        let unit = DoubleDouble(high: 1, low: 0)
        let scale = DoubleDouble(high: high, low: low)
        slopeUnit = exponent >= 0 ? (scale, unit) : (unit, scale)
    }

    var count: Int { xs.mantissas.count }
    func run(_ index: Int) -> DoubleDouble { DoubleDouble(xs.integer(index + 1) - xs.integer(index)) }
    func rise(_ index: Int) -> DoubleDouble { DoubleDouble(ys.integer(index + 1) - ys.integer(index)) }
    var isPlain: Bool { false }
    func isBefore(_ index: Int, _ next: Int) -> Bool { xs.integer(index) < xs.integer(next) }
    func x(_ index: Int) -> Rational { xs.exact(index) }
    func y(_ index: Int) -> Rational { ys.exact(index) }
    func nearestX(_ index: Int) -> Double { xs.nearest[index] }
    func nearestY(_ index: Int) -> Double { ys.nearest[index] }
    func movesX(_ index: Int) -> Bool { !xs.isBinary64(index) }
}
