let jsonBenchmarks: [Benchmark] = []
