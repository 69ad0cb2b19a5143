let manyDimensionalCountingBenchmarks: [Benchmark] = []
