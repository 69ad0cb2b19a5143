import ExactArithmetic
import Foundation
import PieceCounting
import ReLUNetworks

/// Counting pieces on R^n: by extreme rays up to R^4, by linear programs beyond.
let manyDimensionalCountingBenchmarks: [Benchmark] = [
    Benchmark(
        name: "count-space",
        summary: "counts the pieces of a random network by rays, or by programs for more than four inputs "
            + "[widths such as 2-64-64-1, half-side of the box or 0, threads, repeats, file to write the network to]",
        run: countSpace)
]

/// SplitMix64.
private struct Generator: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func gaussian() -> Double {
        let radius = (-2 * log(Double.random(in: 0x1p-60...1, using: &self))).squareRoot()
        return radius * cos(2 * .pi * Double.random(in: 0..<1, using: &self))
    }
}

private struct BadArguments: Error {}

private func countSpace(_ arguments: [String]) throws {
    func number(_ index: Int, _ standard: Double) -> Double {
        index < arguments.count ? Double(arguments[index]) ?? standard : standard
    }
    let shape = arguments.first ?? "2-64-64-1"
    let widths = shape.split(separator: "-").compactMap { Int($0) }
    guard widths.count > 1, widths.allSatisfy({ $0 > 0 }) else { throw BadArguments() }
    var generator = Generator(state: 1)
    let network = Network(
        layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
            AffineLayer(
                inputs: inputs, outputs: outputs,
                weights: (0..<inputs * outputs).map { _ in generator.gaussian() },
                bias: (0..<outputs).map { _ in generator.gaussian() })
        })
    if arguments.count > 4 { try write(network, to: arguments[4]) }
    guard let exact = network.exact, let side = Rational(exactly: number(1, 0)) else { throw BadArguments() }
    let box =
        side.isZero
        ? nil
        : try InputBox(
            lower: widths.prefix(1).flatMap { [Rational](repeating: -side, count: $0) },
            upper: widths.prefix(1).flatMap { [Rational](repeating: side, count: $0) })
    var options = SpaceCountingOptions(
        limits: CountingLimits(maximumCells: 200_000_000, maximumBytes: 6 << 30))
    options.threads = Int(number(2, 2))
    let clock = ContinuousClock()
    var best = Double.infinity
    for repetition in 0..<max(1, Int(number(3, 3))) {
        let start = clock.now
        let found: PieceCount
        var decided = ""
        if exact.inputs > SpacePieceCounting.maximumRayDimension {
            found = try ProgramCounting.count(exact, on: box, options: options)
        } else if let rays = try SpacePieceCounting.countByRays(exact, on: box, options: options) {
            found = rays.count
            decided = "; \(rays.statistics.exactSigns) of \(rays.statistics.signs) signs by exact arithmetic"
        } else {
            throw BadArguments()
        }
        best = min(best, (clock.now - start) / .seconds(1))
        if repetition < max(1, Int(number(3, 3))) - 1 { continue }
        let counts = PieceDefinition.allCases.map { "\($0) \(found.counts[$0]?.description ?? "?")" }
        print(
            "\(shape) \(side.isZero ? "R^n" : "box \(side)"), \(options.threads) threads: \(counts.joined(separator: ", "));",
            String(format: "%.4f s", best) + decided)
    }
}

/// "n layers", then for each layer "rows columns", the weights and the biases.
private func write(_ network: Network<Double>, to file: String) throws {
    var text = "\(network.inputs) \(network.layers.count)\n"
    for layer in network.layers {
        text += "\(layer.outputs) \(layer.inputs)\n"
        text += (layer.weights + layer.bias).map { "\($0)" }.joined(separator: " ") + "\n"
    }
    try text.write(toFile: file, atomically: true, encoding: .utf8)
}
