internal import ExactArithmetic
internal import ReLUNetworks

/// The image of an interval of the input line in the pre-activations of one layer, along which they are affine: a
/// segment or a ray of R^w. Everything that the rest of the network does on it follows from the image alone, so
/// equal images have equal numbers of breaks inside.
///
/// Canonical form: units that are off on the whole image have zeros, a segment's smaller end (lexicographically)
/// comes first, a ray's direction has a leading entry of absolute value 1.
struct LineImage: Hashable {
    let layer: Int
    let isRay: Bool
    /// One end.
    let start: [Rational]
    /// The other end of a segment, the direction of a ray.
    let reach: [Rational]

    /// The segment between two points; `nil` where no unit that is on somewhere changes along it.
    init?(layer: Int, from first: [Rational], to second: [Rational]) {
        var a = first
        var b = second
        var changes = false
        for unit in a.indices {
            if a[unit].sign <= 0, b[unit].sign <= 0 {
                a[unit] = .zero
                b[unit] = .zero
            } else if !changes, a[unit] != b[unit] {
                changes = true
            }
        }
        if !changes { return nil }
        if b.lexicographicallyPrecedes(a) { swap(&a, &b) }
        self.layer = layer
        isRay = false
        start = a
        reach = b
    }

    /// The ray from a point; `nil` where no unit that is on somewhere changes along it.
    init?(layer: Int, from point: [Rational], direction: [Rational]) {
        var a = point
        var d = direction
        for unit in a.indices where a[unit].sign <= 0 && d[unit].sign <= 0 {
            a[unit] = .zero
            d[unit] = .zero
        }
        guard let leading = d.first(where: { !$0.isZero })?.magnitude else { return nil }
        self.layer = layer
        isRay = true
        start = a
        reach = leading == .one ? d : d.map { $0 / leading }
    }

    /// The change of the pre-activations from parameter 0 to 1.
    var direction: [Rational] { isRay ? reach : zip(start, reach).map { $1 - $0 } }

    /// An estimate of the memory that it takes, in bytes.
    var bytes: Int { 64 + 2 * start.count * (24 + (reach.first { !$0.isZero }?.extraBytes ?? 0)) }
}

/// A point of a layer's pre-activations with the directions in which a path comes and goes.
struct LineCorner: Hashable {
    let layer: Int
    let point: [Rational]
    /// The derivative on the left.
    let left: [Rational]
    /// The derivative on the right.
    let right: [Rational]

    /// With units that are off on both sides set to zero and the directions scaled by one positive factor; `nil`
    /// where the rest of the network is constant on both sides.
    init?(layer: Int, point: [Rational], left: [Rational], right: [Rational]) {
        var p = point
        var l = left
        var r = right
        for unit in p.indices
        where p[unit].sign < 0 || (p[unit].isZero && l[unit].sign >= 0 && r[unit].sign <= 0) {
            p[unit] = .zero
            l[unit] = .zero
            r[unit] = .zero
        }
        guard let leading = (l.first { !$0.isZero } ?? r.first { !$0.isZero })?.magnitude else { return nil }
        self.layer = layer
        self.point = p
        self.left = leading == .one ? l : l.map { $0 / leading }
        self.right = leading == .one ? r : r.map { $0 / leading }
    }

    var bytes: Int {
        64 + 3 * point.count
            * (24 + max(point.first?.extraBytes ?? 0, right.first { !$0.isZero }?.extraBytes ?? 0))
    }
}

extension Rational {
    /// The bytes of a number that is too long to be held inline, estimated from its numerator and denominator.
    fileprivate var extraBytes: Int {
        let top = numerator
        let bottom = denominator
        if top.int != nil, bottom.int != nil { return 0 }
        return 96 + 8 * (top.magnitudeLimbs.count + bottom.magnitudeLimbs.count)
    }
}

extension AffineLayer<Rational> {
    /// W x (+ b).
    func image(of point: [Rational], withBias: Bool) -> [Rational] {
        (0..<outputs).map { unit in
            var sum = withBias ? bias[unit] : .zero
            let start = unit * inputs
            for source in 0..<inputs where !point[source].isZero && !weights[start + source].isZero {
                sum += weights[start + source] * point[source]
            }
            return sum
        }
    }
}
