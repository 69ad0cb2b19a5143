let evaluationBenchmarks: [Benchmark] = []
