internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear
internal import ReLUNetworks

/// A function of any kind with its number of variables.
struct DecodedFunction {
    let expression: FunctionExpression
    /// n.
    let variables: Int
}

/// Kinds of functions that are made of other functions, and the choice of the kind.
extension FunctionDecoding {
    /// A function of any kind and number of variables.
    func expression(_ value: JSONValue, depth: Int = 0) throws -> DecodedFunction {
        let maximumNesting = call.service.configuration.maximumNesting
        guard depth <= maximumNesting else {
            throw Problem.limit(
                "maximumNesting", maximumNesting, at: value.pointer, "Functions are nested too deeply")
        }
        if call.cancellation.isCancelled { throw Problem.cancelled }
        var reader = try ObjectReader(value)
        switch try reader.required("kind").string() {
        case "piecewise-linear":
            guard let table = try table(value) else { throw value.wrongType("a function") }
            return DecodedFunction(expression: .oneDimensional(try function(table)), variables: 1)
        case "max-affine": return try maximumOfAffine(&reader)
        case "signed-max": return try signedMaximum(&reader)
        case "lattice": return try lattice(&reader)
        case "simplicial": return try simplicial(&reader)
        case "grid": return try grid(&reader)
        case "regions": return try regions(&reader)
        case "sum": return try sum(&reader, depth)
        case "maximum":
            let (functions, variables) = try operands(reader.required("functions"), depth)
            try reader.finish()
            return DecodedFunction(expression: .maximum(functions), variables: variables)
        case "minimum":
            let (functions, variables) = try operands(reader.required("functions"), depth)
            try reader.finish()
            return DecodedFunction(expression: .minimum(functions), variables: variables)
        case "scale":
            let function = try expression(reader.required("function"), depth: depth + 1)
            let factor = try ExactNumbers.rational(reader.required("factor"), reading)
            try reader.finish()
            return DecodedFunction(
                expression: .sum([(factor, function.expression)]), variables: function.variables)
        case "absolute":
            let function = try expression(reader.required("function"), depth: depth + 1)
            try reader.finish()
            return DecodedFunction(
                expression: .absolute(function.expression), variables: function.variables)
        case "composition": return try composition(&reader, depth)
        case "network":
            let network = try reader.required("network")
            try reader.finish()
            return try self.network(network)
        case let kind:
            throw Problem.unprocessable(
                "unknown-value", at: "\(value.pointer)/kind",
                "'\(kind)' is no kind of function; known are \(Self.kinds.joined(separator: ", ")).")
        }
    }

    static let kinds = [
        "piecewise-linear", "max-affine", "signed-max", "lattice", "simplicial", "regions", "grid", "sum",
        "maximum", "minimum", "scale", "absolute", "composition", "network",
    ]

    private func sum(_ reader: inout ObjectReader, _ depth: Int) throws -> DecodedFunction {
        let (functions, variables) = try operands(reader.required("functions"), depth)
        let coefficientsValue = reader.optional("coefficients")
        try reader.finish()
        guard let coefficientsValue else {
            return DecodedFunction(expression: .sum(functions.map { (.one, $0) }), variables: variables)
        }
        let coefficients = try coefficientsValue.numbers()
        guard coefficients.count == functions.count else {
            throw Problem.unprocessable(
                "shape-mismatch", at: coefficients.pointer,
                "\(coefficients.count) coefficients come with \(functions.count) functions.")
        }
        let factors = try ExactNumbers.rationals(coefficients, reading)
        return DecodedFunction(
            expression: .sum(zip(factors, functions).map { ($0, $1) }), variables: variables)
    }

    private func composition(_ reader: inout ObjectReader, _ depth: Int) throws -> DecodedFunction {
        let outer = try expression(reader.required("outer"), depth: depth + 1)
        let innerValue = try reader.required("inner")
        let (inner, variables) = try operands(innerValue, depth)
        try reader.finish()
        guard inner.count == outer.variables else {
            throw Problem.unprocessable(
                "shape-mismatch", at: innerValue.pointer,
                "The outer function has \(counted(outer.variables, "variable")); \(inner.count) inner functions "
                    + "are given.")
        }
        return DecodedFunction(
            expression: .composition(outer: outer.expression, inner: inner), variables: variables)
    }

    /// At least one function, all of as many variables.
    private func operands(_ value: JSONValue, _ depth: Int) throws -> (
        functions: [FunctionExpression], variables: Int
    ) {
        var functions: [FunctionExpression] = []
        var variables: Int?
        for element in try value.elements() {
            let function = try expression(element, depth: depth + 1)
            if let variables, function.variables != variables {
                throw Problem.unprocessable(
                    "shape-mismatch", at: element.pointer,
                    "This function has \(counted(function.variables, "variable")) where those before have "
                        + "\(variables).")
            }
            variables = function.variables
            functions.append(function.expression)
        }
        guard let variables else {
            throw Problem.unprocessable("empty", at: value.pointer, "At least one function is expected.")
        }
        return (functions, variables)
    }

    private func network(_ value: JSONValue) throws -> DecodedFunction {
        let network = try networks.network(value).exact
        guard network.outputs == 1 else {
            throw Problem.unprocessable(
                "shape-mismatch", at: value.pointer,
                "A function has one value; this network has \(network.outputs) outputs.")
        }
        try checkVariables(network.inputs, at: value.pointer)
        let layers = network.layers.map { layer in
            FunctionExpression.NetworkLayer(
                weights: (0..<layer.outputs).map { Array(layer.row($0)) }, bias: layer.bias)
        }
        return DecodedFunction(expression: .network(layers: layers), variables: network.inputs)
    }

    func checkVariables(_ variables: Int, at pointer: String) throws {
        let limit = call.service.configuration.maximumVariables
        guard variables <= limit else {
            throw Problem.limit(
                "maximumVariables", limit, at: pointer, "The function has \(variables) variables")
        }
    }
}

/// A number with its noun.
func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
