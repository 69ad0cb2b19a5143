internal import Foundation

/// The data of the convex programs: rows with their targets and weights, without the columns.
struct LossRows: Sendable {
    let loss: TrainingLoss
    let targets: [Double]
    /// Positive, with sum about 1.
    let weights: [Double]
}

/// minimise Σ ω_i ℓ(f_i, y_i), f = Σ_k λ_k a_k + Σ_l μ_l b_l, λ ≥ 0, μ free: solved to a small gap by a primal-dual
/// interior-point method on the dual
///
///     maximise −Σ ω_i ℓ*(g_i) subject to Σ_i ω_i g_i a_ik ≥ 0 and Σ_i ω_i g_i b_il = 0,
///
/// with the bounds of ℓ*'s domain as barriers. What it finds is approximate: `DualBound` makes a proof of the slopes.
///
/// The steps are least-squares problems by Householder reflections, not normal equations: steep steps between close
/// inputs make columns nearly parallel. One solver is used over and over; its storage is its own.
///
/// - Complexity: some 20 iterations of O(rows · columns²).
final class ConeProgram {
    /// Column-major: the cone's columns, then the free ones, each with one entry a row, divided by powers of two.
    private var columns: [Double] = []
    private var scales: [Double] = []
    private(set) var coneCount = 0
    private(set) var columnCount = 0
    private let rows: LossRows
    private let count: Int
    private let lower: [Double]
    private let upper: [Double]

    /// λ, then μ, of the scaled columns.
    private var solution: [Double] = []
    private(set) var slopes: [Double] = []
    private(set) var predictions: [Double] = []
    private(set) var primalValue = Double.infinity
    private(set) var dualValue = -Double.infinity

    private var coneSlack: [Double] = []
    /// g − lower and upper − g where these are finite, else 0; kept beside g because they become tiny.
    private var lowerRoom: [Double]
    private var upperRoom: [Double]
    private var lowerMultiplier: [Double]
    private var upperMultiplier: [Double]
    private var products: [Double] = []
    /// The square roots of the Newton matrix's diagonal over the rows.
    private var roots: [Double]
    private var predictionStep: [Double]
    private var leastSquares = LeastSquares()
    private var direction: Direction
    private var correction: Direction

    /// A step in all variables.
    private struct Direction {
        var solution: [Double] = []
        var slack: [Double] = []
        var slopes: [Double]
        var lowerMultiplier: [Double]
        var upperMultiplier: [Double]

        init(rows: Int) {
            slopes = [Double](repeating: 0, count: rows)
            lowerMultiplier = slopes
            upperMultiplier = slopes
        }
    }

    init(_ rows: LossRows) {
        self.rows = rows
        count = rows.targets.count
        let domains = rows.targets.map { rows.loss.conjugateDomain(target: $0) }
        lower = domains.map(\.lowerBound)
        upper = domains.map(\.upperBound)
        lowerMultiplier = [Double](repeating: 0, count: count)
        upperMultiplier = lowerMultiplier
        lowerRoom = lowerMultiplier
        upperRoom = lowerMultiplier
        roots = lowerMultiplier
        predictionStep = lowerMultiplier
        direction = Direction(rows: count)
        correction = direction
    }

    /// Begins a new program.
    func reset() {
        columns.removeAll(keepingCapacity: true)
        scales.removeAll(keepingCapacity: true)
        coneCount = 0
        columnCount = 0
    }

    /// Adds a column, one entry a row; the cone's columns come before the free ones.
    func add(_ column: [Double], isFree: Bool) {
        let largest = column.reduce(0) { max($0, $1.magnitude) }
        let scale = largest > 0 ? Double(sign: .plus, exponent: largest.exponent, significand: 1) : 1
        scales.append(scale)
        columns.append(contentsOf: column.map { $0 / scale })
        columnCount += 1
        if !isFree { coneCount += 1 }
    }

    /// - Parameters:
    ///   - tolerance: the gap at which to stop.
    ///   - cutoff: a value of the dual at which to stop, too.
    func solve(tolerance: Double, cutoff: Double) {
        start()
        var stalled = 0
        var best = Double.infinity
        for _ in 0..<200 {
            evaluate()
            let gap = primalValue - dualValue
            let residual = infeasibility()
            if residual <= 0.1 * tolerance, gap.magnitude <= tolerance || dualValue - residual > cutoff {
                return
            }
            // Rounding ends progress: nothing got better for a while.
            let merit = gap.magnitude + residual
            if merit < 0.95 * best {
                best = merit
                stalled = 0
            } else {
                stalled += 1
                if stalled > 25 { return }
            }
            guard takeStep() else { return }
        }
        evaluate()
    }

