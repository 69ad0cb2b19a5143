internal import ExactArithmetic
internal import FastJSON

/// What a posted number means (`"numbers"`).
enum NumberReading {
    case decimal
    case binary64
}

/// Numbers of a body as exact values.
enum ExactNumbers {
    static func rational(_ value: JSONValue, _ reading: NumberReading) throws -> Rational {
        let isString = value.kind == .string
        if !isString, reading == .binary64 {
            let double = try value.double()
            return Rational(exactly: double) ?? .zero
        }
        guard
            let result = try value.withNumberText({ try parse($0, at: { value.pointer }) })
        else { throw value.wrongType("a number, or a string with an exact number,") }
        return result
    }

    static func rationals(_ numbers: JSONNumbers, _ reading: NumberReading) throws -> [Rational] {
        try (0..<numbers.count).map { try rational(numbers, $0, reading) }
    }

    static func rational(_ numbers: JSONNumbers, _ index: Int, _ reading: NumberReading) throws -> Rational {
        if reading == .binary64, !numbers.isString(index) {
            let double = numbers.withDoubles { $0[index] }
            guard let exact = Rational(exactly: double) else { throw beyondBinary64(numbers.pointer(index)) }
            return exact
        }
        return try numbers.withText(index) { try parse($0, at: { numbers.pointer(index) }) }
    }

    /// The nearest binary64 of a number or an exact string; beyond its range it is refused.
    static func double(_ value: JSONValue) throws -> Double {
        if value.kind == .number { return try value.double() }
        let result = try rational(value, .decimal).nearestDouble
        guard result.isFinite else { throw beyondBinary64(value.pointer) }
        return result
    }

    static func beyondBinary64(_ pointer: String) -> Problem {
        .unprocessable("out-of-range", at: pointer, "The number is beyond the range of binary64.")
    }

    private static func parse(
        _ text: UnsafeBufferPointer<UInt8>, at pointer: () -> String
    ) throws -> Rational {
        do {
            return try Rational(parsing: text)
        } catch {
            throw Problem.unprocessable(
                "invalid-number", at: pointer(),
                "'\(String(decoding: text.prefix(40), as: UTF8.self))' is no exact number (such as 1/3, 0.1 or "
                    + "-2.5e-3, of at most \(Rational.maximumTextDigits) digits and a moderate exponent): \(error)."
            )
        }
    }
}
