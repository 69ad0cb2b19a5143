import ExactArithmetic
import PiecewiseLinear
import Testing

@testable import Approximation

/// Whether a continuous function of at most that many pieces exists, by trying every division of the gates among pieces
/// and solving a linear program for each: neighbouring lines cross between their gates in one of two ways, or a further
/// piece between the gates joins them.
private func exists(pieces: Int, _ x: [Int], _ lower: [Int], _ upper: [Int]) -> Bool {
    let gaps = x.count - 1
    for cuts in 0..<(1 << gaps) {
        let groups = cuts.nonzeroBitCount + 1
        guard groups <= pieces else { continue }
        let joints = (0..<gaps).filter { cuts >> $0 & 1 == 1 }
        // At each joint: the next line crosses upwards, downwards, or another piece joins them.
        var choices = 1
        for _ in joints { choices *= 3 }
        for choice in 0..<choices {
            var code = choice
            let kinds = joints.map { _ in
                defer { code /= 3 }
                return code % 3
            }
            guard groups + kinds.filter({ $0 == 2 }).count <= pieces else { continue }
            var rows: [[Rational]] = []
            var bounds: [Rational] = []
            func value(_ group: Int, _ index: Int) -> [Rational] {
                var row = [Rational](repeating: .zero, count: 2 * groups)
                row[2 * group] = Rational(x[index])
                row[2 * group + 1] = .one
                return row
            }
            var group = 0
            for index in x.indices {
                rows.append(value(group, index))
                bounds.append(Rational(upper[index]))
                rows.append(value(group, index).map { -$0 })
                bounds.append(Rational(-lower[index]))
                if index < gaps, cuts >> index & 1 == 1 {
                    let kind = kinds[group]
                    if kind < 2 {
                        let sign = kind == 0 ? Rational(1) : Rational(-1)
                        for (place, direction) in [(index, sign), (index + 1, -sign)] {
                            rows.append(
                                zip(value(group, place), value(group + 1, place)).map {
                                    ($0 - $1) * direction
                                })
                            bounds.append(.zero)
                        }
                    }
                    group += 1
                }
            }
            if isFeasible(rows, bounds) { return true }
        }
    }
    return false
}

