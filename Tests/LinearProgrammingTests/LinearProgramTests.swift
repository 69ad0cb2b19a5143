import ExactArithmetic
import Testing

@testable import LinearProgramming

func rationals(_ values: [Int]) -> [Rational] { values.map { Rational($0) } }

func inequality(_ normal: [Int], _ offset: Int) -> LinearInequality {
    LinearInequality(normal: rationals(normal), offset: Rational(offset))
}

/// A program of one of several characters: small integers (degenerate), fractions, scales far apart, many
/// repetitions.
func randomProgram(_ seed: Int, maximumDimension: Int = 3, maximumRows: Int = 7) -> LinearProgram {
    var random = TestRandom(seed)
    let dimension = Int.random(in: 1...maximumDimension, using: &random)
    let character = Int.random(in: 0..<4, using: &random)
    let rowScales = (0..<20).map { _ in Int.random(in: -3...3, using: &random) }
    func entry(_ row: Int) -> Rational {
        switch character {
        case 0: return Rational(Int.random(in: -1...1, using: &random))
        case 1: return Rational(Int.random(in: -9...9, using: &random), Int.random(in: 1...7, using: &random))
        case 2:
            return Rational(Int.random(in: -3...3, using: &random))
                * Rational.powerOfTen(40 * rowScales[row % 20])
        default: return Rational(exactly: Double.random(in: -1...1, using: &random)) ?? .zero
        }
    }
    var inequalities = (0..<Int.random(in: 0...maximumRows, using: &random)).map { row in
        LinearInequality(normal: (0..<dimension).map { _ in entry(row) }, offset: entry(row))
    }
    if Bool.random(using: &random) {
        // Offsets that a common point satisfies: feasible, often with many rows through one point.
        let point = (0..<dimension).map { _ in Rational(Int.random(in: -2...2, using: &random)) }
        inequalities = inequalities.map {
            let tight = Int.random(in: 0..<3, using: &random) > 0
            let offset = $0.offset.sign < 0 || tight ? Rational.zero : $0.offset
            return LinearInequality(normal: $0.normal, offset: innerProduct($0.normal, point) + offset)
        }
    }
    if let copied = inequalities.randomElement(using: &random), Bool.random(using: &random) {
        inequalities.append(copied)
    }
    let equations = (0..<(Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0)).map { row in
        LinearInequality(normal: (0..<dimension).map { _ in entry(row) }, offset: entry(row))
    }
    return LinearProgram(
        maximising: (0..<dimension).map { entry($0) }, inequalities: inequalities, equations: equations)
}

@Suite struct LinearProgramTests {
    @Test(arguments: [true, false])
    func outcomesAreThoseOfElimination(proposals: Bool) throws {
        var kinds = [0, 0, 0]
        for seed in 0..<1500 {
            let program = randomProgram(seed)
            let outcome = try program.solved(proposals: proposals, isCancelled: { false })
            #expect(program.isProved(by: outcome), "seed \(seed)")
            switch (outcome, FourierMotzkin.maximum(program)) {
            case (.optimal(_, let value, _), .optimal(let expected)):
                kinds[0] += 1
                #expect(value == expected, "seed \(seed)")
            case (.infeasible, .infeasible): kinds[1] += 1
            case (.unbounded, .unbounded): kinds[2] += 1
            case (let outcome, let expected): Issue.record("seed \(seed): \(outcome), not \(expected)")
            }
        }
        #expect(kinds.allSatisfy { $0 > 150 }, "\(kinds)")
    }

    /// Up to seven variables: every answer proves itself, and both ways give the same one.
    @Test func answersWithAndWithoutProposalsAgree() throws {
        for seed in 0..<300 {
            let program = randomProgram(seed, maximumDimension: 7, maximumRows: 24)
            let outcomes = try [true, false].map {
                try program.solved(proposals: $0, isCancelled: { false })
            }
            #expect(outcomes.allSatisfy { program.isProved(by: $0) }, "seed \(seed)")
            switch (outcomes[0], outcomes[1]) {
            case (.optimal(_, let value, _), .optimal(_, let other, _)):
                #expect(value == other, "seed \(seed)")
            case (.infeasible, .infeasible), (.unbounded, .unbounded): break
            default: Issue.record("seed \(seed): \(outcomes)")
            }
        }
    }

