import ExactArithmetic
import HardFamilies
import PieceCounting
import ReLUNetworks
import Testing

/// SplitMix64: the same families on every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: Int) { state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15 }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// A random point of ∪_M (Δ_M^{w−1})^k.
func randomSawtooth(seed: Int, units: Int, layers: Int) throws -> SawtoothFamily {
    var generator = SeededGenerator(seed)
    let maximum = Rational(Int.random(in: 1...9, using: &generator), Int.random(in: 1...5, using: &generator))
    let points = (0..<layers).map { _ in
        var parts: [Rational] = []
        for _ in 0..<units { parts.append(Rational(Int.random(in: 1...20, using: &generator))) }
        let total = parts.reduce(.zero, +)
        var sum = Rational.zero
        return parts.dropLast().map { part in
            sum += part
            return maximum * sum / total
        }
    }
    return try SawtoothFamily(maximum: maximum, simplexPoints: points)
}

@Suite struct SawtoothTests {
    /// h_a evaluated from its definition.
    private func tooth(_ a: [Rational], _ maximum: Rational, _ x: Rational) -> Rational {
        if x.sign <= 0 { return .zero }
        let ends = [.zero] + a + [maximum]
        var index = 0
        while index + 2 < ends.count, x > ends[index + 1] { index += 1 }
        let from = index % 2 == 0 ? Rational.zero : maximum
        let to = maximum - from
        return from + (to - from) * (x - ends[index]) / (ends[index + 1] - ends[index])
    }

    @Test func networkIsTheComposition() throws {
        for seed in 0..<40 {
            let family = try randomSawtooth(seed: seed, units: 1 + seed % 5, layers: 1 + seed % 4)
            let network = family.network
            #expect(network.size == family.size)
            #expect(network.hiddenLayers == family.layers)
            for step in -4...24 {
                let x = family.maximum * Rational(step, 17)
                let expected = family.simplexPoints.reduce(x) { tooth($1, family.maximum, $0) }
                #expect(network([x]) == [expected], "seed \(seed) at \(x)")
            }
        }
    }

