internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import ReLUNetworks

/// Functions on simplices as networks of at most n hidden layers, by gluing along hyperplanes.
///
/// **Localisation.** For a face F let f_F(x) be the affine function of the simplex into which x lies as seen from F.
/// By the theorem of Brianchon and Gram, f = Σ_F (−1)^{dim F} f_F on the (convex) domain. The same theorem in a slice
/// parallel to a hyperplane h through F says that on the side of h, f_F = Σ_G (−1)^{dim G − dim F − 1} f_G, summed
/// over the larger faces G whose further vertices lie strictly on that side: P_F below, Q_F above. A face on the
/// boundary has the domain on one side of a supporting hyperplane and needs no more.
///
/// **Gluing.** P and Q agree on h. If the derivative of Q − P across h is at least −M, then
/// f_F = P + σ(Q − P + M h) − M σ(h): one unit for F, in hidden layer codim F at the latest. Units with one hyperplane
/// and proportional uses are one: the sum of their arguments has the same sign as each.
///
/// So the network has at most one unit a hyperplane along which f bends, in its first layer, and then one for each
/// of the hyperplanes that cover the vertices (n = 2); a facet's f_F is its first-layer unit alone.
struct Gluing {
    private struct Gate {
        var codimension: Int
        var hyperplane: Int
        /// Who uses it, with which factors.
        var uses: [Int: Rational]
    }

    private let complex: SimplicialComplex
    /// Faces of larger codimension are not glued; their f_F is a convex function less folds, in as many layers.
    private let maximumLayers: Int
    private let maximumCells: Int
    private let threads: Int
    private let isCancelled: @Sendable () -> Bool
    /// Consumer 0 is the output, consumer 1 + g is gate g.
    private var gates: [Gate] = []
    private var faceUses: [[Int: Rational]]

    init(
        _ complex: SimplicialComplex, maximumLayers: Int = .max, maximumCells: Int = .max, threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.complex = complex
        self.maximumLayers = maximumLayers
        self.maximumCells = maximumCells
        self.threads = threads
        self.isCancelled = isCancelled
        faceUses = complex.faces.map { [0: $0.vertices.count % 2 == 1 ? .one : Rational(-1)] }
    }

    /// The circuit and its output.
    mutating func build(progress: (Double) -> Void) throws(ManyDimensionalFault) -> (
        circuit: ReLUCircuit, output: AffineForm
    ) {
        for codimension in stride(from: complex.dimension, to: 0, by: -1) {
            try distribute(codimension)
            progress(0.5 * Double(complex.dimension - codimension + 1) / Double(complex.dimension))
        }
        return try assemble(progress)
    }

    private mutating func use(_ face: Int, by consumers: [Int: Rational], times factor: Rational) {
        for (consumer, weight) in consumers {
            let sum = (faceUses[face][consumer] ?? .zero) + factor * weight
            faceUses[face][consumer] = sum.isZero ? nil : sum
        }
    }

    // MARK: Uses, from small faces to large ones

    /// Replaces what is used of the faces of one codimension by gates and larger faces.
    private mutating func distribute(_ codimension: Int) throws(ManyDimensionalFault) {
        var open: [Int] = []
        for face in complex.faces.indices where complex.codimension(face) == codimension {
            if face & 63 == 0, isCancelled() { throw .cancelled }
            let uses = faceUses[face]
            if uses.isEmpty { continue }
            if let support = complex.faces[face].support {
                useBelow(face, support, complex.insideSide(of: face, support), uses)
                faceUses[face] = [:]
            } else if complex.faces[face].folds.isEmpty {
                use(complex.cell(of: face), by: uses, times: .one)
                faceUses[face] = [:]
            } else {
                open.append(face)
            }
        }
        if codimension > 1, codimension <= maximumLayers { try glue(open, codimension) }
    }

    /// Uses the larger faces on one side of a hyperplane in place of the face.
    private mutating func useBelow(
        _ face: Int, _ hyperplane: AffineForm, _ side: Int, _ uses: [Int: Rational]
    ) {
        for (larger, added) in complex.link(of: face, on: side, of: hyperplane) {
            use(larger, by: uses, times: added % 2 == 1 ? .one : Rational(-1))
        }
    }

