import ExactArithmetic
import Synchronization
import Testing

@testable import ExactTraining

/// The parts of enumeration, against closed forms and definitions.
struct EnumerationTests {
    private func draw(_ count: Int, _ n: Int, grid: Int?, seed: UInt64) -> [[Double]] {
        var random = SeededGenerator(seed: seed)
        var points: Set<[Double]> = []
        for _ in 0..<count {
            points.insert(
                (0..<n).map { _ in
                    if let grid { return Double(Int.random(in: 0..<grid, using: &random)) }
                    return Double.random(in: -1...1, using: &random)
                })
        }
        return points.sorted { $0.lexicographicallyPrecedes($1) }
    }

    private func binomial(_ n: Int, _ k: Int) -> Int { (0..<k).reduce(1) { $0 * (n - $1) / ($1 + 1) } }

    @Test func generalPositionHasTheKnownNumberOfDichotomies() throws {
        for n in 1...4 {
            for count in 1...9 {
                let points = draw(count, n, grid: nil, seed: UInt64(10 * n + count))
                let expected = (0...n).reduce(0) { $0 + 2 * binomial(count - 1, $1) }
                #expect(DichotomyCount(points, cancelled: { false }).cells == expected, "\(n) \(count)")
                let dichotomies = try #require(Dichotomies(points, cancelled: { false }))
                #expect(dichotomies.cells.count == expected, "\(n) \(count)")
            }
        }
    }

    /// Progress is in the data's own units: no incumbent on the way is better than the answer.
    @Test func progressIsInUnitsOfTheData() throws {
        for unit in [1.0 / 64, 1, 1000] {
            let targets = [0, 1, 2, 1, 0, 2, 4, 5, 4, 3, 1, 0].map { $0 * unit }
            let problem = try TrainingProblem(
                inputs: targets.indices.map(Double.init), columns: 1, targets: targets, hiddenUnits: 2,
                outputTerm: .affine)
            let seen = Mutex<[Double]>([])
            let result = try train(
                problem, options: TrainingOptions(method: .enumeration),
                progress: { progress in seen.withLock { $0.append(progress.upperBound) } })
            let least = seen.withLock { $0.min() } ?? .infinity
            #expect(least >= result.loss * (1 - 1e-9), "\(unit)")
        }
    }

