import ExactArithmetic
import LinearProgramming

/// An oracle that shares nothing with the simplex method: elimination of one variable after the other.
enum FourierMotzkin {
    enum Answer: Equatable {
        case infeasible
        case unbounded
        case optimal(Rational)
    }

    /// The largest ⟨objective, x⟩.
    static func maximum(_ program: LinearProgram) -> Answer {
        // z ≤ ⟨objective, x⟩, as a row of (x, z).
        var rows = program.inequalities.map { ($0.normal + [.zero], $0.offset) }
        for equation in program.equations {
            rows.append((equation.normal + [.zero], equation.offset))
            rows.append((equation.normal.map { -$0 } + [.zero], -equation.offset))
        }
        rows.append((program.objective.map { -$0 } + [.one], .zero))
        for variable in 0..<program.dimension { rows = eliminate(variable, rows) }
        if rows.contains(where: { $0.0[program.dimension].isZero && $0.1.sign < 0 }) { return .infeasible }
        let bounds = rows.filter { $0.0[program.dimension].sign > 0 }.map { $0.1 / $0.0[program.dimension] }
        return bounds.min().map { .optimal($0) } ?? .unbounded
    }

    private static func eliminate(
        _ variable: Int, _ rows: [([Rational], Rational)]
    ) -> [([Rational], Rational)] {
        var seen: Set<[Rational]> = []
        var result: [([Rational], Rational)] = []
        func add(_ row: ([Rational], Rational)) {
            let scale = row.0.first { !$0.isZero }?.magnitude ?? .one
            let key = (row.0 + [row.1]).map { $0 / scale }
            if seen.insert(key).inserted { result.append((Array(key.dropLast()), key[key.count - 1])) }
        }
        for row in rows where row.0[variable].isZero { add(row) }
        for up in rows where up.0[variable].sign > 0 {
            for down in rows where down.0[variable].sign < 0 {
                let a = -down.0[variable]
                let b = up.0[variable]
                add((zip(up.0, down.0).map { a * $0 + b * $1 }, a * up.1 + b * down.1))
            }
        }
        return result
    }
}

/// SplitMix64: the same numbers on every machine.
struct TestRandom: RandomNumberGenerator {
    var state: UInt64
    init(_ seed: Int) { state = UInt64(bitPattern: Int64(seed)) }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
