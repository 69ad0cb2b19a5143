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

/// Tables whose numbers are binary64, and tables at the edges of what is a table.
@Suite struct TableCompilationTests {
    /// Tables of many kinds: full mantissas, collinear runs, flat runs, dyadic numbers, wide ranges of exponents.
    private func random(_ seed: Int) -> (x: [Double], y: [Double]) {
        var generator = SeededGenerator(state: UInt64(seed) &* 977)
        let count = Int.random(in: 2...40, using: &generator)
        var x: [Double] = []
        var y: [Double] = []
        var place = Double.random(in: -3...3, using: &generator)
        for index in 0..<count {
            switch seed % 6 {
            case 0:
                x.append(Double(index) / 1000)
                y.append(Double.random(in: -1...1, using: &generator))
            case 1:
                // Collinear runs with inexact slopes: three points on a line only up to rounding, and exactly.
                x.append(Double(index))
                y.append(Bool.random(using: &generator) ? Double(3 * index) : Double(index) * 0.1)
            case 2:
                x.append(Double(index * 4 - 9) / 8)
                y.append(Double(Int.random(in: -2...2, using: &generator)) / 4)
            case 3:
                place = place.nextUp
                x.append(place)
                y.append(Double.random(in: -1...1, using: &generator))
            case 4:
                let power = Int.random(in: -290...290, using: &generator)
                x.append(Double(sign: .plus, exponent: -280 + 14 * index, significand: 1.25))
                y.append(Double(sign: index % 3 == 0 ? .minus : .plus, exponent: power, significand: 1.5))
            default:
                x.append(index == 0 ? -0.0 : Double(index) * 0.7)
                y.append([0.0, -0.0, 0.3, 1e-9][Int.random(in: 0..<4, using: &generator)])
            }
        }
        return (x, y)
    }

    @Test(arguments: 0..<300) func binaryTablesInMachineArithmeticEqualRationals(seed: Int) throws {
        let (x, y) = random(seed)
        let table = ScaledTable(x: x, y: y)
        let sides: SideRule = [.constant, .extend, .slopes(left: Rational(1, 3), right: Rational(2))][
            seed / 6 % 3]
        let options = CompilationOptions(
            outputBias: seed % 5 != 0, subsetSumBudget: .init(operations: 50_000))
        #expect(BinaryPoints(x: x, y: y) != nil, "seed \(seed)")
        let fast = try OneDimensionalCompiler.compile(table, sides: sides, options: options)
        let slow = try OneDimensionalCompiler.compileExactly(
            table, sides: sides, options: options, isCancelled: { false })
        #expect(fast.report == slow.report, "seed \(seed)")
        for (a, b) in zip(fast.network.layers, slow.network.layers) {
            #expect(a.weights == b.weights && a.bias == b.bias, "seed \(seed)")
        }
        for (a, b) in zip(fast.exactNetwork().layers, slow.exactNetwork().layers) {
            #expect(a.weights == b.weights && a.bias == b.bias, "seed \(seed)")
        }
    }

