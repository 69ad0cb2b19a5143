@testable import Compilation
import ExactArithmetic
import PiecewiseLinear
import ReLUNetworks
import Testing

private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// The minimum of the corrected Theorem 2.2 by trying every set of left-facing units.
private func minimumSize(_ function: PiecewiseLinearFunction, outputBias: Bool) -> Int {
    let count = function.breakpoints.count
    if count == 0 {
        if !function.leftSlope.isZero { return 2 }
        return outputBias || function.anchorValue.isZero ? 0 : 1
    }
    var best = outputBias ? count + 1 : count + 2
    for subset in 0..<(1 << count) {
        var jumps = Rational.zero
        var moments = Rational.zero
        for index in 0..<count where subset >> index & 1 == 1 {
            let jump = function.slopes[index + 1] - function.slopes[index]
            jumps += jump
            moments += jump * function.breakpoints[index]
        }
        if jumps == -function.leftSlope {
            best = min(best, outputBias || moments == function.leftIntercept ? count : count + 1)
        }
        for index in 0..<count where subset >> index & 1 == 0 {
            let place = function.breakpoints[index]
            if moments - jumps * place == function.leftIntercept + function.leftSlope * place {
                best = min(best, count + 1)
            }
        }
    }
    return best
}

@Suite struct OneDimensionalCompilationTests {
    private func random(_ seed: Int, spread: Int) -> PiecewiseLinearFunction {
        var generator = SeededGenerator(state: UInt64(seed))
        var x = Int.random(in: -6...2, using: &generator)
        let count = Int.random(in: 0...8, using: &generator)
        let places = (0..<count).map { _ in
            x += Int.random(in: 1...3, using: &generator)
            return Rational(x, seed % 3 + 1)
        }
        return PiecewiseLinearFunction(
            breakpoints: places,
            slopes: (0...count).map { _ in
                Rational(Int.random(in: -spread...spread, using: &generator), seed % 5 == 0 ? 7 : 1)
            }, anchorValue: Rational(Int.random(in: -spread...spread, using: &generator), seed % 2 + 1))
    }

    @Test(arguments: 0..<300, [true, false])
    func equalsTheFunctionWithTheMinimumSize(seed: Int, outputBias: Bool) throws {
        let function = random(seed, spread: [2, 5, 12, 60][seed % 4])
        let compiled = try OneDimensionalCompiler.compile(
            function, options: CompilationOptions(outputBias: outputBias))
        let report = compiled.report
        let network = compiled.exactNetwork()
        #expect(report.minimal == .proved, "seed \(seed)")
        #expect(
            report.size == minimumSize(function, outputBias: outputBias), "seed \(seed) \(report.theorem)")
        #expect(network.size == report.size && compiled.network.size == report.size, "seed \(seed)")
        if !outputBias { #expect(network.layers.last?.bias == [.zero], "seed \(seed)") }
        for step in -40...40 {
            let x = Rational(step, 3)
            #expect(network([x]) == [function(x)], "seed \(seed) x \(x)")
        }
        for x in function.breakpoints { #expect(network([x]) == [function(x)], "seed \(seed) x \(x)") }
    }

    @Test(arguments: 0..<60) func roundingErrorBoundHolds(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 77)
        var x: Int64 = -4000
        let count = Int.random(in: 2...40, using: &generator)
        let xs = (0..<count).map { _ in
            x += Int64.random(in: 1...300, using: &generator)
            return x
        }
        let ys = (0..<count).map { _ in Int64.random(in: -100_000...100_000, using: &generator) }
        let compiled = try OneDimensionalCompiler.compile(
            ScaledTable(xMantissas: xs, xExponent: -3, yMantissas: ys, yExponent: -seed % 9),
            sides: seed % 2 == 0 ? .constant : .extend)
        let function = try PiecewiseLinearFunction(
            x: xs.map { Rational(Int($0), 1000) },
            y: ys.map { Rational(Int($0)) * Rational.powerOfTen(-seed % 9) },
            sides: seed % 2 == 0 ? .constant : .extend
        ).evaluator()
        let bound = try #require(Rational(exactly: compiled.report.maximumRoundingError))
        let network = compiled.network
        for _ in 0..<200 {
            let low = Double(xs[0]) / 1000
            let high = Double(xs[count - 1]) / 1000
            let input = min(max(low, Double.random(in: low...high, using: &generator)), high)
            var output = network.layers[1].bias[0]
            var fused = output
            for unit in (0..<network.size).shuffled(using: &generator) {
                let z = max(0, network.layers[0].weights[unit] * input + network.layers[0].bias[unit])
                output += network.layers[1].weights[unit] * z
                fused.addProduct(network.layers[1].weights[unit], z)
            }
            let ideal = function(try #require(Rational(exactly: input)))
            for value in [output, fused] {
                let error = (try #require(Rational(exactly: value)) - ideal).magnitude
                #expect(error <= bound, "seed \(seed) input \(input)")
            }
        }
        #expect(compiled.report.maximumRoundingError < 1e-6, "seed \(seed)")
    }

    @Test(arguments: 0..<150) func machineArithmeticEqualsRationals(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 131)
        let digits = [10, 1000, 1 << 30, 1 << 50][seed % 4]
        var x = Int64.random(in: -1000...1000, using: &generator)
        let count = Int.random(in: 2...30, using: &generator)
        let xs = (0..<count).map { _ in
            x += Int64.random(in: 1...Int64(digits), using: &generator)
            return x
        }
        let ys = (0..<count).map { _ in
            Int64.random(in: -Int64(digits)...Int64(digits), using: &generator)
        }
        let table = ScaledTable(
            xMantissas: xs, xExponent: seed % 7 - 6, yMantissas: ys, yExponent: seed % 11 - 8)
        let sides: SideRule = [.constant, .extend, .slopes(left: Rational(1, 3), right: Rational(2))][
            seed % 3]
        let options = CompilationOptions(
            outputBias: seed % 5 != 0, subsetSumBudget: .init(operations: 50_000))
        let fast = try OneDimensionalCompiler.compile(table, sides: sides, options: options)
        let slow = try OneDimensionalCompiler.compileExactly(
            table, sides: sides, options: options, isCancelled: { false })
        #expect(fast.report == slow.report, "seed \(seed)")
        for (a, b) in zip(fast.network.layers, slow.network.layers) {
            #expect(a.weights == b.weights && a.bias == b.bias, "seed \(seed)")
        }
        #expect(fast.exactNetwork().layers[0].bias == slow.exactNetwork().layers[0].bias, "seed \(seed)")
        #expect(
            fast.exactNetwork().layers[1].weights == slow.exactNetwork().layers[1].weights, "seed \(seed)")
    }

