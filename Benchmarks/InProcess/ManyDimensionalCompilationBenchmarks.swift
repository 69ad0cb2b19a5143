import Compilation
import ExactArithmetic
import PiecewiseLinear
import ReLUNetworks

let manyDimensionalCompilationBenchmarks: [Benchmark] = [
    Benchmark(
        name: "compile-maximum",
        summary: "the maximum of [PIECES] random tangents of a paraboloid on R^[DIMENSION] for [size|depth]"
    ) { arguments in
        let count = arguments.first.flatMap { Int($0) } ?? 100
        let dimension = arguments.dropFirst().first.flatMap { Int($0) } ?? 3
        var random = RandomNumbers()
        // Tangents of a paraboloid: each is the largest somewhere.
        let pieces = (0..<max(1, count)).map { _ in
            let gradient = (0..<dimension).map { _ in random.rational() }
            let square = gradient.reduce(Rational.zero) { $0 + $1 * $1 }
            return AffineFunction(gradient: gradient, intercept: square / Rational(-2000))
        }
        try report("maximum of \(count) on R^\(dimension)", .maxAffine(pieces), arguments, pieces: count)
    },
    Benchmark(
        name: "compile-delaunay",
        summary:
            "random values on the Delaunay triangulation of [POINTS] random points of the plane, its validation too"
    ) { arguments in
        let count = max(3, arguments.first.flatMap { Int($0) } ?? 2000)
        var random = RandomNumbers()
        let mesh = RandomTriangulation(points: count, random: &random)
        let values = mesh.points.map { _ in random.rational() }
        try report(
            "Delaunay interpolant of \(count) points",
            .simplicial(
                try SimplicialFunction(
                    vertices: mesh.points.map { [Rational($0.x), Rational($0.y)] }, simplices: mesh.triangles,
                    values: values)), arguments, pieces: mesh.triangles.count)
    },
    Benchmark(
        name: "compile-map",
        summary: "random values on a grid of [POINTS] points along each of [DIMENSION] axes"
    ) { arguments in
        let count = max(2, arguments.first.flatMap { Int($0) } ?? 64)
        let dimension = max(1, arguments.dropFirst().first.flatMap { Int($0) } ?? 2)
        var random = RandomNumbers()
        var points = 1
        for _ in 0..<dimension {
            let (product, isTooLarge) = points.multipliedReportingOverflow(by: count)
            guard !isTooLarge, product <= 1 << 24 else { throw TooManyPoints() }
            points = product
        }
        let values = (0..<points).map { _ in random.rational() }
        let axis = (0..<count).map { Rational($0) }
        let map = try SimplicialFunction(axes: (0..<dimension).map { _ in axis }, values: values)
        try report(
            "map of \(count)^\(dimension)", .simplicial(map), arguments, pieces: map.simplices.count)
    },
]

private struct TooManyPoints: Error, CustomStringConvertible {
    let description = "compile-map [POINTS] [DIMENSION]: more than 2^24 points"
}

struct RandomNumbers {
    private var state: UInt64 = 1

    mutating func integer(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % (2 * bound + 1) - bound
    }

    mutating func rational() -> Rational { Rational(integer(100_000), 100) }
}

/// Nodes, layers and time beside the bound of Chen, Garudadri and Rao (2022) for q pieces with as many affine functions.
private func report(_ name: String, _ function: FunctionExpression, _ arguments: [String], pieces q: Int)
    throws
{
    let objective: ManyDimensionalOptions.Objective = arguments.contains("depth") ? .depth : .size
    let threads =
        arguments.first { $0.hasPrefix("threads=") }.flatMap { Int($0.dropFirst("threads=".count)) } ?? 1
    var network: (size: Int, widths: [Int])?
    let time = try ContinuousClock().measure {
        let compiled = try ManyDimensionalCompiler.compile(
            function, options: ManyDimensionalOptions(objective: objective, threads: threads)
        ).network
        network = (compiled.size, compiled.hiddenWidths)
    }
    guard let network else { return }
    let bits = (0...62).first { 1 << $0 >= q } ?? 63
    let bound = (3 * (1 << bits) + 2 * bits - 3) * q + 3 * (1 << bits) - 2 * bits - 3
    let ratio = (10 * Double(bound) / Double(max(1, network.size))).rounded() / 10
    print(
        "\(name), \(q) pieces, for \(objective.rawValue), \(threads) thread\(threads == 1 ? "" : "s"): \(network.size) nodes in \(network.widths.count) hidden layers \(network.widths), \(time); published bound \(bound) nodes, \(ratio) times as many"
    )
}
