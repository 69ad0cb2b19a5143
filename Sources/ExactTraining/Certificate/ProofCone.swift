internal import ExactArithmetic

/// A ray of a cone in the parameter space of a unit, with what is known of its products with all points.
final class ProofRay {
    /// A primitive integer vector of d entries.
    let direction: IntegerVector
    /// Exact signs of the products with the points.
    let signs: [Int8]
    /// The products up to one positive factor, each within `error`; 0 where the exact product is.
    let products: [Double]
    let error: Double
    /// Bit i is set where the product with point i is 0.
    let zeros: [UInt64]

    /// Complexity: O(points · d), and exact products where rounded ones do not tell the sign.
    init(_ direction: IntegerVector, _ points: ProofPoints) {
        direction.removeContent()
        self.direction = direction
        let dimension = points.dimension
        let (rounded, magnitude) = Self.rounded(direction, points.shifts)
        // Each term is off by the rounding of the direction, of the product and of the sum; what underflows is tiny.
        error = Double(dimension + 3) * 0x1p-52 * magnitude + 1e-300
        var signs = [Int8](repeating: 0, count: points.count)
        var products = [Double](repeating: 0, count: points.count)
        var zeros = [UInt64](repeating: 0, count: (points.count + 63) / 64)
        let exact = IntegerVector(count: 1)
        for point in 0..<points.count {
            var sum = 0.0
            for index in 0..<dimension { sum += points.rounded[point * dimension + index] * rounded[index] }
            if sum.magnitude > error {
                signs[point] = sum > 0 ? 1 : -1
                products[point] = sum
                continue
            }
            exact.setDotProduct(
                at: 0, points.integers, start: point * dimension, direction, terms: dimension)
            signs[point] = Int8(exact.sign(0))
            if signs[point] == 0 {
                zeros[point >> 6] |= 1 << UInt64(point & 63)
            } else {
                products[point] = sum
            }
        }
        self.signs = signs
        self.products = products
        self.zeros = zeros
    }

    /// The direction in the coordinates of `ProofPoints.rounded`, its largest entry near 1, and the sum of magnitudes.
    private static func rounded(_ direction: IntegerVector, _ shifts: [Int]) -> ([Double], Double) {
        let largest =
            shifts.indices.filter { direction.sign($0) != 0 }
            .map { direction.bitCount($0) + shifts[$0] }.max() ?? 0
        let values = shifts.indices.map { index -> Double in
            guard direction.sign(index) != 0 else { return 0 }
            let exponent = shifts[index] - largest
            // The entry's own bits first, so that no power of two leaves the range.
            let bits = direction.bitCount(index)
            let mantissa =
                bits <= 1000
                ? Rational(direction[index]).nearestDouble
                : (Rational(direction[index]) / Rational(BigInteger(2).power(bits - 64))).nearestDouble
            let rest = bits <= 1000 ? exponent : exponent + bits - 64
            return Double(sign: .plus, exponent: max(rest, -2200), significand: mantissa)
        }
        return (values, values.reduce(0) { $0 + $1.magnitude })
    }

    /// The exact product with a point, in the integer coordinates.
    func product(_ point: Int, _ points: ProofPoints) -> BigInteger {
        let result = IntegerVector(count: 1)
        result.setDotProduct(
            at: 0, points.integers, start: point * points.dimension, direction, terms: points.dimension)
        return result[0]
    }
}

/// A pointed polyhedral cone cut out of the parameter space of a unit by hyperplanes of points, by its extreme rays (and
/// possibly rays that are not extreme, which change nothing that is proved).
final class ProofCone {
    enum State: Int8 {
        /// θ·x̃ ≥ 0 in the whole cone.
        case active
        /// θ·x̃ ≤ 0 in the whole cone.
        case inactive
        case undecided
    }

    let rays: [ProofRay]
    /// Of each point.
    let states: [State]
    /// Bit i is set where the hyperplane of point i is one of those that cut the cone out.
    private let constraints: [UInt64]

