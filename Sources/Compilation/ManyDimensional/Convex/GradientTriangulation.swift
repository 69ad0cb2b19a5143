internal import ExactArithmetic
internal import ReLUNetworks

/// A maximum of affine functions on R^n as a signed sum of maxima of at most n + 1 of them.
///
/// Lift the gradients by the intercepts. Over a triangulation of the gradients' hull on which the lifted points'
/// interpolation is concave (the upper hull's), max_i ℓ_i = Σ_F (−1)^{d − dim F} max_{i ∈ F} ℓ_i over the faces F that
/// are not in the hull's boundary, d the dimension of the hull: for fixed x, the part of the triangulation on which
/// the interpolation of the values ℓ_i(x) is below a number t ≤ max_i ℓ_i(x) retracts to the boundary, so that its
/// interior faces have signs that sum to 0, and those of all sum to 1.
///
/// The hull is found point by point, with one more point at height −∞: a facet is replaced where the new point lies
/// strictly beyond it, so that flat parts are triangulated as the points come.
struct GradientTriangulation {
    struct Term {
        var isNegative: Bool
        /// Increasing.
        var members: [Int]

        var sign: Rational { isNegative ? Rational(-1) : .one }
    }

    private struct Facet {
        /// Increasing; the point at infinity is `count`.
        var corners: [Int]
        /// Its product with a point is positive strictly beyond the facet.
        var normal: [Rational]
    }

    private let count: Int
    /// d.
    private(set) var dimension: Int
    /// (1, coordinates, height), and (0, 0, −1) at the end.
    private var points: [[Rational]]
    private var facets: [Facet] = []

    /// - Parameter forms: affine functions of the inputs, different from each other; at least one.
    init(_ forms: [AffineForm], inputs: Int, isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        count = forms.count
        let gradients = forms.map { form in
            var gradient = [Rational](repeating: .zero, count: inputs)
            for term in form.terms { gradient[term.unit] = term.coefficient }
            return gradient
        }
        let frame = AffineFrame(gradients)
        dimension = frame.axes.count
        points = zip(forms, gradients).map { form, gradient in
            [.one] + frame.axes.map { gradient[$0] } + [form.constant]
        }
        points.append([.zero] + frame.axes.map { _ in .zero } + [Rational(-1)])
        let first = frame.points + [count]
        var middle = points[count]
        for point in frame.points { for axis in middle.indices { middle[axis] += points[point][axis] } }
        for left in first {
            facets.append(facet(first.filter { $0 != left }.sorted(), inside: middle))
        }
        for point in 0..<count where !frame.points.contains(point) {
            if isCancelled() { throw .cancelled }
            insert(point, inside: middle)
        }
    }

    private func facet(_ corners: [Int], inside: [Rational]) -> Facet {
        // The corners are independent, so there is one direction orthogonal to all of them.
        var normal = RationalMatrix(corners.map { points[$0] }).nullspace[0]
        if product(normal, inside).sign > 0 { normal = normal.map { -$0 } }
        return Facet(corners: corners, normal: normal)
    }

    private func product(_ a: [Rational], _ b: [Rational]) -> Rational {
        zip(a, b).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
    }

    private mutating func insert(_ point: Int, inside: [Rational]) {
        var ridges: [[Int]: Int] = [:]
        var kept: [Facet] = []
        for facet in facets {
            guard product(facet.normal, points[point]).sign > 0 else {
                kept.append(facet)
                continue
            }
            for left in facet.corners { ridges[facet.corners.filter { $0 != left }, default: 0] += 1 }
        }
        if kept.count == facets.count { return }
        for ridge in ridges.filter({ $0.value == 1 }).keys.sorted(by: {
            $0.lexicographicKey < $1.lexicographicKey
        }) {
            kept.append(facet((ridge + [point]).sorted(), inside: inside))
        }
        facets = kept
    }

    /// The signed faces, in a fixed order.
    var terms: [Term] {
        var boundary: Set<[Int]> = []
        for facet in facets where facet.corners.last == count {
            Self.forEachFace(of: facet.corners.dropLast()) { boundary.insert($0) }
        }
        var inner: Set<[Int]> = []
        for facet in facets where facet.corners.last != count {
            Self.forEachFace(of: facet.corners[...]) { if !boundary.contains($0) { inner.insert($0) } }
        }
        return inner.sorted { ($0.count, $0.lexicographicKey) < ($1.count, $1.lexicographicKey) }.map {
            Term(isNegative: (dimension + 1 - $0.count) % 2 == 1, members: $0)
        }
    }

    private static func forEachFace(of corners: ArraySlice<Int>, _ body: ([Int]) -> Void) {
        let corners = Array(corners)
        for mask in 1..<max(1, 1 << corners.count) {
            body(corners.indices.filter { mask >> $0 & 1 == 1 }.map { corners[$0] })
        }
    }
}

/// An affine frame of points: some of them that are affinely independent and span the others, and as many axes less
/// one, on which the affine space of the points projects one to one.
struct AffineFrame {
    private(set) var points: [Int] = []
    private(set) var axes: [Int] = []

    init(_ all: [[Rational]]) {
        guard let base = all.first else { return }
        points = [0]
        var rows: [(axis: Int, row: [Rational])] = []
        for (index, point) in all.enumerated().dropFirst() {
            var row = zip(point, base).map { $0 - $1 }
            for element in rows where !row[element.axis].isZero {
                let factor = row[element.axis] / element.row[element.axis]
                for axis in row.indices { row[axis] -= factor * element.row[axis] }
            }
            guard let axis = row.firstIndex(where: { !$0.isZero }) else { continue }
            rows.append((axis, row))
            points.append(index)
            axes.append(axis)
            if axes.count == base.count { return }
        }
    }
}
