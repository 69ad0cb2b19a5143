import Testing

@testable import ExactArithmetic

private func exactSum(_ a: [Double], _ b: [Double], _ constant: Double) -> Rational {
    zip(a, b).reduce(Rational(exactly: constant) ?? .zero) { sum, pair in
        sum + (Rational(exactly: pair.0) ?? .zero) * (Rational(exactly: pair.1) ?? .zero)
    }
}

@Suite struct ExactSignTests {
    @Test func signsEqualThoseOfRationals() {
        var undecided = 0
        for seed in 0..<20_000 {
            var random = SeededGenerator(seed: seed)
            let count = random.int(0...8)
            let kind = random.int(0...3)
            func number() -> Double {
                switch kind {
                case 0: return random.finiteDouble()
                case 1: return Double(random.int(-3...3))
                case 2:
                    return Double(random.int(-3...3))
                        * Double(sign: .plus, exponent: random.int(-1074...1000), significand: 1)
                default: return Double.random(in: -1...1, using: &random)
                }
            }
            var a = (0..<count).map { _ in number() }
            var b = (0..<count).map { _ in number() }
            var constant = number()
            if random.int(0...1) == 0 {
                // The same products again with the other sign: the sum is the constant, or almost.
                a += a.map { -$0 }
                b += b
                a.reverse()
                b.reverse()
                if random.int(0...1) == 0 { constant = random.int(0...1) == 0 ? 0 : .leastNonzeroMagnitude }
                if !b.isEmpty, random.int(0...2) == 0, b[0].nextUp.isFinite { b[0] = b[0].nextUp }
            }
            let expected = exactSum(a, b, constant).sign
            #expect(ExactSign.dotProduct(a, b, plus: constant) == expected, "seed \(seed)")
            a.withUnsafeBufferPointer { x in
                b.withUnsafeBufferPointer { y in
                    #expect(ExactSign.exactSign(x, y, constant) == expected, "seed \(seed)")
                    if let filtered = ExactSign.filteredSign(x, y, constant) {
                        #expect(filtered == expected, "seed \(seed)")
                    } else {
                        undecided += 1
                    }
                }
            }
        }
        #expect(undecided > 1_000 && undecided < 19_000)
    }

    @Test func longSumsAndExtremes() {
        let large = [Double](repeating: .greatestFiniteMagnitude, count: 5_000)
        let signs = (0..<5_000).map {
            $0 % 2 == 0 ? Double.greatestFiniteMagnitude : -.greatestFiniteMagnitude
        }
        #expect(ExactSign.dotProduct(large, signs) == 0)
        #expect(ExactSign.dotProduct(large, signs, plus: -.leastNonzeroMagnitude) == -1)
        #expect(ExactSign.dotProduct(large, large) == 1)
        #expect(ExactSign.dotProduct(large, large.map { -$0 }) == -1)
        let least = [Double](repeating: .leastNonzeroMagnitude, count: 3)
        #expect(ExactSign.dotProduct(least, [1e-300, -1e-300, .leastNonzeroMagnitude]) == 1)
        #expect(ExactSign.dotProduct([], []) == 0)
        #expect(ExactSign.dotProduct([0.1, 0.2], [1, 1], plus: -0.3) == 1)
    }
}
