internal import ExactArithmetic
internal import Threads
internal import PiecewiseLinear
internal import ReLUNetworks

/// A function on simplices with all faces of the complex, its facets' bends and its boundary.
///
/// The domain is convex and the simplices meet in whole faces (`SimplicialFunction` checks both).
struct SimplicialComplex: Sendable {
    struct Face: Sendable {
        /// Increasing.
        var vertices: [Int]
        /// The simplices that have this face.
        var simplices: [Int] = []
        /// A hyperplane of the boundary that holds the face, for faces on the boundary.
        var support: AffineForm?
        /// The hyperplanes along which the function bends at facets that have this face.
        var folds: [Fold] = []
    }

    /// A facet along which the function bends: above its hyperplane it has `bend` · hyperplane more than below.
    struct Fold: Hashable, Sendable {
        var facet: Int
        var hyperplane: Int
        var bend: Rational
    }

    let dimension: Int
    let vertices: [[Rational]]
    /// Each with increasing vertices.
    let simplices: [[Int]]
    /// The affine function on each simplex, as a form of the inputs.
    let functions: [AffineForm]
    private(set) var faces: [Face] = []
    private(set) var places: [[Int]: Int] = [:]
    /// First coefficient 1, different from each other.
    private(set) var hyperplanes: [AffineForm] = []
    private var hyperplanePlaces: [AffineForm: Int] = [:]
    /// By facet: its fold, where the function bends there.
    private(set) var folds: [Int: Fold] = [:]

    /// A complex whose domain is convex and whose simplices have interior and meet in whole faces.
    ///
    /// - Parameter values: one a vertex.
    init(
        dimension: Int, vertices: [[Rational]], simplices: [[Int]], values: [Rational], threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        self.dimension = dimension
        self.vertices = vertices
        let sorted = simplices.map { $0.sorted() }
        self.simplices = sorted
        functions = try parallelMap(sorted.count, threads: threads, perThread: 256) {
            (index) throws(ManyDimensionalFault) in
            if index & 63 == 0, isCancelled() { throw .cancelled }
            return Self.affineForm(sorted[index].map { vertices[$0] }, sorted[index].map { values[$0] })
        }
        try collectFaces(isCancelled)
        try collectFolds(isCancelled)
    }

    init(_ function: SimplicialFunction, threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool)
        throws(ManyDimensionalFault)
    {
        try self.init(
            dimension: function.dimension, vertices: function.vertices, simplices: function.simplices,
            values: function.values, threads: threads, isCancelled: isCancelled)
    }

    init(_ mesh: PlanarTriangulation, threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool)
        throws(ManyDimensionalFault)
    {
        try self.init(
            dimension: 2, vertices: mesh.vertices, simplices: mesh.triangles, values: mesh.values,
            threads: threads, isCancelled: isCancelled)
    }

    /// The affine function with these values at the corners of a simplex.
    private static func affineForm(_ corners: [[Rational]], _ values: [Rational]) -> AffineForm {
        let rows = corners.dropFirst().map { corner in zip(corner, corners[0]).map { $0 - $1 } }
        let rise = values.dropFirst().map { $0 - values[0] }
        let gradient: [Rational]
        if rows.count == 2 {
            let determinant = rows[0][0] * rows[1][1] - rows[0][1] * rows[1][0]
            gradient = [
                (rise[0] * rows[1][1] - rows[0][1] * rise[1]) / determinant,
                (rows[0][0] * rise[1] - rise[0] * rows[1][0]) / determinant,
            ]
        } else {
            // A simplex has interior, so there is exactly one solution.
            gradient = RationalMatrix(rows).solve(rise) ?? []
        }
        let intercept = values[0] - zip(gradient, corners[0]).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
        return ReLUCircuit(inputs: gradient.count).affine(gradient: gradient, intercept: intercept)
    }

    private mutating func collectFaces(_ isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        for (index, simplex) in simplices.enumerated() {
            if index & 63 == 0, isCancelled() { throw .cancelled }
            for mask in 1..<(1 << simplex.count) {
                let face = simplex.indices.filter { mask >> $0 & 1 == 1 }.map { simplex[$0] }
                if let place = places[face] {
                    faces[place].simplices.append(index)
                } else {
                    places[face] = faces.count
                    faces.append(Face(vertices: face, simplices: [index]))
                }
            }
        }
    }

