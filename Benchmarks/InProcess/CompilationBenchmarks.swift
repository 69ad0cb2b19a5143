import Compilation
import PiecewiseLinear

let compilationBenchmarks: [Benchmark] = [
    Benchmark(name: "compile-table", summary: "a table of [POINTS] random decimals to its minimal network") {
        arguments in
        let count = arguments.first.flatMap { Int($0) } ?? 1_000_000
        var state: UInt64 = 1
        func random(_ bound: Int64) -> Int64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int64(state >> 33) % bound
        }
        var x: Int64 = 0
        let xs = (0..<max(2, count)).map { _ in
            x += 1 + random(2000)
            return x
        }
        let ys = xs.map { _ in random(2_000_000) - 1_000_000 }
        let table = ScaledTable(xMantissas: xs, xExponent: -3, yMantissas: ys, yExponent: -4)
        for sides in [("constant", true), ("extend", false)] {
            var best = Duration.seconds(1000)
            var size = 0
            for _ in 0..<7 {
                let time = try ContinuousClock().measure {
                    size = try OneDimensionalCompiler.compile(table, sides: sides.1 ? .constant : .extend)
                        .report.size
                }
                best = min(best, time)
            }
            print("\(sides.0): \(count) points, \(size) nodes, best of 7: \(best)")
        }
    }
]