    /// λ, then μ.
    var coefficients: [Double] { zip(solution, scales).map { $0 / $1 } }

    /// Whether the optimum seems to have the slope of a row at an end of its domain, and at which: by which of a pair
    /// of complementary variables is the larger one; for the logistic loss, which has no such pairs, by distance.
    func boundary(of row: Int, within distance: Double) -> Double? {
        guard hasBarrier else {
            let nearest = slopes[row].rounded()
            return (slopes[row] - nearest).magnitude < distance ? nearest : nil
        }
        let weight = rows.weights[row]
        if lowerMultiplier[row] > weight * lowerRoom[row] { return lower[row] }
        if upperMultiplier[row] > weight * upperRoom[row] { return upper[row] }
        return nil
    }

    /// Whether the optimum seems to have a cone column's inequality tight.
    func isTight(_ column: Int) -> Bool { column >= coneCount || solution[column] > products[column] }

    /// How surely a cone column's inequality is tight at the optimum: its coefficient beside its slack.
    func tightness(_ column: Int) -> Double { solution[column] / max(0x1p-1000, coneSlack[column]) }

    private func start() {
        solution = [Double](repeating: 0, count: columnCount)
        for k in 0..<coneCount { solution[k] = 1 }
        slopes = [Double](repeating: 0, count: count)
        for i in 0..<count {
            if lower[i].isFinite, upper[i].isFinite {
                slopes[i] = 0.5 * (lower[i] + upper[i])
            } else if lower[i].isFinite {
                slopes[i] = lower[i] + 1
            } else if upper[i].isFinite {
                slopes[i] = upper[i] - 1
            }
            lowerRoom[i] = hasBarrier && lower[i].isFinite ? slopes[i] - lower[i] : 0
            upperRoom[i] = hasBarrier && upper[i].isFinite ? upper[i] - slopes[i] : 0
            lowerMultiplier[i] = hasBarrier && lower[i].isFinite ? rows.weights[i] : 0
            upperMultiplier[i] = hasBarrier && upper[i].isFinite ? rows.weights[i] : 0
        }
        products = [Double](repeating: 0, count: columnCount)
        coneSlack = [Double](repeating: 0, count: coneCount)
        computeProducts()
        for k in 0..<coneCount { coneSlack[k] = max(0.1, products[k]) }
    }

    /// The logistic loss is smooth: its slopes are those at the predictions, inside their domain by themselves.
    private var hasBarrier: Bool { rows.loss != .logistic }

    private func computeProducts() {
        for k in 0..<columnCount {
            var sum = 0.0
            let base = k * count
            for i in 0..<count { sum += rows.weights[i] * slopes[i] * columns[base + i] }
            products[k] = sum
        }
    }

    private func evaluate() {
        predictions = [Double](repeating: 0, count: count)
        for k in 0..<columnCount {
            let base = k * count
            let factor = solution[k]
            for i in 0..<count { predictions[i] += factor * columns[base + i] }
        }
        if !hasBarrier {
            for i in 0..<count { slopes[i] = rows.loss.derivative(predictions[i], rows.targets[i]) }
        }
        computeProducts()
        primalValue = 0
        dualValue = 0
        for i in 0..<count {
            primalValue += rows.weights[i] * rows.loss.value(predictions[i], rows.targets[i])
            dualValue -= rows.weights[i] * conjugate(i)
        }
    }

    /// What the slopes' violations of their constraints cost at the coefficients found.
    private func infeasibility() -> Double {
        var sum = 0.0
        for k in 0..<coneCount { sum += max(0, -products[k]) * (1 + solution[k]) }
        for k in coneCount..<columnCount { sum += products[k].magnitude * (1 + solution[k].magnitude) }
        return sum
    }

    private func conjugate(_ i: Int) -> Double {
        let g = slopes[i]
        let y = rows.targets[i]
        switch rows.loss {
        case .squared, .squaredHinge: return g * y + 0.25 * g * g
        case .huber: return g * y + 0.5 * g * g
        case .absolute, .quantile, .hinge: return g * y
        case .logistic:
            let p = g.magnitude
            return p > 0 && p < 1 ? p * log(p) + (1 - p) * log1p(-p) : 0
        }
    }

