import ExactArithmetic
import Testing

@testable import ExactTraining

/// Relaxations solved on some rows against the same on all rows, and what moments over sets of rows follow from.
struct RowViewTests {
    @Test func someRowsAndAllRowsHaveTheSameMinimum() throws {
        var compressed = 0
        var minima = 0
        for seed in 0..<40 {
            var random = SeededGenerator(seed: UInt64(seed))
            let n = seed % 3 + 1
            let units = seed % 4 + 1
            let rows = 260
            let inputs = (0..<rows * n).map { _ in
                // Half of the seeds with equal and collinear points.
                seed % 2 == 0
                    ? Double.random(in: -1...1, using: &random)
                    : Double(Int.random(in: -40...40, using: &random))
            }
            let targets = (0..<rows).map { _ in Double.random(in: -1...1, using: &random) }
            let weights = (0..<rows).map { _ in Double.random(in: 0.5...2, using: &random) }
            let term: OutputTerm = [.none, .bias, .affine][seed % 3]
            let problem = try TrainingProblem(
                inputs: inputs, columns: n, targets: targets, weights: weights, hiddenUnits: units,
                outputTerm: term)
            let data = try #require(DataArrangement(problem, isCancelled: { false }))
            let relaxation = NodeRelaxation(data, RowLosses(data))
            for _ in 0..<6 {
                let cones = (0..<units).map { _ in
                    var cone = Cone.root(Int.random(in: 0..<1 << data.dimension, using: &random), data)
                    for _ in 0..<Int.random(in: 0...8, using: &random) {
                        let undecided = (0..<data.count).filter { cone.sides[$0] == Cone.Side.undecided }
                        guard let row = undecided.randomElement(using: &random) else { break }
                        let parts = cone.cut(row)
                        cone = Bool.random(using: &random) ? parts.plus : parts.minus
                    }
                    return cone
                }
                relaxation.load(cones, positiveUnits: Int.random(in: 0...units, using: &random))
                relaxation.chooseSlopes(fromCoefficients: false)
                guard relaxation.isPart else { continue }
                compressed += 1
                let some = relaxation.solve(curvature: 2, tolerance: 1e-11) { _, _ in false }
                relaxation.useAllRows()
                let all = relaxation.solve(curvature: 2, tolerance: 1e-11) { _, _ in false }
                // From where the one ends the other can only descend; from a cold start not all minima are reached.
                #expect(
                    all.value <= some.value + 1e-9 * (some.value + 1),
                    "seed \(seed): \(some.value) on some rows, \(all.value) on all")
                guard some.isMinimum, all.isMinimum else { continue }
                minima += 1
                #expect(
                    (some.value - all.value).magnitude <= 1e-5 * (all.value + 1),
                    "seed \(seed): \(some.value) on some rows, \(all.value) on all")
            }
        }
        #expect(compressed > 30 && 10 * minima > 9 * compressed)
    }

    @Test func spansAreThoseOfRationalElimination() {
        for seed in 0..<400 {
            var random = SeededGenerator(seed: UInt64(seed))
            let width = Int.random(in: 1...9, using: &random)
            var span = IntegerSpan()
            var vectors: [[Int]] = []
            for _ in 0..<Int.random(in: 1...9, using: &random) {
                var vector = (0..<width).map { _ in Int.random(in: -1...1, using: &random) }
                if vectors.count > 1, Bool.random(using: &random) {
                    vector = zip(vectors[0], vectors[vectors.count - 1]).map { $0 + $1 }
                }
                func rank(_ rows: [[Int]]) -> Int {
                    rows.isEmpty ? 0 : RationalMatrix(rows.map { $0.map { Rational($0) } }).rank
                }
                let isNew = rank(vectors + [vector]) > rank(vectors)
                vectors.append(vector)
                #expect(span.insert(vector) == isNew, "seed \(seed)")
            }
        }
    }

    @Test func setsAreSumsOfParts() {
        for seed in 0..<200 {
            var random = SeededGenerator(seed: UInt64(seed))
            let rows = Int.random(in: 1...200, using: &random)
            let sets = RowSets(stride: rows)
            let count = Int.random(in: 1...6, using: &random)
            sets.reserve(count)
            for set in 0..<count {
                let other = Int.random(in: 0...set, using: &random)
                for row in 0..<rows {
                    // Random ones, and parts and unions of earlier ones.
                    let isIn = Bool.random(using: &random)
                    if isIn || (set > 1 && RowSets.contains(sets[other], row)) {
                        sets[set][row >> 6] |= 1 << UInt64(row & 63)
                    }
                }
            }
            let parts = RowParts((0..<count).map { UnsafePointer(sets[$0]) }, storage: RowSets(stride: rows))
            for row in 0..<rows {
                let containing = parts.memberships.indices.filter {
                    RowSets.contains(parts.rows($0), row)
                }
                let membership = (0..<count).reduce(UInt64(0)) {
                    RowSets.contains(sets[$1], row) ? $0 | 1 << UInt64($1) : $0
                }
                #expect(
                    containing.map { parts.memberships[$0] } == (membership == 0 ? [] : [membership]),
                    "seed \(seed)")
            }
            #expect(Set(parts.memberships).count == parts.memberships.count, "seed \(seed)")
            let seen = parts.seen(sets[0])
            #expect(seen == parts.memberships.map { $0 & 1 == 1 }, "seed \(seed)")
            #expect(parts.vector(0, within: seen) == parts.vector(0), "seed \(seed)")
        }
    }
}
