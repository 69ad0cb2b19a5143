internal import ExactArithmetic

/// constant + Σ coefficient · unit over the units of one layer (over the inputs for layer 0), sparse: indices
/// increase, coefficients are not 0.
struct AffineForm: Hashable, Sendable {
    struct Term: Hashable, Sendable {
        var unit: Int
        var coefficient: Rational
    }

    var terms: [Term]
    var constant: Rational

    init(terms: [Term] = [], constant: Rational = .zero) {
        self.terms = terms
        self.constant = constant
    }

    var isConstant: Bool { terms.isEmpty }

    static prefix func - (form: AffineForm) -> AffineForm {
        AffineForm(
            terms: form.terms.map { Term(unit: $0.unit, coefficient: -$0.coefficient) },
            constant: -form.constant)
    }

    static func - (a: AffineForm, b: AffineForm) -> AffineForm { a + -b }

    static func + (a: AffineForm, b: AffineForm) -> AffineForm {
        var terms: [Term] = []
        terms.reserveCapacity(a.terms.count + b.terms.count)
        var i = 0
        var j = 0
        while i < a.terms.count || j < b.terms.count {
            if j == b.terms.count || (i < a.terms.count && a.terms[i].unit < b.terms[j].unit) {
                terms.append(a.terms[i])
                i += 1
            } else if i == a.terms.count || b.terms[j].unit < a.terms[i].unit {
                terms.append(b.terms[j])
                j += 1
            } else {
                let sum = a.terms[i].coefficient + b.terms[j].coefficient
                if !sum.isZero { terms.append(Term(unit: a.terms[i].unit, coefficient: sum)) }
                i += 1
                j += 1
            }
        }
        return AffineForm(terms: terms, constant: a.constant + b.constant)
    }

    /// The sign that the form has wherever all units are non-negative, by the signs of its numbers alone: 1 for
    /// ≥ 0, −1 for ≤ 0, `nil` where they are mixed.
    var signOverNonNegativeUnits: Int? {
        if constant.sign >= 0, terms.allSatisfy({ $0.coefficient.sign > 0 }) { return 1 }
        if constant.sign <= 0, terms.allSatisfy({ $0.coefficient.sign < 0 }) { return -1 }
        return nil
    }
}
