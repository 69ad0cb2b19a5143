internal import ExactArithmetic

/// The least squares of a region in which every row is decided for every unit, in rational arithmetic: the minimum itself,
/// where rays are all but parallel as well.
///
/// The columns are max(0, x̃·r) for the rays r of the units' cones, with coefficients λ ≥ 0, and those of the output term
/// with free ones; a ray that a positive and a negative unit share has a free one, too. Lawson and Hanson's active-set
/// method: the gradient of a column that enters is not 0, so columns in use are independent, and the loss decreases from
/// set to set, so in exact arithmetic it ends.
struct ExactCell {
    struct Solution {
        /// The weighted sum of the losses, rounded down.
        var bound: Double
        /// In the frame, d a unit, then the free ones; rounded.
        var parameters: [Double]
        /// Of the weighted losses, one entry a row of the arrangement; rounded.
        var slopes: [Double]
    }

    private struct Column {
        /// Units that have it, positive ones first; none for the output term.
        var units: [Int]
        /// In the integer coordinates of the points.
        var direction: [Rational]
        var isFree: Bool
        var sign: Int
    }

    private let data: DataArrangement
    private let cones: [Cone]
    private let positiveUnits: Int
    private var columns: [Column] = []
    /// Columns in use, independent, with their coefficients.
    private var used: [Int] = []
    private var coefficients: [Rational] = []

    /// - Returns: nil where a row is undecided, or the loss is another one.
    init?(_ data: DataArrangement, _ cones: [Cone], positiveUnits: Int) {
        guard data.problem.loss == .squared, cones.allSatisfy({ $0.undecidedCount == 0 }) else { return nil }
        self.data = data
        self.cones = cones
        self.positiveUnits = positiveUnits
        for index in 0..<data.freeCount {
            var direction = [Rational](repeating: .zero, count: data.dimension)
            direction[data.freeCount == 1 ? data.dimension - 1 : index] = .one
            columns.append(Column(units: [], direction: direction, isFree: true, sign: 1))
        }
        for (ray, units) in cones.distinctRays {
            let isPositive = units[0] < positiveUnits
            let isShared = isPositive && units[units.count - 1] >= positiveUnits
            columns.append(
                Column(
                    units: units, direction: (0..<data.dimension).map { Rational(ray.exact[$0]) },
                    isFree: isShared, sign: isPositive ? 1 : -1))
        }
    }

    /// - Returns: nil where `isOver` said so first, which is asked all the time.
    /// - Complexity: O(D w² d²) rational operations for the moments, then solutions of at most w d equations.
    mutating func solve(isOver: () -> Bool = { false }) -> Solution? {
        guard let moments = Moments(data, cones, isOver) else { return nil }
        let right = columns.map { moments.right($0.units.first, $0.direction, sign: $0.sign) }
        func product(_ a: Int, _ b: Int) -> Rational {
            moments.product(
                (columns[a].units.first, columns[a].direction, columns[a].sign),
                (columns[b].units.first, columns[b].direction, columns[b].sign))
        }
        var known: [Int: Rational] = [:]
        func entry(_ a: Int, _ b: Int) -> Rational {
            let key = min(a, b) * columns.count + max(a, b)
            if let value = known[key] { return value }
            let value = product(a, b)
            known[key] = value
            return value
        }
        /// Minus half the derivative of the loss.
        func gradient(_ column: Int) -> Rational {
            var sum = right[column]
            for (other, value) in zip(used, coefficients) where !value.isZero {
                sum -= entry(column, other) * value
            }
            return sum
        }
        while true {
            if isOver() { return nil }
            // The steepest column, roughly; the order changes nothing in the end.
            var best: (column: Int, size: Double)?
            for column in columns.indices where !used.contains(column) {
                let slope = gradient(column)
                guard slope.sign > 0 || (columns[column].isFree && slope.sign < 0) else { continue }
                let size = (slope * slope / entry(column, column)).nearestDouble
                if best.map({ size > $0.size }) ?? true { best = (column, size) }
            }
            guard let best else { return solution(moments, right) }
            used.append(best.column)
            coefficients.append(.zero)
            while true {
                let matrix = RationalMatrix(used.map { a in used.map { entry(a, $0) } })
                guard let target = matrix.solve(used.map { right[$0] }) else { return nil }
                // As far towards the least squares of the columns in use as signs allow.
                var step = Rational.one
                for (index, column) in used.enumerated()
                where !columns[column].isFree && target[index].sign < 0 {
                    step = min(step, coefficients[index] / (coefficients[index] - target[index]))
                }
                for index in used.indices {
                    coefficients[index] += step * (target[index] - coefficients[index])
                }
                if step == .one { break }
                let kept = used.indices.filter { columns[used[$0]].isFree || !coefficients[$0].isZero }
                used = kept.map { used[$0] }
                coefficients = kept.map { coefficients[$0] }
            }
        }
    }

