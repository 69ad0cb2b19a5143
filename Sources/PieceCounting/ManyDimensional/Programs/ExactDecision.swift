internal import ExactArithmetic
internal import LinearProgramming

/// What binary64 could not settle.
extension CellSearch {
    /// Whether unit `unit` of `layer` cuts the cell, in rational arithmetic.
    func exactDecision(
        _ layer: Int, _ unit: Int, _ counter: EnumerationControl.PartCounter
    ) throws(PieceCountingFault) -> Decision {
        let form = exactForms.form(layer, unit, isOn: isOn)
        if form.isConstant { return form.constant.sign > 0 ? .on : .off }
        let inner = exactPoint
        let near = form.value(at: inner)
        let constraints = (0..<rows.count).map { exactRow(rows[$0].source) }
        let sign = near.sign < 0 ? -1 : 1
        guard let far = try self.far(form, sign, near, inner, constraints, layer, unit, counter) else {
            return sign > 0 ? .on : .off
        }
        if near.isZero {
            // On the hyperplane, so the hyperplane cuts; the inner point must leave it.
            guard let other = try self.far(form, -1, near, inner, constraints, layer, unit, counter) else {
                return .off
            }
            setPoint(other)
        }
        return .cut(nearIsOn: sign > 0, far: far)
    }

    private func setPoint(_ cellPoint: CellPoint) {
        rationalPoint = cellPoint.rational
        for (k, coordinate) in cellPoint.double.enumerated() { point[k] = coordinate }
    }

    var exactPoint: [Rational] {
        rationalPoint ?? (0..<network.dimension).map { Rational(exactly: point[$0]) ?? .zero }
    }

    /// The row sign · form, exactly.
    func exactRow(_ source: Int) -> ExactForm {
        if source < 0 {
            let bound = network.bounds[-1 - source]
            var gradient = [Rational](repeating: .zero, count: network.dimension)
            gradient[bound.coordinate] = Rational(bound.sign)
            return ExactForm(gradient: gradient, constant: Rational(-bound.sign) * bound.value)
        }
        let layer = network.layer(of: source)
        let unit = source - network.firstUnits[layer]
        var form = exactForms.form(layer, unit, isOn: isOn)
        if !isOn(layer, unit) {
            form.gradient = form.gradient.map { -$0 }
            form.constant = -form.constant
        }
        return form
    }

    /// A point inside with sign · form < 0; `nil`, after taking a note of the reason, where there is none.
    private func far(
        _ form: ExactForm, _ sign: Int, _ near: Rational, _ inner: [Rational], _ constraints: [ExactForm],
        _ layer: Int, _ unit: Int, _ counter: EnumerationControl.PartCounter
    ) throws(PieceCountingFault) -> CellPoint? {
        let program = LinearProgram(
            maximising: sign > 0 ? form.gradient.map { -$0 } : form.gradient,
            inequalities: constraints.map { $0.inequality(sign: 1) })
        let outcome: LinearProgramOutcome
        do {
            outcome = try program.solved { counter.isStopped }
        } catch {
            throw counter.cancelled
        }
        let signed = Rational(sign)
        var vertex: [Rational]
        switch outcome {
        case .infeasible: preconditionFailure("a cell has interior")
        case .optimal(let point, _, let multipliers):
            vertex = point
            guard (signed * form.value(at: vertex)).sign < 0 else {
                let forcing = multipliers.inequalities.indices.filter {
                    !multipliers.inequalities[$0].isZero
                }
                remember(layer, unit, Int8(sign), forcing.map { rows[$0].source })
                return nil
            }
        case .unbounded(let point, let ray):
            vertex = point
            var rate = Rational.zero
            for (coefficient, entry) in zip(form.gradient, ray) { rate += coefficient * entry }
            let value = signed * form.value(at: point)
            // To a value of −1 − |value at the inner point|.
            let step = (value.magnitude + near.magnitude + 1) / rate.magnitude
            for k in vertex.indices { vertex[k] += step * ray[k] }
        }
        let farValue = signed * form.value(at: vertex)
        let nearValue = signed * near
        let share = farValue / (farValue - nearValue) / 2
        let middle = zip(vertex, inner).map { $0 + share * ($1 - $0) }
        let rounded = middle.map(\.nearestDouble)
        let exact = rounded.compactMap { Rational(exactly: $0) }
        if exact.count == rounded.count, rounded.allSatisfy({ $0.magnitude < 1e150 }),
            (signed * form.value(at: exact)).sign < 0,
            constraints.allSatisfy({ $0.value(at: exact).sign > 0 })
        {
            return CellPoint(double: rounded, rational: nil)
        }
        return CellPoint(double: [], rational: middle)
    }
}

extension ProgramNetwork {
    /// The hidden layer of a unit in the order of all hidden units.
    func layer(of unit: Int) -> Int {
        var (low, high) = (0, hiddenLayers - 1)
        while low < high {
            let middle = (low + high + 1) / 2
            if firstUnits[middle] <= unit { low = middle } else { high = middle - 1 }
        }
        return low
    }
}
