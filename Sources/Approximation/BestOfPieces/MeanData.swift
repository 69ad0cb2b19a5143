internal import ExactArithmetic
internal import PiecewiseLinear

/// Data points as binary64 numbers under a unit and an origin for each coordinate, which is what a search over them
/// takes.
struct MeanData {
    /// One column: `origin` + `numbers[i]` · `unit`.
    struct Column {
        let numbers: [Double]
        let unit: Rational
        let origin: Rational
        let isExact: Bool

        /// The numbers themselves where they are binary64, else their distances from the first one as multiples of a
        /// common unit where those are at most 2^53, else the nearest binary64.
        init(_ values: [Rational]) {
            let exact = values.compactMap(\.exactDouble)
            if exact.count == values.count {
                (numbers, unit, origin, isExact) = (exact, .one, .zero, true)
                return
            }
            let first = values[0]
            let shifted = values.map { $0 - first }
            if let multiple = commonDenominator(shifted, maximumBits: 512) {
                let whole = shifted.compactMap {
                    Rational($0.scaledInteger(multiple)).exactDouble.flatMap {
                        $0.magnitude <= 0x1p53 ? $0 : nil
                    }
                }
                if whole.count == values.count {
                    (numbers, unit, origin, isExact) = (whole, .one / Rational(multiple), first, true)
                    return
                }
            }
            (numbers, unit, origin, isExact) = (values.map(\.nearestDouble), .one, .zero, false)
        }
    }

    let x: Column
    let y: Column

    /// - Throws: `outOfRange`.
    init(x: [Rational], y: [Rational]) throws(ApproximationFault) {
        self.x = Column(x)
        self.y = Column(y)
        for (index, pair) in zip(self.x.numbers, self.y.numbers).enumerated() {
            guard pair.0.isFinite, pair.1.isFinite else { throw .outOfRange(index: index) }
        }
    }

    /// Whether the numbers were rounded, so that distances and bounds are those of the rounded data.
    var isRounded: Bool { !(x.isExact && y.isExact) }

    /// The function of the data whose graph in these units is that of `scaled`.
    func function(_ scaled: PiecewiseLinearFunction) -> PiecewiseLinearFunction {
        let ratio = y.unit / x.unit
        guard !scaled.breakpoints.isEmpty else {
            let slope = scaled.leftSlope * ratio
            return PiecewiseLinearFunction(
                slope: slope, intercept: scaled.anchorValue * y.unit + y.origin - slope * x.origin)
        }
        return PiecewiseLinearFunction(
            breakpoints: scaled.breakpoints.map { $0 * x.unit + x.origin },
            slopes: scaled.slopes.map { $0 * ratio },
            anchorValue: scaled.anchorValue * y.unit + y.origin)
    }
}
