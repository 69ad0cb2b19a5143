internal import ExactArithmetic
internal import PiecewiseLinear
internal import ReLUNetworks

/// Functions as circuits of units, form by form as they were posted: balanced trees for maxima and minima, with
/// equal parts built once.
struct ExpressionCircuit {
    private(set) var circuit: ReLUCircuit
    /// Makes the circuits of functions on meshes; called at most once for each of them.
    let mesh: (FunctionExpression) throws(ManyDimensionalFault) -> (circuit: ReLUCircuit, output: AffineForm)
    let maximumUnits: Int
    let isCancelled: @Sendable () -> Bool

    init(
        inputs: Int, maximumUnits: Int, isCancelled: @escaping @Sendable () -> Bool,
        mesh:
            @escaping (FunctionExpression) throws(ManyDimensionalFault) -> (
                circuit: ReLUCircuit, output: AffineForm
            )
    ) {
        circuit = ReLUCircuit(inputs: inputs)
        self.maximumUnits = maximumUnits
        self.isCancelled = isCancelled
        self.mesh = mesh
    }

    /// The inputs as forms.
    var coordinates: [AffineForm] {
        (0..<circuit.inputs).map { index in
            var gradient = [Rational](repeating: .zero, count: circuit.inputs)
            gradient[index] = .one
            return circuit.affine(gradient: gradient, intercept: .zero)
        }
    }

    /// The function of these forms.
    mutating func form(_ expression: FunctionExpression, of inputs: [AffineForm])
        throws(ManyDimensionalFault) -> AffineForm
    {
        if isCancelled() { throw .cancelled }
        guard circuit.units <= maximumUnits else { throw .tooManyUnits(limit: maximumUnits) }
        switch expression {
        case .maxAffine, .maximum:
            return circuit.maximum(of: try operands(expression, of: inputs, isMaximum: true))
        case .minimum:
            return circuit.minimum(of: try operands(expression, of: inputs, isMaximum: false))
        case .signedMax(let terms):
            var trees = MaximumTrees(
                try terms.map { (term) throws(ManyDimensionalFault) in
                    try term.pieces.map { (piece) throws(ManyDimensionalFault) in
                        try affine(piece, of: inputs)
                    }
                })
            let maxima = trees.build(in: &circuit)
            return combination(
                zip(terms, maxima).map { ($0.isNegative ? Rational(-1) : .one, $1) }, constant: .zero)
        case .lattice(let pieces, let selections):
            let forms = try pieces.map { (piece) throws(ManyDimensionalFault) in try affine(piece, of: inputs)
            }
            return circuit.lattice(forms, selections)
        case .oneDimensional(let function):
            guard inputs.count == 1 else { throw .dimensionsDisagree }
            return oneDimensional(function, of: inputs[0])
        case .sum(let terms):
            let forms = try terms.map { (term) throws(ManyDimensionalFault) in
                (
                    term.coefficient,
                    term.coefficient.isZero
                        ? AffineForm(constant: .zero) : try form(term.function, of: inputs)
                )
            }
            return combination(forms, constant: .zero)
        case .absolute(let function):
            let value = try form(function, of: inputs)
            return circuit.maximum(value, -value)
        case .composition(let outer, let inner):
            let values = try inner.map { (function) throws(ManyDimensionalFault) in
                try form(function, of: inputs)
            }
            return try form(outer, of: values)
        case .network(let layers):
            guard let network = Self.network(layers), network.inputs == inputs.count, network.outputs == 1
            else {
                throw .dimensionsDisagree
            }
            return circuit.outputs(of: network, on: inputs)[0]
        case .simplicial, .regions:
            let part = try mesh(expression)
            guard part.circuit.inputs == inputs.count else { throw .dimensionsDisagree }
            return circuit.output(part.output, of: part.circuit, on: inputs)
        }
    }

    /// The arguments of nested maxima (minima) as one list.
    private mutating func operands(
        _ expression: FunctionExpression, of inputs: [AffineForm], isMaximum: Bool
    ) throws(ManyDimensionalFault) -> [AffineForm] {
        switch (expression, isMaximum) {
        case (.maxAffine(let pieces), true):
            return try pieces.map { (piece) throws(ManyDimensionalFault) in try affine(piece, of: inputs) }
        case (.maximum(let functions), true), (.minimum(let functions), false):
            var forms: [AffineForm] = []
            for function in functions {
                forms += try operands(function, of: inputs, isMaximum: isMaximum)
            }
            return forms
        default:
            return [try form(expression, of: inputs)]
        }
    }

    private func affine(_ function: AffineFunction, of inputs: [AffineForm]) throws(ManyDimensionalFault)
        -> AffineForm
    {
        guard function.dimension == inputs.count else { throw .dimensionsDisagree }
        return combination(Array(zip(function.gradient, inputs)), constant: function.intercept)
    }

    private func combination(_ terms: [(Rational, AffineForm)], constant: Rational) -> AffineForm {
        var all: [AffineForm.Term] = []
        var sum = constant
        for (factor, form) in terms where !factor.isZero {
            sum += factor * form.constant
            all += form.terms.map { .init(unit: $0.unit, coefficient: factor * $0.coefficient) }
        }
        return AffineForm(summing: all, constant: sum)
    }

    /// The leftmost piece and a unit a breakpoint.
    private mutating func oneDimensional(_ function: PiecewiseLinearFunction, of input: AffineForm)
        -> AffineForm
    {
        var terms = [(function.leftSlope, input)]
        for (index, breakpoint) in function.breakpoints.enumerated() {
            terms.append(
                (
                    function.slopes[index + 1] - function.slopes[index],
                    circuit.rectified(input - AffineForm(constant: breakpoint))
                ))
        }
        return combination(terms, constant: function.leftIntercept)
    }

    static func network(_ layers: [FunctionExpression.NetworkLayer]) -> Network<Rational>? {
        var maps: [AffineLayer<Rational>] = []
        for layer in layers {
            guard let width = layer.weights.first?.count ?? maps.last?.outputs,
                layer.weights.allSatisfy({ $0.count == width }), layer.bias.count == layer.weights.count,
                maps.last.map({ $0.outputs == width }) ?? true
            else { return nil }
            maps.append(
                AffineLayer(
                    inputs: width, outputs: layer.weights.count, weights: Array(layer.weights.joined()),
                    bias: layer.bias))
        }
        return maps.isEmpty ? nil : Network(layers: maps)
    }
}

extension ReLUCircuit {
    /// The output of another circuit whose inputs are these forms.
    mutating func output(_ output: AffineForm, of other: ReLUCircuit, on inputs: [AffineForm]) -> AffineForm {
        var values = inputs
        for form in other.preactivations { values.append(rectified(form.substituting(values))) }
        return output.substituting(values)
    }

    /// max over the selections of min over their forms, selections that contain another one left out.
    mutating func lattice(_ forms: [AffineForm], _ selections: [[Int]]) -> AffineForm {
        let sets = LatticeForm.absorbed(selections)
        var trees = MaximumTrees(sets.map { $0.map { -forms[$0] } })
        return maximum(of: trees.build(in: &self).map { -$0 })
    }
}
