import ExactArithmetic
import Foundation
import HardFamilies
import PieceCounting
import ReLUNetworks

/// Counting pieces on the line.
let countingBenchmarks: [Benchmark] = [
    Benchmark(
        name: "count-line", summary: "lists the pieces of random 1-w-…-w-1 networks [width layers repeats]",
        run: countLine),
    Benchmark(
        name: "count-sawtooth", summary: "counts a sawtooth's pieces without listing [width layers]",
        run: countSawtooth),
    Benchmark(
        name: "count-wide", summary: "counts and lists the pieces of a random 1-w-1 network [width]",
        run: countWide),
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
}

/// Weights uniform in ±√(6 / inputs), biases in ±1.
private func randomNetwork(width: Int, layers: Int, seed: UInt64) -> Network<Double> {
    var generator = Generator(state: seed)
    let widths = [1] + [Int](repeating: width, count: layers) + [1]
    return Network(
        layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
            let scale = (6 / Double(inputs)).squareRoot()
            return AffineLayer(
                inputs: inputs, outputs: outputs,
                weights: (0..<inputs * outputs).map { _ in
                    Double.random(in: -scale...scale, using: &generator)
                },
                bias: (0..<outputs).map { _ in Double.random(in: -1...1, using: &generator) })
        })
}

private func milliseconds<Result>(_ body: () throws -> Result) rethrows -> (Double, Result) {
    let clock = ContinuousClock()
    let start = clock.now
    let result = try body()
    return ((clock.now - start) / .milliseconds(1), result)
}

/// The least time of several runs, and the last result.
private func least<Result>(_ repeats: Int, _ body: () throws -> Result) rethrows -> (Double, Result) {
    var (best, result) = try milliseconds(body)
    for _ in 1..<max(1, repeats) {
        let (time, next) = try milliseconds(body)
        best = min(best, time)
        result = next
    }
    return (best, result)
}

private func argument(_ arguments: [String], _ index: Int, _ standard: Int) -> Int {
    index < arguments.count ? Int(arguments[index]) ?? standard : standard
}

private func countLine(_ arguments: [String]) throws {
    let width = argument(arguments, 0, 32)
    let layers = argument(arguments, 1, 3)
    let repeats = argument(arguments, 2, 5)
    for seed in 1...3 {
        let network = randomNetwork(width: width, layers: layers, seed: UInt64(seed))
        guard let exact = network.exact else { continue }
        let (own, pieces) = try least(repeats) { try LinePieceCounting.list(network) }
        let (rational, same) = try least(1) { try LinePieceCounting.listInRationals(exact) }
        let (unlisted, counts) = try least(1) { try LinePieceCounting.countWithoutListing(exact) }
        precondition(pieces.breakpoints == same.breakpoints && counts[.level] == pieces.counts[.level])
        print(
            "1-\(width)×\(layers)-1 seed \(seed): \(pieces.count) pieces, \(pieces.activationCells) cells;",
            String(
                format: "list %.3f ms, in rationals %.1f ms (%.0f times), without listing %.1f ms", own,
                rational,
                rational / own, unlisted))
    }
}

private func countSawtooth(_ arguments: [String]) throws {
    let width = argument(arguments, 0, 5)
    let layers = argument(arguments, 1, 43)
    let family = try SawtoothFamily(equalTeeth: width, layers: layers)
    let network = family.network
    let (time, counts) = try least(3) { try LinePieceCounting.countWithoutListing(network) }
    let (whole, count) = try least(2) { try LinePieceCounting.count(network) }
    precondition(counts[.level] == family.pieces && count.counts[.level] == family.pieces)
    print(
        "w = \(width), k = \(layers): \(family.pieces) pieces,",
        String(format: "%.2f ms, with the choice of method %.2f ms", time, whole))
    if let rounded = network.rounded.exact {
        let (time, counts) = try least(1) { try LinePieceCounting.countWithoutListing(rounded) }
        print(
            "rounded to binary64: \(counts[.level]?.description ?? "?") pieces,",
            String(format: "%.2f ms", time))
    }
}

private func countWide(_ arguments: [String]) throws {
    let width = argument(arguments, 0, 100_000)
    let network = randomNetwork(width: width, layers: 1, seed: 1)
    let (counting, count) = try least(2) { try LinePieceCounting.count(network) }
    let (listing, pieces) = try least(1) { try LinePieceCounting.list(network) }
    precondition(count.counts == pieces.counts)
    print(
        "1-\(width)-1: \(pieces.count) pieces;",
        String(format: "count %.1f ms, list %.1f ms", counting, listing))
}
