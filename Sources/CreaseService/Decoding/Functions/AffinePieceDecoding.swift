internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// Functions as maxima and minima of affine functions: kinds `max-affine`, `signed-max`, `lattice`.
extension FunctionDecoding {
    func maximumOfAffine(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let value = try reader.required("pieces")
        try reader.finish()
        var shape = AffineShape()
        let pieces = try affineFunctions(value, &shape)
        return DecodedFunction(expression: .maxAffine(pieces), variables: shape.variables ?? 0)
    }

    func signedMaximum(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let value = try reader.required("terms")
        try reader.finish()
        var shape = AffineShape()
        let terms = try value.elements().map { element in
            var term = try ObjectReader(element)
            let sign = try term.required("sign")
            let pieces = try term.required("pieces")
            try term.finish()
            let isPositive = try sign.integer(in: -1...1)
            guard isPositive != 0 else {
                throw Problem.unprocessable(
                    "out-of-range", at: sign.pointer, "The sign of a term is 1 or -1.")
            }
            return FunctionExpression.SignedMaximum(
                isNegative: isPositive < 0, pieces: try affineFunctions(pieces, &shape))
        }
        guard let variables = shape.variables else {
            throw Problem.unprocessable("empty", at: value.pointer, "At least one term is expected.")
        }
        return DecodedFunction(expression: .signedMax(terms), variables: variables)
    }

    func lattice(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let piecesValue = try reader.required("pieces")
        let selectionsValue = try reader.required("selections")
        try reader.finish()
        var shape = AffineShape()
        let pieces = try affineFunctions(piecesValue, &shape)
        let limit = call.service.configuration.maximumSelectionIndices
        var indices = 0
        let selections = try selectionsValue.elements().map { element in
            let selection = try element.elements().map { try $0.integer(in: 0...pieces.count - 1) }
            guard !selection.isEmpty else {
                throw Problem.unprocessable(
                    "empty", at: element.pointer, "A selection has at least one piece.")
            }
            indices += selection.count
            guard indices <= limit else {
                throw Problem.limit(
                    "maximumSelectionIndices", limit, at: selectionsValue.pointer,
                    "The selections have more indices")
            }
            return selection
        }
        guard !selections.isEmpty else {
            throw Problem.unprocessable(
                "empty", at: selectionsValue.pointer, "At least one selection is expected.")
        }
        return DecodedFunction(
            expression: .lattice(pieces: pieces, selections: selections), variables: shape.variables ?? 0)
    }

    /// What the affine functions read so far have in common.
    struct AffineShape {
        var variables: Int?
        var count = 0
    }

    /// `[{"gradient": […], "intercept": c}, …]`, not empty.
    func affineFunctions(_ value: JSONValue, _ shape: inout AffineShape) throws -> [AffineFunction] {
        let elements = try value.elements()
        guard !elements.isEmpty else {
            throw Problem.unprocessable("empty", at: value.pointer, "At least one piece is expected.")
        }
        let limit = call.service.configuration.maximumAffineFunctions
        shape.count += elements.count
        guard shape.count <= limit else {
            throw Problem.limit(
                "maximumAffineFunctions", limit, at: value.pointer,
                "There are \(shape.count) affine functions")
        }
        var functions: [AffineFunction] = []
        functions.reserveCapacity(elements.count)
        for (index, element) in elements.enumerated() {
            if index & 0xff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
            var reader = try ObjectReader(element)
            let gradient = try reader.required("gradient")
            let intercept = try reader.required("intercept")
            try reader.finish()
            functions.append(
                AffineFunction(
                    gradient: try self.gradient(gradient, &shape),
                    intercept: try ExactNumbers.rational(intercept, reading)))
        }
        return functions
    }

    /// As many slopes as those read before.
    func gradient(_ value: JSONValue, _ shape: inout AffineShape) throws -> [Rational] {
        let numbers = try value.numbers()
        guard numbers.count > 0 else {
            throw Problem.unprocessable("empty", at: value.pointer, "A gradient has at least one entry.")
        }
        if let variables = shape.variables, variables != numbers.count {
            throw Problem.unprocessable(
                "shape-mismatch", at: value.pointer,
                "The gradient has \(numbers.count) entries where those before have \(variables).")
        }
        if shape.variables == nil {
            try checkVariables(numbers.count, at: value.pointer)
            shape.variables = numbers.count
        }
        return try ExactNumbers.rationals(numbers, reading)
    }
}
