public import ExactArithmetic
internal import Threads

/// How the units of a circuit become the hidden layers of a network.
public struct LayeringOptions: Sendable {
    /// A box, one interval an input, outside of which the network need not equal the circuit. On a box every signal
    /// is bounded, so that one node carries it (σ(t − lower) + lower) instead of two.
    public var box: [ClosedRange<Rational>]?
    /// Whether the last layer may have a bias; without one a constant costs a node.
    public var outputBias: Bool
    /// The most threads; the network does not depend on it.
    public var threads: Int

    public init(box: [ClosedRange<Rational>]? = nil, outputBias: Bool = true, threads: Int = 1) {
        self.box = box
        self.outputBias = outputBias
        self.threads = threads
    }
}

extension ReLUCircuit {
    /// The network of the outputs. Each unit that they need is one node; signals that pass layers are carried by
    /// further nodes. Several ways of carrying are tried and the one of fewest nodes is taken.
    ///
    /// The number of hidden layers is the length of the longest chain of units, the least possible for the circuit.
    ///
    /// - Precondition: the box, if there is one, has an interval an input.
    /// - Complexity: O(terms of the circuit) a layer, and the network's parameters.
    public func network(
        of outputs: [AffineForm], options: LayeringOptions = .init(), _ algebra: NetworkAlgebra = .init()
    ) throws(AlgebraError) -> Network<Rational> {
        try layered(outputs, options, algebra).network()
    }

    /// The number of hidden nodes of `network(of:)`, without building its matrices.
    public func size(
        of outputs: [AffineForm], options: LayeringOptions = .init(), _ algebra: NetworkAlgebra = .init()
    )
        throws(AlgebraError) -> Int
    {
        try layered(outputs, options, algebra).size
    }

    private func layered(_ outputs: [AffineForm], _ options: LayeringOptions, _ algebra: NetworkAlgebra)
        throws(AlgebraError) -> CircuitLayering
    {
        precondition(options.box.map { $0.count == inputs } ?? true, "the box has the wrong dimension")
        let levels = CircuitLevels(self, outputs)
        let places = levels.early == levels.late ? [levels.early] : [levels.early, levels.late]
        func tried(_ tries: [(place: Int, rule: InputCarrying)]) throws(AlgebraError) -> [CircuitLayering] {
            try parallelMap(tries.count, threads: options.threads, perThread: 1) {
                (index) throws(AlgebraError) in
                var layering = CircuitLayering(
                    self, outputs, levels: places[tries[index].place], tries[index].rule, options, algebra)
                try layering.build()
                return layering
            }
        }
        let first = try tried(places.indices.map { ($0, .whereCheaper) })
        // Where one of the ways was cheaper throughout, it was tried. A circuit without units carries nothing.
        let more = places.indices.flatMap { place in
            [(place: place, rule: InputCarrying.always), (place: place, rule: .never)].filter {
                levels.layers > 0 && first[place].decisions.contains($0.rule == .never)
            }
        }
        var layerings: [CircuitLayering] = []
        var others = try tried(more).makeIterator()
        for place in places.indices {
            layerings.append(first[place])
            for entry in more where entry.place == place {
                if let layering = others.next() { layerings.append(layering) }
            }
        }
        guard let best = layerings.min(by: { $0.size < $1.size }) else { throw .noNetworks }
        return best
    }
}

/// The hidden layer (1 …) of each unit that the outputs need, 0 for the others: as early or as late as can be.
private struct CircuitLevels {
    var early: [Int]
    var late: [Int]
    var layers: Int

    init(_ circuit: ReLUCircuit, _ outputs: [AffineForm]) {
        let inputs = circuit.inputs
        let forms = circuit.preactivations
        var early = [Int](repeating: 0, count: forms.count)
        for (unit, form) in forms.enumerated() {
            early[unit] = 1 + form.terms.reduce(0) { max($0, $1.unit < inputs ? 0 : early[$1.unit - inputs]) }
        }
        let last = outputs.reduce(0) { level, form in
            form.terms.reduce(level) { max($0, $1.unit < inputs ? 0 : early[$1.unit - inputs]) }
        }
        var deadline = [Int](repeating: .max, count: forms.count)
        func require(_ form: AffineForm, before level: Int) {
            for term in form.terms where term.unit >= inputs {
                deadline[term.unit - inputs] = min(deadline[term.unit - inputs], level - 1)
            }
        }
        for form in outputs { require(form, before: last + 1) }
        for unit in forms.indices.reversed() where deadline[unit] < .max {
            require(forms[unit], before: deadline[unit])
        }
        for unit in forms.indices where deadline[unit] == .max { early[unit] = 0 }
        self.early = early
        late = deadline.map { $0 == .max ? 0 : $0 }
        layers = last
    }
}

