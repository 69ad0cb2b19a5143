internal import ExactArithmetic
internal import ReLUNetworks

/// The pieces of a function on simplices that meet in whole faces, on their union.
///
/// Definitions as for networks: `open` joins simplices of one affine function through facets, `closed` through common
/// vertices, and `level` joins what {x : f(x) = g(x)} connects, g an affine function that f equals on an open set. On a
/// simplex T with affine function ℓ that set is the polytope T ∩ {ℓ = g}; those of two simplices meet where their common
/// face has points of it: in a vertex at which f = g, or on an edge at whose ends f − g has opposite signs.
struct MeshPieces {
    private(set) var affine = 0
    private(set) var open = 0
    private(set) var closed = 0
    private(set) var level = 0
    /// For each simplex the number of its `level` piece, in order of first appearance.
    private(set) var pieces: [Int] = []

    /// Complexity: O(simplices · 2^n), and O(simplices · n²) for each affine function of several `closed` pieces.
    init(_ complex: SimplicialComplex, isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        var groups: [AffineForm: Int] = [:]
        var members: [[Int]] = []
        let group = complex.functions.enumerated().map { index, function in
            let place = groups[function] ?? members.count
            if place == members.count {
                groups[function] = place
                members.append([])
            }
            members[place].append(index)
            return place
        }
        affine = members.count
        var facets = DisjointSets(complex.simplices.count)
        var vertices = DisjointSets(complex.simplices.count)
        for (index, face) in complex.faces.enumerated() {
            if index & 255 == 0, isCancelled() { throw .cancelled }
            if face.vertices.count == complex.dimension, face.simplices.count == 2,
                group[face.simplices[0]] == group[face.simplices[1]]
            {
                facets.join(face.simplices[0], face.simplices[1])
            }
            guard face.vertices.count == 1 else { continue }
            var first: [Int: Int] = [:]
            for simplex in face.simplices {
                if let other = first[group[simplex]] {
                    vertices.join(simplex, other)
                } else {
                    first[group[simplex]] = simplex
                }
            }
        }
        open = facets.count
        closed = vertices.count
        var connected = vertices
        for (function, place) in groups.sorted(by: { $0.value < $1.value }) {
            let parts = Set(members[place].map { vertices.root($0) })
            guard parts.count > 1 else { continue }
            try Self.join(members[place], where: function, in: complex, &connected, isCancelled)
        }
        level = connected.count
        var numbers: [Int: Int] = [:]
        for simplex in complex.simplices.indices {
            let root = connected.root(simplex)
            let number = numbers[root] ?? numbers.count
            numbers[root] = number
            pieces.append(number)
        }
    }

    /// Joins the simplices of an affine function that the set on which f equals it connects.
    private static func join(
        _ members: [Int], where function: AffineForm, in complex: SimplicialComplex,
        _ connected: inout DisjointSets, _ isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) {
        var signs = [Int?](repeating: nil, count: complex.vertices.count)
        var sets = DisjointSets(complex.simplices.count)
        var atVertex: [Int: Int] = [:]
        var onEdge: [[Int]: Int] = [:]
        for (index, simplex) in complex.simplices.enumerated() {
            if index & 255 == 0, isCancelled() { throw .cancelled }
            let here = simplex.map { vertex -> Int in
                if let known = signs[vertex] { return known }
                let value = complex.functions[index].value(at: complex.vertices[vertex])
                let sign = (value - function.value(at: complex.vertices[vertex])).sign
                signs[vertex] = sign
                return sign
            }
            for (position, vertex) in simplex.enumerated() {
                if here[position] == 0 {
                    if let other = atVertex[vertex] {
                        sets.join(index, other)
                    } else {
                        atVertex[vertex] = index
                    }
                }
                for next in simplex.indices.dropFirst(position + 1) where here[position] * here[next] < 0 {
                    let edge = [vertex, simplex[next]]
                    if let other = onEdge[edge] { sets.join(index, other) } else { onEdge[edge] = index }
                }
            }
        }
        var first: [Int: Int] = [:]
        for member in members {
            let root = sets.root(member)
            if let other = first[root] { connected.join(member, other) } else { first[root] = member }
        }
    }
}

/// Disjoint sets of 0..<count, joined by size with halved paths.
struct DisjointSets {
    private var parents: [Int]
    private var sizes: [Int]
    private(set) var count: Int

    var elements: Int { parents.count }

    init(_ count: Int) {
        parents = Array(0..<count)
        sizes = [Int](repeating: 1, count: count)
        self.count = count
    }

    mutating func root(_ element: Int) -> Int {
        var element = element
        while parents[element] != element {
            parents[element] = parents[parents[element]]
            element = parents[element]
        }
        return element
    }

    mutating func join(_ a: Int, _ b: Int) {
        var (a, b) = (root(a), root(b))
        if a == b { return }
        if sizes[a] < sizes[b] { swap(&a, &b) }
        parents[b] = a
        sizes[a] += sizes[b]
        count -= 1
    }
}
