@testable import Compilation
import ExactArithmetic
import PiecewiseLinear
import ReLUNetworks
import Testing

/// Whether the network equals the function at the points; where not, the seed is told.
func agrees(
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

    /// Never more nodes than the bound of Chen, Garudadri and Rao (2022) for q pieces with k affine functions.
    @Test func nodesAgainstThePublishedBound() throws {
        func bound(_ q: Int, _ k: Int) -> Int {
            func bits(_ m: Int) -> Int { (0...62).first { 1 << $0 >= m } ?? 63 }
            return (3 * (1 << bits(k)) + 2 * bits(k) - 3) * q + 3 * (1 << bits(q)) - 2 * bits(k) - 3
        }
        for seed in 0..<30 as Range<UInt64> {
            var random = RandomFunctions(seed: seed)
            let dimension = random.integer(1...3)
            let mesh = random.mesh(dimension, points: random.integer(1...8), isFlat: seed % 3 == 0)
            let different = Set(try SimplicialComplex(mesh, isCancelled: { false }).functions).count
            // Pieces are at least as many as affine functions.
            let report = try ManyDimensionalCompiler.compile(.simplicial(mesh)).report
            #expect(report.size <= bound(different, different), "seed \(seed)")
            #expect(report.sizeLowerBound <= report.size, "seed \(seed)")
        }
    }

    @Test func whatIsMinimalIsProved() throws {
        let affine = AffineFunction(gradient: [1, 2], intercept: 3)
        let zero = AffineFunction(gradient: [0, 0], intercept: 0)
        let one = try ManyDimensionalCompiler.compile(.maxAffine([affine, zero])).report
        #expect(one.size == 1 && one.minimal == .proved)
        let none = try ManyDimensionalCompiler.compile(.maxAffine([affine, affine])).report
        #expect(none.size == 0 && none.minimal == .proved && none.hiddenLayers == 0)
    }

    @Test func stopsWhenCancelled() {
        var random = RandomFunctions(seed: 3)
        let mesh = random.mesh(2, points: 40)
        #expect(throws: ManyDimensionalFault.cancelled) {
            try ManyDimensionalCompiler.compile(.simplicial(mesh), isCancelled: { true })
        }
    }
}
