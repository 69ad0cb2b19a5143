internal import CTrainingKernels
internal import Foundation

/// The loss as a sum over rows, for solvers and for bounds: weighted sums, not means.
///
/// All losses but the logistic one are max over u in [a, b] of u e − u²/(2 c), e = f − target, with one c for all rows;
/// c = ∞ for those with kinks, which solvers see with some large c instead, *smoothed*: at most 1/(2 c) lower.
///
/// `@unchecked Sendable`: the memory behind the pointers is written in `init` and only read from then on.
final class RowLosses: @unchecked Sendable {
    let loss: TrainingLoss
    let count: Int
    let stride: Int
    let targets: UnsafeMutablePointer<Double>
    /// Rounded down where several rows of the data are one.
    let weights: UnsafeMutablePointer<Double>
    /// Ends of the slopes of the loss before weighting.
    let least: UnsafeMutablePointer<Double>
    let greatest: UnsafeMutablePointer<Double>
    /// c.
    let trueCurvature: Double
    /// What the loss has whatever the network: rows of equal inputs differ. Rounded down.
    let constant: Double
    /// Σ weights.
    let totalWeight: Double
    /// max |target| (or 1): a size for predictions.
    let reach: Double

    var isSmooth: Bool { trueCurvature < .infinity }
    /// Whether the loss is linear somewhere.
    var isDamped: Bool {
        switch loss {
        case .squared, .squaredHinge, .logistic: false
        case .absolute, .huber, .quantile, .hinge: true
        }
    }
    var isLogistic: Bool { loss == .logistic }

    init(_ data: DataArrangement) {
        let problem = data.problem
        loss = problem.loss
        count = data.count
        stride = data.stride
        func column() -> UnsafeMutablePointer<Double> {
            let pointer = UnsafeMutablePointer<Double>.allocate(capacity: data.stride)
            pointer.initialize(repeating: 0, count: data.stride)
            return pointer
        }
        targets = column()
        weights = column()
        least = column()
        greatest = column()
        var constant = EnclosedNumber.zero
        for row in 0..<count {
            let first = data.problemRows[row]
            targets[row] = problem.targets[first]
            weights[row] = problem.weights[first]
            let rows = data.points.rows[data.pointOfRow[row]]
            if problem.loss == .squared, rows.count > 1 {
                let merged = Self.merged(rows, problem)
                targets[row] = merged.target
                weights[row] = merged.weight
                constant += merged.constant
            }
            let domain = problem.loss.conjugateDomain(target: targets[row])
            // Products with a weight are rounded: they must not leave the domain.
            least[row] = domain.lowerBound * (1 - 0x1p-51)
            greatest[row] = domain.upperBound * (1 - 0x1p-51)
        }
        switch problem.loss {
        case .squared, .squaredHinge: trueCurvature = 2
        case .huber: trueCurvature = 1
        case .absolute, .quantile, .hinge: trueCurvature = .infinity
        case .logistic: trueCurvature = 0.25
        }
        self.constant = max(0, constant.lowerBound)
        totalWeight = (0..<data.count).reduce(0) { [weights] in $0 + weights[$1] }
        reach = max((0..<data.count).reduce(0) { [targets] in max($0, targets[$1].magnitude) }, 0x1p-500)
    }

    deinit {
        targets.deallocate()
        weights.deallocate()
        least.deallocate()
        greatest.deallocate()
    }

    /// Σ ω (f − y_r)² = weight (f − target)² + constant, up to the rounding of `target`, which the constant covers.
    private static func merged(_ rows: [Int], _ problem: TrainingProblem) -> (
        target: Double, weight: Double, constant: EnclosedNumber
    ) {
        var weight = EnclosedNumber.zero
        var moment = EnclosedNumber.zero
        for row in rows {
            weight += EnclosedNumber(problem.weights[row])
            moment += .product(problem.weights[row], problem.targets[row])
        }
        let target = moment.high / weight.high
        var constant = EnclosedNumber.zero
        for row in rows {
            let excess = EnclosedNumber(problem.targets[row]) - EnclosedNumber(target)
            constant += EnclosedNumber(problem.weights[row]) * excess * excess
        }
        // The mean is within 2^-51 of its magnitude of `target`.
        let error = EnclosedNumber(0x1p-51 * target)
        constant = constant - weight * error * error
        return (target, weight.lowerBound, constant)
    }

    /// Bounds the weighted sum by which a smoothed loss is below the loss.
    func smoothingError(_ curvature: Double) -> Double {
        isSmooth ? 0 : 0.5 * totalWeight / curvature
    }

    /// The loss (without `constant`) with each prediction as good as it can be between its bounds; slopes, curvatures and
    /// the side that counts, 1 for the lower bound.
    func evaluate(
        _ rows: Rows, curvature: Double, lower: UnsafePointer<Double>, upper: UnsafePointer<Double>,
        slope: UnsafeMutablePointer<Double>, bend: UnsafeMutablePointer<Double>,
        side: UnsafeMutablePointer<Double>
    ) -> Double {
        if isLogistic { return logistic(rows, lower, upper, slope, bend, side) }
        var form = rows.form(curvature)
        return crease_training_loss_full(&form, lower, upper, rows.stride, slope, bend, side)
    }

