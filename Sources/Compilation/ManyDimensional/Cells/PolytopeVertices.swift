internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import ReLUNetworks

/// A polytope by its vertices, each with the inequalities that hold with equality there.
///
/// The double description method (Motzkin, Raiffa, Thompson, Thrall 1953): a box that holds the polytope is cut by one
/// inequality after the other; two vertices span an edge where no third one has all of their common equalities.
struct PolytopeVertices: Sendable {
    struct Vertex: Sendable {
        var point: [Rational]
        /// Bit i: inequality i, the box's sides first.
        var tight: UInt128
    }

    /// The most inequalities of a polytope, the box's sides among them.
    static let maximumInequalities = 128

    let dimension: Int
    private(set) var vertices: [Vertex] = []

    /// - Parameter box: it holds the polytope in its interior.
    /// - Precondition: no more inequalities than `maximumInequalities`.
    init(_ polyhedron: Polyhedron, inside box: [ClosedRange<Rational>]) {
        dimension = polyhedron.dimension
        for mask in 0..<(1 << dimension) {
            var tight: UInt128 = 0
            let point = box.indices.map { axis -> Rational in
                let isUpper = mask >> axis & 1 == 1
                tight |= 1 << UInt128(2 * axis + (isUpper ? 1 : 0))
                return isUpper ? box[axis].upperBound : box[axis].lowerBound
            }
            vertices.append(Vertex(point: point, tight: tight))
        }
        for (index, inequality) in polyhedron.inequalities.enumerated() {
            cut(inequality, bit: 1 << UInt128(2 * dimension + index))
        }
    }

    private mutating func cut(_ inequality: LinearInequality, bit: UInt128) {
        let slacks = vertices.map { inequality.slack(at: $0.point) }
        var kept: [Vertex] = []
        for (vertex, slack) in zip(vertices, slacks) where slack.sign >= 0 {
            kept.append(slack.isZero ? Vertex(point: vertex.point, tight: vertex.tight | bit) : vertex)
        }
        for (inner, slack) in zip(vertices, slacks) where slack.sign > 0 {
            for (outer, excess) in zip(vertices, slacks) where excess.sign < 0 {
                let common = inner.tight & outer.tight
                guard common.nonzeroBitCount >= dimension - 1,
                    vertices.count(where: { $0.tight & common == common }) == 2
                else { continue }
                let share = slack / (slack - excess)
                kept.append(
                    Vertex(
                        point: zip(inner.point, outer.point).map { $0 + share * ($1 - $0) },
                        tight: common | bit))
            }
        }
        vertices = kept
    }

    /// Simplices of vertices, by the numbers given: of each face the vertex of least number is joined to the simplices
    /// of the facets that lack it. Polytopes that share a face get the same simplices on it.
    func simplices(numbers: [Int]) -> [[Int]] {
        pulled(vertices.indices.sorted { numbers[$0] < numbers[$1] }, dimension).map {
            $0.map { numbers[$0] }
        }
    }

    private func pulled(_ face: [Int], _ dimension: Int) -> [[Int]] {
        if face.count == dimension + 1 { return [face] }
        guard let apex = face.first else { return [] }
        var facets: [[Int]] = []
        let all = face.reduce(UInt128(0)) { $0 | vertices[$1].tight }
        for bit in 0..<Self.maximumInequalities where all >> UInt128(bit) & 1 == 1 {
            let members = face.filter { vertices[$0].tight >> UInt128(bit) & 1 == 1 }
            if members.count < face.count, members.count >= dimension, !facets.contains(members) {
                facets.append(members)
            }
        }
        // Facets are the largest of the proper faces.
        let sets = facets.map { Set($0) }
        return facets.indices.filter { index in
            !facets[index].contains(apex)
                && !sets.indices.contains { $0 != index && sets[index].isStrictSubset(of: sets[$0]) }
        }.flatMap { pulled(facets[$0], dimension - 1).map { [apex] + $0 } }
    }
}