    private func solution(_ moments: Moments, _ right: [Rational]) -> Solution {
        // At the least squares of the columns in use.
        var value = moments.constant
        for (column, coefficient) in zip(used, coefficients) { value -= right[column] * coefficient }
        let dimension = data.dimension
        var vectors = [[Rational]](
            repeating: [Rational](repeating: .zero, count: dimension), count: cones.count + 1)
        for (index, coefficient) in zip(used, coefficients) where !coefficient.isZero {
            let column = columns[index]
            let unit =
                column.units.first { !column.isFree || ($0 < positiveUnits) == (coefficient.sign > 0) }
                ?? cones.count
            let factor = column.units.isEmpty ? coefficient : coefficient.magnitude
            for l in 0..<dimension { vectors[unit][l] += factor * column.direction[l] }
        }
        var parameters: [Double] = []
        for unit in cones.indices { parameters += data.frameCoordinates(vectors[unit]).map(\.nearestDouble) }
        let free = data.frameCoordinates(vectors[cones.count]).map(\.nearestDouble)
        parameters += data.freeCount == 1 ? [free[dimension - 1]] : Array(free.prefix(data.freeCount))
        return Solution(
            bound: max(0, value.double(rounding: .down)), parameters: parameters, slopes: slopes(vectors))
    }

    private func slopes(_ vectors: [[Rational]]) -> [Double] {
        let problem = data.problem
        return (0..<data.count).map { row in
            let point = data.pointOfRow[row]
            let input = data.integers(row)
            var prediction = Rational.zero
            for (unit, vector) in vectors.enumerated() {
                if unit < cones.count, cones[unit].sides[row] != Cone.Side.active { continue }
                var sum = Rational.zero
                for (a, b) in zip(vector, input) { sum += a * Rational(b) }
                prediction += unit < positiveUnits || unit == cones.count ? sum : -sum
            }
            var slope = Rational.zero
            for original in data.points.rows[point] {
                let target = Rational(exactly: problem.targets[original]) ?? .zero
                let weight = Rational(exactly: problem.weights[original]) ?? .zero
                slope += weight * (prediction - target)
            }
            return (slope + slope).nearestDouble
        }
    }

    /// Sums over the rows on which units are on: Σ ω x̃ x̃ᵀ for each two, Σ ω y x̃ for each one; index `cones.count` is
    /// that of the output term, which all rows have.
    private struct Moments {
        private var matrices: [[[Rational]]]
        private var vectors: [[Rational]]
        private let count: Int
        private(set) var constant = Rational.zero

        init?(_ data: DataArrangement, _ cones: [Cone], _ isOver: () -> Bool) {
            count = cones.count + 1
            let d = data.dimension
            let zeros = [Rational](repeating: .zero, count: d)
            matrices = [[[Rational]]](
                repeating: [[Rational]](repeating: zeros, count: d), count: count * count)
            vectors = [[Rational]](repeating: zeros, count: count)
            let needsAll = data.freeCount > 0
            for row in 0..<data.count {
                if row & 63 == 0, isOver() { return nil }
                var weight = Rational.zero
                var target = Rational.zero
                for original in data.points.rows[data.pointOfRow[row]] {
                    let factor = Rational(exactly: data.problem.weights[original]) ?? .zero
                    let value = Rational(exactly: data.problem.targets[original]) ?? .zero
                    weight += factor
                    target += factor * value
                    constant += factor * value * value
                }
                let input = data.integers(row).map { Rational($0) }
                let on = (0..<count).filter {
                    $0 == cones.count ? needsAll : cones[$0].sides[row] == Cone.Side.active
                }
                guard !on.isEmpty else { continue }
                let weighted = input.map { weight * $0 }
                let products = (0..<d).map { a in (0...a).map { weighted[a] * input[$0] } }
                for (index, first) in on.enumerated() {
                    for a in 0..<d { vectors[first][a] += target * input[a] }
                    for second in on[index...] {
                        for a in 0..<d {
                            for b in 0...a { matrices[first * count + second][a][b] += products[a][b] }
                        }
                    }
                }
            }
            for first in 0..<count {
                for second in first..<count {
                    for a in 0..<d {
                        for b in 0..<a {
                            matrices[first * count + second][b][a] = matrices[first * count + second][a][b]
                        }
                    }
                    matrices[second * count + first] = matrices[first * count + second]
                }
            }
        }

        func right(_ unit: Int?, _ direction: [Rational], sign: Int) -> Rational {
            let sum = zip(vectors[unit ?? count - 1], direction).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
            return sign > 0 ? sum : -sum
        }

        typealias Term = (unit: Int?, direction: [Rational], sign: Int)

        func product(_ a: Term, _ b: Term) -> Rational {
            let matrix = matrices[(a.unit ?? count - 1) * count + (b.unit ?? count - 1)]
            var sum = Rational.zero
            for (row, factor) in zip(matrix, a.direction) where !factor.isZero {
                sum += factor * zip(row, b.direction).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
            }
            return a.sign == b.sign ? sum : -sum
        }
    }
}
