import ExactArithmetic
import Testing

private func failure(_ text: String, as semantics: NumberSemantics = .decimal) -> NumberTextError? {
    do throws(NumberTextError) {
        _ = try Rational(parsing: text, as: semantics)
        return nil
    } catch { return error }
}

@Suite struct ParsingTests {
    @Test func textsOfEveryForm() throws {
        let cases: [(String, Rational)] = [
            ("1/3", Rational(1, 3)), ("-4/6", Rational(-2, 3)), ("0.1", Rational(1, 10)),
            ("-2.5e-3", Rational(-1, 400)), ("1e400", .powerOfTen(400)), ("1E+2", 100), ("0", 0), ("-0", 0),
            ("0.000", 0), ("0e999999999", 0), ("12.50", Rational(25, 2)), ("5e-1", Rational(1, 2)),
            ("9223372036854775808", -Rational(Int.min)),
            (
                "123456789012345678901234567890/20",
                Rational(
                    BigInteger(12_345_678_901_234_567) * BigInteger(1_000_000_000_000)
                        + BigInteger(890_123_456_789)) / 2
            ),
            ("0.30000000000000000000000000000000001", Rational(3, 10) + .powerOfTen(-35)),
            ("99999999999999999.9", Rational(100_000_000_000_000_000) - Rational(1, 10)),
        ]
        for (text, expected) in cases { #expect(try Rational(parsing: text) == expected, "\(text)") }
    }

    @Test func everythingElseIsRefused() {
        let malformed = [
            "", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "e5", "1/", "/2", "1/2/3", "1.5/2", "1/2e3",
            " 1",
            "1 ", "1_000", "0x10", "NaN", "Infinity", "-Infinity", "1,5", "--1", "1-", "١", "1\u{0}", "1/+2",
            "½",
        ]
        for text in malformed { #expect(failure(text) == .malformed, "\(text)") }
        for text in ["1/0", "0/0", "-5/-0"] { #expect(failure(text) == .zeroDenominator, "\(text)") }
        let long = String(repeating: "7", count: Rational.maximumTextDigits + 1)
        for text in [
            "1e999999999", "1e-999999999", "1e99999999999999999999999", "-2.5e5000", long, "0." + long,
            "1/" + long,
            long + "e-4000",
        ] { #expect(failure(text) == .tooLong, "\(text.prefix(30))") }
        #expect(failure(String(repeating: "9", count: Rational.maximumTextDigits)) == nil)
        #expect(failure(String(repeating: "9", count: 3_000_000)) == .tooLong)
        #expect(failure(String(repeating: "-", count: 3_000_000)) == .malformed)
    }

    @Test func decimalsEqualDigitsTimesAPowerOfTen() throws {
        for seed in 0..<10_000 {
            var random = SeededGenerator(seed: seed)
            let integer =
                random.int(0...2) == 0 ? "0" : String(random.int(1...9)) + digits(random.int(0...24), &random)
            let fraction = digits(random.int(0...24), &random)
            let exponent = random.int(-60...60)
            let sign = random.int(0...1) == 0 ? "" : "-"
            let text =
                sign + integer + (fraction.isEmpty ? "" : "." + fraction)
                + (exponent == 0 ? "" : (random.int(0...1) == 0 ? "e" : "E") + String(exponent))
            let whole = try #require(BigInteger(sign + integer + fraction))
            let expected = Rational(whole) * .powerOfTen(exponent - fraction.utf8.count)
            let parsed = try Rational(parsing: text)
            #expect(parsed == expected, "\(text)")
            // The runtime's own correctly rounded conversion.
            #expect(parsed.nearestDouble == Double(text), "\(text)")
            let rounded = try Rational(parsing: text, as: .binary64)
            #expect(rounded.exactDouble == Double(text), "\(text)")
        }
    }

    private func digits(_ count: Int, _ random: inout SeededGenerator) -> String {
        (0..<count).map { _ in String(random.int(0...9)) }.joined()
    }

    @Test func descriptionsParseBack() throws {
        for seed in 0..<10_000 {
            var random = SeededGenerator(seed: seed)
            let x = random.rational()
            #expect(try Rational(parsing: x.description) == x, "seed \(seed)")
        }
        #expect(Rational(-6, 4).description == "-3/2" && Rational(8, 4).description == "2")
    }

    @Test func semanticsOfNumbers() throws {
        #expect(try Rational(parsing: "0.1", as: .decimal) == Rational(1, 10))
        #expect(try Rational(parsing: "0.1", as: .binary64) == Rational(exactly: 0.1))
        #expect(try Rational(parsing: "1/3", as: .binary64) == Rational(exactly: 1.0 / 3))
        #expect(try Rational(parsing: "1e-400", as: .binary64) == .zero)
        #expect(failure("1e400", as: .binary64) == .notFinite)
        #expect(failure("x", as: .binary64) == .malformed)
    }

    @Test func arbitraryBytesNeverTrap() {
        let alphabet = Array("0123456789.eE+-/ \u{0}x".utf8)
        var accepted = 0
        for seed in 0..<100_000 {
            var random = SeededGenerator(seed: seed)
            let bytes = (0..<random.int(0...8)).map { _ in alphabet[random.int(0...alphabet.count - 1)] }
            do throws(NumberTextError) {
                let value = try bytes.withUnsafeBufferPointer { (buffer) throws(NumberTextError) in
                    try Rational(parsing: buffer)
                }
                accepted += 1
                // Whatever is accepted without a fraction bar, the runtime reads as the same double.
                if !bytes.contains(UInt8(ascii: "/")) {
                    #expect(
                        value.nearestDouble == Double(String(decoding: bytes, as: UTF8.self)), "seed \(seed)")
                }
            } catch {}
        }
        #expect(accepted > 1_000)
    }
}
