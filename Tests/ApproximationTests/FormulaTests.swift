import ExactArithmetic
import Foundation
import PiecewiseLinear
import Testing

@testable import Approximation

@Suite struct FormulaTests {
    private static let formulas: [(String, @Sendable (Double) -> Double, ClosedRange<Double>)] = [
        ("x^2", { $0 * $0 }, -1...1),
        ("sin(x)*exp(-x/3)", { sin($0) * exp(-$0 / 3) }, 0...10),
        ("abs(x-0.3) + max(0, 1-x^2)", { abs($0 - 0.3) + max(0, 1 - $0 * $0) }, -2...2),
        ("1/(1+25*x^2)", { 1 / (1 + 25 * $0 * $0) }, -1...1),
        ("tanh(3*x) - atan(x)/2 + cos(pi*x)", { tanh(3 * $0) - atan($0) / 2 + cos(Double.pi * $0) }, -2...2),
        ("log(x)*sqrt(x)", { log($0) * $0.squareRoot() }, 0.5...9),
        ("x^-2 + 2^x - e^(x/2)", { 1 / ($0 * $0) + exp2($0) - exp($0 / 2) }, 0.5...3),
        ("min(tan(x/4), -(-x)^3 - 2e-1)", { min(tan($0 / 4), -pow(-$0, 3) - 0.2) }, -1...2),
        ("-x^2 - -x", { -($0 * $0) + $0 }, -1...1),
    ]