    init(rays: [ProofRay], constraints: [UInt64], _ points: ProofPoints) {
        self.rays = rays
        self.constraints = constraints
        states = (0..<points.count).map { point in
            var positive = false
            var negative = false
            for ray in rays {
                if ray.signs[point] > 0 { positive = true } else if ray.signs[point] < 0 { negative = true }
            }
            return positive && negative ? .undecided : negative ? .inactive : .active
        }
    }

    /// {θ : ±θ·x̃_b ≥ 0 for the base points b}, the sign being plus where bit k of `cell` is set. Its rays are those of
    /// the inverse of the base's matrix.
    static func root(_ cell: Int, base: [Int], _ points: ProofPoints) -> ProofCone? {
        let matrix = RationalMatrix(base.map { points.integerRow($0).map { Rational($0) } })
        var rays: [ProofRay] = []
        var constraints = [UInt64](repeating: 0, count: (points.count + 63) / 64)
        for (index, point) in base.enumerated() {
            constraints[point >> 6] |= 1 << UInt64(point & 63)
            var right = [Rational](repeating: .zero, count: base.count)
            right[index] = cell >> index & 1 == 1 ? .one : Rational(-1)
            guard let solution = matrix.solve(right) else { return nil }
            let factor = commonDenominator(solution, maximumBits: .max) ?? .one
            let direction = IntegerVector(count: base.count)
            for (column, value) in solution.enumerated() { direction[column] = value.scaledInteger(factor) }
            rays.append(ProofRay(direction, points))
        }
        return ProofCone(rays: rays, constraints: constraints, points)
    }

    /// The two parts on the sides of a point's hyperplane, the non-negative one first: one step of double description.
    ///
    /// Complexity: O(rays³ + new rays · points · d).
    func cut(_ point: Int, _ points: ProofPoints) -> (plus: ProofCone, minus: ProofCone) {
        var plus: [ProofRay] = []
        var minus: [ProofRay] = []
        var above: [ProofRay] = []
        var below: [ProofRay] = []
        for ray in rays {
            if ray.signs[point] >= 0 { plus.append(ray) }
            if ray.signs[point] <= 0 { minus.append(ray) }
            if ray.signs[point] > 0 { above.append(ray) }
            if ray.signs[point] < 0 { below.append(ray) }
        }
        for a in above {
            for b in below where areAdjacent(a, b, points.dimension) {
                let p = a.product(point, points)
                let q = b.product(point, points)
                let direction = IntegerVector(count: points.dimension)
                for index in 0..<points.dimension {
                    direction[index] = p * b.direction[index] - q * a.direction[index]
                }
                let ray = ProofRay(direction, points)
                plus.append(ray)
                minus.append(ray)
            }
        }
        var constraints = constraints
        constraints[point >> 6] |= 1 << UInt64(point & 63)
        return (
            ProofCone(rays: plus, constraints: constraints, points),
            ProofCone(rays: minus, constraints: constraints, points)
        )
    }

    /// Two rays span a face of two dimensions where no third one lies on all the hyperplanes that both lie on.
    private func areAdjacent(_ a: ProofRay, _ b: ProofRay, _ dimension: Int) -> Bool {
        let common = constraints.indices.map { a.zeros[$0] & b.zeros[$0] & constraints[$0] }
        guard common.reduce(0, { $0 + $1.nonzeroBitCount }) >= dimension - 2 else { return false }
        return !rays.contains { ray in
            ray !== a && ray !== b && common.indices.allSatisfy { common[$0] & ~ray.zeros[$0] == 0 }
        }
    }

    /// Whether the two have the same rays.
    func isSame(as other: ProofCone) -> Bool {
        if self === other { return true }
        guard rays.count == other.rays.count else { return false }
        return rays.allSatisfy { ray in
            other.rays.contains { candidate in
                (0..<ray.direction.count).allSatisfy { ray.direction[$0] == candidate.direction[$0] }
            }
        }
    }
}