    /// Decimals with 1 to 18 digits whose exponents lie far apart.
    @Test(arguments: 0..<300) func mixedDecimalsInMachineArithmeticEqualRationals(seed: Int) throws {
        var generator = SeededGenerator(state: UInt64(seed) &* 7919)
        let count = Int.random(in: 2...30, using: &generator)
        let wide = seed % 3 == 0
        var numbers: [(Int64, Int16)] = []
        var seen = Set<Rational>()
        while numbers.count < count {
            let digits = [1, 3, 9, 17, 18][Int.random(in: 0..<5, using: &generator)]
            var bound: Int64 = 1
            for _ in 0..<digits { bound *= 10 }
            let mantissa = Int64.random(in: -bound...bound, using: &generator)
            let exponent = Int16.random(in: wide ? -17...0 : -3...0, using: &generator)
            if seen.insert(Rational(Int(mantissa)) * .powerOfTen(Int(exponent))).inserted {
                numbers.append((mantissa, exponent))
            }
        }
        numbers.sort {
            Rational(Int($0.0)) * .powerOfTen(Int($0.1)) < Rational(Int($1.0)) * .powerOfTen(Int($1.1))
        }
        // Values on a line, on two lines, or anywhere.
        let values: [(Int64, Int16)] = numbers.enumerated().map { index, number in
            switch seed % 4 {
            case 0: number
            case 1: index < count / 2 ? number : (0, 0)
            default:
                (
                    Int64.random(in: -(1 << 58)...(1 << 58), using: &generator),
                    Int16.random(in: -20 ... -10, using: &generator)
                )
            }
        }
        func column(_ entries: [(Int64, Int16)]) -> DecimalColumn {
            DecimalColumn(
                mantissas: entries.map(\.0), exponents: entries.map(\.1),
                leastExponent: entries.filter { $0.0 != 0 }.map { Int($0.1) }.min() ?? 0,
                nearest: entries.map { (Rational(Int($0.0)) * .powerOfTen(Int($0.1))).nearestDouble })
        }
        let table = try #require(ScaledTable(x: column(numbers), y: column(values)), "seed \(seed)")
        let sides: SideRule = [.constant, .extend, .slopes(left: Rational(1, 3), right: Rational(2))][
            seed / 4 % 3]
        let options = CompilationOptions(
            outputBias: seed % 5 != 0, subsetSumBudget: .init(operations: 50_000))
        let fast = try OneDimensionalCompiler.compile(table, sides: sides, options: options)
        let slow = try OneDimensionalCompiler.compileExactly(
            table, sides: sides, options: options, isCancelled: { false })
        #expect(fast.report == slow.report, "seed \(seed)")
        for (a, b) in zip(fast.network.layers, slow.network.layers) {
            #expect(a.weights == b.weights && a.bias == b.bias, "seed \(seed)")
        }
        for (a, b) in zip(fast.exactNetwork().layers, slow.exactNetwork().layers) {
            #expect(a.weights == b.weights && a.bias == b.bias, "seed \(seed)")
        }
    }

