internal import ExactArithmetic
internal import FastJSON
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// Functions of one variable, of any kind, by their breakpoints.
extension FunctionDecoding {
    /// `nil` for functions of several variables, and for those that pass through several variables on simplices.
    func oneDimensional(_ decoded: DecodedFunction, at pointer: String) throws -> PiecewiseLinearFunction? {
        guard decoded.variables == 1 else { return nil }
        do {
            return try value(
                decoded.expression, of: [PiecewiseLinearFunction(slope: .one, intercept: .zero)])
        } catch let fault as PiecewiseLinearFault {
            throw problem(fault, pointer)
        }
    }

    /// The function of functions of one variable.
    private func value(_ expression: FunctionExpression, of inputs: [PiecewiseLinearFunction]) throws
        -> PiecewiseLinearFunction?
    {
        if call.cancellation.isCancelled { throw Problem.cancelled }
        switch expression {
        case .oneDimensional(let function):
            guard inputs.count == 1 else { return nil }
            return try composed(function, inputs[0])
        case .maxAffine(let pieces):
            return try PiecewiseLinearFunction.maximum(
                pieces.map { try affine($0, of: inputs) }, limits: limits)
        case .signedMax(let terms):
            return try PiecewiseLinearFunction.sum(
                terms.map { term in
                    try PiecewiseLinearFunction.maximum(
                        term.pieces.map { try affine($0, of: inputs) }, limits: limits)
                }, coefficients: terms.map { $0.isNegative ? Rational(-1) : .one }, limits: limits)
        case .lattice(let pieces, let selections):
            let functions = try pieces.map { try affine($0, of: inputs) }
            return try PiecewiseLinearFunction.maximum(
                selections.map { selection in
                    try PiecewiseLinearFunction.minimum(selection.map { functions[$0] }, limits: limits)
                }, limits: limits)
        case .simplicial(let function):
            guard function.dimension == 1 else { return nil }
            return try composed(try interpolation(function), inputs[0])
        case .regions(let function):
            guard function.dimension == 1, function.discontinuity.isZero else { return nil }
            return try composed(Self.interpolation(function), inputs[0])
        case .sum(let terms):
            guard let values = try values(terms.map(\.function), of: inputs) else { return nil }
            return try PiecewiseLinearFunction.sum(
                values, coefficients: terms.map(\.coefficient), limits: limits)
        case .maximum(let functions):
            guard let values = try values(functions, of: inputs) else { return nil }
            return try PiecewiseLinearFunction.maximum(values, limits: limits)
        case .minimum(let functions):
            guard let values = try values(functions, of: inputs) else { return nil }
            return try PiecewiseLinearFunction.minimum(values, limits: limits)
        case .absolute(let function):
            return try value(function, of: inputs)?.absoluteValue(limits: limits)
        case .composition(let outer, let inner):
            guard let values = try values(inner, of: inputs) else { return nil }
            return try value(outer, of: values)
        case .network(let layers): return try network(layers, of: inputs)
        }
    }

    private func values(_ functions: [FunctionExpression], of inputs: [PiecewiseLinearFunction]) throws
        -> [PiecewiseLinearFunction]?
    {
        var values: [PiecewiseLinearFunction] = []
        for function in functions {
            guard let value = try value(function, of: inputs) else { return nil }
            values.append(value)
        }
        return values
    }

    private func composed(_ outer: PiecewiseLinearFunction, _ inner: PiecewiseLinearFunction) throws
        -> PiecewiseLinearFunction
    {
        if inner == PiecewiseLinearFunction(slope: .one, intercept: .zero) { return outer }
        return try PiecewiseLinearFunction.composition(outer: outer, inner: inner, limits: limits)
    }

    private func affine(_ function: AffineFunction, of inputs: [PiecewiseLinearFunction]) throws
        -> PiecewiseLinearFunction
    {
        let constant = PiecewiseLinearFunction(slope: .zero, intercept: function.intercept)
        return try PiecewiseLinearFunction.sum(
            inputs + [constant], coefficients: function.gradient + [.one], limits: limits)
    }

    /// The end pieces go on outside.
    private func interpolation(_ function: SimplicialFunction) throws -> PiecewiseLinearFunction {
        let used = Set(function.simplices.joined()).sorted {
            function.vertices[$0][0] < function.vertices[$1][0]
        }
        return try PiecewiseLinearFunction(
            x: used.map { function.vertices[$0][0] }, y: used.map { function.values[$0] }, sides: .extend,
            limits: limits)
    }

    /// The pieces of intervals that cover an interval, or all of R, in order; the end pieces go on outside.
    private static func interpolation(_ function: RegionFunction) -> PiecewiseLinearFunction {
        // By their lower ends, those without one first.
        var pieces: [(start: Rational?, function: AffineFunction)] = function.regions.map { region in
            let ends = region.halfSpaces.filter { $0.normal[0].sign < 0 }.map { $0.offset / $0.normal[0] }
            return (ends.max(), region.function)
        }
        pieces.sort { a, b in
            guard let second = b.start else { return false }
            guard let first = a.start else { return true }
            return first < second
        }
        var breakpoints: [Rational] = []
        var slopes = [pieces[0].function.gradient[0]]
        for piece in pieces.dropFirst() where piece.function.gradient[0] != slopes[slopes.count - 1] {
            guard let start = piece.start else { continue }
            breakpoints.append(start)
            slopes.append(piece.function.gradient[0])
        }
        let anchor = breakpoints.first.map { pieces[0].function([$0]) } ?? pieces[0].function([.zero])
        return PiecewiseLinearFunction(breakpoints: breakpoints, slopes: slopes, anchorValue: anchor)
    }

    private func network(
        _ layers: [FunctionExpression.NetworkLayer], of inputs: [PiecewiseLinearFunction]
    ) throws -> PiecewiseLinearFunction? {
        if inputs.count == 1 {
            let network = Network(
                layers: layers.map { layer in
                    AffineLayer(
                        inputs: layer.weights[0].count, outputs: layer.weights.count,
                        weights: Array(layer.weights.joined()), bias: layer.bias)
                })
            let configuration = call.service.configuration
            do {
                let function = try LinePieceCounting.list(
                    network,
                    limits: CountingLimits(
                        maximumCells: min(configuration.maximumCells, configuration.maximumBreakpoints),
                        maximumBytes: configuration.maximumWorkBytes),
                    isCancelled: call.cancellation.closure
                ).function()
                return try composed(function, inputs[0])
            } catch let fault as PieceCountingFault {
                throw PiecesOperation.problem(fault)
            }
        }
        var values = inputs
        let zero = PiecewiseLinearFunction(slope: .zero, intercept: .zero)
        for (index, layer) in layers.enumerated() {
            var next: [PiecewiseLinearFunction] = []
            for (weights, bias) in zip(layer.weights, layer.bias) {
                if call.cancellation.isCancelled { throw Problem.cancelled }
                let form = try affine(AffineFunction(gradient: weights, intercept: bias), of: values)
                next.append(
                    index + 1 < layers.count
                        ? try PiecewiseLinearFunction.maximum([form, zero], limits: limits) : form)
            }
            values = next
        }
        return values[0]
    }
}