    private mutating func glue(_ open: [Int], _ codimension: Int) throws(ManyDimensionalFault) {
        // Faces that are used in the same proportions can share gates.
        var groups: [[Int: Rational]: [Int]] = [:]
        var order: [[Int: Rational]] = []
        for face in open {
            let signature = Self.signature(faceUses[face])
            if groups[signature] == nil { order.append(signature) }
            groups[signature, default: []].append(face)
        }
        for signature in order {
            if isCancelled() { throw .cancelled }
            let straight = (groups[signature] ?? []).filter { complex.isStraight($0) }
            let byHyperplane = Dictionary(grouping: straight) { complex.faces[$0].folds[0].hyperplane }
            for (hyperplane, faces) in byHyperplane.sorted(by: { $0.key < $1.key }) {
                addGate(codimension, hyperplane, faces, signature)
            }
            let members = (groups[signature] ?? []).filter { !complex.isStraight($0) }
            let cover = HyperplaneCover(candidates: members.map { complex.foldHyperplanes(of: $0) })
            for (hyperplane, positions) in cover.chosen {
                addGate(codimension, hyperplane, positions.map { members[$0] }, signature)
            }
        }
    }

    private mutating func addGate(
        _ codimension: Int, _ hyperplane: Int, _ members: [Int], _ signature: [Int: Rational]
    ) {
        let consumer = 1 + gates.count
        gates.append(Gate(codimension: codimension, hyperplane: hyperplane, uses: signature))
        let form = complex.hyperplanes[hyperplane]
        for face in members {
            let uses = faceUses[face]
            guard let first = signature.keys.min(), let weight = uses[first] else { continue }
            for (larger, added) in complex.link(of: face, on: -1, of: form) {
                let sign: Rational = added % 2 == 1 ? .one : Rational(-1)
                use(larger, by: uses, times: sign)
                use(larger, by: [consumer: weight], times: -sign)
            }
            for (larger, added) in complex.link(of: face, on: 1, of: form) {
                use(larger, by: [consumer: weight], times: added % 2 == 1 ? .one : Rational(-1))
            }
            faceUses[face] = [:]
        }
    }

    /// The uses divided by the first consumer's.
    private static func signature(_ uses: [Int: Rational]) -> [Int: Rational] {
        guard let first = uses.keys.min(), let scale = uses[first] else { return uses }
        return uses.mapValues { $0 / scale }
    }

    // MARK: Units, from large faces to small ones

    private func assemble(_ progress: (Double) -> Void) throws(ManyDimensionalFault) -> (
        circuit: ReLUCircuit, output: AffineForm
    ) {
        var circuit = ReLUCircuit(inputs: complex.dimension)
        var sums = [FormSum](repeating: FormSum(), count: gates.count + 1)
        let small = complex.faces.indices.filter {
            complex.codimension($0) > max(1, maximumLayers) && !faceUses[$0].isEmpty
        }
        var local = try decompositions(at: small) { progress(0.5 + 0.25 * $0) }.makeIterator()
        let maxima = ShallowMaxima(layers: maximumLayers, isCancelled: isCancelled)
        var done = 0
        for face in complex.faces.indices {
            if face & 63 == 0, isCancelled() { throw .cancelled }
            let uses = faceUses[face]
            if uses.isEmpty { continue }
            var value = complex.functions[complex.faces[face].simplices[0]]
            if complex.codimension(face) > 1 {
                guard let decomposition = local.next() else { continue }
                value = try decomposition.form(in: &circuit, maxima)
                done += 1
                progress(0.75 + 0.25 * Double(done) / Double(small.count))
            } else if let fold = complex.folds[face] {
                let unit = circuit.rectified(complex.hyperplanes[fold.hyperplane])
                value = complex.functions[complex.simplexBelow(fold)] + fold.bend * unit
            }
            for (consumer, factor) in uses { sums[consumer].add(value, times: factor) }
        }
        var slopes = SlopeBounds(inputs: complex.dimension)
        let byCodimension = gates.indices.sorted { (gates[$0].codimension, $0) < (gates[$1].codimension, $1) }
        for (count, index) in byCodimension.enumerated() {
            if isCancelled() { throw .cancelled }
            let value = glued(
                sums[1 + index].form, along: complex.hyperplanes[gates[index].hyperplane], &circuit, &slopes)
            for (consumer, factor) in gates[index].uses { sums[consumer].add(value, times: factor) }
            if count & 63 == 0 { progress(0.5 + 0.5 * Double(count) / Double(gates.count)) }
        }
        return (circuit, sums[0].form)
    }

