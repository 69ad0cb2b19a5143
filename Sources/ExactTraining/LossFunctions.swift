internal import Foundation

/// A loss as a function of the prediction: value, slope, curvature and convex conjugate.
///
/// Values, slopes and curvatures are rounded to nearest, for solvers; `upperBound`, `conjugateDomain` and
/// `conjugateUp` are rounded safely, for bounds.
extension TrainingLoss {
    /// ℓ(f, y).
    func value(_ prediction: Double, _ target: Double) -> Double {
        let excess = prediction - target
        switch self {
        case .squared: return excess * excess
        case .absolute: return excess.magnitude
        case .huber(let delta):
            return excess.magnitude <= delta
                ? 0.5 * excess * excess : delta * (excess.magnitude - 0.5 * delta)
        case .quantile(let level): return excess <= 0 ? -level * excess : (1 - level) * excess
        case .hinge: return max(0, 1 - target * prediction)
        case .squaredHinge:
            let violation = max(0, 1 - target * prediction)
            return violation * violation
        case .logistic: return logOnePlusExp(-target * prediction)
        }
    }

    /// ∂ℓ/∂f; at a kink a subgradient, 0 where that is one.
    func derivative(_ prediction: Double, _ target: Double) -> Double {
        let excess = prediction - target
        switch self {
        case .squared: return 2 * excess
        case .absolute: return excess > 0 ? 1 : excess < 0 ? -1 : 0
        case .huber(let delta): return min(delta, max(-delta, excess))
        case .quantile(let level): return excess > 0 ? 1 - level : excess < 0 ? -level : 0
        case .hinge: return target * prediction < 1 ? -target : 0
        case .squaredHinge: return -2 * target * max(0, 1 - target * prediction)
        case .logistic: return -target / (1 + exp(target * prediction))
        }
    }

    /// ∂²ℓ/∂f² on one side at least.
    func curvature(_ prediction: Double, _ target: Double) -> Double {
        switch self {
        case .squared: return 2
        case .absolute, .quantile, .hinge: return 0
        case .huber(let delta): return (prediction - target).magnitude <= delta ? 1 : 0
        case .squaredHinge: return target * prediction < 1 ? 2 : 0
        case .logistic:
            let odds = exp(-(target * prediction).magnitude)
            return odds / ((1 + odds) * (1 + odds))
        }
    }

    /// The slopes g for which ℓ*(g) is finite, rounded inwards: [−∞, ∞] means all.
    func conjugateDomain(target: Double) -> ClosedRange<Double> {
        switch self {
        case .squared: return -.infinity ... .infinity
        case .absolute: return -1...1
        case .huber(let delta): return -delta...delta
        case .quantile(let level): return -level...DirectedRounding.sumDown(1, -level)
        case .hinge, .logistic: return target > 0 ? -1...0 : 0...1
        case .squaredHinge: return target > 0 ? -.infinity...0 : 0 ... .infinity
        }
    }

    /// ℓ*(g) = sup over f of g f − ℓ(f, y), rounded up; +∞ outside `conjugateDomain`.
    func conjugateUp(_ slope: Double, target: Double) -> Double {
        guard conjugateDomain(target: target).contains(slope) else { return .infinity }
        let line = DirectedRounding.productUp(slope, target)
        switch self {
        case .absolute, .quantile, .hinge: return line
        case .squared, .squaredHinge:
            return DirectedRounding.sumUp(
                line, DirectedRounding.productUp(0.25, DirectedRounding.productUp(slope, slope)))
        case .huber:
            return DirectedRounding.sumUp(
                line, DirectedRounding.productUp(0.5, DirectedRounding.productUp(slope, slope)))
        case .logistic:
            let p = slope.magnitude
            // Never positive; tiny terms would underflow.
            guard p > 0x1p-900, p < 1 else { return 0 }
            return (p * log(p) + (1 - p) * log1p(-p)) * (1 - Self.libraryError)
        }
    }

    /// Charged, as a relative error, for a few roundings and two values of the C library's exp, log, log1p, whose
    /// own errors are at most 2 units in the last place (GNU C library manual, "Errors in math functions").
    private static let libraryError = 0x1p-47

    /// ℓ(f, y) for an enclosed f, enclosed; for the logistic loss by an upper bound only.
    func enclosure(_ prediction: EnclosedNumber, _ target: Double) -> EnclosedNumber {
        if isClassification {
            let margin = target > 0 ? prediction : -prediction
            if self == .logistic { return EnclosedNumber(Self.logisticUp(margin.lowerBound)) }
            let violation = (EnclosedNumber(1) - margin).rectified
            return self == .squaredHinge ? violation * violation : violation
        }
        let excess = prediction - EnclosedNumber(target)
        switch self {
        case .squared: return excess * excess
        case .huber(let delta):
            let size = excess.magnitude
            let half = EnclosedNumber(0.5)
            // The square is never below the loss, and where the sign of |e| − δ is in doubt it is close to it.
            if size.lowerBound <= delta { return half * excess * excess }
            return EnclosedNumber(delta) * (size - half * EnclosedNumber(delta))
        case .quantile(let level): return excess.rectified - EnclosedNumber(level) * excess
        default: return excess.magnitude
        }
    }

    /// log(1 + exp(−margin)), rounded up.
    private static func logisticUp(_ margin: Double) -> Double {
        guard margin > -.infinity else { return .infinity }
        // The last term covers what underflows.
        let tail = log1p(exp(-margin.magnitude)) * (1 + libraryError) + 0x1p-1060
        let value = DirectedRounding.sumUp(max(0, -margin), tail)
        return value.nextUp
    }
}

private func logOnePlusExp(_ t: Double) -> Double { max(0, t) + log1p(exp(-t.magnitude)) }