    @Test func budgetsAreRespected() throws {
        var generator = SeededGenerator(state: 5)
        var slope = Rational(1)
        var slopes = [slope]
        for index in 0..<60 {
            slope += Rational(
                Int.random(in: 1 << 40...1 << 41, using: &generator) * (index % 2 == 0 ? 1 : -1))
            slopes.append(slope)
        }
        let function = PiecewiseLinearFunction(
            breakpoints: (0..<60).map { Rational($0) }, slopes: slopes, anchorValue: .one)
        let compiled = try OneDimensionalCompiler.compile(
            function, options: CompilationOptions(subsetSumBudget: .init(operations: 100_000, bytes: 1 << 20))
        )
        #expect(compiled.report.minimal == .unknown)
        #expect(compiled.report.size == 61 && compiled.report.sizeLowerBound == 60)
    }

    @Test func faultsAreNamed() {
        func table(_ x: [Int64], _ y: [Int64], _ exponent: Int = 0) -> ScaledTable {
            ScaledTable(xMantissas: x, xExponent: 0, yMantissas: y, yExponent: exponent)
        }
        #expect(throws: CompilationFault.noPoints) {
            try OneDimensionalCompiler.compile(table([], []), sides: .constant)
        }
        #expect(throws: CompilationFault.notIncreasing(index: 1)) {
            try OneDimensionalCompiler.compile(table([2, 2], [0, 0]), sides: .constant)
        }
        #expect(throws: CompilationFault.mismatchedCoordinates(x: 1, y: 2)) {
            try OneDimensionalCompiler.compile(table([2], [0, 0]), sides: .constant)
        }
        #expect(throws: CompilationFault.weightOverflow(breakpoint: 0)) {
            try OneDimensionalCompiler.compile(table([0, 1, 2], [0, 1, 3], 400), sides: .constant)
        }
        #expect(throws: CompilationFault.notFinite(index: 1)) {
            try OneDimensionalCompiler.compile(ScaledTable(x: [0, .nan], y: [0, 0]), sides: .constant)
        }
        #expect(throws: CompilationFault.cancelled) {
            try OneDimensionalCompiler.compile(
                table([0, 1], [0, 1]), sides: .constant, isCancelled: { true })
        }
    }
}