/// Whether the inputs are carried through the layers as they are.
private enum InputCarrying: CaseIterable {
    /// Wherever it costs fewer nodes for the next layer.
    case whereCheaper
    case always
    case never
}

/// Layers under construction.
private struct CircuitLayering {
    /// A unit or an output that waits for its layer, with what of its form is known, over the current layer.
    private struct Consumer {
        var level: Int
        var past: AffineForm
        /// Terms in units, grouped by nothing: those of the layer just built are moved to `past`.
        var terms: [AffineForm.Term]
    }

    private let inputs: Int
    private let levels: [Int]
    private let rule: InputCarrying
    private let options: LayeringOptions
    private var consumers: [Consumer]
    private let outputCount: Int
    private let layers: Int
    private var builder: NetworkBuilder
    private let cancelled: @Sendable () -> Bool
    /// The node of each unit, over the layer that was built last and had it.
    private var nodes: [AffineForm]
    /// The inputs as forms over the current layer, where they are carried.
    private var carriedInputs: [Int: AffineForm]
    /// Bounds of the current layer's nodes (of the inputs for layer 0), where there is a box.
    private var bounds: [Int: ClosedRange<Rational>] = [:]
    private(set) var size = 0
    /// Whether the inputs were carried on, of the layers where they could be.
    private(set) var decisions: Set<Bool> = []

    init(
        _ circuit: ReLUCircuit, _ outputs: [AffineForm], levels: [Int], _ rule: InputCarrying,
        _ options: LayeringOptions, _ algebra: NetworkAlgebra
    ) {
        inputs = circuit.inputs
        self.levels = levels
        self.rule = rule
        self.options = options
        layers = levels.max() ?? 0
        outputCount = outputs.count
        builder = NetworkBuilder(inputs: circuit.inputs, algebra)
        cancelled = algebra.cancelled
        nodes = [AffineForm](repeating: AffineForm(), count: circuit.units)
        carriedInputs = Dictionary(
            uniqueKeysWithValues: (0..<circuit.inputs).map {
                ($0, AffineForm(terms: [.init(unit: $0, coefficient: .one)]))
            })
        if let box = options.box {
            bounds = Dictionary(uniqueKeysWithValues: box.enumerated().map { ($0, $1) })
        }
        let inputs = circuit.inputs
        func consumer(_ form: AffineForm, level: Int) -> Consumer {
            Consumer(
                level: level,
                past: AffineForm(
                    terms: Array(form.terms.prefix { $0.unit < inputs }), constant: form.constant),
                terms: Array(form.terms.drop { $0.unit < inputs }))
        }
        consumers = zip(circuit.preactivations, levels).map { consumer($0, level: $1) }
        consumers += outputs.map { consumer($0, level: layers + 1) }
    }

    mutating func build() throws(AlgebraError) {
        var waiting = consumers.indices.filter { consumers[$0].level > 0 }
        for layer in 1..<layers + 1 {
            if cancelled() { throw .cancelled }
            var newBounds: [Int: ClosedRange<Rational>] = [:]
            for (count, index) in waiting.enumerated() where consumers[index].level == layer {
                if count & 255 == 0, cancelled() { throw .cancelled }
                nodes[index] = try node(consumers[index].past, layer, &newBounds)
            }
            waiting.removeAll { consumers[$0].level == layer }
            try carry(waiting, to: layer, &newBounds)
            for index in waiting { addTerms(of: layer, to: index) }
            bounds = newBounds
        }
        if !options.outputBias { try removeConstants() }
        size = builder.size(outputForms, over: layers > 0 ? layers : builder.layers)
    }

    func network() throws(AlgebraError) -> Network<Rational> {
        try builder.finish(outputForms, over: layers > 0 ? layers : builder.layers)
    }

    private var outputForms: [AffineForm] { consumers.suffix(outputCount).map(\.past) }

    private mutating func addTerms(of layer: Int, to index: Int) {
        let split = consumers[index].terms.filter { levels[$0.unit - inputs] == layer }
        if split.isEmpty { return }
        var terms = consumers[index].past.terms
        var constant = consumers[index].past.constant
        for term in split {
            let form = nodes[term.unit - inputs]
            constant += term.coefficient * form.constant
            for inner in form.terms {
                terms.append(.init(unit: inner.unit, coefficient: term.coefficient * inner.coefficient))
            }
        }
        consumers[index].past = AffineForm(summing: terms, constant: constant)
        consumers[index].terms.removeAll { levels[$0.unit - inputs] == layer }
    }

    // MARK: Nodes

