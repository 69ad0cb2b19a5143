import ExactArithmetic
import LinearProgramming
import ReLUNetworks
import Testing

@testable import Compilation
@testable import PiecewiseLinear

/// Pieces of functions on polyhedra, against linear programs on all pairs of polyhedra.
@Suite struct PolyhedralPiecesTests {
    private static func components(_ count: Int, joined: (Int, Int) throws -> Bool) rethrows -> [Int] {
        var sets = Array(0..<count)
        func root(_ element: Int) -> Int { sets[element] == element ? element : root(sets[element]) }
        for a in 0..<count {
            for b in 0..<a where root(a) != root(b) {
                if try joined(a, b) { sets[root(a)] = root(b) }
            }
        }
        return (0..<count).map(root)
    }

    /// Whether two partitions are the same.
    private static func agree(_ a: [Int], _ b: [Int]) -> Bool {
        Set(zip(a, b).map { [$0, $1] }).count == Set(a).count && Set(a).count == Set(b).count
    }

    private func check(
        _ function: FunctionExpression, in box: [ClosedRange<Rational>]?, dimension: Int, _ comment: Comment,
        strict: inout Int
    ) throws {
        let pieces: PolyhedralPieces
        do {
            pieces = try PolyhedralPieces(of: function, in: box, maximumCells: 60)
        } catch ManyDimensionalFault.tooManyCells { return }
        let regions = (0..<pieces.cellCount).map(pieces.region)
        let polyhedra = regions.map { region in
            Polyhedron(
                dimension: dimension,
                inequalities: region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) }
            )
        }
        for (region, polyhedron) in zip(regions, polyhedra) {
            for vertex in region.vertices {
                #expect(polyhedron.contains(vertex), comment)
                #expect(FunctionOracle.value(function, vertex) == region.function(vertex), comment)
            }
            // From a vertex along the directions, and between the vertices.
            let share = Rational(1, max(1, region.vertices.count))
            var middle = (0..<dimension).map { axis in
                region.vertices.reduce(Rational.zero) { $0 + $1[axis] } * share
            }
            for ray in region.rays {
                for axis in 0..<dimension { middle[axis] += ray[axis] * Rational(5, 3) }
            }
            #expect(polyhedron.contains(middle), comment)
            #expect(FunctionOracle.value(function, middle) == region.function(middle), comment)
        }
        func shares(_ a: Int, _ b: Int) throws -> Int {
            switch try polyhedra[a].intersection(polyhedra[b]).affineHull() {
            case .empty: -1
            case .space(let dimension, _, _): dimension
            }
        }
        let isSame = { (a: Int, b: Int) in regions[a].function == regions[b].function }
        let open = try Self.components(regions.count) {
            try isSame($0, $1) && shares($0, $1) >= dimension - 1
        }
        let closed = try Self.components(regions.count) { try isSame($0, $1) && shares($0, $1) >= 0 }
        #expect(Self.agree(pieces.open, open), comment)
        #expect(Self.agree(pieces.closed, closed), comment)
        var level = [Int](repeating: 0, count: regions.count)
        for function in Set(regions.map(\.function)) {
            let parts = try Self.components(regions.count) { a, b in
                let program = LinearProgram(
                    maximising: [Rational](repeating: .zero, count: dimension),
                    inequalities: polyhedra[a].inequalities + polyhedra[b].inequalities,
                    equations: [a, b].map { index in
                        LinearInequality(
                            normal: zip(regions[index].function.gradient, function.gradient).map { $0 - $1 },
                            offset: function.intercept - regions[index].function.intercept)
                    })
                if case .infeasible = try program.solved() { return false }
                return true
            }
            for index in regions.indices where regions[index].function == function {
                level[index] =
                    parts[index] + regions.count * (regions.firstIndex { $0.function == function } ?? 0)
            }
        }
        #expect(Self.agree(pieces.level, level), comment)
        #expect(pieces.counts.affine == Set(regions.map(\.function)).count, comment)
        #expect(
            pieces.counts.open == Set(open).count && pieces.counts.closed == Set(closed).count
                && pieces.counts.level == Set(level).count, comment)
        if pieces.counts.level < pieces.counts.open { strict += 1 }
    }

    private func box(_ random: inout RandomFunctions, _ dimension: Int) -> [ClosedRange<Rational>]? {
        if random.integer(0...1) == 0 { return nil }
        return (0..<dimension).map { _ in
            let lower = Rational(random.integer(-6...2), 2)
            return lower...(lower + Rational(random.integer(1...8), 2))
        }
    }

    @Test(arguments: 1...3) func meshes(dimension: Int) throws {
        var strict = 0
        for seed in 0..<(dimension < 3 ? 40 : 12) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 23 &+ UInt64(dimension))
            let points = random.mesh(dimension, points: random.integer(1...(dimension < 3 ? 9 : 3)))
            let mesh = SimplicialFunction(
                uncheckedDimension: dimension, vertices: points.vertices, simplices: points.simplices,
                values: points.vertices.map { _ in Rational(random.integer(0...2) == 0 ? 6 : 0) })
            try check(
                .simplicial(mesh), in: box(&random, dimension), dimension: dimension, "seed \(seed)",
                strict: &strict)
            let counts = try MeshPieces(
                SimplicialComplex(mesh, isCancelled: { false }), isCancelled: { false })
            let whole = try PolyhedralPieces(of: .simplicial(mesh), maximumCells: 1000)
            #expect(whole.level == counts.pieces, "seed \(seed)")
            #expect(whole.counts.open == counts.open && whole.counts.closed == counts.closed, "seed \(seed)")
        }
        #expect(dimension != 2 || strict > 0)
    }

    @Test func progressGoesThroughItsPhases() throws {
        var random = RandomFunctions(seed: 5)
        let points = random.mesh(2, points: 40)
        let mesh = SimplicialFunction(
            uncheckedDimension: 2, vertices: points.vertices, simplices: points.simplices,
            values: points.vertices.map { _ in Rational(random.integer(0...2) == 0 ? 6 : 0) })
        var reports: [(phase: String, fraction: Double)] = []
        _ = try PolyhedralPieces(
            of: .simplicial(mesh), maximumCells: 1000, progress: { reports.append(($0, $1)) })
        var phases: [String] = []
        for (index, report) in reports.enumerated() {
            #expect((0...1).contains(report.fraction))
            if phases.last == report.phase {
                #expect(reports[index - 1].fraction <= report.fraction)
            } else {
                phases.append(report.phase)
            }
        }
        #expect(phases == ["cutting", "joining", "meeting", "connecting"])
    }

    /// Functions of functions, on all of R^n with lines in their cells, and in boxes.
    @Test(arguments: 1...3) func expressions(dimension: Int) throws {
        var strict = 0
        for seed in 0..<(dimension < 3 ? 60 : 15) as Range<UInt64> {
            var random = RandomFunctions(seed: seed &* 31 &+ UInt64(dimension))
            let function = random.expression(dimension, depth: Int(seed % 2))
            try check(
                function, in: box(&random, dimension), dimension: dimension, "seed \(seed)", strict: &strict)
        }
    }

    /// Regions that meet in parts of facets.
    @Test func bricks() throws {
        var strict = 0
        for seed in 0..<40 as Range<UInt64> {
            var random = RandomFunctions(seed: seed &+ 900)
            // Columns of bricks of different heights; the function depends on the column.
            var regions: [RegionFunction.Region] = []
            let slopes = (0..<3).map { _ in Rational(random.integer(-1...1)) }
            var value = Rational.zero
            for column in 0..<3 {
                let cuts = Array(
                    Set([0, 6] + (0..<random.integer(0...2)).map { _ in random.integer(1...5) })
                ).sorted()
                let function = AffineFunction(
                    gradient: [slopes[column], .zero], intercept: value - slopes[column] * Rational(column))
                value += slopes[column]
                for (low, high) in zip(cuts, cuts.dropFirst()) {
                    let rows: [([Int], Int)] = [
                        ([1, 0], column + 1), ([-1, 0], -column), ([0, 1], high), ([0, -1], -low),
                    ]
                    regions.append(
                        .init(
                            halfSpaces: rows.map {
                                HalfSpace(normal: $0.0.map { Rational($0) }, offset: Rational($0.1))
                            }, function: function))
                }
            }
            let function = try RegionFunction(regions: regions, dimension: 2)
            try check(.regions(function), in: box(&random, 2), dimension: 2, "seed \(seed)", strict: &strict)
        }
    }
}