    @Test func countsOfRandomSimplexPoints() throws {
        for seed in 0..<40 {
            let family = try randomSawtooth(seed: seed, units: 1 + seed % 5, layers: 1 + seed / 5 % 4)
            let interval = try InputInterval(lower: 0, upper: family.maximum)
            #expect(
                try LinePieceCounting.list(family.network).counts[.level] == family.pieces, "seed \(seed)")
            #expect(
                try LinePieceCounting.list(family.network, on: interval).counts[.level]
                    == family.piecesOnInterval, "seed \(seed)")
        }
    }

    @Test func equalTeethClosedForms() throws {
        for units in 1...5 {
            for layers in 1...6 {
                let family = try SawtoothFamily(equalTeeth: units, layers: layers)
                #expect(family.piecesOnInterval == BigInteger(units).power(layers))
                let interval = try InputInterval(lower: 0, upper: family.maximum)
                #expect(
                    try LinePieceCounting.countWithoutListing(family.network)[.level] == family.pieces)
                #expect(
                    try LinePieceCounting.countWithoutListing(family.network, on: interval)[.level]
                        == family.piecesOnInterval)
            }
        }
        let deep = try SawtoothFamily(equalTeeth: 5, layers: 43)
        #expect(deep.pieces == BigInteger("1136868377216160297393798828126"))
        #expect(try LinePieceCounting.countWithoutListing(deep.network)[.level] == deep.pieces)
    }

    @Test func faultsCarryIndices() throws {
        func fault(_ maximum: Rational, _ points: [[Rational]]) -> HardFamilyFault? {
            do {
                _ = try SawtoothFamily(maximum: maximum, simplexPoints: points)
                return nil
            } catch {
                return error
            }
        }
        #expect(fault(0, [[]]) == .maximumNotPositive)
        #expect(fault(1, []) == .noSimplexPoints)
        #expect(
            fault(3, [[1, 2], [1]]) == .simplexPointLength(point: 1, expected: 2, actual: 1))
        #expect(fault(3, [[1, 2], [2, 2]]) == .simplexPointNotIncreasing(point: 1, coordinate: 1))
        #expect(fault(3, [[0, 2]]) == .simplexPointNotIncreasing(point: 0, coordinate: 0))
        #expect(fault(3, [[1, 2], [1, 3]]) == .simplexPointBeyondMaximum(point: 1, coordinate: 1))
        #expect(fault(3, [[1, 2], [1, 2]]) == nil)
        #expect(throws: HardFamilyFault.unitsNotPositive) { try SawtoothFamily(equalTeeth: 0, layers: 1) }
        #expect(throws: HardFamilyFault.layersNotPositive) { try SawtoothFamily(equalTeeth: 1, layers: 0) }
        #expect(throws: HardFamilyFault.tooLarge) { try SawtoothFamily(equalTeeth: .max, layers: 2) }
        #expect(throws: HardFamilyFault.tooLarge) { try SawtoothFamily(equalTeeth: 2, layers: .max) }
    }

    /// The least sizes by trying every size, in rationals.
    @Test func gapTableAgainstSearch() throws {
        for (units, layers) in [(2, 4), (3, 3), (5, 4), (4, 5)] {
            let family = try SawtoothFamily(equalTeeth: units, layers: layers)
            let rows = try family.gapTable()
            #expect(rows.map(\.hiddenLayers) == Array(1..<layers))
            for row in rows {
                let k = row.hiddenLayers
                // The least s with (2 (s + 1) / k)^k ≥ w^k, and with (1 + s / k)^k ≥ P.
                var paper = 0
                while power(Rational(2 * (paper + 1), k), k) < Rational(family.piecesOnInterval) {
                    paper += 1
                }
                var sharper = 0
                while power(1 + Rational(sharper, k), k) < Rational(family.pieces) { sharper += 1 }
                #expect(row.paper == BigInteger(paper))
                #expect(row.sharper == BigInteger(sharper))
                #expect(BigInteger(family.size) >= .zero)
            }
        }
    }

    private func power(_ base: Rational, _ exponent: Int) -> Rational {
        (0..<exponent).reduce(Rational.one) { product, _ in product * base }
    }

    @Test func corollaryRows() throws {
        for k in 1...8 {
            let row = try DepthGaps.corollary(k: k)
            #expect(row.deepHiddenLayers == k * k)
            #expect(row.deepSize == k * k * k)
            // ½ k^{k+1} − 1, rounded up and at least 0.
            let double = BigInteger(k).power(k + 1)
            let half = (double + .one).flooredQuotientAndRemainder(dividingBy: BigInteger(2)).0
            #expect(row.leastShallowSizes.paper == half - .one)
            #expect(row.leastShallowSizes.sharper >= BigInteger(k) * (BigInteger(k).power(k) - .one))
        }
        let second = try DepthGaps.corollary(k: 3, epsilon: 2)
        #expect(second.deepHiddenLayers == 27)
        #expect(second.deepSize == 81)
        #expect(second.leastShallowSizes.paper == BigInteger(29524))  // ⌈½ 3^{10} − 1⌉
        #expect(throws: HardFamilyFault.tooLarge) { try DepthGaps.corollary(k: 1 << 40) }
        #expect(throws: HardFamilyFault.epsilonNotPositive) { try DepthGaps.corollary(k: 2, epsilon: 0) }
    }

    @Test func distanceGapsAreTheLargestSizes() throws {
        for distance in [Rational.zero, Rational(1, 10), Rational(249, 1000)] {
            let rows = try DepthGaps.distanceGaps(
                units: 3, layers: 6, distance: distance, hiddenLayers: 1...5)
            let target = Rational(BigInteger(3).power(6)) * (1 - distance * 4)
            for row in rows {
                // 2 (2 s / k')^{k'} ≤ w^k (1 − 4δ), and not for s + 1.
                let size = Rational(row.insufficientSize)
                let depth = Rational(row.hiddenLayers)
                #expect(2 * power(2 * size / depth, row.hiddenLayers) <= target)
                #expect(2 * power(2 * (size + 1) / depth, row.hiddenLayers) > target)
            }
        }
        #expect(throws: HardFamilyFault.distanceOutOfRange) {
            try DepthGaps.distanceGaps(units: 2, layers: 2, distance: Rational(1, 4), hiddenLayers: 1...1)
        }
    }
}