    /// Values and difference quotients at random places lie in the enclosures.
    @Test(arguments: 0..<formulas.count) func enclosuresContain(index: Int) throws {
        let (text, function, range) = Self.formulas[index]
        let formula = try Formula(text)
        var generator = SeededGenerator(state: UInt64(index))
        for _ in 0..<2000 {
            let a = Double.random(in: range, using: &generator)
            let b = min(range.upperBound, a + pow(10, Double.random(in: -6...0, using: &generator)))
            guard a < b else { continue }
            let enclosure = formula.enclosure(over: Interval(lower: a, upper: b))
            let (s, t) = (
                Double.random(in: a...b, using: &generator), Double.random(in: a...b, using: &generator)
            )
            let slack = 1e-12 * max(1, function(s).magnitude)
            #expect(
                function(s) >= enclosure.value.lower - slack && function(s) <= enclosure.value.upper + slack,
                "\(text) at \(s) in [\(a), \(b)]")
            guard (s - t).magnitude > 1e-3 else { continue }
            let quotient = (function(s) - function(t)) / (s - t)
            #expect(
                quotient >= enclosure.slope.lower - 1e-8 && quotient <= enclosure.slope.upper + 1e-8,
                "\(text) between \(s) and \(t)")
        }
    }

    @Test(arguments: 0..<formulas.count, [0.1, 0.003]) func errorIsWithinTheBoundEverywhere(
        index: Int, tolerance: Double
    ) throws {
        let (text, function, range) = Self.formulas[index]
        let epsilon = try #require(Rational(exactly: tolerance))
        let result = try Formula(text).approximation(
            lower: try #require(Rational(exactly: range.lowerBound)),
            upper: try #require(Rational(exactly: range.upperBound)), tolerance: epsilon)
        #expect(result.errorBound <= tolerance)
        #expect(result.piecesLowerBound <= result.function.slopes.count, "\(text)")
        #expect(
            result.function.slopes.count <= result.piecesLowerBound + 1,
            "\(text): \(result.function.slopes.count) against \(result.piecesLowerBound)")
        let evaluator = result.function.evaluator()
        for step in 0...5000 {
            let x = range.lowerBound + (range.upperBound - range.lowerBound) * Double(step) / 5000
            let value = evaluator(try #require(Rational(exactly: x))).nearestDouble
            #expect((value - function(x)).magnitude <= result.errorBound + 1e-12, "\(text) at \(x)")
        }
    }

    /// A chord of x² over a length L deviates by L²/4, so a piece within ε covers √(8ε) at most: 2 / √0.088 = 6.74.
    @Test func squaresTakeTheKnownNumberOfPieces() throws {
        let result = try Formula("x^2").approximation(
            lower: Rational(-1), upper: Rational(1), tolerance: Rational(11, 1000))
        #expect(result.function.slopes.count == 7 && result.piecesLowerBound == 7)
        let line = try Formula("3*x - 1/7").approximation(
            lower: .zero, upper: Rational(5), tolerance: Rational(1, 1_000_000))
        #expect(line.function.slopes.count == 1)
    }

    /// Values, tolerances and their sums at the ends of binary64.
    @Test func hugeAndTinyNumbers() throws {
        let huge = try Formula("1e308*x").approximation(
            lower: Rational(-1), upper: .one, tolerance: .powerOfTen(308))
        #expect(huge.function.slopes.count == 1 && huge.piecesLowerBound == 1)
        #expect(huge.errorBound <= 1e308)
        let most = Rational(exactly: Double.greatestFiniteMagnitude) ?? .zero
        let all = try Formula("1.7e308*tanh(x)").approximation(
            lower: Rational(-9), upper: Rational(9), tolerance: most)
        #expect(all.piecesLowerBound == 1 && all.function.slopes.count == 1)
        for (text, exponent) in [("x^2", -300), ("1/3", -320), ("sqrt(2)^65", -9), ("1e300", 200)] {
            // No enclosure in binary64 is that narrow; where it is, one piece is enough.
            let formula = try Formula(text)
            do {
                let found = try formula.approximation(
                    lower: .zero, upper: .one, tolerance: .powerOfTen(exponent))
                #expect(found.piecesLowerBound == 1, "\(text)")
            } catch {
                guard case .undefined = error else {
                    Issue.record("\(text): \(error)")
                    continue
                }
            }
        }
    }

    @Test func cancellationIsNoticedWithinCells() throws {
        let long = String(repeating: "x*(1+", count: 90) + "x" + String(repeating: ")", count: 90)
        let formula = try Formula(long)
        var polls = 0
        #expect(throws: FormulaApproximationFault.cancelled) {
            try formula.approximation(lower: .zero, upper: .one, tolerance: Rational(1, 1_000_000_000)) {
                polls += 1
                return polls > 5
            }
        }
    }

    @Test func faultyFormulas() {
        for (text, position) in [
            ("", 0), ("x +", 3), ("(x", 2), ("x)", 1), ("y", 0), ("sin x", 4), ("min(x)", 5), ("2x", 1),
            ("x^^2", 2), ("1.", 1), ("system(x)", 0), ("x;x", 1),
        ] {
            do {
                _ = try Formula(text)
                Issue.record("\(text) is no formula")
            } catch {
                #expect(error.position == position, "\(text): \(error)")
            }
        }
        let deep = String(repeating: "(", count: 2000) + "x" + String(repeating: ")", count: 2000)
        #expect(throws: FormulaFault.self) { try Formula(deep) }
        #expect(throws: FormulaFault.self) { try Formula("x" + String(repeating: "^x", count: 2000)) }
        #expect(throws: FormulaFault.self) { try Formula(String(repeating: "x+", count: 5000) + "x") }
    }

    @Test func placesWithoutValues() throws {
        func fault(_ text: String, _ range: ClosedRange<Int>, _ tolerance: Rational = Rational(1, 100)) throws
            -> FormulaApproximationFault?
        {
            let formula = try Formula(text)
            do {
                _ = try formula.approximation(
                    lower: Rational(range.lowerBound), upper: Rational(range.upperBound), tolerance: tolerance
                )
                return nil
            } catch {
                return error
            }
        }
        for (text, range) in [("1/x", -1...1), ("log(x)", 0...1), ("tan(x)", 0...3), ("sqrt(x)", -1...1)] {
            // Ever steeper towards its pole, tan takes too many cells before it is known to have one.
            switch try fault(text, range) {
            case .undefined, .tooManyCells: break
            case let other: Issue.record("\(text) on \(range): \(String(describing: other))")
            }
        }
        // Vertical at 0, but bounded.
        #expect(try fault("sqrt(x)", 0...1) == nil)
        #expect(try fault("x", 1...1) == .emptyInterval)
        #expect(try fault("x", 0...1, .zero) == .toleranceNotPositive)
        #expect(throws: FormulaApproximationFault.cancelled) {
            try Formula("x").approximation(
                lower: .zero, upper: .one, tolerance: .one, isCancelled: { true })
        }
    }
}
