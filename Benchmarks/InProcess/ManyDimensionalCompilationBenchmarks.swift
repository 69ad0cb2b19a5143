let manyDimensionalCompilationBenchmarks: [Benchmark] = []
