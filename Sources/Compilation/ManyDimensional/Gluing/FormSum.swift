internal import ExactArithmetic
internal import ReLUNetworks

/// A sum of many forms.
struct FormSum {
    private var coefficients: [Int: Rational] = [:]
    private var constant = Rational.zero

    mutating func add(_ form: AffineForm, times factor: Rational) {
        constant += factor * form.constant
        for term in form.terms { coefficients[term.unit, default: .zero] += factor * term.coefficient }
    }

    var form: AffineForm {
        AffineForm(
            summing: coefficients.lazy.filter { !$0.value.isZero }.map {
                .init(unit: $0.key, coefficient: $0.value)
            },
            constant: constant)
    }
}

/// Between which numbers the derivatives of forms along the axes lie, by interval arithmetic over the units.
struct SlopeBounds {
    private let inputs: Int
    /// By unit, then by axis.
    private var units: [[ClosedRange<Rational>]] = []

    init(inputs: Int) {
        self.inputs = inputs
    }

    /// Learns the units that the circuit has got since.
    mutating func extend(to circuit: ReLUCircuit) {
        for form in circuit.preactivations[units.count...] {
            units.append(
                (0..<inputs).map { axis in
                    let inner = range(of: form, axis: axis)
                    return min(.zero, inner.lowerBound)...max(.zero, inner.upperBound)
                })
        }
    }

    private func range(of form: AffineForm, axis: Int) -> ClosedRange<Rational> {
        var lower = Rational.zero
        var upper = Rational.zero
        for term in form.terms {
            if term.unit < inputs {
                if term.unit == axis {
                    lower += term.coefficient
                    upper += term.coefficient
                }
                continue
            }
            let range = units[term.unit - inputs][axis]
            let isPositive = term.coefficient.sign > 0
            lower += term.coefficient * (isPositive ? range.lowerBound : range.upperBound)
            upper += term.coefficient * (isPositive ? range.upperBound : range.lowerBound)
        }
        return lower...upper
    }

    /// The derivative of the form along an axis, in steps that raise the hyperplane's form by 1. The axis is that of
    /// the hyperplane's largest coefficient.
    func range(of form: AffineForm, across hyperplane: AffineForm) -> ClosedRange<Rational> {
        guard let largest = hyperplane.terms.max(by: { $0.coefficient.magnitude < $1.coefficient.magnitude })
        else { return .zero...(.zero) }
        let range = range(of: form, axis: largest.unit)
        let ends = (range.lowerBound / largest.coefficient, range.upperBound / largest.coefficient)
        return min(ends.0, ends.1)...max(ends.0, ends.1)
    }
}
