internal import ExactArithmetic

/// One end of a gate: the lower or the upper bound of a data point, packed as 2 · index + (1 for the upper).
struct Corner: Sendable, Equatable {
    let code: Int

    static func lower(_ index: Int) -> Corner { Corner(code: index << 1) }
    static func upper(_ index: Int) -> Corner { Corner(code: index << 1 | 1) }

    var index: Int { code >> 1 }
    var isUpper: Bool { code & 1 == 1 }
}

/// Vertical gates lower_i ≤ y ≤ upper_i at strictly increasing x_i, with exact predicates.
protocol Gates: Sendable {
    var count: Int { get }
    /// The sign of (q − p) × (r − p): positive where r lies left of the way from p to q.
    func orientation(_ p: Corner, _ q: Corner, _ r: Corner) -> Int
    func x(_ index: Int) -> Rational
    func y(_ corner: Corner) -> Rational
}

/// Gates in integers below 2^61 under a common unit for each coordinate.
struct IntegerGates: Gates {
    let x: [Int64]
    /// Lower and upper bounds by turns, so that a corner's code is its place.
    let y: [Int64]
    let xUnit: Rational
    let yUnit: Rational

    var count: Int { x.count }

    @inline(__always)
    func orientation(_ p: Corner, _ q: Corner, _ r: Corner) -> Int {
        // Differences below 2^62, products below 2^124.
        let left = Int128(x[q.index] - x[p.index]) * Int128(y[r.code] - y[p.code])
        let right = Int128(y[q.code] - y[p.code]) * Int128(x[r.index] - x[p.index])
        return left > right ? 1 : left < right ? -1 : 0
    }

    func x(_ index: Int) -> Rational { Rational(reducedNumerator: Int128(x[index]), denominator: 1) * xUnit }
    func y(_ corner: Corner) -> Rational {
        Rational(reducedNumerator: Int128(y[corner.code]), denominator: 1) * yUnit
    }
}

/// Gates at binary64 numbers, decided in binary64 where that is certain.
struct BinaryGates: Gates {
    let x: [Double]
    /// Lower and upper bounds by turns, so that a corner's code is its place.
    let y: [Double]
    /// Whether no product of two differences overflows, or is rounded below the normal numbers.
    private let isFiltered: Bool

    init(x: [Double], y: [Double]) {
        self.x = x
        self.y = y
        // A difference other than 0 is at least a unit in the last place of one of its terms.
        let isModerate = { (value: Double) in value == 0 || (0x1p-300...0x1p300).contains(value.magnitude) }
        isFiltered = x.allSatisfy(isModerate) && y.allSatisfy(isModerate)
    }

    var count: Int { x.count }

    func orientation(_ p: Corner, _ q: Corner, _ r: Corner) -> Int {
        let (px, qx, rx) = (x[p.index], x[q.index], x[r.index])
        let (py, qy, ry) = (y[p.code], y[q.code], y[r.code])
        if isFiltered {
            let left = (qx - px) * (ry - py)
            let right = (qy - py) * (rx - px)
            let difference = left - right
            // Two roundings of differences and one of the product each, and one at the end: below 5u of the sum.
            if difference.magnitude > (left.magnitude + right.magnitude) * 0x1p-50 {
                return difference > 0 ? 1 : -1
            }
        }
        let (a, b) = (Self.exact(px), Self.exact(py))
        let left = (Self.exact(qx) - a) * (Self.exact(ry) - b)
        let right = (Self.exact(qy) - b) * (Self.exact(rx) - a)
        return left > right ? 1 : left < right ? -1 : 0
    }

    private static func exact(_ value: Double) -> Rational { Rational(exactly: value) ?? .zero }
    func x(_ index: Int) -> Rational { Self.exact(x[index]) }
    func y(_ corner: Corner) -> Rational { Self.exact(y[corner.code]) }
}

/// Gates in rationals, decided in binary64 where that is certain.
struct RationalGates: Gates {
    let x: [Rational]
    /// Lower and upper bounds by turns.
    let y: [Rational]
    private let nearX: [Double]
    private let nearY: [Double]
    /// Whether the binary64 values are far from overflow and underflow.
    private let isFiltered: Bool

    init(x: [Rational], y: [Rational]) {
        self.x = x
        self.y = y
        nearX = x.map(\.nearestDouble)
        nearY = y.map(\.nearestDouble)
        let isModerate = { (value: Double) in value == 0 || (0x1p-300...0x1p300).contains(value.magnitude) }
        isFiltered = nearX.allSatisfy(isModerate) && nearY.allSatisfy(isModerate)
    }

    var count: Int { x.count }

    func orientation(_ p: Corner, _ q: Corner, _ r: Corner) -> Int {
        if isFiltered {
            let (px, qx, rx) = (nearX[p.index], nearX[q.index], nearX[r.index])
            let (py, qy, ry) = (nearY[p.code], nearY[q.code], nearY[r.code])
            let left = (qx - px) * (ry - py)
            let right = (qy - py) * (rx - px)
            // Each factor is off by at most 2u of the sum of its magnitudes, for its rounded arguments and itself;
            // products and their difference add 3u. All together stay below 8u of these products of sums.
            let scale =
                (qx.magnitude + px.magnitude) * (ry.magnitude + py.magnitude)
                + (qy.magnitude + py.magnitude) * (rx.magnitude + px.magnitude)
            let difference = left - right
            if difference.magnitude > scale * 0x1p-49 { return difference > 0 ? 1 : -1 }
        }
        let left = (x[q.index] - x[p.index]) * (y[r.code] - y[p.code])
        let right = (y[q.code] - y[p.code]) * (x[r.index] - x[p.index])
        return left > right ? 1 : left < right ? -1 : 0
    }

    func x(_ index: Int) -> Rational { x[index] }
    func y(_ corner: Corner) -> Rational { y[corner.code] }
}
