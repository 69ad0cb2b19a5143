@testable import Compilation
import ExactArithmetic
import PiecewiseLinear
@testable import ReLUNetworks
import Testing

/// Hidden layers that are always enough.
private func bound(_ dimension: Int) -> Int { [0, 1, 2, 2, 2, 3, 3, 3, 3, 3, 4][dimension] }

@Suite struct FewLayersTests {
    private let options = ManyDimensionalOptions(objective: .depth)

    @Test(arguments: 1...4)
    func expressionsOfAllKinds(dimension: Int) throws {
        let options = ManyDimensionalOptions(objective: .depth, maximumUnits: 3_000, maximumCells: 200)
        var compiled = 0
        for seed in 0..<(dimension < 3 ? 40 : 10) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 131 &+ UInt64(dimension))
            let function = random.expression(dimension, depth: dimension < 3 ? Int(seed % 3) : Int(seed % 2))
            do {
                let network = try ManyDimensionalCompiler.compile(function, options: options).network
                compiled += 1
                #expect(network.hiddenLayers <= bound(dimension), "seed \(seed)")
                let points = (0..<20).map { _ in random.point(dimension) }
                guard agrees(function, network, at: points, seed: seed) else { return }
            } catch ManyDimensionalFault.tooManyCells, ManyDimensionalFault.tooManyUnits { continue }
        }
        #expect(compiled >= 5)
    }

    @Test(arguments: 1...10)
    func maxima(dimension: Int) throws {
        for seed in 0..<12 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 17 &+ UInt64(dimension))
            // Small slopes: equal gradients, and gradients in a subspace.
            let function = FunctionExpression.maxAffine(
                (0..<random.integer(1...(dimension < 5 ? 14 : dimension + 3))).map { _ in
                    AffineFunction(
                        gradient: (0..<dimension).map { axis in
                            seed % 3 == 0 && axis > 1 ? .zero : Rational(random.integer(-2...2))
                        }, intercept: Rational(random.integer(-3...3)))
                })
            let network = try ManyDimensionalCompiler.compile(function, options: options).network
            #expect(network.hiddenLayers <= bound(dimension), "seed \(seed)")
            let points = (0..<20).map { _ in random.point(dimension) }
            guard agrees(function, network, at: points, seed: seed) else { return }
        }
    }

    @Test(arguments: 2...4)
    func meshes(dimension: Int) throws {
        for seed in 0..<(dimension == 2 ? 20 : 5) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 7 &+ UInt64(dimension))
            let mesh = random.mesh(
                dimension, points: random.integer(1...[12, 4, 1][dimension - 2]), isFlat: seed % 2 == 0)
            let network = try ManyDimensionalCompiler.compile(.simplicial(mesh), options: options).network
            #expect(network.hiddenLayers <= bound(dimension), "seed \(seed)")
            let points = mesh.vertices + (0..<20).map { _ in random.point(in: mesh) }
            guard agrees(.simplicial(mesh), network, at: points, seed: seed) else { return }
        }
    }

    @Test func maximumOfFive() {
        var random = RandomFunctions(seed: 5)
        var circuit = ReLUCircuit(inputs: 5)
        let coordinates = (0..<5).map { axis in
            circuit.affine(gradient: (0..<5).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        let form = circuit.maximumOfFive(coordinates)
        #expect(circuit.level(of: form) == 2)
        #expect(circuit.units == 14)
        for _ in 0..<3000 {
            let point = (0..<5).map { _ in Rational(random.integer(-4...4)) }
            #expect(circuit.values(of: [form], at: point) == [point.max() ?? .zero])
        }
        // Every order of five different numbers, some of them far apart.
        for scale in [1, 3, 10] {
            let numbers = (0..<5).map { index in Rational((0..<index).reduce(1) { power, _ in power * scale })
            }
            for order in orders(of: numbers.enumerated().map { $1 + Rational($0) }) {
                #expect(circuit.values(of: [form], at: order) == [order.max() ?? .zero])
            }
        }
    }

    private func orders(of numbers: [Rational]) -> [[Rational]] {
        if numbers.isEmpty { return [[]] }
        return numbers.indices.flatMap { index in
            orders(of: Array(numbers[..<index] + numbers[(index + 1)...])).map { [numbers[index]] + $0 }
        }
    }

    @Test func maximaByPairsAndFives() {
        var random = RandomFunctions(seed: 8)
        for (layers, count) in [(2, 5), (3, 9), (3, 10), (4, 17), (4, 20)] {
            #expect(count <= ShallowMaxima.capacity(layers: layers))
            var circuit = ReLUCircuit(inputs: count)
            let coordinates = (0..<count).map { axis in
                circuit.affine(gradient: (0..<count).map { $0 == axis ? .one : .zero }, intercept: .zero)
            }
            let form = circuit.maximum(of: coordinates, layers: layers)
            #expect(circuit.level(of: form) == layers)
            for _ in 0..<200 {
                let point = (0..<count).map { _ in Rational(random.integer(-9...9)) }
                #expect(circuit.values(of: [form], at: point) == [point.max() ?? .zero])
            }
        }
    }

    /// What Chen, Garudadri and Rao (2022) prove to be enough hidden nodes for q pieces with k affine functions.
    private func publishedBound(pieces q: Int, functions k: Int) -> Int {
        func bits(_ number: Int) -> Int { (0...62).first { 1 << $0 >= number } ?? 63 }
        return (3 * (1 << bits(k)) + 2 * bits(k) - 3) * q + 3 * (1 << bits(q)) - 2 * bits(k) - 3
    }

    @Test(arguments: ManyDimensionalOptions.Objective.allCases)
    func nodesStayBelowThePublishedBound(objective: ManyDimensionalOptions.Objective) throws {
        let options = ManyDimensionalOptions(objective: objective)
        for dimension in 1...4 {
            for seed in 0..<12 as Range<UInt64> {
                var random = RandomFunctions(seed: seed &* 53 &+ UInt64(dimension))
                let count = random.integer(2...(dimension == 4 ? 18 : 40))
                // Tangents of a paraboloid, and functions whose gradients lie on a moment curve.
                let pieces = (0..<count).map { index in
                    let gradient = (0..<dimension).map { axis in
                        seed % 4 == 0
                            ? (0...axis).reduce(Rational.one) { power, _ in
                                power * Rational(index - count / 2)
                            }
                            : Rational(random.integer(-1000...1000), 10)
                    }
                    let square = gradient.reduce(Rational.zero) { $0 + $1 * $1 }
                    return AffineFunction(gradient: gradient, intercept: square / Rational(-200))
                }
                let report = try ManyDimensionalCompiler.compile(.maxAffine(pieces), options: options).report
                let q = report.pieces ?? 0
                #expect(
                    report.size <= publishedBound(pieces: q, functions: q),
                    "n = \(dimension), \(q) pieces, seed \(seed)")
            }
            for seed in 0..<(dimension == 4 ? 2 : 8) as Range<UInt64> {
                var random = RandomFunctions(seed: seed &* 59 &+ UInt64(dimension))
                let mesh = random.mesh(dimension, points: random.integer(1...[30, 20, 8, 2][dimension - 1]))
                let report = try ManyDimensionalCompiler.compile(.simplicial(mesh), options: options).report
                let functions = Set(try SimplicialComplex(mesh, isCancelled: { false }).functions).count
                #expect(
                    report.size <= publishedBound(pieces: report.pieces ?? 0, functions: functions),
                    "n = \(dimension), mesh, seed \(seed)")
            }
        }
    }
}