    /// σ(form) over the next layer: a multiple of a node whose first coefficient is ±1.
    private mutating func node(
        _ form: AffineForm, _ layer: Int, _ newBounds: inout [Int: ClosedRange<Rational>]
    ) throws(AlgebraError) -> AffineForm {
        guard let first = form.terms.first else { return AffineForm(constant: max(.zero, form.constant)) }
        let scale = first.coefficient.magnitude
        let direction = (.one / scale) * form
        let range = options.box == nil ? nil : interval(direction)
        if let range, range.upperBound.sign <= 0 { return AffineForm() }
        let result = try builder.rectified(direction, layer: layer)
        if let range, let term = result.terms.first {
            newBounds[term.unit] = max(.zero, range.lowerBound)...max(.zero, range.upperBound)
        }
        return scale * result
    }

    /// Numbers that hold the form's values; the least and the greatest by interval arithmetic where the numbers are short.
    private func interval(_ form: AffineForm) -> ClosedRange<Rational> {
        if let range = roundedInterval(form) { return range }
        var lower = form.constant
        var upper = form.constant
        for term in form.terms {
            guard let range = bounds[term.unit] else { continue }
            let ends = (term.coefficient * range.lowerBound, term.coefficient * range.upperBound)
            lower += min(ends.0, ends.1)
            upper += max(ends.0, ends.1)
        }
        return lower...upper
    }

    /// The interval in binary64, rounded outwards, for forms of long numbers: signals that it bounds are carried with
    /// short constants. `nil` for short numbers, and where rounding leaves open which sign an end has.
    private func roundedInterval(_ form: AffineForm) -> ClosedRange<Rational>? {
        guard !form.constant.isInline || form.terms.contains(where: { !$0.coefficient.isInline }) else {
            return nil
        }
        var lower = form.constant.nearestDouble
        var upper = lower
        var size = lower.magnitude
        for term in form.terms {
            guard let range = bounds[term.unit] else { continue }
            let coefficient = term.coefficient.nearestDouble
            let (from, to) = (range.lowerBound.nearestDouble, range.upperBound.nearestDouble)
            // Tiny numbers are not rounded relatively to their size.
            for number in [coefficient, from, to] where number.magnitude < 0x1p-900 && number != 0 {
                return nil
            }
            let ends = (coefficient * from, coefficient * to)
            lower += min(ends.0, ends.1)
            upper += max(ends.0, ends.1)
            size += max(ends.0.magnitude, ends.1.magnitude)
        }
        // Three roundings in each product and one a sum, and what underflows.
        let error = size * Double(form.terms.count + 8) * 0x1p-51 + 0x1p-900
        lower -= error
        upper += error
        guard lower.isFinite, upper.isFinite, lower.magnitude > 4 * error, upper.magnitude > 4 * error,
            let low = Rational(exactly: lower), let high = Rational(exactly: upper)
        else { return nil }
        return low...high
    }

    // MARK: Carrying

    private struct Plan {
        var cost = 0
        /// Variables of the layer that are carried each by itself.
        var single: Set<Int> = []
    }

    private mutating func carry(
        _ waiting: [Int], to layer: Int, _ newBounds: inout [Int: ClosedRange<Rational>]
    ) throws(AlgebraError) {
        let forms = waiting.map { consumers[$0].past }
        let carriers = Set(carriedInputs.values.flatMap { $0.terms.map(\.unit) })
        let isPossible = !carriers.isEmpty
        let with = isPossible ? plan(forms, single: carriers, layer) : nil
        let without = plan(forms, single: [], layer)
        let chosen: Plan
        let keepsInputs: Bool
        switch (rule, with) {
        case (.always, .some(let plan)): (chosen, keepsInputs) = (plan, true)
        case (.whereCheaper, .some(let plan)) where plan.cost <= without.cost:
            (chosen, keepsInputs) = (plan, true)
        default: (chosen, keepsInputs) = (without, false)
        }
        if isPossible { decisions.insert(keepsInputs) }
        var carried: [Int: AffineForm] = [:]
        for variable in chosen.single.sorted() {
            carried[variable] = try advanced(
                AffineForm(terms: [.init(unit: variable, coefficient: .one)]), layer, &newBounds)
        }
        for (count, (index, form)) in zip(waiting, forms).enumerated() {
            if count & 255 == 0, cancelled() { throw .cancelled }
            consumers[index].past = try self.carried(form, by: carried, layer, &newBounds)
        }
        guard keepsInputs else {
            carriedInputs = [:]
            return
        }
        var next: [Int: AffineForm] = [:]
        for (input, form) in carriedInputs where form.terms.allSatisfy({ carried[$0.unit] != nil }) {
            next[input] = try self.carried(form, by: carried, layer, &newBounds)
        }
        carriedInputs = next
    }

