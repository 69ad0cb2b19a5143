internal import ExactArithmetic

/// A table of points (x_i, y_i) as a parser delivers it: integers under one common power of ten for each
/// coordinate, or binary64 numbers that mean their exact values.
///
/// Nothing is checked here; `OneDimensionalCompiler.compile` does, in the pass that computes.
public struct ScaledTable: Sendable {
    enum Coordinates: Sendable {
        case decimal(x: [Int64], xExponent: Int, y: [Int64], yExponent: Int)
        case mixed(x: DecimalColumn, y: DecimalColumn)
        case binary64(x: [Double], y: [Double])
    }

    let coordinates: Coordinates

    /// The largest power of ten, up or down.
    public static let maximumExponent = 4096

    /// The points (xMantissas[i] · 10^xExponent, yMantissas[i] · 10^yExponent).
    public init(xMantissas: [Int64], xExponent: Int, yMantissas: [Int64], yExponent: Int) {
        coordinates = .decimal(x: xMantissas, xExponent: xExponent, y: yMantissas, yExponent: yExponent)
    }

    /// Points whose decimals have exponents of their own; `nil` where these lie too far apart for machine arithmetic.
    public init?(x: DecimalColumn, y: DecimalColumn) {
        guard DecimalPoints(x: x, y: y) != nil else { return nil }
        coordinates = .mixed(x: x, y: y)
    }

    /// The points (x[i], y[i]), understood exactly.
    public init(x: [Double], y: [Double]) {
        coordinates = .binary64(x: x, y: y)
    }

    /// The number of points.
    public var count: Int {
        switch coordinates {
        case .decimal(let x, _, _, _): x.count
        case .mixed(let x, _): x.mantissas.count
        case .binary64(let x, _): x.count
        }
    }

    var valueCount: Int {
        switch coordinates {
        case .decimal(_, _, let y, _): y.count
        case .mixed(_, let y): y.mantissas.count
        case .binary64(_, let y): y.count
        }
    }
}

extension ScaledTable {
    /// The points as rationals, after the checks that need no arithmetic.
    func rationals(
        limit: Int, isCancelled: () -> Bool
    ) throws(CompilationFault) -> (x: [Rational], y: [Rational]) {
        guard count == valueCount else { throw .mismatchedCoordinates(x: count, y: valueCount) }
        guard count <= limit else { throw .tooManyBreakpoints(limit: limit) }
        switch coordinates {
        case .decimal(let x, let xExponent, let y, let yExponent):
            // Bounds the digits written out by all points together.
            let largest = min(Self.maximumExponent, 100_000_000 / max(1, count))
            guard (-largest...largest).contains(xExponent), (-largest...largest).contains(yExponent) else {
                throw .exponentOutOfRange(limit: largest)
            }
            let xScale = Rational.powerOfTen(xExponent)
            let yScale = Rational.powerOfTen(yExponent)
            var points: (x: [Rational], y: [Rational]) = ([], [])
            points.x.reserveCapacity(count)
            points.y.reserveCapacity(count)
            for index in x.indices {
                if index & 4095 == 0, isCancelled() { throw .cancelled }
                points.x.append(Rational(reducedNumerator: Int128(x[index]), denominator: 1) * xScale)
                points.y.append(Rational(reducedNumerator: Int128(y[index]), denominator: 1) * yScale)
            }
            return points
        case .mixed(let x, let y):
            var points: (x: [Rational], y: [Rational]) = ([], [])
            points.x.reserveCapacity(count)
            points.y.reserveCapacity(count)
            for index in 0..<count {
                if index & 4095 == 0, isCancelled() { throw .cancelled }
                points.x.append(x.exact(index))
                points.y.append(y.exact(index))
            }
            return points
        case .binary64(let x, let y):
            var points: (x: [Rational], y: [Rational]) = ([], [])
            points.x.reserveCapacity(count)
            points.y.reserveCapacity(count)
            for index in x.indices {
                if index & 4095 == 0, isCancelled() { throw .cancelled }
                guard let place = Rational(exactly: x[index]), let value = Rational(exactly: y[index]) else {
                    throw .notFinite(index: index)
                }
                points.x.append(place)
                points.y.append(value)
            }
            return points
        }
    }
}
