internal import ExactArithmetic

/// The region of a leaf, a product of one cone for each unit, with the affine lower bounds of its relaxation: what a dual
/// vector must satisfy there.
///
/// With G_i the sum of the dual entries at point i and h_i = s_j G_i for a unit j of sign s_j, the profit of a ray r of
/// the unit's cone is
///     q(r) = Σ_i h_i c_i (x̃_i·r),
/// c_i being 1 where the cone is on the active side of point i, 0 on the inactive side, and at an undecided point α_ij
/// for h_i > 0 and [x̃_i·r > 0] for h_i < 0. Where no profit is negative (and Σ G_i = 0 with a bias, Σ G_i x̃_i = 0 with
/// an affine output term), −Σ ω ℓ*(g/ω) is a lower bound of the loss on the region.
struct LeafRelaxation {
    let points: ProofPoints
    /// One a unit.
    let cones: [ProofCone]
    let positiveUnits: Int
    /// α by unit and point, where it is not 0.
    let slopes: [[Int: Double]]

    func sign(_ unit: Int) -> Double { unit < positiveUnits ? 1 : -1 }

    /// c_i at a point for a given sign of h_i.
    @inline(__always)
    func factor(_ unit: Int, _ ray: ProofRay, _ point: Int, hIsPositive: Bool) -> Double {
        switch cones[unit].states[point] {
        case .active: 1
        case .inactive: 0
        case .undecided:
            hIsPositive ? slopes[unit][point] ?? 0 : ray.signs[point] > 0 ? 1 : 0
        }
    }

    /// The profit of a ray in binary64, with a bound on its error and the sum of its terms' magnitudes.
    func roundedProfit(_ unit: Int, _ ray: ProofRay, _ dual: [Double]) -> (
        value: Double, error: Double, scale: Double
    ) {
        let sign = sign(unit)
        let isPlain = slopes[unit].isEmpty
        let states = cones[unit].states
        var value = 0.0
        var scale = 0.0
        var total = 0.0
        for point in 0..<points.count {
            let h = sign * dual[point]
            total += h.magnitude
            var factor = 1.0
            switch states[point] {
            case .active: break
            case .inactive: continue
            case .undecided:
                if h > 0 {
                    if isPlain { continue }
                    factor = slopes[unit][point] ?? 0
                } else if ray.signs[point] <= 0 {
                    continue
                }
            }
            let term = h * factor * ray.products[point]
            value += term
            scale += term.magnitude
        }
        return (value, Double(points.count + 8) * 0x1p-52 * scale + 2 * ray.error * total + 1e-290, scale)
    }
}

/// Exact profits of one leaf under one dual vector.
struct ExactProfits {
    private let relaxation: LeafRelaxation
    /// h times one positive factor for all, by sign of the unit: the second is for subtracted units.
    private let sums: [IntegerVector]
    private let signs: [Int]
    /// That factor.
    private let scale: BigInteger
    /// By unit: Σ h_i x̃_i over the points that are active in its cone.
    private let active: [IntegerVector]

    /// - Parameter sums: G_i, one a point.
    init(_ relaxation: LeafRelaxation, sums exact: [Rational]) {
        self.relaxation = relaxation
        let points = relaxation.points
        let common = commonDenominator(exact, maximumBits: .max) ?? .one
        let slopes = relaxation.slopes.flatMap(\.values).map { Rational(exactly: $0) ?? .zero }
        let slopeScale = commonDenominator(slopes, maximumBits: .max) ?? .one
        scale = common * slopeScale
        let plus = IntegerVector(count: max(1, points.count))
        let minus = IntegerVector(count: max(1, points.count))
        for (point, value) in exact.enumerated() {
            let scaled = value.scaledInteger(common) * slopeScale
            plus[point] = scaled
            minus[point] = -scaled
        }
        sums = [plus, minus]
        signs = exact.map(\.sign)
        active = relaxation.cones.indices.map { unit in
            let values = unit < relaxation.positiveUnits ? plus : minus
            let masked = IntegerVector(count: max(1, points.count))
            let states = relaxation.cones[unit].states
            for point in 0..<points.count where states[point] == .active {
                masked.copy(values, point, to: point)
            }
            return Self.combine(masked, points)
        }
    }

    /// Σ_i values_i x̃_i.
    private static func combine(_ values: IntegerVector, _ points: ProofPoints) -> IntegerVector {
        let result = IntegerVector(count: points.dimension)
        for index in 0..<points.dimension {
            result.setDotProduct(
                at: index, points.integers, start: index, stride: points.dimension, values,
                terms: points.count)
        }
        return result
    }

    /// The profit, in the points' integer coordinates.
    func unscaled(_ unit: Int, _ ray: ProofRay) -> Rational { Rational(value(unit, ray), scale) }

    /// The sign of the profit.
    func sign(_ unit: Int, _ ray: ProofRay) -> Int { value(unit, ray).sign }

    /// The profit times one positive factor for the whole leaf.
    func value(_ unit: Int, _ ray: ProofRay) -> BigInteger {
        let points = relaxation.points
        let isAdded = unit < relaxation.positiveUnits
        let values = sums[isAdded ? 0 : 1]
        let masked = IntegerVector(count: max(1, points.count))
        let states = relaxation.cones[unit].states
        var isEmpty = true
        for point in 0..<points.count where states[point] == .undecided && signs[point] != 0 {
            if (signs[point] > 0) == isAdded {
                guard let slope = relaxation.slopes[unit][point] else { continue }
                if slope == 1 {
                    masked.copy(values, point, to: point)
                } else {
                    let exact = Rational(exactly: slope) ?? .zero
                    masked[point] = (Rational(values[point]) * exact).numerator
                }
            } else if ray.signs[point] > 0 {
                masked.copy(values, point, to: point)
            } else {
                continue
            }
            isEmpty = false
        }
        let product = IntegerVector(count: 2)
        product.setDotProduct(
            at: 0, active[unit], start: 0, ray.direction, terms: points.dimension)
        if isEmpty { return product[0] }
        let combined = Self.combine(masked, points)
        product.setDotProduct(at: 1, combined, start: 0, ray.direction, terms: points.dimension)
        return product[0] + product[1]
    }
}
