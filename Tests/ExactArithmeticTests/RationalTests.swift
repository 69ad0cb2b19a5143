import Testing

@testable import ExactArithmetic

/// Whether the representation is the one that the value must have: reduced, inline exactly where it fits.
private func isCanonical(_ x: Rational) -> Bool {
    let n = x.numerator
    let d = x.denominator
    guard d.sign > 0, BigInteger.greatestCommonDivisor(n, d) == .one else { return false }
    let fits = n.int.map { $0 != .min } ?? false
    return (x.large == nil) == (fits && d.int != nil)
}

/// a / b from four integers, by cross-multiplication with `BigInteger` alone.
private func equals(_ x: Rational, _ numerator: BigInteger, _ denominator: BigInteger) -> Bool {
    x.numerator * denominator == numerator * x.denominator
}

@Suite struct RationalTests {
    @Test func operationsEqualCrossMultiplicationOfIntegers() {
        for seed in 0..<40_000 {
            var random = SeededGenerator(seed: seed)
            let (x, y) = (random.rational(), random.rational())
            let (a, b, c, d) = (x.numerator, x.denominator, y.numerator, y.denominator)
            let results = [x + y, x - y, x * y, -x, x.magnitude]
            #expect(([x, y] + results).allSatisfy(isCanonical), "seed \(seed)")
            #expect(equals(x + y, a * d + c * b, b * d), "seed \(seed)")
            #expect(equals(x - y, a * d - c * b, b * d), "seed \(seed)")
            #expect(equals(x * y, a * c, b * d), "seed \(seed)")
            #expect(equals(-x, -a, b), "seed \(seed)")
            if !y.isZero {
                #expect(equals(x / y, a * d, b * c) && isCanonical(x / y), "seed \(seed)")
            }
            #expect((x < y) == (a * d < c * b), "seed \(seed)")
            #expect((x == y) == (a * d == c * b), "seed \(seed)")
            #expect(x.sign == a.sign && x.isZero == (a.sign == 0), "seed \(seed)")
        }
    }

    @Test func inlineOperationsEqualThoseOfGMP() {
        for seed in 0..<20_000 {
            var random = SeededGenerator(seed: seed)
            let x = Rational(random.edgyInt(), random.edgyPositiveInt())
            let y = Rational(random.edgyInt(), random.edgyPositiveInt())
            #expect(x + y == Rational.largeSum(x, y), "seed \(seed)")
            #expect(x - y == Rational.largeDifference(x, y), "seed \(seed)")
            #expect(x * y == Rational.largeProduct(x, y), "seed \(seed)")
            if !y.isZero { #expect(x / y == Rational.largeQuotient(x, y), "seed \(seed)") }
            #expect((x < y) == Rational.largeLess(x, y), "seed \(seed)")
        }
    }

    @Test func theLawsOfAFieldAndOrderHold() {
        for seed in 0..<10_000 {
            var random = SeededGenerator(seed: seed)
            let (x, y, z) = (random.rational(), random.rational(), random.rational())
            #expect((x + y) + z == x + (y + z), "seed \(seed)")
            #expect((x * y) * z == x * (y * z), "seed \(seed)")
            #expect(x * (y + z) == x * y + x * z, "seed \(seed)")
            #expect(x + y == y + x && x * y == y * x, "seed \(seed)")
            #expect(x - x == .zero && x + .zero == x && x * .one == x && -(-x) == x, "seed \(seed)")
            #expect((x + y) - y == x, "seed \(seed)")
            if !y.isZero { #expect((x * y) / y == x && (x / y) * y == x, "seed \(seed)") }
            if x < y { #expect(x + z < y + z && !(y < x) && x != y, "seed \(seed)") }
            #expect(((x + y) - y).hashValue == x.hashValue, "seed \(seed)")
            var sum = x
            sum += y
            sum *= z
            sum -= y
            #expect(sum == (x + y) * z - y, "seed \(seed)")
            #expect(x + x == x * 2, "seed \(seed)")
        }
    }

    @Test func theEdgesOf64Bits() {
        let least = Rational(Int.min)
        let most = Rational(Int.max)
        #expect(least.description == "-9223372036854775808")
        #expect((-least).description == "9223372036854775808")
        #expect(-(-least) == least && least.magnitude == -least)
        #expect(Rational(.min, .min) == .one)
        #expect(Rational(1, .min).description == "-1/9223372036854775808")
        #expect(Rational(.min, -1) == -least)
        #expect(Rational(.min, 3) * 3 == least)
        #expect(most + 1 == -least && (most + 1) - 1 == most)
        #expect(((most + 1) - 1).large == nil && (most + 1).large != nil)
        #expect(most * most / most == most)
        #expect(Rational.one / least == Rational(-1, Int.max) * (most / (most + 1)))
        #expect(Rational(1, .max) + Rational(1, .max - 1) - Rational(1, .max - 1) == Rational(1, .max))
        #expect(BigInteger(Int.min) * BigInteger(-1) == -BigInteger(Int.min))
        #expect(Rational(BigInteger(Int.min)).large != nil && Rational(BigInteger(Int.min)) == least)
    }

    @Test func integersDividePowersAndText() {
        for seed in 0..<5_000 {
            var random = SeededGenerator(seed: seed)
            let a = random.bigInteger(words: random.int(1...4))
            let b = random.bigInteger(words: random.int(1...3))
            #expect(BigInteger(a.description) == a, "seed \(seed)")
            #expect((a < b) == ((a - b).sign < 0), "seed \(seed)")
            #expect((a - b) + b == a && (a == b) == ((a - b).sign == 0), "seed \(seed)")
            if b.sign != 0 {
                let (quotient, remainder) = a.flooredQuotientAndRemainder(dividingBy: b)
                #expect(quotient * b + remainder == a, "seed \(seed)")
                #expect(remainder.sign == 0 || remainder.sign == b.sign, "seed \(seed)")
                #expect(b.sign > 0 ? remainder < b : b < remainder, "seed \(seed)")
                let divisor = BigInteger.greatestCommonDivisor(a, b)
                #expect(a.flooredQuotientAndRemainder(dividingBy: divisor).1.sign == 0, "seed \(seed)")
                #expect(divisor.sign > 0, "seed \(seed)")
            }
            let exponent = random.int(0...5)
            #expect(a.power(exponent) == (0..<exponent).reduce(BigInteger.one) { power, _ in power * a })
        }
        for text in ["", "-", "--1", "+1", "1-", " 1", "1 ", "0x1", "1e3", "٣"] {
            #expect(BigInteger(text) == nil)
        }
        #expect(BigInteger("-0") == .zero)
    }
}
