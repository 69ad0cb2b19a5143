internal import ExactArithmetic

/// A network under construction, layer by layer, of units that are written as affine forms over the layer before.
/// A unit that is there already is used again.
struct NetworkBuilder {
    private let inputs: Int
    private let maximumParameters: Int
    private let cancelled: @Sendable () -> Bool
    /// `units[t - 1]` are the pre-activations of hidden layer t, forms over layer t − 1.
    private var units: [[AffineForm]] = []
    private var places: [[AffineForm: Int]] = []
    private var terms = 0
    private var operationsSincePoll = 0

    init(inputs: Int, _ algebra: NetworkAlgebra) {
        self.inputs = inputs
        maximumParameters = algebra.maximumParameters
        cancelled = algebra.cancelled
    }

    /// The coordinates of the input, forms over layer 0.
    var coordinates: [AffineForm] {
        (0..<inputs).map { AffineForm(terms: [.init(unit: $0, coefficient: .one)]) }
    }

    /// σ(form) as a form over layer `layer`, for a form over the layer before.
    mutating func rectified(_ form: AffineForm, layer: Int) throws(AlgebraError) -> AffineForm {
        if form.isConstant { return AffineForm(constant: max(.zero, form.constant)) }
        if layer > 1, form.signOverNonNegativeUnits == -1 { return AffineForm() }
        return try node(form, layer: layer)
    }

    /// `rectified`, with a node also where the value is constant.
    mutating func node(_ form: AffineForm, layer: Int) throws(AlgebraError) -> AffineForm {
        while units.count < layer {
            units.append([])
            places.append([:])
        }
        var place = places[layer - 1][form]
        if place == nil {
            place = units[layer - 1].count
            places[layer - 1][form] = place
            units[layer - 1].append(form)
            terms += form.terms.count + 1
            if terms > maximumParameters {
                throw .tooLarge(parameters: terms, limit: maximumParameters)
            }
        }
        return AffineForm(terms: [.init(unit: place ?? 0, coefficient: .one)])
    }

    /// The nodes by which `advanced` carries a form over layer `layer` to the next one.
    static func carryingCost(_ form: AffineForm, layer: Int) -> Int {
        if form.isConstant { return 0 }
        return layer > 0 && form.signOverNonNegativeUnits != nil ? 1 : 2
    }

    /// The same value as a form over the next layer: t = σ(t) − σ(−t), or one node where the sign is known.
    mutating func advanced(_ form: AffineForm, from layer: Int) throws(AlgebraError) -> AffineForm {
        if form.isConstant { return form }
        if layer > 0, let sign = form.signOverNonNegativeUnits {
            return sign > 0
                ? try rectified(form, layer: layer + 1) : -(try rectified(-form, layer: layer + 1))
        }
        return try rectified(form, layer: layer + 1) - (try rectified(-form, layer: layer + 1))
    }

    /// max(a, b) over the next layer: σ(a − b) + b with b carried, or the same with a and b exchanged where that
    /// costs fewer nodes.
    mutating func maximum(_ a: AffineForm, _ b: AffineForm, from layer: Int) throws(AlgebraError)
        -> AffineForm
    {
        let difference = a - b
        if difference.isConstant { return try advanced(difference.constant.sign > 0 ? a : b, from: layer) }
        let (carried, positive) =
            Self.carryingCost(a, layer: layer) < Self.carryingCost(b, layer: layer)
            ? (a, -difference) : (b, difference)
        return try rectified(positive, layer: layer + 1) + (try advanced(carried, from: layer))
    }

    /// The outputs of an affine map of forms.
    mutating func apply(_ map: AffineLayer<Rational>, to forms: [AffineForm]) throws(AlgebraError)
        -> [AffineForm]
    {
        var sums: [Int: Rational] = [:]
        var results: [AffineForm] = []
        results.reserveCapacity(map.outputs)
        for unit in 0..<map.outputs {
            var constant = map.bias[unit]
            let base = unit * map.inputs
            if let only = soleTerm(map, unit), forms[only].terms.count == 1 {
                let weight = map.weights[base + only]
                let term = forms[only].terms[0]
                constant += weight * forms[only].constant
                results.append(
                    AffineForm(
                        terms: [.init(unit: term.unit, coefficient: weight * term.coefficient)],
                        constant: constant))
                continue
            }
            sums.removeAll(keepingCapacity: true)
            for (index, form) in forms.enumerated() {
                let weight = map.weights[base + index]
                if weight.isZero { continue }
                constant += weight * form.constant
                for term in form.terms { sums[term.unit, default: .zero] += weight * term.coefficient }
                operationsSincePoll += form.terms.count + 1
            }
            let terms = sums.compactMap { unit, coefficient in
                coefficient.isZero ? nil : AffineForm.Term(unit: unit, coefficient: coefficient)
            }
            results.append(AffineForm(terms: terms.sorted { $0.unit < $1.unit }, constant: constant))
            if operationsSincePoll > 4_000 {
                operationsSincePoll = 0
                if cancelled() { throw .cancelled }
            }
        }
        return results
    }

