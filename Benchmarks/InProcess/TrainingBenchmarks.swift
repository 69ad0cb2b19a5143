let trainingBenchmarks: [Benchmark] = []
