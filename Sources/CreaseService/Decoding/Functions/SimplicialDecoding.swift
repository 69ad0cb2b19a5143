internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// Functions on simplices: kinds `simplicial` and `grid`.
extension FunctionDecoding {
    func simplicial(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let verticesValue = try reader.required("vertices")
        let simplicesValue = try reader.required("simplices")
        let valuesValue = try reader.required("values")
        try reader.finish()
        let points = try verticesValue.matrix()
        guard points.rows > 0 else {
            throw Problem.unprocessable(
                "empty", at: verticesValue.pointer, "At least one vertex is expected.")
        }
        try checkMeshVariables(points.columns, at: "\(verticesValue.pointer)/0")
        try checkVertices(points.rows, at: verticesValue.pointer)
        let values = try valuesValue.numbers()
        guard values.count == points.rows else {
            throw Problem.unprocessable(
                "shape-mismatch", at: valuesValue.pointer,
                "There are \(values.count) values for \(points.rows) vertices.")
        }
        let simplices = try self.simplices(simplicesValue, vertices: points.rows, variables: points.columns)
        let vertices = try rows(points)
        do {
            let function = try SimplicialFunction(
                vertices: vertices, simplices: simplices,
                values: try ExactNumbers.rationals(values, reading),
                threads: call.service.configuration.threadsPerJob, isCancelled: call.cancellation.closure)
            return DecodedFunction(expression: .simplicial(function), variables: points.columns)
        } catch let fault as FunctionFault {
            throw SimplicialFaults(pointer: reader.value.pointer, simplices: simplices).problem(fault)
        }
    }

    private func simplices(_ value: JSONValue, vertices: Int, variables: Int) throws -> [[Int]] {
        let elements = try value.elements()
        guard !elements.isEmpty else {
            throw Problem.unprocessable("empty", at: value.pointer, "At least one simplex is expected.")
        }
        try checkSimplices(elements.count, at: value.pointer)
        return try elements.enumerated().map { index, element in
            if index & 0xff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
            let corners = try element.elements()
            guard corners.count == variables + 1 else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: element.pointer,
                    "A simplex of R^\(variables) has \(variables + 1) corners; this one has \(corners.count)."
                )
            }
            return try corners.map { try $0.integer(in: 0...vertices - 1) }
        }
    }

    func grid(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let axesValue = try reader.required("axes")
        let valuesValue = try reader.required("values")
        guard let triangulation = reader.optional("triangulation") else {
            throw Problem.unprocessable(
                "missing-member", at: reader.pointer("triangulation"),
                "A grid needs a triangulation: values at the corners of a cell do not tell how to interpolate. "
                    + "'freudenthal' is known.")
        }
        if triangulation.kind == .string,
            ["multilinear", "bilinear", "trilinear"].contains(try triangulation.string())
        {
            throw Problem.unprocessable(
                "not-piecewise-linear", at: triangulation.pointer,
                "Multilinear interpolation has products of coordinates, so it is not piecewise linear and no ReLU "
                    + "network equals it; 'freudenthal' interpolates on simplices.")
        }
        _ = try triangulation.choice(["freudenthal": true])
        try reader.finish()
        let axesValues = try axesValue.elements()
        guard !axesValues.isEmpty else {
            throw Problem.unprocessable("empty", at: axesValue.pointer, "At least one axis is expected.")
        }
        try checkMeshVariables(axesValues.count, at: axesValue.pointer)
        let axes = try axesValues.map { try ExactNumbers.rationals($0.numbers(), reading) }
        var (points, simplices) = (1, 1)
        for (index, axis) in axes.enumerated() {
            // Both limits are far below 2^31, and an axis is shorter than its body.
            points = min(points * axis.count, 1 << 31)
            simplices = min(simplices * max(1, axis.count - 1) * (index + 1), 1 << 31)
        }
        try checkVertices(points, at: axesValue.pointer)
        try checkSimplices(simplices, at: axesValue.pointer)
        var values: [Rational] = []
        values.reserveCapacity(points)
        try readGrid(valuesValue, axes.map(\.count)[...], into: &values)
        do {
            return DecodedFunction(
                expression: .simplicial(try SimplicialFunction(axes: axes, values: values)),
                variables: axes.count)
        } catch {
            switch error {
            case .shortAxis(let axis):
                throw Problem.unprocessable(
                    "out-of-range", at: axesValues[axis].pointer, "An axis has at least two coordinates.")
            case .axisNotIncreasing(let axis, let index):
                throw Problem.unprocessable(
                    "not-increasing", at: "\(axesValues[axis].pointer)/\(index)",
                    "The coordinate is not greater than the one before.")
            default:
                throw Problem.unprocessable(
                    "shape-mismatch", at: valuesValue.pointer, "The values do not fit the axes.")
            }
        }
    }

    /// Nested arrays, one level an axis.
    private func readGrid(_ value: JSONValue, _ counts: ArraySlice<Int>, into values: inout [Rational]) throws
    {
        guard let count = counts.first else { return }
        if call.cancellation.isCancelled { throw Problem.cancelled }
        let isLast = counts.count == 1
        let found = isLast ? try value.numbers().count : try value.elements().count
        guard found == count else {
            throw Problem.unprocessable(
                "shape-mismatch", at: value.pointer,
                "There are \(found) entries where the axis has \(counted(count, "coordinate")).")
        }
        if isLast {
            values += try ExactNumbers.rationals(value.numbers(), reading)
        } else {
            for element in try value.elements() {
                try readGrid(element, counts.dropFirst(), into: &values)
            }
        }
    }

    private func rows(_ numbers: JSONNumbers) throws -> [[Rational]] {
        var rows: [[Rational]] = []
        rows.reserveCapacity(numbers.rows)
        for row in 0..<numbers.rows {
            if row & 0xff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
            rows.append(
                try (0..<numbers.columns).map {
                    try ExactNumbers.rational(numbers, row * numbers.columns + $0, reading)
                })
        }
        return rows
    }

    // MARK: Limits

    func checkMeshVariables(_ variables: Int, at pointer: String) throws {
        let limit = call.service.configuration.maximumMeshVariables
        guard variables <= limit else {
            throw Problem.limit(
                "maximumMeshVariables", limit, at: pointer, "The function has \(variables) variables")
        }
    }

    private func checkVertices(_ vertices: Int, at pointer: String) throws {
        let limit = call.service.configuration.maximumVertices
        guard vertices <= limit else {
            throw Problem.limit("maximumVertices", limit, at: pointer, "There are \(vertices) points")
        }
    }

    private func checkSimplices(_ simplices: Int, at pointer: String) throws {
        let limit = call.service.configuration.maximumSimplices
        guard simplices <= limit else {
            throw Problem.limit("maximumSimplices", limit, at: pointer, "There are \(simplices) simplices")
        }
    }
}

