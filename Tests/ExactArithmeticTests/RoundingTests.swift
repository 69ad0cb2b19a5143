import ExactArithmetic
import Testing

private func exact(_ value: Double) -> Rational { Rational(exactly: value) ?? .zero }

/// Rationals at, just beside and between doubles, subnormal ones and those at the ends of the range among them.
private func value(_ random: inout SeededGenerator) -> Rational {
    let double = random.finiteDouble()
    let neighbour = double.nextUp.isFinite ? double.nextUp : double
    let middle = (exact(double) + exact(neighbour)) / 2
    let tiny = Rational(random.int(-1...1)) * Rational.powerOfTen(-random.int(300...420))
    switch random.int(0...4) {
    case 0: return exact(double)
    case 1: return middle
    case 2: return middle + tiny
    case 3: return exact(double) + tiny
    default: return random.rational() * Rational.powerOfTen(random.int(-340...330))
    }
}

@Suite struct RoundingTests {
    @Test func directedRoundingBracketsTheValue() {
        for seed in 0..<20_000 {
            var random = SeededGenerator(seed: seed)
            let x = value(&random)
            let down = x.double(rounding: .down)
            let up = x.double(rounding: .up)
            if down.isFinite {
                #expect(exact(down) <= x, "seed \(seed)")
                #expect(down.nextUp == .infinity || x < exact(down.nextUp), "seed \(seed)")
            } else {
                #expect(down == -.infinity && x < exact(-.greatestFiniteMagnitude), "seed \(seed)")
            }
            if up.isFinite {
                #expect(x <= exact(up), "seed \(seed)")
                #expect(up.nextDown == -.infinity || exact(up.nextDown) < x, "seed \(seed)")
            } else {
                #expect(up == .infinity && exact(.greatestFiniteMagnitude) < x, "seed \(seed)")
            }
            #expect((-x).double(rounding: .down) == -up, "seed \(seed)")
        }
    }

    @Test func nearestIsNearestWithTiesToEven() {
        for seed in 0..<20_000 {
            var random = SeededGenerator(seed: seed)
            let x = value(&random)
            let nearest = x.nearestDouble
            guard nearest.isFinite else {
                // From half a unit beyond the largest finite number on.
                let limit = exact(.greatestFiniteMagnitude) + exact(.greatestFiniteMagnitude.ulp) / 2
                #expect(x.magnitude >= limit && (nearest > 0) == (x.sign > 0), "seed \(seed)")
                continue
            }
            let error = (x - exact(nearest)).magnitude
            for neighbour in [nearest.nextUp, nearest.nextDown] where neighbour.isFinite {
                let other = (x - exact(neighbour)).magnitude
                let isEven = nearest.significandBitPattern & 1 == 0
                #expect(error < other || (error == other && isEven), "seed \(seed)")
            }
            #expect((x.exactDouble != nil) == (error == .zero), "seed \(seed)")
            let reported = x.nearestDoubleReportingExactness
            #expect(reported.value == nearest && reported.isExact == (error == .zero), "seed \(seed)")
        }
    }

    @Test func doublesAreRationalsAndBack() {
        for seed in 0..<20_000 {
            var random = SeededGenerator(seed: seed)
            let double = random.finiteDouble()
            let x = exact(double)
            #expect(x.nearestDouble == double && x.exactDouble == double, "seed \(seed)")
            #expect(x.double(rounding: .down) == double && x.double(rounding: .up) == double, "seed \(seed)")
        }
        for double in [
            Double.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude, 0x1p63, -0x1p63,
        ] {
            #expect(exact(double).nearestDouble == double)
        }
        #expect(Rational(exactly: .infinity) == nil && Rational(exactly: .nan) == nil)
        #expect(exact(-0.0) == .zero)
        #expect(exact(0.1).description == "3602879701896397/36028797018963968")
    }

    @Test func theEndsOfTheRange() {
        let least = exact(.leastNonzeroMagnitude)
        #expect(
            (least / 2).nearestDouble == 0 && (least * Rational(3, 4)).nearestDouble == .leastNonzeroMagnitude
        )
        #expect((least / 2).double(rounding: .up) == .leastNonzeroMagnitude)
        #expect((least / 1000).double(rounding: .up) == .leastNonzeroMagnitude)
        #expect((-least / 1000).double(rounding: .down) == -.leastNonzeroMagnitude)
        #expect((least / 1000).double(rounding: .down) == 0)
        let huge = Rational.powerOfTen(400)
        #expect(huge.nearestDouble == .infinity && (-huge).nearestDouble == -.infinity)
        #expect(huge.double(rounding: .down) == .greatestFiniteMagnitude)
        #expect((-huge).double(rounding: .up) == -.greatestFiniteMagnitude)
        let half = exact(.greatestFiniteMagnitude) + exact(.greatestFiniteMagnitude.ulp) / 2
        #expect(half.nearestDouble == .infinity)
        #expect((half - Rational(1, 7)).nearestDouble == .greatestFiniteMagnitude)
    }
}
