public import ExactArithmetic
internal import Threads

extension SimplicialFunction {
    /// Checks that the simplices have interior, meet in whole faces, do not overlap, and have a convex union. Vertices at
    /// one point count as one.
    ///
    /// Facets that two simplices share are checked to have one on either side, and those of one simplex to support the
    /// whole: then every point of the vertices' hull that is on no facet lies in equally many simplices, and one point
    /// tells that they do not overlap.
    ///
    /// Complexity: O(simplices · n⁴ + boundary hyperplanes · vertices · n).
    ///
    /// - Parameters:
    ///   - vertices: rows of n coordinates.
    ///   - simplices: n + 1 indices of vertices each.
    ///   - values: one a vertex.
    ///   - threads: at most so many; what is found does not depend on it.
    public init(
        vertices: [[Rational]], simplices: [[Int]], values: [Rational], threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(FunctionFault) {
        guard let dimension = vertices.first?.count, dimension > 0, values.count == vertices.count,
            vertices.allSatisfy({ $0.count == dimension }), !simplices.isEmpty
        else { throw .shapesDisagree }
        for (index, simplex) in simplices.enumerated() {
            guard simplex.count == dimension + 1 else {
                throw .noSuchVertex(simplex: index, corner: min(simplex.count, dimension + 1))
            }
            if let corner = simplex.firstIndex(where: { !vertices.indices.contains($0) }) {
                throw .noSuchVertex(simplex: index, corner: corner)
            }
        }
        let places = try Self.places(vertices, values)
        let merged = simplices.map { $0.map { places[$0] } }
        let check = try SimplicialCheck(
            vertices: vertices, values: values, simplices: merged, threads: threads,
            isCancelled: isCancelled)
        try check.facets(isCancelled)
        try check.covering(isCancelled)
        self.init(uncheckedDimension: dimension, vertices: vertices, simplices: merged, values: values)
    }

    /// For each vertex the first one at its point.
    private static func places(_ vertices: [[Rational]], _ values: [Rational]) throws(FunctionFault) -> [Int]
    {
        var first: [[Rational]: Int] = [:]
        var places: [Int] = []
        for (index, vertex) in vertices.enumerated() {
            let place = first[vertex] ?? index
            guard values[place] == values[index] else {
                throw .verticesDisagree(first: place, second: index)
            }
            first[vertex] = place
            places.append(place)
        }
        return places
    }
}

/// The checks of a simplicial complex, with what they need of each simplex.
private struct SimplicialCheck {
    let vertices: [[Rational]]
    let values: [Rational]
    let simplices: [[Int]]
    let rounded: [[Double]]
    /// Vertices of simplices.
    let used: [Int]
    let coordinates: [BarycentricForms]