    /// ℓ*' and ℓ*'' at the slope of row i.
    private func conjugateDerivatives(_ i: Int) -> (Double, Double) {
        let g = slopes[i]
        let y = rows.targets[i]
        switch rows.loss {
        case .squared, .squaredHinge: return (y + 0.5 * g, 0.5)
        case .huber: return (y + g, 1)
        case .absolute, .quantile, .hinge: return (y, 0)
        case .logistic:
            return (predictions[i], 1 / max(0x1p-500, rows.loss.curvature(predictions[i], y)))
        }
    }

    /// One step of Mehrotra's predictor and corrector.
    private func takeStep() -> Bool {
        guard factor() else { return false }
        let complementarity = self.complementarity()
        aim(centre: 0, second: nil)
        var centre = 0.0
        if complementarity > 0 {
            let length = min(1, stepLimit())
            let predicted = self.complementarity(after: length)
            let ratio = predicted / complementarity
            centre = max(1e-18, complementarity * min(1, max(1e-4, ratio * ratio * ratio)))
            if !hasBarrier { centre = max(centre, 0.1 * complementarity) }
            correction = direction
            aim(centre: centre, second: hasBarrier ? correction : nil)
            // A correction that blocks the way is left out.
            if stepLimit() < 0.1 {
                centre = max(centre, 0.3 * complementarity)
                aim(centre: centre, second: nil)
            }
        }
        return move(centre)
    }

    /// The matrix of the least-squares problem that a step is: the rows, then the cone's variables.
    private func factor() -> Bool {
        for i in 0..<count {
            var curvature = rows.weights[i] * conjugateDerivatives(i).1
            if lowerMultiplier[i] > 0 { curvature += lowerMultiplier[i] / lowerRoom[i] }
            if upperMultiplier[i] > 0 { curvature += upperMultiplier[i] / upperRoom[i] }
            guard curvature > 0, curvature.isFinite else { return false }
            roots[i] = curvature.squareRoot()
        }
        leastSquares.begin(height: count + coneCount, width: columnCount)
        for k in 0..<columnCount {
            for i in 0..<count {
                leastSquares.append(rows.weights[i] / roots[i] * columns[k * count + i])
            }
            for row in 0..<coneCount {
                leastSquares.append(row == k ? (coneSlack[k] / solution[k]).squareRoot() : 0)
            }
        }
        leastSquares.factor()
        return true
    }

    /// Sets `direction` to the Newton step to complementary products of `centre`, less the products of a step that is
    /// to be anticipated.
    private func aim(centre: Double, second: Direction?) {
        var shifts = [Double](repeating: 0, count: count)
        func lowerTarget(_ i: Int) -> Double {
            guard let second else { return centre }
            return centre - second.lowerMultiplier[i] * second.slopes[i]
        }
        func upperTarget(_ i: Int) -> Double {
            guard let second else { return centre }
            return centre + second.upperMultiplier[i] * second.slopes[i]
        }
        func coneTarget(_ k: Int) -> Double {
            guard let second else { return centre }
            return centre - second.solution[k] * second.slack[k]
        }
        for i in 0..<count {
            var shift = rows.weights[i] * (predictions[i] - conjugateDerivatives(i).0)
            if lowerMultiplier[i] > 0 { shift += lowerTarget(i) / lowerRoom[i] }
            if upperMultiplier[i] > 0 { shift -= upperTarget(i) / upperRoom[i] }
            shifts[i] = shift
        }
        let right: [Double] = (0..<columnCount).map { k in
            var sum = -products[k]
            if k < coneCount { sum += coneTarget(k) / solution[k] }
            for i in 0..<count {
                let weight = rows.weights[i] / (roots[i] * roots[i])
                sum -= weight * columns[k * count + i] * shifts[i]
            }
            return sum
        }
        let step = leastSquares.solve(right)
        for i in 0..<count {
            var change = 0.0
            for k in 0..<columnCount { change += columns[k * count + i] * step[k] }
            predictionStep[i] = change
            let slope = (rows.weights[i] * change + shifts[i]) / (roots[i] * roots[i])
            direction.slopes[i] = slope
            direction.lowerMultiplier[i] =
                lowerMultiplier[i] > 0
                ? (lowerTarget(i) - lowerMultiplier[i] * slope) / lowerRoom[i] - lowerMultiplier[i] : 0
            direction.upperMultiplier[i] =
                upperMultiplier[i] > 0
                ? (upperTarget(i) + upperMultiplier[i] * slope) / upperRoom[i] - upperMultiplier[i] : 0
        }
        direction.slack = (0..<coneCount).map { k in
            (coneTarget(k) - coneSlack[k] * step[k]) / solution[k] - coneSlack[k]
        }
        direction.solution = step
    }