    @Test func proofsThatProveNothingAreRefused() {
        let program = LinearProgram(maximising: rationals([1]), inequalities: [inequality([1], 3)])
        let multipliers = LinearMultipliers(inequalities: rationals([1]))
        let right = LinearProgramOutcome.optimal(
            point: rationals([3]), value: Rational(3), multipliers: multipliers)
        #expect(program.isProved(by: right))
        #expect(
            !program.isProved(
                by: .optimal(point: rationals([2]), value: Rational(2), multipliers: multipliers)))
        #expect(
            !program.isProved(
                by: .optimal(point: rationals([4]), value: Rational(4), multipliers: multipliers)))
        #expect(!program.isProved(by: .infeasible(multipliers)))
        #expect(!program.isProved(by: .infeasible(LinearMultipliers(inequalities: rationals([-1])))))
        #expect(!program.isProved(by: .infeasible(LinearMultipliers(inequalities: []))))
        #expect(!program.isProved(by: .unbounded(point: rationals([0]), ray: rationals([1]))))
        #expect(!program.isProved(by: .unbounded(point: rationals([0]), ray: rationals([-1]))))
    }

    /// E. M. L. Beale's example, on which the largest-coefficient rule cycles.
    @Test(arguments: [true, false])
    func bealesExampleEnds(proposals: Bool) throws {
        let rows: [([Rational], Rational)] = [
            ([Rational(1, 4), -60, Rational(-1, 25), 9], 0),
            ([Rational(1, 2), -90, Rational(-1, 50), 3], 0),
            ([0, 0, 1, 0], 1),
        ]
        let signs = (0..<4).map { index in
            LinearInequality(normal: (0..<4).map { $0 == index ? -1 : 0 }, offset: 0)
        }
        let program = LinearProgram(
            maximising: [Rational(3, 4), -150, Rational(1, 50), -6],
            inequalities: rows.map { LinearInequality(normal: $0.0, offset: $0.1) } + signs)
        let outcome = try program.solved(proposals: proposals, isCancelled: { false })
        #expect(program.isProved(by: outcome))
        guard case .optimal(_, let value, _) = outcome else { Issue.record("\(outcome)"); return }
        #expect(value == Rational(1, 20))
    }

    /// The twisted cubes of V. Klee and G. Minty: exponential for the largest-coefficient rule, small here.
    @Test func kleeAndMintysCube() throws {
        let n = 7
        let rows = (0..<n).map { row in
            LinearInequality(
                normal: (0..<n).map { column in
                    column < row
                        ? Rational(BigInteger(2).power(row - column + 1)) : column == row ? .one : .zero
                }, offset: Rational(BigInteger(5).power(row + 1)))
        }
        let signs = (0..<n).map { index in
            LinearInequality(normal: (0..<n).map { $0 == index ? -1 : 0 }, offset: 0)
        }
        let program = LinearProgram(
            maximising: (0..<n).map { Rational(BigInteger(2).power(n - 1 - $0)) }, inequalities: rows + signs)
        for proposals in [true, false] {
            let outcome = try program.solved(proposals: proposals, isCancelled: { false })
            #expect(program.isProved(by: outcome))
            guard case .optimal(_, let value, _) = outcome else { Issue.record("\(outcome)"); return }
            #expect(value == Rational(BigInteger(5).power(n)))
        }
    }

    @Test func whatRoundingCannotTell() throws {
        // x ≤ 0 and x ≥ ε with ε far below any tolerance, and its two neighbours.
        for (epsilon, expected) in [("1e-300", false), ("0", true), ("-1e-300", true)] {
            let program = LinearProgram(
                maximising: [.zero],
                inequalities: [
                    inequality([1], 0),
                    LinearInequality(normal: [-1], offset: -(try Rational(parsing: epsilon))),
                ])
            let outcome = try program.solved()
            #expect(program.isProved(by: outcome))
            if case .infeasible = outcome { #expect(!expected) } else { #expect(expected) }
        }
        // Two nearly parallel hyperplanes meet 2^60 away.
        let tiny = Rational(BigInteger.one, BigInteger(2).power(60))
        let program = LinearProgram(
            maximising: rationals([1, 0]),
            inequalities: [
                LinearInequality(normal: [tiny, 1], offset: 1), LinearInequality(normal: [0, -1], offset: 0),
            ])
        guard case .optimal(let point, _, _) = try program.solved() else { Issue.record(); return }
        #expect(point[0] == Rational(BigInteger(2).power(60)))
    }

    /// Points on a paraboloid: many rows, small dimension, the optimum known.
    @Test func manyRows() throws {
        var random = TestRandom(5)
        let n = 6
        let rows = (0..<2000).map { _ in
            let point = (0..<n).map { _ in Rational(Int.random(in: -40...40, using: &random)) }
            // The tangent at `point` of t = |x|²: t ≥ 2⟨p, x⟩ − |p|².
            return LinearInequality(
                normal: point.map { $0 + $0 } + [-1], offset: innerProduct(point, point))
        }
        let lowest = LinearInequality(normal: [Rational](repeating: 0, count: n) + [-1], offset: 0)
        let program = LinearProgram(
            maximising: [Rational](repeating: 0, count: n) + [-1], inequalities: rows + [lowest])
        let outcome = try program.solved()
        #expect(program.isProved(by: outcome))
        guard case .optimal(_, let value, _) = outcome else { Issue.record("\(outcome)"); return }
        #expect(value.isZero)
    }

    @Test func withoutVariablesOrConstraints() throws {
        let nothing = LinearProgram(maximising: [], inequalities: [])
        #expect(nothing.isProved(by: try nothing.solved()))
        let contradiction = LinearProgram(
            maximising: [], inequalities: [LinearInequality(normal: [], offset: -1)])
        guard case .infeasible = try contradiction.solved() else { Issue.record(); return }
        #expect(contradiction.isProved(by: try contradiction.solved()))
        let free = LinearProgram(maximising: rationals([0, 1]), inequalities: [])
        guard case .unbounded = try free.solved() else { Issue.record(); return }
        #expect(free.isProved(by: try free.solved()))
    }

    @Test func cancelling() {
        let program = randomProgram(3)
        #expect(throws: LinearProgrammingFault.cancelled) {
            _ = try program.solved(isCancelled: { true })
        }
    }
}