    init(
        vertices: [[Rational]], values: [Rational], simplices: [[Int]], threads: Int,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(FunctionFault) {
        self.vertices = vertices
        self.values = values
        self.simplices = simplices
        rounded = vertices.map { $0.map(\.nearestDouble) }
        used = Set(simplices.joined()).sorted()
        coordinates = try parallelMap(simplices.count, threads: threads, perThread: 256) {
            (index) throws(FunctionFault) in
            if index & 63 == 0, isCancelled() { throw .cancelled }
            guard let forms = BarycentricForms(simplices[index].map { vertices[$0] }) else {
                throw .flatSimplex(index)
            }
            return forms
        }
    }

    private struct Facet {
        var simplex: Int
        /// The position of the corner that it lacks.
        var corner: Int
        var isShared = false
    }

    /// Two simplices, at most, have a facet, one on either side; a facet of one only supports everything.
    func facets(_ isCancelled: () -> Bool) throws(FunctionFault) {
        var facets: [[Int]: Facet] = [:]
        var order: [[Int]] = []
        for (index, simplex) in simplices.enumerated() {
            if index & 63 == 0, isCancelled() { throw .cancelled }
            for corner in simplex.indices {
                let key = simplex.indices.filter { $0 != corner }.map { simplex[$0] }.sorted()
                guard let other = facets[key] else {
                    facets[key] = Facet(simplex: index, corner: corner)
                    order.append(key)
                    continue
                }
                let side = FilteredSide(coordinates[other.simplex].forms[other.corner])
                let isOpposite =
                    side.sign(at: vertices[simplex[corner]], rounded: rounded[simplex[corner]]) < 0
                guard isOpposite, !other.isShared else {
                    throw overlap(
                        near: key, isOpposite ? sharer(of: key, index, other) : other.simplex, index)
                }
                facets[key]?.isShared = true
            }
        }
        var supporting: Set<AffineFunction> = []
        for key in order {
            guard let facet = facets[key], !facet.isShared else { continue }
            if isCancelled() { throw .cancelled }
            let form = coordinates[facet.simplex].forms[facet.corner]
            guard supporting.insert(Self.normalised(form)).inserted else { continue }
            let side = FilteredSide(form)
            guard let beyond = used.first(where: { side.sign(at: vertices[$0], rounded: rounded[$0]) < 0 })
            else { continue }
            throw fault(at: facet, key, beyond: beyond)
        }
    }

    /// An inner point of simplex 0 is in no other simplex.
    func covering(_ isCancelled: () -> Bool) throws(FunctionFault) {
        let point = middle(of: simplices[0])
        for index in simplices.indices.dropFirst() {
            if index & 255 == 0, isCancelled() { throw .cancelled }
            if coordinates[index].coordinates(of: point).allSatisfy({ $0.sign >= 0 }) {
                throw .overlappingSimplices(
                    first: 0, second: index, point: point, values: [value(0, point), value(index, point)])
            }
        }
    }

    // MARK: What is told of faults

    private func fault(at facet: Facet, _ key: [Int], beyond vertex: Int) -> FunctionFault {
        let point = middle(of: key)
        for (other, forms) in coordinates.enumerated() where other != facet.simplex {
            guard forms.coordinates(of: point).allSatisfy({ $0.sign >= 0 }) else { continue }
            return .simplicesMeetInPart(
                first: facet.simplex, corner: facet.corner, second: other, point: point,
                values: [value(facet.simplex, point), value(other, point)])
        }
        return .domainNotConvex(simplex: facet.simplex, corner: facet.corner, vertex: vertex)
    }

    /// Of a facet that three simplices have: the one of the two before that lies on the third one's side.
    private func sharer(of key: [Int], _ third: Int, _ first: Facet) -> Int {
        let members = Set(key)
        return simplices.indices.first { index in
            index != first.simplex && index != third && members.isSubset(of: simplices[index])
        } ?? first.simplex
    }

    /// Two simplices on one side of a facet: near the facet's middle are points of both.
    private func overlap(near facet: [Int], _ first: Int, _ second: Int) -> FunctionFault {
        let base = middle(of: facet)
        let target = zip(middle(of: simplices[first]), middle(of: simplices[second])).map {
            ($0 + $1) / Rational(2)
        }
        var share = Rational(1, 2)
        while true {
            let point = zip(base, target).map { $0 + share * ($1 - $0) }
            let isInside = [first, second].allSatisfy {
                coordinates[$0].coordinates(of: point).allSatisfy { $0.sign > 0 }
            }
            if isInside {
                return .overlappingSimplices(
                    first: first, second: second, point: point,
                    values: [value(first, point), value(second, point)])
            }
            share /= Rational(2)
        }
    }

    private func middle(of members: [Int]) -> [Rational] {
        let share = Rational(1, members.count)
        return vertices[0].indices.map { axis in
            members.reduce(Rational.zero) { $0 + vertices[$1][axis] } * share
        }
    }

    /// What a simplex interpolates at a point.
    private func value(_ simplex: Int, _ point: [Rational]) -> Rational {
        zip(coordinates[simplex].coordinates(of: point), simplices[simplex]).reduce(Rational.zero) {
            $0 + $1.0 * values[$1.1]
        }
    }

    /// Divided by the magnitude of its first slope.
    private static func normalised(_ form: AffineFunction) -> AffineFunction {
        let scale = form.gradient.first { !$0.isZero }?.magnitude ?? .one
        return AffineFunction(gradient: form.gradient.map { $0 / scale }, intercept: form.intercept / scale)
    }
}
