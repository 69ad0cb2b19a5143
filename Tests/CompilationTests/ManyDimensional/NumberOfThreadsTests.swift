@testable import Compilation
import ExactArithmetic
import LinearProgramming
import PiecewiseLinear
import ReLUNetworks
import Testing

/// Networks, pieces and problems are those of one thread, whatever the number of threads.
@Suite struct NumberOfThreadsTests {
    private func options(_ objective: ManyDimensionalOptions.Objective, threads: Int)
        -> ManyDimensionalOptions
    {
        ManyDimensionalOptions(objective: objective, maximumUnits: 3_000, maximumCells: 300, threads: threads)
    }

    private func compiled(_ function: FunctionExpression, _ options: ManyDimensionalOptions)
        -> Result<ManyDimensionalReport, ManyDimensionalFault>
    {
        do throws(ManyDimensionalFault) {
            return .success(try ManyDimensionalCompiler.compile(function, options: options).report)
        } catch {
            // How much was found by then may depend on it.
            if case .tooManyCells(let limit, _) = error {
                return .failure(.tooManyCells(limit: limit, reached: limit))
            }
            return .failure(error)
        }
    }

    /// Weights and biases.
    private func parameters(_ function: FunctionExpression, _ options: ManyDimensionalOptions)
        -> [[Rational]]?
    {
        let network = try? ManyDimensionalCompiler.compile(function, options: options).network
        return network?.layers.flatMap { [$0.weights, $0.bias] }
    }

    private func sameForAllNumbers(_ function: FunctionExpression, _ comment: Comment) {
        for objective in ManyDimensionalOptions.Objective.allCases {
            let (one, four) = (options(objective, threads: 1), options(objective, threads: 4))
            #expect(compiled(function, one) == compiled(function, four), comment)
            #expect(parameters(function, one) == parameters(function, four), comment)
        }
    }

    @Test(arguments: 1...3)
    func expressions(dimension: Int) {
        for seed in 0..<12 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 41 &+ UInt64(dimension))
            sameForAllNumbers(random.expression(dimension, depth: Int(seed % 3)), "seed \(seed)")
        }
    }

    @Test(arguments: 2...4)
    func meshesAndMaxima(dimension: Int) {
        for seed in 0..<4 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 43 &+ UInt64(dimension))
            let mesh = random.mesh(dimension, points: random.integer(2...[40, 8, 2][dimension - 2]))
            sameForAllNumbers(.simplicial(mesh), "mesh, seed \(seed)")
            let pieces = (0..<20).map { _ in
                AffineFunction(
                    gradient: (0..<dimension).map { _ in Rational(random.integer(-9...9)) },
                    intercept: Rational(random.integer(-9...9)))
            }
            sameForAllNumbers(.maxAffine(pieces), "maximum, seed \(seed)")
        }
    }

    @Test(arguments: 2...3)
    func regionsAndTheirPieces(dimension: Int) throws {
        for seed in 0..<8 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 47 &+ UInt64(dimension))
            let mesh = random.mesh(dimension, points: random.integer(3...(dimension == 2 ? 30 : 6)))
            let complex = try SimplicialComplex(mesh, isCancelled: { false })
            let regions = complex.polyhedralFunction.cells.map { cell in
                RegionFunction.Region(
                    halfSpaces: cell.polyhedron.inequalities.map {
                        HalfSpace(normal: $0.normal, offset: $0.offset)
                    },
                    function: AffineFunction(
                        gradient: cell.function.gradient(dimension), intercept: cell.function.constant))
            }
            let (one, four) = (
                try RegionFunction(regions: regions, dimension: dimension),
                try RegionFunction(regions: regions, dimension: dimension, threads: 4)
            )
            #expect(one == four, "seed \(seed)")
            sameForAllNumbers(.regions(four), "seed \(seed)")
            for function in [FunctionExpression.regions(one), .simplicial(mesh)] {
                let pieces = try [1, 4].map {
                    try PolyhedralPieces(of: function, maximumCells: 1000, threads: $0)
                }
                #expect(
                    pieces[0].level == pieces[1].level && pieces[0].open == pieces[1].open, "seed \(seed)")
                #expect(
                    pieces[0].closed == pieces[1].closed && pieces[0].affine == pieces[1].affine,
                    "seed \(seed)")
            }
        }
    }

    @Test func theFirstFaultIsTold() {
        // Three regions, the second and third of which are empty.
        func region(_ lower: Int, _ upper: Int) -> RegionFunction.Region {
            .init(
                halfSpaces: [
                    HalfSpace(normal: [-1], offset: Rational(-lower)),
                    HalfSpace(normal: [1], offset: Rational(upper)),
                ], function: AffineFunction(gradient: [0], intercept: 0))
        }
        let regions = (0..<40).map { $0 < 17 ? region($0, $0 + 1) : region($0, $0 - 1) }
        for threads in [1, 2, 8] {
            #expect(throws: FunctionFault.emptyRegion(17)) {
                try RegionFunction(regions: regions, dimension: 1, threads: threads)
            }
        }
    }
}
