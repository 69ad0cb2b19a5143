import Foundation

let benchmarks: [Benchmark] =
    jsonBenchmarks + evaluationBenchmarks + compilationBenchmarks + countingBenchmarks + trainingBenchmarks
    + manyDimensionalCountingBenchmarks + manyDimensionalCompilationBenchmarks

let arguments = CommandLine.arguments.dropFirst()
if let name = arguments.first, let benchmark = benchmarks.first(where: { $0.name == name }) {
    do {
        try benchmark.run(Array(arguments.dropFirst()))
    } catch {
        print("\(name): \(error)")
        exit(1)
    }
} else {
    print("usage: crease-bench NAME [arguments…]")
    for benchmark in benchmarks { print("  \(benchmark.name): \(benchmark.summary)") }
    exit(arguments.isEmpty ? 0 : 2)
}
