internal import ExactArithmetic
public import ReLUNetworks

/// Losses and their convex conjugates ℓ*(u) = sup_f (u f − ℓ(f, y)) in exact arithmetic; for the logistic loss by
/// enclosures on the safe side.
extension TrainingLoss {
    /// The interval of slopes that the loss has at all, where ℓ* is finite; nil is no bound.
    func slopeRange(target y: Double) -> (lower: Rational?, upper: Rational?) {
        switch self {
        case .squared: return (nil, nil)
        case .absolute: return (Rational(-1), .one)
        case .huber(let delta):
            let bound = Rational(exactly: delta) ?? .zero
            return (-bound, bound)
        case .quantile(let level):
            let level = Rational(exactly: level) ?? .zero
            return (-level, .one - level)
        case .hinge, .logistic: return y > 0 ? (Rational(-1), .zero) : (.zero, .one)
        case .squaredHinge: return y > 0 ? (nil, .zero) : (.zero, nil)
        }
    }

    /// ω ℓ*(g/ω), or a number above it; nil where it is infinite.
    ///
    /// - Parameter weight: ω > 0.
    func conjugateUpperBound(_ g: Rational, weight: Rational, target: Double) -> Rational? {
        let u = g / weight
        let range = slopeRange(target: target)
        if let lower = range.lower, u < lower { return nil }
        if let upper = range.upper, upper < u { return nil }
        let y = Rational(exactly: target) ?? .zero
        switch self {
        case .squared, .squaredHinge: return weight * (u * u / Rational(4) + u * y)
        case .absolute, .quantile, .hinge: return g * y
        case .huber: return weight * (u * u / Rational(2) + u * y)
        case .logistic:
            let v = u.magnitude
            return -weight * (LogEnclosure.entropyTerm(v) + LogEnclosure.entropyTerm(.one - v))
        }
    }

    /// The same in binary64, with a bound of its error.
    func roundedConjugate(_ g: Double, weight: Double, target y: Double) -> (value: Double, error: Double) {
        let u = g / weight
        switch self {
        case .squared, .squaredHinge:
            return (g * u / 4 + g * y, 0x1p-50 * ((g * u).magnitude + (g * y).magnitude) + 1e-300)
        case .absolute, .quantile, .hinge: return (g * y, 0x1p-50 * (g * y).magnitude + 1e-300)
        case .huber: return (g * u / 2 + g * y, 0x1p-50 * ((g * u).magnitude + (g * y).magnitude) + 1e-300)
        // Left to the exact form.
        case .logistic: return (0, .infinity)
        }
    }

    /// ℓ(f, y), for the logistic loss a number above it by at most 2⁻⁵⁰.
    func upperValue(_ f: Rational, target: Double) -> Rational {
        let y = Rational(exactly: target) ?? .zero
        switch self {
        case .squared:
            let r = f - y
            return r * r
        case .absolute: return (f - y).magnitude
        case .huber(let delta):
            let delta = Rational(exactly: delta) ?? .zero
            let r = (f - y).magnitude
            return r < delta ? r * r / Rational(2) : delta * (r - delta / Rational(2))
        case .quantile(let level):
            let level = Rational(exactly: level) ?? .zero
            let r = f - y
            return r.sign < 0 ? -level * r : (.one - level) * r
        case .hinge:
            let margin = .one - y * f
            return margin.sign > 0 ? margin : .zero
        case .squaredHinge:
            let margin = .one - y * f
            return margin.sign > 0 ? margin * margin : .zero
        case .logistic: return LogEnclosure.upperSoftplus(-(y * f))
        }
    }
}

extension TrainingProblem {
    /// The weighted mean loss of any network on the data: its exact value rounded up (for the logistic loss an enclosure).
    ///
    /// - Returns: nil where `isCancelled` answers true before the end.
    /// - Precondition: the network's shape is columns → 1, its entries are finite.
    /// - Complexity: O(rows · parameters) rational operations.
    public func exactLoss(of network: Network<Double>, isCancelled: () -> Bool = { false }) -> Double? {
        guard let exact = network.exact else { return nil }
        return ExactTraining.exactLoss(of: exact, on: self, isCancelled: isCancelled)?.double(rounding: .up)
    }
}

/// The weighted mean loss of a network on a problem's data, exactly (for the logistic loss a number above it).
///
/// - Precondition: the network's shape is columns → 1.
func exactLoss(
    of network: Network<Rational>, on problem: TrainingProblem, isCancelled: () -> Bool
) -> Rational? {
    var sum = Rational.zero
    var total = Rational.zero
    for row in 0..<problem.rows where problem.weights[row] > 0 {
        if isCancelled() { return nil }
        let weight = Rational(exactly: problem.weights[row]) ?? .zero
        let input = problem.inputs[row * problem.columns..<(row + 1) * problem.columns]
        let f = network(input.map { Rational(exactly: $0) ?? .zero })[0]
        sum += weight * problem.loss.upperValue(f, target: problem.targets[row])
        total += weight
    }
    return sum / total
}
