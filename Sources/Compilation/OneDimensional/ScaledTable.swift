/// A table of points (x_i, y_i) as a parser delivers it: integers under one common power of ten for each
/// coordinate, or binary64 numbers that mean their exact values.
///
/// Nothing is checked here; `OneDimensionalCompiler.compile` does, in the pass that computes.
public struct ScaledTable: Sendable {
    enum Coordinates: Sendable {
        case decimal(x: [Int64], xExponent: Int, y: [Int64], yExponent: Int)
        case binary64(x: [Double], y: [Double])
    }

    let coordinates: Coordinates

    /// The largest power of ten, up or down.
    public static let maximumExponent = 4096

    /// The points (xMantissas[i] · 10^xExponent, yMantissas[i] · 10^yExponent).
    public init(xMantissas: [Int64], xExponent: Int, yMantissas: [Int64], yExponent: Int) {
        coordinates = .decimal(x: xMantissas, xExponent: xExponent, y: yMantissas, yExponent: yExponent)
    }

    /// The points (x[i], y[i]), understood exactly.
    public init(x: [Double], y: [Double]) {
        coordinates = .binary64(x: x, y: y)
    }

    /// The number of points.
    public var count: Int {
        switch coordinates {
        case .decimal(let x, _, _, _): x.count
        case .binary64(let x, _): x.count
        }
    }

    var valueCount: Int {
        switch coordinates {
        case .decimal(_, _, let y, _): y.count
        case .binary64(_, let y): y.count
        }
    }
}
