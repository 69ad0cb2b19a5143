@testable import Compilation
import ExactArithmetic
import LinearProgramming
@testable import PiecewiseLinear
import ReLUNetworks
import Testing

/// A function cut into the regions on which a circuit for it has one activation pattern.
private func regions(of function: FunctionExpression, _ dimension: Int, in box: [ClosedRange<Rational>]?)
    throws
    -> RegionFunction?
{
    var expression = ExpressionCircuit(inputs: dimension, maximumUnits: 100, isCancelled: { false }) {
        (_) throws(ManyDimensionalFault) in throw .discontinuous
    }
    let output = try expression.form(function, of: expression.coordinates)
    let cells: PolyhedralFunction
    do {
        cells = try PolyhedralFunction(
            expression.circuit, output, box: box, maximumCells: 60, isCancelled: { false })
    } catch { return nil }
    return RegionFunction(
        uncheckedDimension: dimension,
        regions: cells.cells.map { cell in
            .init(
                halfSpaces: cell.polyhedron.inequalities.map {
                    HalfSpace(normal: $0.normal, offset: $0.offset)
                },
                function: AffineFunction(
                    gradient: cell.function.gradient(dimension), intercept: cell.function.constant))
        }, isDomainConvex: true, coversSpace: box == nil, discontinuity: .zero)
}

@Suite struct RegionCompilationTests {
    @Test(arguments: 1...4, ManyDimensionalOptions.Objective.allCases)
    func regionsOfAllKinds(dimension: Int, objective: ManyDimensionalOptions.Objective) throws {
        for seed in 0..<(dimension < 3 ? 20 : 6) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 13 &+ UInt64(dimension))
            let function = random.expression(dimension, depth: Int(seed % 2))
            let box =
                seed % 3 == 0
                ? nil : (0..<dimension).map { Rational(-3)...Rational($0 + 2) }
            guard let regions = try regions(of: function, dimension, in: box) else { continue }
            let compilation = try ManyDimensionalCompiler.compile(
                .regions(regions), options: .init(objective: objective, maximumCells: 3_000))
            if objective == .depth {
                #expect(compilation.network.hiddenLayers <= [1, 2, 2, 2][dimension - 1], "seed \(seed)")
            }
            #expect(compilation.report.exact)
            let points = (0..<25).map { _ in random.point(dimension, 3) }.filter { point in
                box.map { zip($0, point).allSatisfy { $0.contains($1) } } ?? true
            }
            guard agrees(function, compilation.network, at: points, seed: seed) else { return }
        }
    }

    /// On simplices of a mesh the form without certificates is wrong now and then; the certified one never.
    @Test func latticeFormsOnMeshes() throws {
        var uncertifiedFailures = 0
        for seed in 0..<40 as Range<UInt64> {
            var random = RandomFunctions(seed: seed)
            let dimension = seed % 4 == 0 ? 3 : 2
            let mesh = random.mesh(dimension, points: dimension == 2 ? 9 : 4)
            let function = try SimplicialComplex(mesh, isCancelled: { false }).polyhedralFunction
            let lattice = try RegionLattice(
                function, tolerance: .zero, maximumCells: 1_000, progress: { _ in }, isCancelled: { false })
            let points = mesh.vertices + (0..<40).map { _ in random.point(in: mesh) }
            func value(_ selections: [[Int]], _ point: [Rational]) -> Rational? {
                let values = lattice.functions.map { $0.value(at: point) }
                return selections.compactMap { $0.map { values[$0] }.min() }.max()
            }
            let expected = points.map { FunctionOracle.value(.simplicial(mesh), $0) }
            #expect(points.map { value(lattice.selections, $0) } == expected, "seed \(seed)")
            if let reduced = try lattice.reduced() {
                #expect(points.map { value(reduced, $0) } == expected, "seed \(seed)")
            }
            // The published form: one selection a piece, nothing checked.
            let published = mesh.simplices.indices.map { index -> [Int] in
                let own = function.cells[index].function
                let corners = mesh.simplices[index].map { mesh.vertices[$0] }
                return lattice.functions.indices.filter { other in
                    corners.allSatisfy { lattice.functions[other].value(at: $0) >= own.value(at: $0) }
                }
            }
            if points.map({ value(published, $0) }) != expected { uncertifiedFailures += 1 }
        }
        #expect(uncertifiedFailures > 0)
    }

    /// Regions may be given twice, or overlap, where their functions are the same.
    @Test(arguments: [2, 3], ManyDimensionalOptions.Objective.allCases)
    func regionsThatOverlap(dimension: Int, objective: ManyDimensionalOptions.Objective) throws {
        func region(_ sides: [(Int, Int)], _ slope: Int) -> RegionFunction.Region {
            let zeros = [Rational](repeating: .zero, count: dimension - 1)
            return .init(
                halfSpaces: sides.map { HalfSpace(normal: [Rational($0)] + zeros, offset: Rational($1)) },
                function: AffineFunction(gradient: [Rational(slope)] + zeros, intercept: .zero))
        }
        let left = region([(1, 0)], -1)
        let right = region([(-1, 0)], 2)
        let strip = region([(-1, -1), (1, 3)], 2)
        for regions in [[left, right, right], [left, right, strip], [left, left, strip, right]] {
            let function = FunctionExpression.regions(
                RegionFunction(
                    uncheckedDimension: dimension, regions: regions, isDomainConvex: true,
                    coversSpace: true, discontinuity: .zero))
            let network = try ManyDimensionalCompiler.compile(function, options: .init(objective: objective))
                .network
            var random = RandomFunctions(seed: 2)
            let points = (0..<30).map { _ in random.point(dimension) }
            guard agrees(function, network, at: points, seed: 2) else { return }
        }
    }

    @Test func regionsThatDisagreeWithinATolerance() throws {
        // x ≥ 0 and x ≤ 0 with values that differ by 1/10 on the line between them.
        let regions = RegionFunction(
            uncheckedDimension: 3,
            regions: [
                .init(
                    halfSpaces: [HalfSpace(normal: [1, 0, 0], offset: 0)],
                    function: AffineFunction(gradient: [1, 1, 0], intercept: 0)),
                .init(
                    halfSpaces: [HalfSpace(normal: [-1, 0, 0], offset: 0)],
                    function: AffineFunction(gradient: [2, 1, 0], intercept: Rational(1, 10))),
            ], isDomainConvex: true, coversSpace: true,
            discontinuity: Rational(1, 10))
        let compilation = try ManyDimensionalCompiler.compile(.regions(regions))
        #expect(!compilation.report.exact)
        #expect(compilation.report.maximumDeviation >= Rational(1, 20))
        var random = RandomFunctions(seed: 1)
        for _ in 0..<50 {
            let point = random.point(3)
            let value = FunctionOracle.value(.regions(regions), point) ?? .zero
            #expect((compilation.network(point)[0] - value).magnitude <= compilation.report.maximumDeviation)
        }
    }
}
