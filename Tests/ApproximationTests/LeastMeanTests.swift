import ExactArithmetic
import PiecewiseLinear
import Testing

@testable import Approximation

private func points(
    seed: Int, count: Int, places: ClosedRange<Int>, targets: ClosedRange<Int>
) -> (x: [Rational], y: [Rational]) {
    var generator = SeededGenerator(state: UInt64(seed) &* 977 &+ 5)
    return (
        (0..<count).map { _ in Rational(Int.random(in: places, using: &generator)) },
        (0..<count).map { _ in Rational(Int.random(in: targets, using: &generator)) }
    )
}

/// The best functions in the mean where closed forms answer: lines, and functions that pass every centre.
@Suite struct LeastMeanTests {
    /// The residuals of least squares are orthogonal to constants and to the places: that proves the optimum.
    @Test(arguments: 0..<60) func leastSquaresLine(seed: Int) throws {
        let (x, y) = points(seed: seed, count: 1 + seed % 12, places: -4...4, targets: -50...50)
        let result = try LeastMean.fit(x: x, y: y, pieces: 1, norm: .squared)
        let rests = zip(x, y).map { $1 - result.function($0) }
        #expect(rests.reduce(.zero, +).isZero, "seed \(seed)")
        #expect(zip(rests, x).reduce(.zero) { $0 + $1.0 * $1.1 }.isZero, "seed \(seed)")
        let mean = rests.reduce(.zero) { $0 + $1 * $1 } / Rational(rests.count)
        #expect(result.distance == mean && result.lowerBound == mean && result.isOptimal, "seed \(seed)")
    }

    /// Some line of least absolute distance passes two of the points, or all places are one.
    @Test(arguments: 0..<120) func leastAbsoluteLine(seed: Int) throws {
        // Few different values: many lines are best, and many points lie on one.
        let spread = [1, 3, 40][seed % 3]
        let (x, y) = points(seed: seed, count: 1 + seed % 11, places: -3...3, targets: -spread...spread)
        let result = try LeastMean.fit(x: x, y: y, pieces: 1, norm: .absolute)
        func distance(_ function: PiecewiseLinearFunction) -> Rational {
            zip(x, y).reduce(.zero) { $0 + (function($1.0) - $1.1).magnitude } / Rational(x.count)
        }
        #expect(result.distance == distance(result.function), "seed \(seed)")
        #expect(result.lowerBound == result.distance, "seed \(seed)")
        var best = y.map { distance(PiecewiseLinearFunction(slope: .zero, intercept: $0)) }.min() ?? .zero
        for i in x.indices {
            for j in x.indices where x[i] < x[j] {
                let slope = (y[j] - y[i]) / (x[j] - x[i])
                best = min(
                    best, distance(PiecewiseLinearFunction(slope: slope, intercept: y[i] - slope * x[i])))
            }
        }
        #expect(result.distance == best, "seed \(seed)")
    }

    /// Numbers of very different sizes: what binary64 cannot tell apart is decided in rationals.
    @Test func leastAbsoluteLineFarFromTheOrigin() throws {
        let x = (0..<9).map { Rational(1_000_000_000_000) + Rational($0, 1_000_000) }
        let y = (0..<9).map { Rational($0 == 4 ? 100 : 3 * $0, 7) }
        let result = try LeastMean.fit(x: x, y: y, pieces: 1, norm: .absolute)
        #expect(result.function.leftSlope == Rational(3_000_000, 7))
        #expect(result.distance == Rational(88, 63))
        #expect(!result.dataRounded)
    }

    /// A function with enough pieces passes the mean, or a median, at every place.
    @Test(arguments: 0..<40) func enoughPiecesPassEveryCentre(seed: Int) throws {
        let (x, y) = points(seed: seed, count: 3 + seed % 15, places: -3...3, targets: -9...9)
        for norm in [MeanNorm.squared, .absolute] {
            let result = try LeastMean.fit(x: x, y: y, pieces: 50, norm: norm)
            var least = Rational.zero
            for place in Set(x) {
                let values = x.indices.filter { x[$0] == place }.map { y[$0] }
                // At one place the candidates are the values themselves, or their mean.
                let centres =
                    norm == .squared ? [values.reduce(.zero, +) / Rational(values.count)] : values
                let sums = centres.map { centre in
                    values.reduce(Rational.zero) {
                        let rest = $1 - centre
                        return $0 + (norm == .squared ? rest * rest : rest.magnitude)
                    }
                }
                least += sums.min() ?? .zero
            }
            #expect(result.distance == least / Rational(x.count), "seed \(seed) \(norm)")
            #expect(result.lowerBound == result.distance && result.isOptimal, "seed \(seed) \(norm)")
            #expect(result.function.pieces < max(2, Set(x).count), "seed \(seed) \(norm)")
        }
    }

    /// What a search takes: units and origins that keep every number, where there are such.
    @Test func dataInUnits() throws {
        func values(_ column: MeanData.Column) -> [Rational] {
            column.numbers.map { (Rational(exactly: $0) ?? .zero) * column.unit + column.origin }
        }
        let tenths = (0..<9).map { Rational(1_000_000_000_000) + Rational($0, 1_000_000) }
        let thirds = (0..<9).map { Rational($0 * $0 - 5, 3) }
        let data = try MeanData(x: tenths, y: thirds)
        #expect(!data.isRounded && values(data.x) == tenths && values(data.y) == thirds)
        let bent = PiecewiseLinearFunction(breakpoints: [3], slopes: [-2, 5], anchorValue: 7)
        let line = PiecewiseLinearFunction(slope: 4, intercept: -9)
        for scaled in [bent, line] {
            for (x, y) in zip(data.x.numbers, tenths) {
                let place = try #require(Rational(exactly: x))
                #expect(data.function(scaled)(y) == scaled(place) * data.y.unit + data.y.origin)
            }
        }
        let long = try Rational(parsing: "0.12345678901234567890123")
        #expect(try MeanData(x: [.zero, long, .one], y: [.zero, .zero, .zero]).isRounded)
    }

    @Test func faults() throws {
        #expect(throws: ApproximationFault.noPoints) {
            try LeastMean.fit(x: [], y: [], pieces: 1, norm: .squared)
        }
        #expect(throws: ApproximationFault.piecesNotPositive) {
            try LeastMean.fit(x: [.one], y: [.one], pieces: 0, norm: .squared)
        }
        let x = (0..<60).map { Rational($0) }
        let y = x.map { $0 * $0 * $0 }
        #expect(throws: ApproximationFault.tooManyPieces(limit: 17)) {
            try LeastMean.fit(x: x, y: y, pieces: 18, norm: .squared)
        }
        #expect(throws: ApproximationFault.cancelled) {
            try LeastMean.fit(x: x, y: y, pieces: 1, norm: .absolute, isCancelled: { true })
        }
        let huge = Rational.powerOfTen(400)
        #expect(throws: ApproximationFault.outOfRange(index: 1)) {
            try LeastMean.fit(
                x: x, y: [.one, huge + Rational(1, 3)] + y.dropFirst(2), pieces: 2, norm: .squared)
        }
    }
}
