@testable import Compilation
import ExactArithmetic
import LinearProgramming
@testable import PiecewiseLinear
import ReLUNetworks
import Testing

@Suite struct MeshPiecesTests {
    /// Components of simplices under a relation of pairs.
    private static func components(_ members: [Int], joined: (Int, Int) throws -> Bool) rethrows -> [[Int]] {
        var left = members
        var found: [[Int]] = []
        while let first = left.popLast() {
            var part = [first]
            var place = 0
            while place < part.count {
                var rest: [Int] = []
                for other in left {
                    if try joined(part[place], other) { part.append(other) } else { rest.append(other) }
                }
                left = rest
                place += 1
            }
            found.append(part)
        }
        return found
    }

    /// Whether two simplices share a point at which f = g, by linear programs.
    private static func meet(_ complex: SimplicialComplex, _ a: Int, _ b: Int, where g: AffineForm) throws
        -> Bool
    {
        let polyhedra = complex.polyhedralFunction.cells
        let program = LinearProgram(
            maximising: [Rational](repeating: .zero, count: complex.dimension),
            inequalities: polyhedra[a].polyhedron.inequalities + polyhedra[b].polyhedron.inequalities,
            equations: [a, b].map {
                let difference = complex.functions[$0] - g
                return LinearInequality(
                    normal: difference.gradient(complex.dimension), offset: -difference.constant)
            })
        if case .infeasible = try program.solved() { return false }
        return true
    }

    @Test(arguments: 1...3) func againstPairsOfSimplices(dimension: Int) throws {
        var strict = 0
        for seed in 0..<(dimension < 3 ? 60 : 25) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 19 &+ UInt64(dimension))
            let points = random.mesh(dimension, points: random.integer(1...(dimension < 3 ? 9 : 4)))
            // Few values, so that the same affine functions come again.
            let mesh = SimplicialFunction(
                uncheckedDimension: dimension, vertices: points.vertices, simplices: points.simplices,
                values: points.vertices.map { _ in Rational(random.integer(0...2) == 0 ? 6 : 0) })
            let complex = try SimplicialComplex(mesh, isCancelled: { false })
            let pieces = try MeshPieces(complex, isCancelled: { false })
            let all = Array(complex.simplices.indices)
            let groups = Dictionary(grouping: all) { complex.functions[$0] }
            #expect(pieces.affine == groups.count, "seed \(seed)")
            let shared = { (a: Int, b: Int) in
                Set(complex.simplices[a]).intersection(complex.simplices[b]).count
            }
            let open = groups.values.reduce(0) { sum, group in
                sum + Self.components(group) { shared($0, $1) >= dimension }.count
            }
            let closed = groups.values.reduce(0) { sum, group in
                sum + Self.components(group) { shared($0, $1) >= 1 }.count
            }
            let level = try groups.reduce(0) { sum, group in
                let parts = try Self.components(all) { try Self.meet(complex, $0, $1, where: group.key) }
                let members = Set(group.value)
                return sum + parts.count { !members.isDisjoint(with: $0) }
            }
            #expect(pieces.open == open && pieces.closed == closed && pieces.level == level, "seed \(seed)")
            #expect(Set(pieces.pieces).count == level)
            if level < closed { strict += 1 }
        }
        #expect(dimension != 2 || strict > 0)
    }

    @Test func onALine() throws {
        // Affine on [0, 2]; twice the same function with another between.
        let mesh = try SimplicialFunction(axes: [[0, 1, 2, 3, 4]], values: [0, 1, 2, 0, 4])
        let report = try ManyDimensionalCompiler.compile(.simplicial(mesh)).report
        #expect(report.pieces == 3)
    }
}

@Suite struct PlanarPiecesTests {
    /// The polygons fill the window, without overlap, and on each the function is the given one.
    @Test func fillTheWindow() throws {
        for seed in 0..<30 as Range<UInt64> {
            var random = RandomFunctions(seed: seed)
            let function = random.expression(2, depth: Int(seed % 2))
            let pieces: PlanarPieces
            do {
                pieces = try PlanarPieces(function, maximumCells: 2000, isCancelled: { false })
            } catch { continue }
            var area = Rational.zero
            for cell in pieces.cells {
                var twice = Rational.zero
                for (a, b) in zip(cell.corners, cell.corners.dropFirst() + [cell.corners[0]]) {
                    twice += a[0] * b[1] - a[1] * b[0]
                }
                area += twice.magnitude / Rational(2)
                let share = Rational(1, cell.corners.count)
                let middle = (0..<2).map { axis in
                    cell.corners.reduce(Rational.zero) { $0 + $1[axis] } * share
                }
                #expect(FunctionOracle.value(function, middle) == cell.function(middle), "seed \(seed)")
            }
            let window = pieces.window.map { $0.upperBound - $0.lowerBound }
            #expect(area == window[0] * window[1], "seed \(seed)")
        }
    }
}