/// Faults of a simplicial complex in the terms of the request.
private struct SimplicialFaults {
    /// Of the function.
    let pointer: String
    let simplices: [[Int]]

    func problem(_ fault: FunctionFault) -> Problem {
        switch fault {
        case .cancelled: return .cancelled
        case .noSuchVertex(let simplex, let corner):
            return .unprocessable(
                "out-of-range", at: "\(place(simplex))/\(corner)", "There is no vertex of this index.")
        case .verticesDisagree(let first, let second):
            return Problem(
                status: 422, code: "values-disagree",
                detail: "Vertices \(first) and \(second) are at one point and have different values.",
                faults: [first, second].map {
                    Problem.Fault(
                        pointer: "\(pointer)/values/\($0)",
                        detail: "The value of vertex \($0), one of two at one point."
                    )
                })
        case .flatSimplex(let simplex):
            return .unprocessable(
                "flat-simplex", at: place(simplex),
                "The corners lie in a hyperplane: the simplex has no interior.")
        case .overlappingSimplices(let first, let second, let point, let values):
            return two(
                "overlapping-simplices", first, second,
                "Simplices \(first) and \(second) overlap: both have \(text(point)) in their interior, with values "
                    + "\(values[0]) and \(values[1]).")
        case .simplicesMeetInPart(let first, let corner, let second, let point, let values):
            let facet = simplices[first].indices.filter { $0 != corner }.map { "\(simplices[first][$0])" }
            let comparison =
                values[0] == values[1]
                ? "both with the value \(values[0])" : "with values \(values[0]) and \(values[1])"
            return two(
                "not-face-to-face", first, second,
                "The facet of simplex \(first) with vertices \(facet.joined(separator: ", ")) meets simplex \(second) "
                    + "at \(text(point)), \(comparison), but is no facet of it; simplices meet in whole faces."
            )
        case .domainNotConvex(let simplex, let corner, let vertex):
            let facet = simplices[simplex].indices.filter { $0 != corner }.map { "\(simplices[simplex][$0])" }
            return Problem(
                status: 422, code: "gap",
                detail: "No simplex lies beyond the facet of simplex \(simplex) with vertices "
                    + "\(facet.joined(separator: ", ")), but vertex \(vertex) does: the simplices leave a gap, or their "
                    + "union is not convex.",
                faults: [
                    Problem.Fault(pointer: place(simplex), detail: "Its facet is on the boundary."),
                    Problem.Fault(
                        pointer: "\(pointer)/vertices/\(vertex)", detail: "It lies beyond the facet."),
                ])
        case .shapesDisagree, .shortAxis, .axisNotIncreasing, .emptyRegion, .regionsDisagree, .gap:
            return .unprocessable("shape-mismatch", at: pointer, "The members do not fit each other.")
        }
    }

    private func two(_ code: String, _ first: Int, _ second: Int, _ detail: String) -> Problem {
        Problem(
            status: 422, code: code, detail: detail,
            faults: [
                Problem.Fault(pointer: place(second), detail: detail),
                Problem.Fault(pointer: place(first), detail: "The other simplex."),
            ])
    }

    private func place(_ simplex: Int) -> String { "\(pointer)/simplices/\(simplex)" }

}

/// A point in messages, exactly.
func text(_ point: [Rational]) -> String { "(\(point.map(\.description).joined(separator: ", ")))" }
