let countingBenchmarks: [Benchmark] = []
