let compilationBenchmarks: [Benchmark] = []
