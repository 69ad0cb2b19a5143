/// Where local descents begin: random hyperplanes through points of the data.
struct LocalStarts {
    private let data: DataArrangement
    private let losses: RowLosses
    private let freeCount: Int
    private let seed: UInt64

    private static let perSign = 24

    init(_ data: DataArrangement, _ losses: RowLosses, freeCount: Int, seed: UInt64) {
        self.data = data
        self.losses = losses
        self.freeCount = freeCount
        self.seed = seed
    }

    private var units: Int { data.problem.hiddenUnits }

    var count: Int { (units + 1) * Self.perSign }

    var curvature: Double { losses.isSmooth ? losses.trueCurvature : 1e4 / losses.reach }

    /// Parameters in the frame, and the number of positive units.
    subscript(index: Int) -> (parameters: [Double], positiveUnits: Int) {
        var random = SplitMix(state: seed &* 0x9E37_79B9_7F4A_7C15 &+ UInt64(index))
        var parameters: [Double] = []
        for _ in 0..<units {
            var unit = (0..<data.dimension).map { _ in random.symmetric() }
            let row = Int(random.next() % UInt64(data.count))
            var value = 0.0
            for l in 0..<data.dimension - 1 { value += unit[l] * data.frame[l * data.stride + row] }
            let constant = data.frame[(data.dimension - 1) * data.stride]
            if data.dimension > 1 { unit[data.dimension - 1] = -value / constant }
            parameters += unit.map { $0 * losses.reach }
        }
        return (
            parameters + [Double](repeating: 0, count: freeCount), index / Self.perSign
        )
    }
}

/// Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
private struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in [−1, 1).
    mutating func symmetric() -> Double { Double(Int64(bitPattern: next()) >> 11) * 0x1p-52 }
}