    @Test func onePoint() throws {
        for value in [0.0, 2.5] {
            let compiled = try OneDimensionalCompiler.compile(
                ScaledTable(x: [1], y: [value]), sides: .constant)
            #expect(compiled.report.size == 0 && compiled.report.pieces == 1)
            #expect(compiled.exactNetwork()([Rational(-7)]) == [Rational(exactly: value) ?? .one])
        }
        let bent = try OneDimensionalCompiler.compile(
            ScaledTable(xMantissas: [3], xExponent: 0, yMantissas: [5], yExponent: 0),
            sides: .slopes(left: Rational(1), right: Rational(-2)))
        #expect(bent.report.pieces == 2)
        #expect(bent.exactNetwork()([Rational(4)]) == [Rational(3)])
        #expect(bent.exactNetwork()([Rational(0)]) == [Rational(2)])
        #expect(throws: CompilationFault.extendNeedsTwoPoints) {
            try OneDimensionalCompiler.compile(ScaledTable(x: [1], y: [1]), sides: .extend)
        }
    }

    @Test func collinearAndConstantTables() throws {
        let places = (0..<50).map { Int64($0) }
        let line = try OneDimensionalCompiler.compile(
            ScaledTable(
                xMantissas: places, xExponent: 0, yMantissas: places.map { 3 * $0 - 7 }, yExponent: -1),
            sides: .extend)
        #expect(line.report.pieces == 1 && line.report.size == 2 && line.report.minimal == .proved)
        let flat = try OneDimensionalCompiler.compile(
            ScaledTable(x: places.map(Double.init), y: places.map { _ in 0.1 }), sides: .constant)
        #expect(flat.report.pieces == 1 && flat.report.size == 0 && flat.report.minimal == .proved)
        let withoutBias = try OneDimensionalCompiler.compile(
            ScaledTable(x: places.map(Double.init), y: places.map { _ in 0.1 }), sides: .constant,
            options: CompilationOptions(outputBias: false))
        #expect(withoutBias.report.size == 1)
        #expect(withoutBias.exactNetwork()([Rational(9)]) == [Rational(exactly: 0.1) ?? .zero])
        let ramp = try OneDimensionalCompiler.compile(
            ScaledTable(x: places.map(Double.init), y: places.map { Double($0) / 4 }), sides: .constant)
        #expect(ramp.report.pieces == 3 && ramp.report.size == 2)
    }

    /// Powers of two differ in every subset sum; the target is one of them or just beside it.
    @Test(arguments: [0, 1]) func subsetSumsThatNoShortcutDecides(beside: Int) throws {
        var slopes: [Rational] = []
        var generator = SeededGenerator(state: 99)
        let jumps = (0..<24).map { index in (index % 2 == 0 ? 1 : -1) * (3 << (index + 1)) }
        let chosen = jumps.filter { _ in Bool.random(using: &generator) }
        var slope = Rational(-chosen.reduce(0, +) - beside)
        slopes.append(slope)
        for jump in jumps {
            slope += Rational(jump)
            slopes.append(slope)
        }
        try #require(!slopes.contains { $0.isZero })
        let function = PiecewiseLinearFunction(
            breakpoints: jumps.indices.map { Rational($0) }, slopes: slopes, anchorValue: .one)
        let compiled = try OneDimensionalCompiler.compile(function)
        #expect(compiled.report.minimal == .proved)
        #expect(compiled.report.size == jumps.count + beside)
        let network = compiled.exactNetwork()
        for step in -3...60 {
            #expect(network([Rational(step, 2)]) == [function(Rational(step, 2))])
        }
    }

    @Test func hugeAndTinyNumbers() throws {
        for scale in [1e300, 1e-300, Double.leastNonzeroMagnitude, 1.7e308] {
            let x = [0.0, 1, 2, 3]
            let y = [0, scale, 0, scale / 2]
            for sides in [SideRule.constant, .extend] {
                let compiled: CompiledNetwork
                do {
                    compiled = try OneDimensionalCompiler.compile(ScaledTable(x: x, y: y), sides: sides)
                } catch {
                    // Jumps of twice the largest number.
                    guard case .weightOverflow = error, scale > 1e308 else { throw error }
                    continue
                }
                let network = compiled.exactNetwork()
                for index in x.indices {
                    let place = try #require(Rational(exactly: x[index]))
                    #expect(network([place]) == [try #require(Rational(exactly: y[index]))])
                }
            }
        }
        #expect(throws: CompilationFault.notIncreasing(index: 1)) {
            try OneDimensionalCompiler.compile(ScaledTable(x: [1, 1], y: [0, 1]), sides: .constant)
        }
        #expect(throws: CompilationFault.notIncreasing(index: 1)) {
            try OneDimensionalCompiler.compile(ScaledTable(x: [0, -0.0], y: [0, 1]), sides: .constant)
        }
    }

    @Test func cancellationEndsTheWorkOnLargeTables() {
        let count = 200_000
        let x = (0..<count).map { Double($0) * 0.1 }
        let y = (0..<count).map { Double($0 % 7) * 0.3 }
        for limit in [0, 1, 20] {
            let asked = Counter()
            #expect(throws: CompilationFault.cancelled) {
                try OneDimensionalCompiler.compile(
                    ScaledTable(x: x, y: y), sides: .constant, isCancelled: { asked.next() >= limit })
            }
        }
    }
}

/// `@unchecked Sendable`: asked by one thread after the other.
private final class Counter: @unchecked Sendable {
    private var count = 0
    func next() -> Int {
        count += 1
        return count
    }
}