    /// f_F by its decomposition into a convex function less folds, for faces of more codimensions than there are layers.
    private func decompositions(at faces: [Int], _ progress: (Double) -> Void) throws(ManyDimensionalFault)
        -> [ConvexDecomposition]
    {
        if faces.isEmpty { return [] }
        let (complex, maximumCells, isCancelled) = (complex, maximumCells, isCancelled)
        let facets = try parallelMap(complex.faces.count, threads: threads, perThread: 256) {
            (face) throws(ManyDimensionalFault) in
            if isCancelled() { throw .cancelled }
            return complex.codimension(face) == 1 ? complex.hyperplane(through: face) : nil
        }
        return try parallelMap(faces.count, threads: threads, progress: progress) {
            (place) throws(ManyDimensionalFault) in
            try ConvexDecomposition(
                complex.localFunction(at: faces[place], facets), maximumCells: maximumCells,
                isCancelled: isCancelled)
        }
    }

    /// `difference` above the hyperplane, on which it is 0, and 0 below.
    private func glued(
        _ difference: AffineForm, along hyperplane: AffineForm, _ circuit: inout ReLUCircuit,
        _ slopes: inout SlopeBounds
    ) -> AffineForm {
        guard let last = difference.terms.last else { return difference }
        if last.unit < circuit.inputs {
            // An affine function that vanishes on the hyperplane is a multiple of it.
            return difference.terms[0].coefficient * circuit.rectified(hyperplane)
        }
        slopes.extend(to: circuit)
        let least = slopes.range(of: difference, across: hyperplane).lowerBound
        if least.sign >= 0 { return circuit.rectified(difference) }
        return circuit.rectified(difference + -least * hyperplane) + least * circuit.rectified(hyperplane)
    }
}

extension SimplicialComplex {
    /// The side of a supporting hyperplane on which the domain lies.
    func insideSide(of face: Int, _ support: AffineForm) -> Int {
        for vertex in simplices[faces[face].simplices[0]] {
            let sign = side(of: vertex, support)
            if sign != 0 { return sign }
        }
        return 1
    }

    /// The face of full dimension of some simplex that has the face.
    func cell(of face: Int) -> Int { places[simplices[faces[face].simplices[0]]] ?? face }

    /// The simplex of a facet that lies below the fold's hyperplane.
    func simplexBelow(_ fold: Fold) -> Int {
        let facet = faces[fold.facet]
        let first = facet.simplices[0]
        let apex = simplices[first].first { !facet.vertices.contains($0) } ?? 0
        return side(of: apex, hyperplanes[fold.hyperplane]) < 0 ? first : facet.simplices[1]
    }

    /// The different hyperplanes along which the function bends at the face.
    func foldHyperplanes(of face: Int) -> [Int] { Set(faces[face].folds.map(\.hyperplane)).sorted() }

    /// For a face of codimension 2: whether the function bends along whole hyperplanes there, so that its f_F is a sum
    /// of facets'.
    func isStraight(_ face: Int) -> Bool {
        guard codimension(face) == 2 else { return false }
        let byHyperplane = Dictionary(grouping: faces[face].folds, by: \.hyperplane)
        return byHyperplane.values.allSatisfy { $0.count == 2 && $0[0].bend == $0[1].bend }
    }
}

extension SimplicialComplex {
    /// The function's pieces on the simplices that have the face, continued to the cones that these look like from it.
    ///
    /// - Parameter hyperplanes: by face, those of the facets.
    func localFunction(at face: Int, _ hyperplanes: [AffineForm?]) -> PolyhedralFunction {
        let base = faces[face].vertices
        return polyhedral(faces[face].simplices, hyperplanes) { !base.contains($0) }
    }

    /// The function on its simplices.
    var polyhedralFunction: PolyhedralFunction { polyhedral(Array(simplices.indices), []) { _ in true } }

    /// Simplices bounded by their facets that lack a vertex of a kind.
    private func polyhedral(
        _ members: [Int], _ hyperplanes: [AffineForm?], lacking isLacking: (Int) -> Bool
    ) -> PolyhedralFunction {
        PolyhedralFunction(
            dimension: dimension,
            cells: members.map { simplex in
                var polyhedron = Polyhedron(dimension: dimension, inequalities: [])
                for vertex in simplices[simplex] where isLacking(vertex) {
                    guard let facet = places[simplices[simplex].filter { $0 != vertex }] else { continue }
                    let known = facet < hyperplanes.count ? hyperplanes[facet] : nil
                    let form = known ?? hyperplane(through: facet)
                    polyhedron = polyhedron.cut(side(of: vertex, form) > 0 ? -form : form, dimension)
                }
                let share = Rational(1, dimension + 1)
                let middle = (0..<dimension).map { axis in
                    simplices[simplex].reduce(Rational.zero) { $0 + vertices[$1][axis] } * share
                }
                return PolyhedralFunction.Cell(
                    polyhedron: polyhedron, interior: middle, function: functions[simplex])
            })
    }
}
