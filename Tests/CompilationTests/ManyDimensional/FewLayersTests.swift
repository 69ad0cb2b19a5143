@testable import Compilation
import ExactArithmetic
import PiecewiseLinear
@testable import ReLUNetworks
import Testing

/// Hidden layers that are always enough.
private func bound(_ dimension: Int) -> Int { [0, 1, 2, 2, 2, 3, 3, 3, 4][dimension] }

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

    @Test(arguments: 1...8)
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
        for _ in 0..<300 {
            let point = (0..<5).map { _ in Rational(random.integer(-4...4)) }
            #expect(circuit.values(of: [form], at: point) == [point.max() ?? .zero])
        }
    }
}
