public import ExactArithmetic

/// constant + Σ coefficient · unit, sparse: indices increase, coefficients are not 0. The units are those of one
/// layer of a network (the inputs for layer 0), or the variables of a `ReLUCircuit`.
public struct AffineForm: Hashable, Sendable {
    public struct Term: Hashable, Sendable {
        public var unit: Int
        public var coefficient: Rational

        public init(unit: Int, coefficient: Rational) {
            self.unit = unit
            self.coefficient = coefficient
        }
    }

    public internal(set) var terms: [Term]
    public internal(set) var constant: Rational

    init(terms: [Term] = [], constant: Rational = .zero) {
        self.terms = terms
        self.constant = constant
    }

    public init(constant: Rational) {
        terms = []
        self.constant = constant
    }

    /// Σ of the terms, in any order and with units more than once, + constant. Complexity: O(k log k).
    public init(summing terms: some Sequence<Term>, constant: Rational) {
        self.init(constant: constant)
        for term in terms.sorted(by: { $0.unit < $1.unit }) {
            if let last = self.terms.indices.last, self.terms[last].unit == term.unit {
                self.terms[last].coefficient += term.coefficient
            } else {
                if self.terms.last?.coefficient.isZero == true { self.terms.removeLast() }
                self.terms.append(term)
            }
        }
        if self.terms.last?.coefficient.isZero == true { self.terms.removeLast() }
    }

    public var isConstant: Bool { terms.isEmpty }

    public static func * (factor: Rational, form: AffineForm) -> AffineForm {
        if factor == .one { return form }
        if factor.isZero { return AffineForm() }
        return AffineForm(
            terms: form.terms.map { Term(unit: $0.unit, coefficient: factor * $0.coefficient) },
            constant: factor * form.constant)
    }

    public static prefix func - (form: AffineForm) -> AffineForm {
        AffineForm(
            terms: form.terms.map { Term(unit: $0.unit, coefficient: -$0.coefficient) },
            constant: -form.constant)
    }

    public static func - (a: AffineForm, b: AffineForm) -> AffineForm { a + -b }

    public static func + (a: AffineForm, b: AffineForm) -> AffineForm {
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
