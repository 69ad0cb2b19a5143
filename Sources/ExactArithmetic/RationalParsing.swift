/// Why a text is not an exact number.
public enum NumberTextError: Error, Equatable, Sendable {
    /// Neither a decimal nor a fraction of integers.
    case malformed
    case zeroDenominator
    /// More digits, or a larger power of ten, than `Rational.maximumTextDigits`.
    case tooLong
    /// Beyond the range of binary64, where a binary64 is asked for.
    case notFinite
}

extension Rational {
    /// The most digits that a parsed number may have, written out without an exponent.
    public static let maximumTextDigits = 4096

    /// The exact value of a text: an integer, a decimal with optional exponent, or a fraction of two integers
    /// (`"1/3"`, `"0.1"`, `"-2.5e-3"`). The grammar of integers and decimals is JSON's.
    ///
    /// Complexity: O(M(d)) for d digits written out.
    public init(parsing text: some StringProtocol) throws(NumberTextError) {
        var copy = Array(text.utf8)
        self = try copy.withUnsafeMutableBufferPointer { (bytes) throws(NumberTextError) in
            try Rational(parsing: UnsafeBufferPointer(bytes))
        }
    }

    /// The exact value of an ASCII text; see `init(parsing:)`.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(NumberTextError) {
        guard let slash = bytes.firstIndex(of: UInt8(ascii: "/")) else {
            self = try parseDecimal(bytes)
            return
        }
        let numerator = try parseDecimal(UnsafeBufferPointer(rebasing: bytes[..<slash]), integersOnly: true)
        let denominator = try parseDecimal(
            UnsafeBufferPointer(rebasing: bytes[(slash + 1)...]), integersOnly: true)
        guard !denominator.isZero else { throw .zeroDenominator }
        self = numerator / denominator
    }

    /// 10 to the power `exponent`.
    public static func powerOfTen(_ exponent: Int) -> Rational {
        let power = BigInteger(10).power(Int(exponent.magnitude))
        return exponent >= 0 ? Rational(power) : Rational(BigInteger.one, power)
    }
}

private func parseDecimal(
    _ bytes: UnsafeBufferPointer<UInt8>, integersOnly: Bool = false
) throws(NumberTextError) -> Rational {
    var index = 0
    func isDigit(_ position: Int) -> Bool {
        position < bytes.count && bytes[position] >= 0x30 && bytes[position] <= 0x39
    }
    let negative = bytes.first == UInt8(ascii: "-")
    if negative { index = 1 }

    // Digits are gathered into 64 bits while they fit, and as text beyond.
    var mantissa: UInt64 = 0
    var digits = 0
    var overflowText: [CChar] = []
    func take(_ position: Int) {
        let digit = UInt64(bytes[position] - 0x30)
        if overflowText.isEmpty, mantissa <= 99_999_999_999_999_999 {
            mantissa = mantissa * 10 + digit
        } else {
            if overflowText.isEmpty { overflowText = String(mantissa).utf8.map { CChar(bitPattern: $0) } }
            overflowText.append(CChar(bitPattern: bytes[position]))
        }
        digits += 1
    }

    let integerStart = index
    while isDigit(index) {
        take(index)
        index += 1
    }
    let integerDigits = index - integerStart
    guard integerDigits > 0, integerDigits == 1 || bytes[integerStart] != 0x30 else { throw .malformed }
    var fractionDigits = 0
    var exponent = 0
    if !integersOnly {
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            let start = index
            while isDigit(index) {
                take(index)
                index += 1
            }
            fractionDigits = index - start
            guard fractionDigits > 0 else { throw .malformed }
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            var negativeExponent = false
            if index < bytes.count, bytes[index] == UInt8(ascii: "-") || bytes[index] == UInt8(ascii: "+") {
                negativeExponent = bytes[index] == UInt8(ascii: "-")
                index += 1
            }
            guard isDigit(index) else { throw .malformed }
            while isDigit(index) {
                exponent = min(exponent * 10 + Int(bytes[index] - 0x30), 1_000_000)
                index += 1
            }
            if negativeExponent { exponent = -exponent }
        }
    }
    guard index == bytes.count else { throw .malformed }
    guard digits <= Rational.maximumTextDigits else { throw .tooLong }

    let scale = exponent - fractionDigits
    if overflowText.isEmpty {
        if mantissa == 0 { return .zero }
        guard digits + Int(scale.magnitude) <= Rational.maximumTextDigits else { throw .tooLong }
        let value = Rational(negative ? -Int(mantissa) : Int(mantissa))
        if scale == 0 { return value }
        if scale < 0, scale >= -18 {
            return Rational(negative ? -Int(mantissa) : Int(mantissa), smallPowersOfTen[-scale])
        }
        return value * Rational.powerOfTen(scale)
    }
    guard digits + Int(scale.magnitude) <= Rational.maximumTextDigits else { throw .tooLong }
    overflowText.append(0)
    guard let integer = BigInteger(String(decoding: overflowText.dropLast().map { UInt8($0) }, as: UTF8.self))
    else { throw .malformed }
    let value = Rational(negative ? -integer : integer)
    return scale == 0 ? value : value * Rational.powerOfTen(scale)
}

private let smallPowersOfTen: [Int] = (0...18).map { exponent in
    (0..<exponent).reduce(1) { power, _ in power * 10 }
}