    private func complementarity(after length: Double = 0) -> Double {
        var sum = 0.0
        var pairs = coneCount
        let step = direction
        for k in 0..<coneCount {
            sum +=
                length == 0
                ? solution[k] * coneSlack[k]
                : (solution[k] + length * step.solution[k]) * (coneSlack[k] + length * step.slack[k])
        }
        for i in 0..<count {
            if lowerMultiplier[i] > 0 {
                sum +=
                    (lowerMultiplier[i] + length * step.lowerMultiplier[i])
                    * (lowerRoom[i] + length * step.slopes[i])
                pairs += 1
            }
            if upperMultiplier[i] > 0 {
                sum +=
                    (upperMultiplier[i] + length * step.upperMultiplier[i])
                    * (upperRoom[i] - length * step.slopes[i])
                pairs += 1
            }
        }
        return pairs == 0 ? 0 : sum / Double(pairs)
    }

    /// How far the direction can be followed before a positive variable is 0.
    private func stepLimit() -> Double {
        var length = Double.infinity
        func limit(_ value: Double, _ change: Double) {
            if change < 0 { length = min(length, -value / change) }
        }
        for k in 0..<coneCount {
            limit(solution[k], direction.solution[k])
            limit(coneSlack[k], direction.slack[k])
        }
        for i in 0..<count {
            if hasBarrier, lower[i].isFinite { limit(lowerRoom[i], direction.slopes[i]) }
            if hasBarrier, upper[i].isFinite { limit(upperRoom[i], -direction.slopes[i]) }
            if lowerMultiplier[i] > 0 { limit(lowerMultiplier[i], direction.lowerMultiplier[i]) }
            if upperMultiplier[i] > 0 { limit(upperMultiplier[i], direction.upperMultiplier[i]) }
        }
        return length
    }

    /// For the logistic loss, whose Newton steps overshoot: a step that decreases the loss with its logarithmic
    /// barrier.
    private func descend(_ length: Double, _ centre: Double) -> Double {
        func value(_ length: Double) -> Double {
            var sum = 0.0
            for i in 0..<count {
                let prediction = predictions[i] + length * predictionStep[i]
                sum += rows.weights[i] * rows.loss.value(prediction, rows.targets[i])
            }
            for k in 0..<coneCount { sum -= centre * log(solution[k] + length * direction.solution[k]) }
            return sum
        }
        let before = value(0)
        var length = length
        for _ in 0..<40 where !(value(length) <= before + 1e-15 * before.magnitude) { length *= 0.5 }
        return length
    }

    private func move(_ centre: Double) -> Bool {
        var length = min(1, 0.99 * stepLimit())
        // Columns that cancel each other are no reason to go far.
        let size = solution.reduce(1) { max($0, $1.magnitude) }
        let change = direction.solution.reduce(0) { max($0, $1.magnitude) }
        if change > 0 { length = min(length, 30 * size / change) }
        if !hasBarrier { length = descend(length, centre) }
        guard length > 1e-10, direction.solution.allSatisfy(\.isFinite),
            direction.slopes.allSatisfy(\.isFinite)
        else { return false }
        for k in 0..<columnCount { solution[k] += length * direction.solution[k] }
        for k in 0..<coneCount { coneSlack[k] += length * direction.slack[k] }
        for i in 0..<count {
            let change = length * direction.slopes[i]
            slopes[i] = min(upper[i], max(lower[i], slopes[i] + change))
            if hasBarrier, lower[i].isFinite { lowerRoom[i] += change }
            if hasBarrier, upper[i].isFinite { upperRoom[i] -= change }
            lowerMultiplier[i] += length * direction.lowerMultiplier[i]
            upperMultiplier[i] += length * direction.upperMultiplier[i]
        }
        return (0..<count).allSatisfy {
            !hasBarrier
                || (lowerRoom[$0] > 0 || lower[$0] == -.infinity)
                    && (upperRoom[$0] > 0 || upper[$0] == .infinity)
        } && (0..<coneCount).allSatisfy { solution[$0] > 0 && coneSlack[$0] > 0 }
    }
}
