internal import ExactArithmetic
internal import ReLUNetworks

let evaluationBenchmarks: [Benchmark] = [
    Benchmark(
        name: "evaluate",
        summary: "[widths such as 2-64-64-1] [rows] [threads] [output|gradients]: evaluation in binary64",
        run: runEvaluation),
    Benchmark(
        name: "evaluate-exactly",
        summary:
            "[widths] [rows] [binary64|thirds]: rational evaluation beside one rational operation after the other",
        run: runExactEvaluation),
    Benchmark(
        name: "rationals",
        summary: "rational operations, to set beside Benchmarks/Races/gmp_against_flint.c",
        run: runRationals),
]

/// A network with reproducible weights in [−1, 1).
private func network(_ widths: [Int]) -> Network<Double> {
    var state: UInt64 = 1
    func number() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(Int64(bitPattern: state) >> 11) / 0x1p52
    }
    return Network(
        layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
            AffineLayer(
                inputs: inputs, outputs: outputs, weights: (0..<inputs * outputs).map { _ in number() },
                bias: (0..<outputs).map { _ in number() })
        })
}

private func runEvaluation(_ arguments: [String]) throws {
    let widths = arguments.first.map { $0.split(separator: "-").compactMap { Int($0) } } ?? [2, 64, 64, 1]
    let rows = arguments.count > 1 ? Int(arguments[1]) ?? 1 : 1_000_000
    let threads = arguments.count > 2 ? Int(arguments[2]) ?? 1 : 1
    let withGradients = arguments.count > 3 && arguments[3] == "gradients"
    guard widths.count >= 2, rows > 0 else { return }
    let evaluator = BatchEvaluator(network: network(widths))
    let inputs = (0..<rows * evaluator.inputs).map { Double($0 % 1009) / 504 - 1 }
    var outputs = [Double](repeating: 0, count: rows * evaluator.outputs)
    var gradients = [Double](
        repeating: 0, count: withGradients ? rows * evaluator.outputs * evaluator.inputs : 0)
    let operations =
        (evaluator.operationsPerRow + (withGradients ? evaluator.gradientOperationsPerRow : 0)) * Double(rows)
    let repetitions = max(5, Int(2e6 / (operations + 100)))
    let clock = ContinuousClock()
    var best = Duration.seconds(1_000)
    for _ in 0..<9 {
        let time = try clock.measure {
            try inputs.withUnsafeBufferPointer { source in
                try outputs.withUnsafeMutableBufferPointer { target in
                    try gradients.withUnsafeMutableBufferPointer { slopes in
                        for _ in 0..<repetitions {
                            try evaluator.evaluate(
                                inputs: source, rows: rows, into: target,
                                gradients: withGradients ? slopes : nil, threads: threads)
                        }
                    }
                }
            }
        }
        best = min(best, time / repetitions)
    }
    let seconds = Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18
    print(
        "\(widths.map(String.init).joined(separator: "-")), \(rows) rows, \(threads) threads:",
        "\(seconds * 1e9) ns, \(operations / seconds / 1e9) Gflop/s")
}

private func runExactEvaluation(_ arguments: [String]) throws {
    let widths = arguments.first.map { $0.split(separator: "-").compactMap { Int($0) } } ?? [2, 64, 64, 1]
    let rows = arguments.count > 1 ? Int(arguments[1]) ?? 1 : 20
    let isBinary = arguments.count <= 2 || arguments[2] == "binary64"
    guard widths.count >= 2, rows > 0 else { return }
    let exact = network(widths).map { number in
        isBinary ? Rational(exactly: number) ?? .zero : Rational(Int(number * 100), 3)
    }
    let inputs = (0..<rows * exact.inputs).map { Rational($0 % 1009 - 500, 500) }
    let evaluator = ExactEvaluator(network: exact)
    let clock = ContinuousClock()
    var outputs: [Rational] = []
    let batch = try clock.measure { outputs = try evaluator.evaluate(inputs, rows: rows).outputs }
    var plain: [Rational] = []
    let reference = clock.measure {
        for row in 0..<rows { plain += exact(Array(inputs[row * exact.inputs..<(row + 1) * exact.inputs])) }
    }
    print(
        "\(widths.map(String.init).joined(separator: "-")), \(rows) rows: \(batch / rows) a row,",
        "with separate rationals \(reference / rows), \(reference / batch) times; equal: \(plain == outputs)")
}

/// The operands of `Benchmarks/Races/gmp_against_flint.c`.
private func operands(bits: Int, count: Int) -> [Rational] {
    var state: UInt64 = 1
    func integer() -> BigInteger {
        var value = BigInteger.zero
        for _ in stride(from: 0, to: bits, by: 60) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            value = value * BigInteger(1 << 60) + BigInteger(Int(state >> 4))
        }
        value = value.flooredQuotientAndRemainder(dividingBy: BigInteger(2).power(bits)).1
        let isEven = value.flooredQuotientAndRemainder(dividingBy: BigInteger(2)).1 == .zero
        return isEven ? value + .one : value
    }
    return (0..<count).map { index in
        let value = Rational(integer(), integer())
        return index % 2 == 1 ? -value : value
    }
}

private func runRationals(_ arguments: [String]) {
    for bits in [8, 28, 60, 200, 1000] {
        let numbers = operands(bits: bits, count: 1024)
        var sink = 0
        func time(_ label: String, _ operation: (Rational, Rational) -> Int) {
            var best = Duration.seconds(1_000)
            for _ in 0..<9 {
                let time = ContinuousClock().measure {
                    for _ in 0..<40 {
                        for index in 0..<numbers.count - 1 {
                            sink &+= operation(numbers[index], numbers[index + 1])
                        }
                    }
                }
                best = min(best, time)
            }
            print("\(bits) bits \(label)", best / (40 * (numbers.count - 1)))
        }
        time("add") { ($0 + $1).sign }
        time("multiply") { ($0 * $1).sign }
        time("divide") { ($0 / $1).sign }
        time("compare") { $0 < $1 ? 1 : 0 }
        if sink == .min { print(sink) }
    }
}
