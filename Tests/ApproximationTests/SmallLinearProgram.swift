import ExactArithmetic

/// Whether some z ≥ or ≤ 0 has rows · z ≤ bounds, by the simplex method in rationals with Bland's rule.
func isFeasible(_ rows: [[Rational]], _ bounds: [Rational]) -> Bool {
    let variables = rows.first?.count ?? 0
    // z = p − q with p, q ≥ 0; one slack a row; one artificial variable in all, subtracted from every row.
    let width = 2 * variables + rows.count + 1
    var tableau = rows.indices.map { row -> [Rational] in
        var line = [Rational](repeating: .zero, count: width + 1)
        for column in 0..<variables {
            line[column] = rows[row][column]
            line[variables + column] = -rows[row][column]
        }
        line[2 * variables + row] = .one
        line[width - 1] = Rational(-1)
        line[width] = bounds[row]
        return line
    }
    var basis = rows.indices.map { 2 * variables + $0 }
    guard let worst = tableau.indices.min(by: { tableau[$0][width] < tableau[$1][width] }),
        tableau[worst][width] < .zero
    else { return true }
    // Minimise the artificial variable.
    var cost = [Rational](repeating: .zero, count: width + 1)
    cost[width - 1] = .one
    func pivot(_ row: Int, _ column: Int) {
        let scale = tableau[row][column]
        for index in 0...width { tableau[row][index] = tableau[row][index] / scale }
        for other in tableau.indices where other != row && !tableau[other][column].isZero {
            let factor = tableau[other][column]
            for index in 0...width { tableau[other][index] -= factor * tableau[row][index] }
        }
        let factor = cost[column]
        if !factor.isZero { for index in 0...width { cost[index] -= factor * tableau[row][index] } }
        basis[row] = column
    }
    pivot(worst, width - 1)
    while let column = (0..<width).first(where: { cost[$0] < .zero }) {
        var leaving: Int?
        for row in tableau.indices where tableau[row][column] > .zero {
            guard let best = leaving else {
                leaving = row
                continue
            }
            let ratio = tableau[row][width] / tableau[row][column]
            let least = tableau[best][width] / tableau[best][column]
            if ratio < least || ratio == least && basis[row] < basis[best] { leaving = row }
        }
        guard let leaving else { return false }
        pivot(leaving, column)
    }
    return cost[width].isZero
}
