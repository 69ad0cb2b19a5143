import ExactArithmetic
import Testing

/// Leibniz's formula, by expansion along the first row.
private func determinant(_ rows: [[Rational]]) -> Rational {
    if rows.isEmpty { return .one }
    return rows[0].indices.reduce(Rational.zero) { sum, column in
        let minor = rows.dropFirst().map { row in row.indices.filter { $0 != column }.map { row[$0] } }
        let term = rows[0][column] * determinant(Array(minor))
        return column % 2 == 0 ? sum + term : sum - term
    }
}

/// The largest order of a minor that is not 0.
private func rankByMinors(_ rows: [[Rational]], _ columns: Int) -> Int {
    func subsets(_ count: Int, of total: Int) -> [[Int]] {
        (0..<(1 << total)).filter { $0.nonzeroBitCount == count }.map { mask in
            (0..<total).filter { mask >> $0 & 1 == 1 }
        }
    }
    for order in stride(from: min(rows.count, columns), to: 0, by: -1) {
        for chosen in subsets(order, of: rows.count) {
            for kept in subsets(order, of: columns)
            where !determinant(chosen.map { row in kept.map { rows[row][$0] } }).isZero { return order }
        }
    }
    return 0
}

@Suite struct RationalMatrixTests {
    private func matrix(_ random: inout SeededGenerator, square: Bool) -> [[Rational]] {
        let rows = random.int(1...4)
        let columns = square ? rows : random.int(1...5)
        let kind = random.int(0...2)
        var entries = (0..<rows).map { _ in
            (0..<columns).map { _ in
                kind == 0
                    ? Rational(random.int(-1...1))
                    : kind == 1 ? Rational(random.int(-5...5), random.int(1...6)) : random.rational()
            }
        }
        // A row that depends on others.
        if rows > 1, random.int(0...2) == 0 {
            let factor = Rational(random.int(-3...3), 2)
            entries[rows - 1] = zip(entries[0], entries[rows / 2]).map { $0 + factor * $1 }
        }
        return entries
    }

    @Test func determinantsEqualLeibnizsFormula() {
        for seed in 0..<1_500 {
            var random = SeededGenerator(seed: seed)
            let rows = matrix(&random, square: true)
            #expect(RationalMatrix(rows).determinant == determinant(rows), "seed \(seed)")
        }
        #expect(RationalMatrix([]).determinant == .one && RationalMatrix([]).rank == 0)
    }

    @Test func ranksEqualThoseByMinors() {
        for seed in 0..<600 {
            var random = SeededGenerator(seed: seed)
            let rows = matrix(&random, square: false)
            #expect(RationalMatrix(rows).rank == rankByMinors(rows, rows[0].count), "seed \(seed)")
        }
    }

    @Test func nullspacesAndSolutions() throws {
        var unsolvable = 0
        for seed in 0..<1_500 {
            var random = SeededGenerator(seed: seed)
            let rows = matrix(&random, square: false)
            let a = RationalMatrix(rows)
            let basis = a.nullspace
            #expect(basis.count == a.columns - a.rank, "seed \(seed)")
            for vector in basis { #expect((a * vector).allSatisfy { $0.isZero }, "seed \(seed)") }
            if !basis.isEmpty { #expect(RationalMatrix(basis).rank == basis.count, "seed \(seed)") }
            let x = (0..<a.columns).map { _ in Rational(random.int(-4...4), random.int(1...3)) }
            let solution = try #require(a.solve(a * x), "seed \(seed)")
            #expect(a * solution == a * x, "seed \(seed)")
            let b = (0..<a.rows).map { _ in Rational(random.int(-4...4)) }
            let augmented = RationalMatrix(rows.indices.map { rows[$0] + [b[$0]] })
            if let found = a.solve(b) {
                #expect(a * found == b && augmented.rank == a.rank, "seed \(seed)")
            } else {
                unsolvable += 1
                #expect(augmented.rank == a.rank + 1, "seed \(seed)")
            }
        }
        #expect(unsolvable > 100)
    }

    @Test func theHilbertMatrix() {
        let hilbert = { (n: Int) in
            RationalMatrix((0..<n).map { i in (0..<n).map { Rational(1, i + $0 + 1) } })
        }
        #expect(hilbert(5).determinant == Rational(1, 266_716_800_000))
        #expect(hilbert(30).rank == 30)
        let ones = [Rational](repeating: .one, count: 30)
        #expect(hilbert(30).solve(hilbert(30) * ones) == ones)
    }
}
