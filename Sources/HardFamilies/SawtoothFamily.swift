public import ExactArithmetic

/// Why parameters do not describe a member of a hard family.
public enum HardFamilyFault: Error, Sendable, Equatable {
    case maximumNotPositive
    case noSimplexPoints
    /// Simplex point `point` has another number of coordinates than the first one.
    case simplexPointLength(point: Int, expected: Int, actual: Int)
    /// Coordinate `coordinate` of simplex point `point` is not above its predecessor (or 0).
    case simplexPointNotIncreasing(point: Int, coordinate: Int)
    /// Coordinate `coordinate` of simplex point `point` is not below M.
    case simplexPointBeyondMaximum(point: Int, coordinate: Int)
    case unitsNotPositive
    case layersNotPositive
    case noGenerators
    /// Generator `generator` has another dimension than the first one, or none.
    case generatorLength(generator: Int, expected: Int, actual: Int)
    /// The answer would be larger than the stated limit.
    case tooLarge
    /// 4δ must lie in [0, 1).
    case distanceOutOfRange
}

/// H_{a^1..a^k} = h_{a^k} ∘ … ∘ h_{a^1} of Theorem 3.1 of Arora et al. (ICLR 2018): k hidden layers of width w whose
/// number of pieces is exponential in k.
public struct SawtoothFamily: Sendable {
    /// M.
    public let maximum: Rational
    /// k points of Δ_M^{w−1}.
    public let simplexPoints: [[Rational]]
    /// w.
    public var units: Int { (simplexPoints.first?.count ?? 0) + 1 }
    /// k.
    public var layers: Int { simplexPoints.count }

    public init(maximum: Rational, simplexPoints: [[Rational]]) throws(HardFamilyFault) {
        guard maximum.sign > 0 else { throw .maximumNotPositive }
        self.maximum = maximum
        self.simplexPoints = simplexPoints
    }
}
