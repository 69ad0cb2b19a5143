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
    /// The answer, or the work that it takes, would be larger than the stated limit.
    case tooLarge
    /// δ must be at least 0 and below 1/4.
    case distanceOutOfRange
    /// The exponent ε of a corollary's row must be a positive integer.
    case epsilonNotPositive
    case cancelled
}
