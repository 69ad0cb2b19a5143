/// What a number that is written in decimal means.
public enum NumberSemantics: Sendable, Hashable {
    /// The value that its digits write.
    case decimal
    /// The binary64 nearest to that value, ties to even.
    case binary64
}

extension Rational {
    /// The exact value of a text (`init(parsing:)`) in the given sense.
    ///
    /// - Throws: also `NumberTextError.notFinite`, where the nearest binary64 is asked for and is infinite.
    public init(parsing text: some StringProtocol, as semantics: NumberSemantics) throws(NumberTextError) {
        self = try Rational(parsing: text).understood(as: semantics)
    }

    /// The exact value of an ASCII text in the given sense.
    public init(parsing bytes: UnsafeBufferPointer<UInt8>, as semantics: NumberSemantics)
        throws(NumberTextError)
    {
        self = try Rational(parsing: bytes).understood(as: semantics)
    }

    private func understood(as semantics: NumberSemantics) throws(NumberTextError) -> Rational {
        switch semantics {
        case .decimal: return self
        case .binary64:
            guard let value = Rational(exactly: nearestDouble) else { throw .notFinite }
            return value
        }
    }

    /// The nearest binary64 (ties to even, ±infinity beyond the range), and whether it is this very number.
    public var nearestDoubleReportingExactness: (value: Double, isExact: Bool) {
        let rounded = nearestDouble
        return (rounded, Rational(exactly: rounded) == self)
    }
}