    /// Two different algorithms count the dichotomies of degenerate points; each random hyperplane's is listed; rays lie
    /// in their closed cells and on enough hyperplanes.
    @Test func degeneratePointsHaveDistinctDichotomies() throws {
        for seed: UInt64 in 1...40 {
            let n = 1 + Int(seed % 4)
            let points = draw(9, n, grid: n == 1 ? 9 : seed % 3 == 0 ? 2 : 3, seed: seed)
            let dichotomies = try #require(Dichotomies(points, cancelled: { false }))
            #expect(
                DichotomyCount(points, cancelled: { false }).cells == dichotomies.cells.count, "seed \(seed)")
            let sets = Set(dichotomies.cells.map(\.active))
            #expect(sets.count == dichotomies.cells.count, "seed \(seed)")
            var random = SeededGenerator(seed: seed)
            for _ in 0..<300 {
                let normal = (0..<n).map { _ in Double.random(in: -1...1, using: &random) }
                let offset = -zip(normal, points.randomElement(using: &random) ?? []).reduce(0) {
                    $0 + $1.0 * $1.1
                }
                var set = PointSet(capacity: points.count)
                var isOnPoint = false
                for (index, point) in points.enumerated() {
                    let sign = ExactSign.dotProduct(normal, point, plus: offset + 1e-3)
                    if sign > 0 { set.insert(index) }
                    isOnPoint = isOnPoint || sign == 0
                }
                #expect(isOnPoint || sets.contains(set), "seed \(seed)")
            }
            try checkRays(dichotomies, "seed \(seed)")
        }
    }

    private func checkRays(_ dichotomies: Dichotomies, _ context: String) throws {
        let rank = dichotomies.coordinates.count
        for cell in dichotomies.cells {
            #expect(cell.rays.count >= rank, "\(context)")
            for number in cell.rays {
                let ray = dichotomies.rays[Int(number)]
                let features = dichotomies.features(of: Int(number))
                var tight: [[Rational]] = []
                for (index, point) in dichotomies.points.enumerated() {
                    let value = zip(point, ray.exact).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
                    #expect(cell.active.contains(index) ? value.sign >= 0 : value.sign <= 0, "\(context)")
                    #expect(features[index] == (value.sign > 0 ? value.nearestDouble : 0), "\(context)")
                    if value.isZero { tight.append(point) }
                }
                #expect(RationalMatrix(tight).rank == rank - 1, "\(context)")
            }
        }
    }

    @Test func everyMultisetComesUpOnce() {
        for (kinds, size) in [(1, 1), (1, 4), (5, 1), (7, 2), (6, 3), (4, 5)] {
            let order = MultisetOrder(kinds: kinds, size: size, seed: 12345)
            let all = (0..<order.count).map { order[$0] }
            #expect(Set(all).count == order.count)
            #expect(
                all.allSatisfy {
                    $0 == $0.sorted() && $0.count == size && $0.allSatisfy { $0 >= 0 && $0 < kinds }
                })
            #expect(BigInteger(order.count) == multisets(of: size, kinds: BigInteger(kinds)))
        }
    }

    @Test func allProgramsAreCounted() throws {
        let problem = try RandomProblems.problem(seed: 7, loss: .squared, outputTerm: .none, shape: .general)
        let points = stride(from: 0, to: problem.inputs.count, by: problem.columns).map {
            Array(problem.inputs[$0..<$0 + problem.columns])
        }
        let cells = DichotomyCount(points, cancelled: { false }).cells
        let result = try train(problem, options: TrainingOptions(method: .enumeration, threads: 2))
        #expect(
            BigInteger(result.nodesExplored)
                == multisets(of: problem.hiddenUnits, kinds: BigInteger(2 * cells)))
    }

    /// 442 points in the plane, two units: 2 (1 + 441 + 441·440/2) cells, twice with signs, multisets of two.
    @Test func refusesAtOnceWithTheNumberOfPrograms() throws {
        var random = SeededGenerator(seed: 1)
        let problem = try TrainingProblem(
            inputs: (0..<884).map { _ in Double.random(in: -1...1, using: &random) }, columns: 2,
            targets: [Double](repeating: 0, count: 442), hiddenUnits: 2)
        let cells = 2 * (1 + 441 + 441 * 440 / 2)
        let programs = 2 * cells * (2 * cells + 1) / 2
        let clock = ContinuousClock()
        let start = clock.now
        #expect(throws: TrainingFault.tooManyPrograms(programs: String(programs), limit: 2_000_000)) {
            try train(problem, options: TrainingOptions(method: .enumeration))
        }
        #expect(clock.now - start < .seconds(2))
    }

    /// What does not fit in memory ends with what is proved, which is nothing.
    @Test func endsWhereMemoryEnds() throws {
        var random = SeededGenerator(seed: 1)
        let problem = try TrainingProblem(
            inputs: (0..<300).map { _ in Double.random(in: -1...1, using: &random) }, columns: 2,
            targets: (0..<150).map { _ in Double.random(in: -1...1, using: &random) }, hiddenUnits: 1)
        let result = try train(problem, options: TrainingOptions(method: .enumeration, memoryLimit: 1 << 20))
        #expect(!result.optimal && result.lowerBound == 0 && result.loss > 0)
    }

    @Test func residuesAreThoseOfTheExactNumber() throws {
        var random = SeededGenerator(seed: 4)
        let prime = BigInteger(Int(PrimeField.prime))
        for exponent in stride(from: -1074, through: 900, by: 37) {
            let value =
                Double.random(in: -1...1, using: &random)
                * Double(sign: .plus, exponent: exponent, significand: 1)
            let exact = try #require(Rational(exactly: value))
            // value · denominator = numerator, modulo the prime.
            func residue(_ integer: BigInteger) -> UInt64 {
                UInt64(integer.flooredQuotientAndRemainder(dividingBy: prime).1.int ?? 0)
            }
            #expect(
                PrimeField.product(PrimeField(value).value, residue(exact.denominator))
                    == residue(exact.numerator))
        }
    }

    @Test func reportsProgress() throws {
        let reports = Counter()
        var random = SeededGenerator(seed: 2)
        let problem = try TrainingProblem(
            inputs: (0..<26).map { _ in Double.random(in: -1...1, using: &random) }, columns: 1,
            targets: (0..<26).map { _ in Double.random(in: -1...1, using: &random) }, hiddenUnits: 2)
        _ = try train(problem, options: TrainingOptions(method: .enumeration, timeLimit: 1)) { progress in
            reports.add()
            if progress.lowerBound > progress.upperBound { reports.fail() }
        }
        #expect(reports.value >= 1 && !reports.hasFailed)
    }
}