    /// The loss at a point of a line, and its slope there.
    func along(
        _ rows: Rows, curvature: Double, lower: UnsafePointer<Double>, upper: UnsafePointer<Double>,
        lowerStep: UnsafePointer<Double>, upperStep: UnsafePointer<Double>, step: Double
    ) -> (value: Double, slope: Double) {
        var slope = 0.0
        if isLogistic {
            var value = 0.0
            let (targets, weights) = (rows.targets, rows.weights)
            for row in 0..<rows.count {
                let target = targets[row]
                let isUpper = target > 0
                let direction = isUpper ? upperStep[row] : lowerStep[row]
                let f = (isUpper ? upper[row] : lower[row]) + step * direction
                let odds = exp(-(target * f).magnitude)
                value += weights[row] * (max(0, -target * f) + log1p(odds))
                let p = target * f > 0 ? odds / (1 + odds) : 1 / (1 + odds)
                slope -= weights[row] * target * p * direction
            }
            return (value, slope)
        }
        var form = rows.form(curvature)
        let value = crease_training_loss_along(
            &form, lower, upper, lowerStep, upperStep, step, rows.stride, &slope)
        return (value, slope)
    }

    /// All rows, or some of them.
    struct Rows {
        let count: Int
        /// `count` rounded up to a multiple of 8.
        let stride: Int
        let targets: UnsafeMutablePointer<Double>
        let weights: UnsafeMutablePointer<Double>
        let least: UnsafeMutablePointer<Double>
        let greatest: UnsafeMutablePointer<Double>

        fileprivate func form(_ curvature: Double) -> crease_training_loss {
            crease_training_loss(
                target: targets, weight: weights, least: least, greatest: greatest, curvature: curvature)
        }
    }

    var rows: Rows {
        Rows(
            count: count, stride: stride, targets: targets, weights: weights, least: least,
            greatest: greatest)
    }

    private func logistic(
        _ rows: Rows, _ lower: UnsafePointer<Double>, _ upper: UnsafePointer<Double>,
        _ slope: UnsafeMutablePointer<Double>,
        _ bend: UnsafeMutablePointer<Double>, _ side: UnsafeMutablePointer<Double>
    ) -> Double {
        var total = 0.0
        let (targets, weights) = (rows.targets, rows.weights)
        for row in 0..<rows.count {
            let target = targets[row]
            let isUpper = target > 0
            let margin = target * (isUpper ? upper[row] : lower[row])
            let odds = exp(-margin.magnitude)
            let p = margin > 0 ? odds / (1 + odds) : 1 / (1 + odds)
            total += weights[row] * (max(0, -margin) + log1p(odds))
            slope[row] = -weights[row] * target * min(p, 1 - 0x1p-50)
            bend[row] = weights[row] * odds / ((1 + odds) * (1 + odds))
            side[row] = isUpper ? 0 : 1
        }
        return total
    }

    /// −Σ ω ℓ*(g/ω), rounded down (without `constant`), for slopes that `evaluate` gave, each known up to `change`.
    func dualValue(_ slopes: UnsafePointer<Double>, changes: [(row: Int, change: Double)]) -> Double {
        var sum = 0.0
        var magnitude = 0.0
        let factor = trueCurvature < .infinity && !isLogistic ? 0.5 / trueCurvature : 0
        func term(_ g: Double, _ row: Int) -> Double {
            if isLogistic { return weights[row] * loss.conjugateUp(g / weights[row], target: targets[row]) }
            return g * targets[row] + factor * g * g / weights[row]
        }
        for row in 0..<count where slopes[row] != 0 {
            let g = slopes[row]
            if isLogistic {
                let value = term(g, row)
                sum -= value
                magnitude += value.magnitude
            } else {
                let line = g * targets[row]
                let bend = factor * g * g / weights[row]
                sum -= line + bend
                magnitude += line.magnitude + bend
            }
        }
        var lost = 0.0
        for (row, change) in changes {
            // A convex function is largest at an end.
            let most = max(term(slopes[row] - change, row), term(slopes[row] + change, row))
            lost += max(0, most - term(slopes[row], row))
            magnitude += most.magnitude
        }
        let bound = sum - lost * (1 + 0x1p-40) - Double(count + 40) * 0x1p-51 * magnitude
        return bound.isNaN ? -.infinity : bound
    }

    /// How far a slope may move either way within the domain of ℓ* (and, for the sake of rounding, less than that).
    func room(_ slope: Double, row: Int) -> Double {
        let weight = weights[row]
        let below = slope - weight * least[row]
        let above = weight * greatest[row] - slope
        return max(0, min(below, above, 1e300))
    }
}

extension RowLosses {
    /// A row's weighted loss.
    func value(_ prediction: Double, row: Int) -> Double {
        weights[row] * loss.value(prediction, targets[row])
    }

    /// A row's weighted loss with the best prediction between two bounds.
    func relaxedValue(_ lower: Double, _ upper: Double, row: Int) -> Double {
        let target = targets[row]
        let best =
            loss.isClassification
            ? target > 0 ? max(lower, upper) : min(lower, upper)
            : max(lower, min(upper, target))
        return value(best, row: row)
    }
}
