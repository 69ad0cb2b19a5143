public import ExactArithmetic

/// Units σ(affine form of the inputs and of earlier units), without layers: what constructions of networks are
/// written in. `network(of:)` gives the units their layers and adds the nodes that carry signals past layers.
///
/// Variables 0 … inputs − 1 of its forms are the inputs, variable inputs + j is unit j. Units that are equal up to
/// a positive factor are one unit, and so are σ(t) and σ(−t) = σ(t) − t.
public struct ReLUCircuit: Sendable {
    private struct Place: Sendable {
        var unit: Int
        /// Whether the unit's pre-activation is the key's opposite.
        var isOpposite: Bool
    }

    /// n.
    public let inputs: Int
    /// The form of each unit, over the inputs and the units before it; its first coefficient is 1 or −1.
    public private(set) var preactivations: [AffineForm] = []
    /// The longest chain of units that ends in each unit.
    private var levels: [Int] = []
    /// Keys have first coefficient 1.
    private var places: [AffineForm: Place] = [:]

    public init(inputs: Int) {
        self.inputs = inputs
    }

    public var units: Int { preactivations.count }

    /// Σ gradient[i] · input i + intercept.
    ///
    /// - Precondition: `gradient.count == inputs`.
    public func affine(gradient: [Rational], intercept: Rational) -> AffineForm {
        precondition(gradient.count == inputs, "the gradient has the wrong dimension")
        return AffineForm(
            terms: gradient.enumerated().compactMap { index, slope in
                slope.isZero ? nil : AffineForm.Term(unit: index, coefficient: slope)
            }, constant: intercept)
    }

    /// The hidden layers that the form needs: the longest chain of units in it.
    public func level(of form: AffineForm) -> Int {
        form.terms.reduce(0) { max($0, $1.unit < inputs ? 0 : levels[$1.unit - inputs]) }
    }

    /// σ(form): a positive multiple of a unit, less the form itself where the opposite unit is there already.
    public mutating func rectified(_ form: AffineForm) -> AffineForm {
        guard let first = form.terms.first else { return AffineForm(constant: max(.zero, form.constant)) }
        if first.unit >= inputs, let sign = form.signOverNonNegativeUnits {
            return sign > 0 ? form : AffineForm()
        }
        let scale = first.coefficient.magnitude
        let direction = (.one / scale) * form
        let isOpposite = first.coefficient.sign < 0
        let key = isOpposite ? -direction : direction
        guard let place = places[key] else {
            places[key] = Place(unit: preactivations.count, isOpposite: isOpposite)
            levels.append(1 + level(of: direction))
            preactivations.append(direction)
            return AffineForm(terms: [.init(unit: inputs + preactivations.count - 1, coefficient: scale)])
        }
        let unit = AffineForm(terms: [.init(unit: inputs + place.unit, coefficient: scale)])
        return place.isOpposite == isOpposite ? unit : unit + form
    }

    /// max(a, b) = b + σ(a − b), with the operand of fewer terms kept.
    public mutating func maximum(_ a: AffineForm, _ b: AffineForm) -> AffineForm {
        b.terms.count <= a.terms.count ? b + rectified(a - b) : a + rectified(b - a)
    }

    /// min(a, b) = −max(−a, −b).
    public mutating func minimum(_ a: AffineForm, _ b: AffineForm) -> AffineForm { -maximum(-a, -b) }

    /// The outputs of a network, all of its inputs being forms of this circuit.
    ///
    /// - Precondition: as many forms as the network has inputs.
    public mutating func outputs(of network: Network<Rational>, on forms: [AffineForm]) -> [AffineForm] {
        precondition(forms.count == network.inputs, "the network has another number of inputs")
        var values = forms
        for (index, layer) in network.layers.enumerated() {
            values = (0..<layer.outputs).map { unit in
                let terms = zip(layer.row(unit), values).lazy.filter { !$0.0.isZero }
                let constant = terms.reduce(layer.bias[unit]) { $0 + $1.0 * $1.1.constant }
                let form = AffineForm(
                    summing: terms.flatMap { weight, value in
                        value.terms.map { .init(unit: $0.unit, coefficient: weight * $0.coefficient) }
                    }, constant: constant)
                return index < network.hiddenLayers ? rectified(form) : form
            }
        }
        return values
    }

    /// The values of forms at a point. Complexity: all units are evaluated once.
    public func values(of forms: [AffineForm], at point: [Rational]) -> [Rational] {
        precondition(point.count == inputs, "the point has the wrong dimension")
        var variables = point
        func value(_ form: AffineForm) -> Rational {
            form.terms.reduce(form.constant) { $0 + $1.coefficient * variables[$1.unit] }
        }
        for form in preactivations { variables.append(max(.zero, value(form))) }
        return forms.map(value)
    }
}