extension PolyhedralFunction {
    /// The function on simplices; `nil` where some polyhedron is unbounded or has very many inequalities, where the
    /// polyhedra do not meet in whole faces or their union is not convex, or where there would be too many simplices.
    func triangulated(
        maximumSimplices: Int, threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) -> SimplicialComplex? {
        let most = PolytopeVertices.maximumInequalities - 2 * dimension
        guard dimension > 0, cells.allSatisfy({ $0.polyhedron.inequalities.count <= most }) else {
            return nil
        }
        let cells = cells
        let boxes = try parallelMap(cells.count, threads: threads) { (index) throws(ManyDimensionalFault) in
            try cells[index].boundingBox(isCancelled)
        }.compactMap(\.self)
        guard boxes.count == cells.count else { return nil }
        let polytopes = try parallelMap(cells.count, threads: threads) {
            (index) throws(ManyDimensionalFault) in
            if isCancelled() { throw .cancelled }
            return PolytopeVertices(
                cells[index].polyhedron,
                inside: boxes[index].map { ($0.lowerBound - .one)...($0.upperBound + .one) })
        }
        var places: [[Rational]: Int] = [:]
        var points: [[Rational]] = []
        var values: [Rational] = []
        var simplices: [[Int]] = []
        for (cell, polytope) in zip(cells, polytopes) {
            if isCancelled() { throw .cancelled }
            let numbers = polytope.vertices.map { vertex in
                if let known = places[vertex.point] { return known }
                places[vertex.point] = points.count
                points.append(vertex.point)
                values.append(cell.function.value(at: vertex.point))
                return points.count - 1
            }
            simplices += polytope.simplices(numbers: numbers)
            if simplices.count > maximumSimplices { return nil }
        }
        let complex = try SimplicialComplex(
            dimension: dimension, vertices: points, simplices: simplices, values: values, threads: threads,
            isCancelled: isCancelled)
        return try complex.isConvexAndFaceToFace(isCancelled) ? complex : nil
    }
}

extension PolyhedralFunction.Cell {
    /// `nil` where the cell is unbounded.
    func boundingBox(_ isCancelled: () -> Bool) throws(ManyDimensionalFault) -> [ClosedRange<Rational>]? {
        var box: [ClosedRange<Rational>] = []
        for axis in 0..<polyhedron.dimension {
            var ends: [Rational] = []
            for sign in [Rational(-1), .one] {
                var objective = [Rational](repeating: .zero, count: polyhedron.dimension)
                objective[axis] = sign
                let outcome = try faultless { () throws(LinearProgrammingFault) in
                    try polyhedron.maximum(of: objective, isCancelled: isCancelled)
                }
                guard case .optimal(_, let value, _) = outcome else { return nil }
                ends.append(sign * value)
            }
            box.append(ends[0]...ends[1])
        }
        return box
    }
}

extension SimplicialComplex {
    /// Whether the simplices meet in whole faces, and their union is convex: the two simplices of a facet lie on
    /// different sides of it, and a facet that one simplex has supports all vertices.
    ///
    /// Where that holds the simplices cover each point of the vertices' hull equally often, which is once if
    /// they do not overlap somewhere.
    func isConvexAndFaceToFace(_ isCancelled: () -> Bool) throws(ManyDimensionalFault) -> Bool {
        var done: Set<AffineForm> = []
        for (index, face) in faces.enumerated() where face.vertices.count == dimension {
            if index & 63 == 0, isCancelled() { throw .cancelled }
            if face.simplices.count > 2 { return false }
            if face.simplices.count == 2 {
                let form = hyperplane(through: index)
                let sides = face.simplices.map { side(of: apex(of: $0, over: index), form) }
                if sides[0] == sides[1] { return false }
            } else if let support = face.support, done.insert(support).inserted {
                let signs = Set(vertices.indices.map { side(of: $0, support) })
                if signs.contains(1) && signs.contains(-1) { return false }
            }
        }
        return true
    }
}