    private func soleTerm(_ map: AffineLayer<Rational>, _ unit: Int) -> Int? {
        var found: Int?
        for index in 0..<map.inputs where !map.weights[unit * map.inputs + index].isZero {
            if found != nil { return nil }
            found = index
        }
        return found
    }

    /// The outputs of a network whose inputs are forms over layer `layer`; they are forms over layer
    /// `layer + network.hiddenLayers`.
    mutating func embed(_ network: Network<Rational>, on forms: [AffineForm], from layer: Int)
        throws(AlgebraError) -> [AffineForm]
    {
        var current = forms
        for (index, map) in network.layers.enumerated() {
            current = try apply(map, to: current)
            guard index < network.hiddenLayers else { break }
            for unit in current.indices {
                current[unit] = try rectified(current[unit], layer: layer + index + 1)
            }
        }
        return current
    }

    /// The number of layers that have units.
    var layers: Int { units.count }

    /// The number of hidden nodes of `finish`.
    func size(_ outputs: [AffineForm], over layer: Int) -> Int {
        if outputs.allSatisfy(\.isConstant) { return 0 }
        return neededUnits(outputs, over: layer).dropLast().reduce(0) { $0 + $1.count }
    }

    /// The network of these outputs, forms over layer `layer`, without the units that no output needs. A constant
    /// function has no hidden layer.
    func finish(_ outputs: [AffineForm], over layer: Int) throws(AlgebraError) -> Network<Rational> {
        if outputs.allSatisfy(\.isConstant) {
            return Network(layers: [try dense(outputs, width: inputs)])
        }
        return try dense(neededUnits(outputs, over: layer))
    }

    /// The units of each layer that the outputs need, and the outputs, renumbered.
    private func neededUnits(_ outputs: [AffineForm], over layer: Int) -> [[AffineForm]] {
        var layers: [[AffineForm]] = Array(units.prefix(layer)) + [outputs]
        // Backwards: the units in use, and their new indices in the layer after.
        for index in layers.indices.dropFirst().reversed() {
            var isUsed = [Bool](repeating: false, count: layers[index - 1].count)
            for form in layers[index] { for term in form.terms { isUsed[term.unit] = true } }
            var renumbered = [Int](repeating: 0, count: isUsed.count)
            var next = 0
            for (unit, used) in isUsed.enumerated() where used {
                renumbered[unit] = next
                next += 1
            }
            layers[index - 1] = layers[index - 1].indices.filter { isUsed[$0] }.map { layers[index - 1][$0] }
            for form in layers[index].indices {
                for term in layers[index][form].terms.indices {
                    layers[index][form].terms[term].unit = renumbered[layers[index][form].terms[term].unit]
                }
            }
        }
        return layers
    }

    private func dense(_ layers: [[AffineForm]]) throws(AlgebraError) -> Network<Rational> {
        var parameters = 0
        var width = inputs
        for forms in layers {
            let (entries, overflow) = forms.count.multipliedReportingOverflow(by: width + 1)
            parameters = overflow ? .max : (parameters > .max - entries ? .max : parameters + entries)
            width = forms.count
        }
        guard parameters <= maximumParameters else {
            throw .tooLarge(parameters: parameters, limit: maximumParameters)
        }
        width = inputs
        var maps: [AffineLayer<Rational>] = []
        for forms in layers {
            maps.append(try dense(forms, width: width))
            width = forms.count
        }
        return Network(layers: maps)
    }

    private func dense(_ forms: [AffineForm], width: Int) throws(AlgebraError) -> AffineLayer<Rational> {
        if cancelled() { throw .cancelled }
        let (count, overflow) = forms.count.multipliedReportingOverflow(by: width)
        guard !overflow, count <= maximumParameters else {
            throw .tooLarge(parameters: overflow ? .max : count, limit: maximumParameters)
        }
        var weights = [Rational](repeating: .zero, count: count)
        for (unit, form) in forms.enumerated() {
            for term in form.terms { weights[unit * width + term.unit] = term.coefficient }
        }
        return AffineLayer(inputs: width, outputs: forms.count, weights: weights, bias: forms.map(\.constant))
    }
}
