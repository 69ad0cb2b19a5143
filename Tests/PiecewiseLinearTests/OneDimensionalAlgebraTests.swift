import ExactArithmetic
import PiecewiseLinear
import Testing

/// SplitMix64: the same instances on every machine.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

func randomFunction(_ generator: inout SeededGenerator, breakpoints: Int) -> PiecewiseLinearFunction {
    var x = Int.random(in: -9...0, using: &generator)
    let places = (0..<breakpoints).map { _ in
        x += Int.random(in: 1...3, using: &generator)
        return Rational(x, 2)
    }
    return PiecewiseLinearFunction(
        breakpoints: places,
        slopes: (0...breakpoints).map { _ in Rational(Int.random(in: -3...3, using: &generator)) },
        anchorValue: Rational(Int.random(in: -4...4, using: &generator), 3))
}

@Suite struct OneDimensionalAlgebraTests {
    @Test(arguments: 0..<100) func algebraIsPointwise(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed))
        let functions = (0..<3).map { _ in
            randomFunction(&generator, breakpoints: Int.random(in: 0...5, using: &generator))
        }
        let factors = [Rational(2), Rational(-1, 3), Rational(1)]
        let sum = try PiecewiseLinearFunction.sum(functions, coefficients: factors)
        let maximum = try PiecewiseLinearFunction.maximum(functions)
        let minimum = try PiecewiseLinearFunction.minimum(functions)
        let composition = try PiecewiseLinearFunction.composition(outer: functions[0], inner: functions[1])
        let absolute = try functions[2].absoluteValue()
        for step in -60...60 {
            let x = Rational(step, 5)
            let values = functions.map { $0(x) }
            #expect(functions[0].evaluator()(x) == values[0], "seed \(seed) x \(x)")
            #expect(sum(x) == zip(values, factors).map { $0 * $1 }.reduce(.zero, +), "seed \(seed) x \(x)")
            #expect(maximum(x) == values.max(), "seed \(seed) x \(x)")
            #expect(minimum(x) == values.min(), "seed \(seed) x \(x)")
            #expect(composition(x) == functions[0](values[1]), "seed \(seed) x \(x)")
            #expect(absolute(x) == values[2].magnitude, "seed \(seed) x \(x)")
        }
    }

    @Test func pointsAreCheckedAndMerged() throws {
        let x = [0, 1, 2].map { Rational($0) }
        let y = [0, 1, 2].map { Rational($0, 3) }
        let merged = try PiecewiseLinearFunction(x: x, y: y, sides: .constant)
        #expect(merged.breakpoints == [Rational(0), Rational(2)])
        #expect(try PiecewiseLinearFunction(x: x, y: y, sides: .extend).pieces == 1)
        #expect(throws: PiecewiseLinearFault.notIncreasing(index: 2)) {
            try PiecewiseLinearFunction(x: [x[0], x[1], x[1]], y: y, sides: .constant)
        }
        #expect(throws: PiecewiseLinearFault.extendNeedsTwoPoints) {
            try PiecewiseLinearFunction(x: [x[0]], y: [y[0]], sides: .extend)
        }
        #expect(throws: PiecewiseLinearFault.noPoints) {
            try PiecewiseLinearFunction(x: [], y: [], sides: .constant)
        }
        #expect(merged.pieces(from: Rational(0), to: Rational(2)) == 1)
        #expect(merged.pieces(from: nil, to: Rational(1)) == 2)
    }
}