    /// The form over the next layer: its single variables by their own nodes, the rest as one signal.
    private mutating func carried(
        _ form: AffineForm, by single: [Int: AffineForm], _ layer: Int,
        _ newBounds: inout [Int: ClosedRange<Rational>]
    ) throws(AlgebraError) -> AffineForm {
        var rest: [AffineForm.Term] = []
        var terms: [AffineForm.Term] = []
        var constant = form.constant
        for term in form.terms {
            guard let known = single[term.unit] else {
                rest.append(term)
                continue
            }
            constant += term.coefficient * known.constant
            for inner in known.terms {
                terms.append(.init(unit: inner.unit, coefficient: term.coefficient * inner.coefficient))
            }
        }
        if !rest.isEmpty {
            let signal = try advanced(AffineForm(terms: rest), layer, &newBounds)
            constant += signal.constant
            terms += signal.terms
        }
        return AffineForm(summing: terms, constant: constant)
    }

    /// The same value over the next layer.
    private mutating func advanced(
        _ form: AffineForm, _ layer: Int, _ newBounds: inout [Int: ClosedRange<Rational>]
    ) throws(AlgebraError) -> AffineForm {
        if form.isConstant { return form }
        if layer > 1, let sign = form.signOverNonNegativeUnits {
            return sign > 0
                ? try node(form, layer, &newBounds) : -(try node(-form, layer, &newBounds))
        }
        if options.box != nil {
            let lower = interval(form).lowerBound
            return try node(form + AffineForm(constant: -lower), layer, &newBounds)
                + AffineForm(constant: lower)
        }
        return try node(form, layer, &newBounds) - (try node(-form, layer, &newBounds))
    }

    /// What it costs to carry forms over the layer before `layer`, these variables being carried singly: in each
    /// part of the rest that hangs together by common variables, all variables singly or each form as one signal.
    private func plan(_ forms: [AffineForm], single: Set<Int>, _ layer: Int) -> Plan {
        var plan = Plan()
        let occurring = Set(forms.flatMap { $0.terms.map(\.unit) })
        let singleCost = layer == 1 && options.box == nil ? 2 : 1
        plan.single = single.intersection(occurring)
        plan.cost = plan.single.count * singleCost
        // Distinct rests, up to a factor.
        var rests: Set<[AffineForm.Term]> = []
        for form in forms {
            let rest = form.terms.filter { !single.contains($0.unit) }
            guard let first = rest.first else { continue }
            let scale = .one / first.coefficient
            rests.insert(rest.map { .init(unit: $0.unit, coefficient: scale * $0.coefficient) })
        }
        var parts = DisjointSets()
        for rest in rests {
            for term in rest { parts.join(term.unit, rest[0].unit) }
        }
        var signalCost: [Int: Int] = [:]
        var variables: [Int: [Int]] = [:]
        for rest in rests {
            let isSigned =
                options.box == nil
                && (layer == 1 || AffineForm(terms: rest).signOverNonNegativeUnits == nil)
            signalCost[parts.root(rest[0].unit), default: 0] += isSigned ? 2 : 1
        }
        for variable in occurring where !single.contains(variable) {
            variables[parts.root(variable), default: []].append(variable)
        }
        for (root, members) in variables {
            let signals = signalCost[root] ?? 0
            if members.count * singleCost <= signals { plan.single.formUnion(members) }
            plan.cost += min(members.count * singleCost, signals)
        }
        return plan
    }

    // MARK: Without output bias

    /// A unit that is always 1 in the last hidden layer gives the constants.
    private mutating func removeConstants() throws(AlgebraError) {
        let outputs = consumers.indices.suffix(outputCount)
        if outputs.allSatisfy({ consumers[$0].past.constant.isZero }) { return }
        if layers == 0 {
            for index in outputs {
                let form = consumers[index].past
                func half(_ form: AffineForm) throws(AlgebraError) -> AffineForm {
                    form.isConstant && form.constant.sign <= 0
                        ? AffineForm() : try builder.node(form, layer: 1)
                }
                consumers[index].past = try half(form) - (try half(-form))
            }
            return
        }
        let one = try builder.node(AffineForm(constant: .one), layer: layers)
        for index in outputs {
            let constant = consumers[index].past.constant
            consumers[index].past.constant = .zero
            consumers[index].past = consumers[index].past + constant * one
        }
    }
}

/// Union-find over sparse integers.
private struct DisjointSets {
    private var parents: [Int: Int] = [:]

    mutating func root(_ element: Int) -> Int {
        var top = element
        while let parent = parents[top], parent != top { top = parent }
        var walk = element
        while let parent = parents[walk], parent != top {
            parents[walk] = top
            walk = parent
        }
        return top
    }

    mutating func join(_ a: Int, _ b: Int) {
        let (x, y) = (root(a), root(b))
        if parents[x] == nil { parents[x] = x }
        parents[y] = x
    }
}
