import Compilation
import ExactArithmetic
import PiecewiseLinear
import ReLUNetworks
import Testing

/// The network equals the function at the points; `false` is told with the seed.
private func agrees(
    _ function: FunctionExpression, _ network: Network<Rational>, at points: [[Rational]], seed: UInt64
) -> Bool {
    for point in points {
        guard let expected = FunctionOracle.value(function, point) else { continue }
        let actual = network(point)[0]
        if actual != expected {
            Issue.record("seed \(seed), point \(point): \(actual) instead of \(expected)")
            return false
        }
    }
    return true
}

@Suite struct ManyDimensionalCompilationTests {
    @Test(arguments: 1...4)
    func expressionsOfAllKinds(dimension: Int) throws {
        for seed in 0..<60 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 31 &+ UInt64(dimension))
            let function = random.expression(dimension, depth: Int(seed % 3))
            let compilation = try ManyDimensionalCompiler.compile(function)
            let points = (0..<25).map { _ in random.point(dimension) }
            guard agrees(function, compilation.network, at: points, seed: seed) else { return }
            #expect(compilation.report.size == compilation.network.size)
        }
    }

    @Test(arguments: 1...4)
    func meshes(dimension: Int) throws {
        for seed in 0..<25 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 77 &+ UInt64(dimension))
            let mesh = random.mesh(
                dimension, points: random.integer(1...(dimension == 4 ? 4 : 12)), isFlat: seed % 3 == 0)
            let compilation = try ManyDimensionalCompiler.compile(.simplicial(mesh))
            let points = mesh.vertices + (0..<30).map { _ in random.point(in: mesh) }
            guard agrees(.simplicial(mesh), compilation.network, at: points, seed: seed) else { return }
            #expect(compilation.network.hiddenLayers <= max(dimension, 6))
        }
    }

    @Test func withoutOutputBias() throws {
        for seed in 0..<60 as Range<UInt64> {
            var random = RandomFunctions(seed: seed)
            let dimension = random.integer(1...3)
            let function = random.expression(dimension, depth: 1)
            let compilation = try ManyDimensionalCompiler.compile(function, options: .init(outputBias: false))
            #expect(compilation.network.layers.last?.bias.allSatisfy(\.isZero) == true)
            let points = (0..<25).map { _ in random.point(dimension) }
            guard agrees(function, compilation.network, at: points, seed: seed) else { return }
        }
    }

    @Test func maximaTakeNoMoreThanTheBalancedTree() throws {
        for count in 1...40 {
            var random = RandomFunctions(seed: UInt64(count))
            let pieces = (0..<count).map { _ in
                AffineFunction(
                    gradient: (0..<3).map { _ in Rational(random.integer(-1000...1000)) },
                    intercept: random.rational())
            }
            let report = try ManyDimensionalCompiler.compile(.maxAffine(pieces)).report
            #expect(report.size <= NetworkAlgebra.maximumTreeSize(count), "\(count) pieces: \(report.size)")
        }
    }
}
