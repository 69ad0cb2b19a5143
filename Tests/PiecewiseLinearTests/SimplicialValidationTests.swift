import ExactArithmetic
import PiecewiseLinear
import Testing

/// Simplices are accepted exactly where they meet in whole faces and have a convex union.
@Suite struct SimplicialValidationTests {
    /// A simplex cut by points put onto its faces, one after the other.
    private struct Mesh {
        var vertices: [[Rational]] = []
        var simplices: [[Int]] = []

        init(_ dimension: Int, points: Int, _ random: inout SmallNumbers) {
            vertices = [[Rational](repeating: .zero, count: dimension)]
            for axis in 0..<dimension {
                vertices.append((0..<dimension).map { $0 == axis ? Rational(6) : .zero })
            }
            simplices = [Array(0...dimension)]
            for _ in 0..<points {
                let simplex = simplices[random.integer(0...simplices.count - 1)]
                let face = Array(simplex.shuffled(using: &random).prefix(random.integer(2...dimension + 1)))
                let share = Rational(1, face.count)
                vertices.append(
                    (0..<dimension).map { axis in
                        face.reduce(Rational.zero) { $0 + vertices[$1][axis] } * share
                    })
                let new = vertices.count - 1
                simplices = simplices.flatMap { corners -> [[Int]] in
                    guard face.allSatisfy(corners.contains) else { return [corners] }
                    return face.map { removed in corners.map { $0 == removed ? new : $0 } }
                }
            }
        }

        func function(_ random: inout SmallNumbers) throws -> SimplicialFunction {
            try SimplicialFunction(
                vertices: vertices, simplices: simplices,
                values: vertices.map { _ in Rational(random.integer(-5...5)) })
        }

        /// Whether each facet of the simplex belongs to another one too.
        func isInner(_ index: Int) -> Bool {
            simplices[index].allSatisfy { corner in
                let facet = Set(simplices[index]).subtracting([corner])
                return simplices.indices.contains { $0 != index && facet.isSubset(of: simplices[$0]) }
            }
        }
    }

    private func name(_ body: () throws(FunctionFault) -> SimplicialFunction) -> String {
        do { _ = try body() } catch {
            switch error {
            case .domainNotConvex: return "gap"
            case .overlappingSimplices: return "overlap"
            case .simplicesMeetInPart: return "part"
            case .flatSimplex: return "flat"
            case .verticesDisagree: return "values"
            default: return "\(error)"
            }
        }
        return "none"
    }

    @Test(arguments: 1...4) func meshes(dimension: Int) throws {
        var gaps = 0
        for seed in 0..<60 as Range<UInt64> {
            var random = SmallNumbers(seed: seed &* 17 &+ UInt64(dimension))
            let mesh = Mesh(dimension, points: random.integer(0...6), &random)
            let function = try mesh.function(&random)
            #expect(function.dimension == dimension && function.simplices.count == mesh.simplices.count)
            let values = mesh.vertices.map { _ in Rational.one }
            let index = random.integer(0...mesh.simplices.count - 1)
            var damaged = mesh
            damaged.simplices.append(mesh.simplices[index].shuffled(using: &random))
            let twice = damaged.simplices
            #expect(
                name { () throws(FunctionFault) in
                    try SimplicialFunction(vertices: mesh.vertices, simplices: twice, values: values)
                } == "overlap", "seed \(seed)")
            if mesh.isInner(index) {
                damaged.simplices = mesh.simplices
                damaged.simplices.remove(at: index)
                let fewer = damaged.simplices
                #expect(
                    name { () throws(FunctionFault) in
                        try SimplicialFunction(vertices: mesh.vertices, simplices: fewer, values: values)
                    } == "gap", "seed \(seed)")
                gaps += 1
            }
            // A corner's copy at the same point is the same corner, with the same value.
            var vertices = mesh.vertices
            vertices.append(vertices[mesh.simplices[index][0]])
            damaged.simplices = mesh.simplices
            damaged.simplices[index][0] = vertices.count - 1
            let copied = damaged.simplices
            #expect(
                name { () throws(FunctionFault) in
                    try SimplicialFunction(
                        vertices: vertices, simplices: copied, values: values + [.one])
                } == "none", "seed \(seed)")
            #expect(
                name { () throws(FunctionFault) in
                    try SimplicialFunction(
                        vertices: vertices, simplices: copied, values: values + [.zero])
                } == "values", "seed \(seed)")
        }
        #expect(gaps > 0)
    }

    /// Two rounds around a point: every facet has two simplices, on different sides, and yet they overlap.
    @Test func twofoldCoverings() {
        let around: [[Rational]] = [
            [3, 0], [0, 3], [-3, 0], [0, -3], [3, 1], [-1, 3], [-3, -1], [1, -3],
        ]
        let ring = [0, 1, 2, 3, 4, 5, 6, 7]
        let vertices = [[Rational.zero, .zero]] + around
        let simplices = ring.map { [0, 1 + $0, 1 + ($0 + 1) % 8] }
        let found = name { () throws(FunctionFault) in
            try SimplicialFunction(
                vertices: vertices, simplices: simplices, values: vertices.map { _ in .one })
        }
        #expect(["overlap", "part", "gap"].contains(found), "\(found)")
    }

    @Test func hangingVertices() {
        let vertices: [[Rational]] = [[0, 0], [2, 0], [0, 2], [2, 2], [1, 1]]
        let found = name { () throws(FunctionFault) in
            try SimplicialFunction(
                vertices: vertices, simplices: [[0, 1, 2], [1, 3, 4], [2, 3, 4]], values: [0, 0, 0, 0, 0])
        }
        #expect(found == "part")
    }

    @Test func grids() throws {
        let grid = try SimplicialFunction(
            axes: [[0, 1, 3], [0, 2], [-1, 0]], values: (0..<12).map { Rational($0) })
        #expect(grid.simplices.count == 2 * 6 && grid.vertices.count == 12)
        // The simplices of a grid are a complex like any other.
        let again = try SimplicialFunction(
            vertices: grid.vertices, simplices: grid.simplices, values: grid.values)
        #expect(again == grid)
        #expect(throws: FunctionFault.axisNotIncreasing(axis: 1, index: 1)) {
            try SimplicialFunction(axes: [[0, 1], [2, 2]], values: [0, 0, 0, 0])
        }
        #expect(throws: FunctionFault.shortAxis(0)) {
            try SimplicialFunction(axes: [[0], [1, 2]], values: [0, 0])
        }
        #expect(throws: FunctionFault.shapesDisagree) {
            try SimplicialFunction(axes: [[0, 1], [1, 2]], values: [0, 0, 0])
        }
    }
}