@Suite struct FewestPiecesTests {
    @Test(arguments: 0..<120) func isProvedFewestOnSmallData(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 31)
        let count = Int.random(in: 1...6, using: &generator)
        var place = 0
        let x = (0..<count).map { _ in
            place += Int.random(in: 1...3, using: &generator)
            return place
        }
        let spread = [0, 1, 3][seed % 3]
        let lower = (0..<count).map { _ in Int.random(in: -6...6, using: &generator) }
        let upper = lower.map { $0 + Int.random(in: 0...spread, using: &generator) }
        let band = try DataBand(
            x: x.map { Rational($0) }, lower: lower.map { Rational($0) }, upper: upper.map { Rational($0) })
        let result = try band.fewestPieces()
        check(result.function, x, lower, upper, seed)
        if result.pieces > 1 {
            #expect(!exists(pieces: result.pieces - 1, x, lower, upper), "seed \(seed)")
        }
        #expect(exists(pieces: result.pieces, x, lower, upper), "seed \(seed)")
    }

    private func check(
        _ function: PiecewiseLinearFunction, _ x: [Int], _ lower: [Int], _ upper: [Int], _ seed: Int
    ) {
        for index in function.breakpoints.indices.dropFirst() {
            #expect(function.breakpoints[index - 1] < function.breakpoints[index], "seed \(seed)")
        }
        for index in function.slopes.indices.dropFirst() {
            #expect(function.slopes[index - 1] != function.slopes[index], "seed \(seed)")
        }
        for index in x.indices {
            let value = function(Rational(x[index]))
            #expect(
                value >= Rational(lower[index]) && value <= Rational(upper[index]),
                "seed \(seed) gate \(index)")
        }
    }

    /// Integers, rationals and mirrored data agree; what is found passes every gate.
    @Test(arguments: 0..<60) func integersRationalsAndMirrorsAgree(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 101)
        let count = Int.random(in: 50...400, using: &generator)
        let x = (0..<count).map { Int64($0 * 7) + Int64.random(in: 0...6, using: &generator) }
        var value: Int64 = 0
        let y = (0..<count).map { _ in
            value += Int64.random(in: -40...40, using: &generator)
            return seed % 2 == 0 ? value : Int64.random(in: -300...300, using: &generator)
        }
        let tolerance = Int64.random(in: 0...200, using: &generator)
        let lower = y.map { $0 - tolerance }
        let upper = y.map { $0 + tolerance }
        let integers = try #require(
            try DataBand(x: x, lower: lower, upper: upper, xUnit: Rational(1, 10), yUnit: Rational(1, 100)))
        let fast = try integers.fewestPieces()
        let exact = { (values: [Int64], unit: Int) in values.map { Rational(Int($0), unit) } }
        let slow = try DataBand(x: exact(x, 10), lower: exact(lower, 100), upper: exact(upper, 100))
            .fewestPieces()
        #expect(fast.function == slow.function, "seed \(seed)")
        let binary = { (values: [Int64], unit: Double) in values.map { Double($0) / unit } }
        #expect(
            try DataBand(doubles: binary(x, 8), lower: binary(lower, 64), upper: binary(upper, 64))
                .fewestPieces().function
                == DataBand(x: exact(x, 8), lower: exact(lower, 64), upper: exact(upper, 64))
                .fewestPieces().function, "seed \(seed)")
        let reflected = try DataBand(
            x: x.reversed().map { Rational(Int(-$0), 10) }, lower: exact(lower, 100).reversed(),
            upper: exact(upper, 100).reversed()
        ).fewestPieces()
        #expect(reflected.pieces == fast.pieces, "seed \(seed)")
        let turned = try DataBand(
            x: exact(x, 10), lower: exact(upper, 100).map { -$0 }, upper: exact(lower, 100).map { -$0 }
        ).fewestPieces()
        #expect(turned.pieces == fast.pieces, "seed \(seed)")
        let evaluator = fast.function.evaluator()
        for index in x.indices {
            let value = evaluator(Rational(Int(x[index]), 10))
            #expect(
                value >= Rational(Int(lower[index]), 100) && value <= Rational(Int(upper[index]), 100),
                "seed \(seed) gate \(index)")
        }
    }

    /// Samples of a function of p pieces with a tolerance of 0 that are dense enough give it back.
    @Test(arguments: 0..<40) func findsTheFunctionBehindItsSamples(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 55)
        let pieces = Int.random(in: 1...8, using: &generator)
        let breakpoints = (1..<max(2, pieces)).prefix(pieces - 1).map { Rational(10 * $0 + 3, 2) }
        var slopes = [Rational(Int.random(in: -5...5, using: &generator))]
        for _ in 1..<max(1, pieces) {
            slopes.append(slopes[slopes.count - 1] + Rational(Int.random(in: 1...4, using: &generator)))
        }
        let function = PiecewiseLinearFunction(
            breakpoints: Array(breakpoints), slopes: Array(slopes.prefix(pieces)), anchorValue: Rational(seed)
        )
        let x = (-2...(5 * pieces + 4)).map { Rational($0) }
        let y = x.map { function($0) }
        let result = try DataBand(x: x, lower: y, upper: y).fewestPieces()
        #expect(result.function == function, "seed \(seed)")
    }

    @Test func edges() throws {
        #expect(throws: ApproximationFault.noPoints) { try DataBand(x: [], lower: [], upper: []) }
        let one = Rational(1)
        #expect(throws: ApproximationFault.emptyBand(index: 1)) {
            try DataBand(x: [.zero, one], lower: [.zero, one], upper: [.zero, .zero])
        }
        #expect(throws: ApproximationFault.contradiction(index: 1)) {
            try DataBand(x: [one, one], lower: [.zero, one], upper: [.zero, one])
        }
        let single = try DataBand(x: [one], lower: [.zero], upper: [one]).fewestPieces()
        #expect(single.pieces == 1 && single.function(Rational(5)) == Rational(1, 2))
        let unsorted = try DataBand(
            x: [Rational(2), .zero, one, one], lower: [.zero, .zero, one, .zero],
            upper: [.zero, .zero, Rational(2), one]
        ).fewestPieces()
        #expect(unsorted.pieces == 2 && unsorted.function(one) == one)
        #expect(throws: ApproximationFault.cancelled) {
            try DataBand(x: [one], lower: [one], upper: [one]).fewestPieces { true }
        }
    }

    /// On three points (0, 0), (1, 1), (2, 0) one line is best at distance 1/2, exactly.
    @Test func leastMaximum() throws {
        let x = [0, 1, 2].map { Rational($0) }
        let y = [0, 1, 0].map { Rational($0) }
        let one = try DataBand.leastMaximum(x: x, y: y, pieces: 1)
        #expect(one.distance == Rational(1, 2) && one.lowerBound < one.distance)
        #expect(one.distance - one.lowerBound <= one.distance * Rational(1, 1 << 40))
        let two = try DataBand.leastMaximum(x: x, y: y, pieces: 2)
        #expect(two.distance.isZero && two.lowerBound.isZero && two.function.slopes.count == 2)
    }

    /// Points at one x count through the least and the greatest of them.
    @Test func leastMaximumOfRepeatedPlaces() throws {
        let x = [1, 0, 1, 2, 1].map { Rational($0) }
        let y = [0, 2, 4, 2, 3].map { Rational($0) }
        let result = try DataBand.leastMaximum(x: x, y: y, pieces: 1)
        #expect(result.distance == Rational(2) && result.lowerBound == Rational(2))
        #expect(result.function(.one) == Rational(2))
        for index in x.indices {
            #expect((result.function(x[index]) - y[index]).magnitude <= result.distance)
        }
    }

    /// A Chebyshev line by its three points of equal error, over all triples.
    @Test(arguments: 0..<20) func leastMaximumOfOneLine(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 3 &+ 1)
        let x = (0..<8).map { Rational($0) }
        let y = (0..<8).map { _ in Rational(Int.random(in: -20...20, using: &generator)) }
        var best = Rational.zero
        for i in 0..<8 {
            for j in i + 1..<8 {
                for k in j + 1..<8 {
                    let chord = y[i] + (y[k] - y[i]) * (x[j] - x[i]) / (x[k] - x[i])
                    best = max(best, (y[j] - chord).magnitude / Rational(2))
                }
            }
        }
        let result = try DataBand.leastMaximum(x: x, y: y, pieces: 1)
        #expect(result.lowerBound <= best && best <= result.distance, "seed \(seed)")
        #expect(result.distance - result.lowerBound <= result.distance * Rational(1, 1 << 40), "seed \(seed)")
    }
}