    private mutating func collectFolds(_ isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        for index in faces.indices where faces[index].vertices.count == dimension {
            if index & 63 == 0, isCancelled() { throw .cancelled }
            if faces[index].simplices.count == 1 {
                let support = hyperplane(through: index)
                for face in subfaces(index) where faces[face].support == nil { faces[face].support = support }
                continue
            }
            let (a, b) = (faces[index].simplices[0], faces[index].simplices[1])
            let difference = functions[b] - functions[a]
            guard let scale = difference.terms.first?.coefficient else { continue }
            let form = (.one / scale) * difference
            var place = hyperplanePlaces[form]
            if place == nil {
                place = hyperplanes.count
                hyperplanePlaces[form] = place
                hyperplanes.append(form)
            }
            let isAbove = side(of: apex(of: b, over: index), form) > 0
            let fold = Fold(facet: index, hyperplane: place ?? 0, bend: isAbove ? scale : -scale)
            folds[index] = fold
            for face in subfaces(index) { faces[face].folds.append(fold) }
        }
    }

    /// The faces of a face, itself among them.
    private func subfaces(_ index: Int) -> [Int] {
        let corners = faces[index].vertices
        return (1..<(1 << corners.count)).compactMap { mask in
            places[corners.indices.filter { mask >> $0 & 1 == 1 }.map { corners[$0] }]
        }
    }

    /// The corner of a simplex that a facet lacks.
    func apex(of simplex: Int, over facet: Int) -> Int {
        simplices[simplex].first { !faces[facet].vertices.contains($0) } ?? 0
    }

    /// The hyperplane of a facet, first coefficient 1.
    func hyperplane(through facet: Int) -> AffineForm {
        let corners = faces[facet].vertices.map { vertices[$0] }
        let edges = corners.dropFirst().map { corner in zip(corner, corners[0]).map { $0 - $1 } }
        let normal: [Rational]
        switch dimension {
        case 1: normal = [.one]
        case 2: normal = [edges[0][1], -edges[0][0]]
        default: normal = RationalMatrix(edges).nullspace[0]
        }
        let offset = zip(normal, corners[0]).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
        let form = ReLUCircuit(inputs: dimension).affine(gradient: normal, intercept: -offset)
        return (.one / (form.terms.first?.coefficient ?? .one)) * form
    }

    /// The sign of a form of the inputs at a vertex.
    func side(of vertex: Int, _ form: AffineForm) -> Int {
        form.value(at: vertices[vertex]).sign
    }

    /// The faces that have `face` and otherwise only vertices on the given side of the hyperplane, with the number of
    /// these vertices.
    func link(of face: Int, on side: Int, of hyperplane: AffineForm) -> [(face: Int, vertices: Int)] {
        let base = faces[face].vertices
        var sides: [Int: Int] = [:]
        var found: [Int: Int] = [:]
        for simplex in faces[face].simplices {
            let free = simplices[simplex].filter { vertex in
                if base.contains(vertex) { return false }
                let known = sides[vertex] ?? self.side(of: vertex, hyperplane)
                sides[vertex] = known
                return known == side
            }
            if free.isEmpty { continue }
            for mask in 1..<(1 << free.count) {
                let added = free.indices.filter { mask >> $0 & 1 == 1 }.map { free[$0] }
                if let place = places[(base + added).sorted()] { found[place] = added.count }
            }
        }
        return found.map { ($0.key, $0.value) }.sorted { $0.face < $1.face }
    }

    func codimension(_ face: Int) -> Int { dimension + 1 - faces[face].vertices.count }

    /// The smallest box that holds the vertices.
    var box: [ClosedRange<Rational>] {
        (0..<dimension).map { axis in
            let coordinates = vertices.map { $0[axis] }
            return (coordinates.min() ?? .zero)...(coordinates.max() ?? .zero)
        }
    }
}
