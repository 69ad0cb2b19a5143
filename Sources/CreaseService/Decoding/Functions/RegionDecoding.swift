internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// Affine functions on polyhedra: kind `regions`.
extension FunctionDecoding {
    func regions(_ reader: inout ObjectReader) throws -> DecodedFunction {
        _ = reader.optional("kind")
        let regionsValue = try reader.required("regions")
        let toleranceValue = reader.optional("continuityTolerance")
        try reader.finish()
        let tolerance = try toleranceValue.map { try ExactNumbers.rational($0, reading) } ?? .zero
        guard tolerance.sign >= 0 else {
            throw Problem.unprocessable(
                "out-of-range", at: toleranceValue?.pointer ?? reader.value.pointer,
                "The tolerance is at least 0.")
        }
        let elements = try regionsValue.elements()
        guard !elements.isEmpty else {
            throw Problem.unprocessable("empty", at: regionsValue.pointer, "At least one region is expected.")
        }
        let configuration = call.service.configuration
        guard elements.count <= configuration.maximumRegions else {
            throw Problem.limit(
                "maximumRegions", configuration.maximumRegions, at: regionsValue.pointer,
                "There are \(elements.count) regions")
        }
        var shape = AffineShape()
        var inequalities = 0
        let regions = try elements.map { element in
            let region = try self.region(element, &shape)
            inequalities += region.halfSpaces.count
            guard inequalities <= configuration.maximumRegionInequalities else {
                throw Problem.limit(
                    "maximumRegionInequalities", configuration.maximumRegionInequalities,
                    at: regionsValue.pointer, "The regions have more inequalities")
            }
            return region
        }
        do {
            let function = try RegionFunction(
                regions: regions, dimension: shape.variables ?? 0, continuityTolerance: tolerance,
                threads: configuration.threadsPerJob,
                progress: { [progress] in progress("validation", $0) }, isCancelled: call.cancellation.closure
            )
            return DecodedFunction(expression: .regions(function), variables: function.dimension)
        } catch {
            throw RegionFaults(pointer: regionsValue.pointer, tolerance: tolerance).problem(error)
        }
    }

    private func region(_ value: JSONValue, _ shape: inout AffineShape) throws -> RegionFunction.Region {
        if call.cancellation.isCancelled { throw Problem.cancelled }
        var reader = try ObjectReader(value)
        let rowsValue = try reader.required("a")
        let offsetsValue = try reader.required("b")
        let gradientValue = try reader.required("gradient")
        let interceptValue = try reader.required("intercept")
        try reader.finish()
        let gradient = try self.gradient(gradientValue, &shape)
        try checkMeshVariables(gradient.count, at: gradientValue.pointer)
        let rows = try rowsValue.matrix()
        let offsets = try offsetsValue.numbers()
        guard rows.rows == 0 || rows.columns == gradient.count else {
            throw Problem.unprocessable(
                "shape-mismatch", at: "\(rowsValue.pointer)/0",
                "The row has \(rows.columns) numbers where the gradient has \(gradient.count).")
        }
        guard offsets.count == rows.rows else {
            throw Problem.unprocessable(
                "shape-mismatch", at: offsetsValue.pointer,
                "There are \(offsets.count) numbers for \(rows.rows) rows of a.")
        }
        let halfSpaces = try (0..<rows.rows).map { row in
            HalfSpace(
                normal: try (0..<rows.columns).map {
                    try ExactNumbers.rational(rows, row * rows.columns + $0, reading)
                },
                offset: try ExactNumbers.rational(offsets, row, reading))
        }
        return RegionFunction.Region(
            halfSpaces: halfSpaces,
            function: AffineFunction(
                gradient: gradient, intercept: try ExactNumbers.rational(interceptValue, reading)))
    }
}

/// Faults of regions in the terms of the request.
private struct RegionFaults {
    /// Of the regions.
    let pointer: String
    let tolerance: Rational

    func problem(_ fault: FunctionFault) -> Problem {
        switch fault {
        case .emptyRegion(let region):
            return .unprocessable(
                "empty-region", at: "\(pointer)/\(region)",
                "No point satisfies all inequalities of the region strictly: it is empty or flat.")
        case .regionsDisagree(let first, let second, let point, let values):
            let detail =
                "Regions \(first) and \(second) both have \(text(point)), with values \(values[0]) and \(values[1])"
                + (tolerance.isZero ? "." : ", which is beyond the tolerance \(tolerance).")
            return Problem(
                status: 422, code: "discontinuous", detail: detail,
                faults: [
                    Problem.Fault(pointer: "\(pointer)/\(second)", detail: detail),
                    Problem.Fault(pointer: "\(pointer)/\(first)", detail: "The other region."),
                ])
        case .gap(let region, let halfSpace, let point):
            return .unprocessable(
                "gap", at: "\(pointer)/\(region)/a/\(halfSpace)",
                "No region lies beyond this facet at \(text(point)), though some lie farther beyond its hyperplane: "
                    + "the regions leave a gap, or their union is not convex; a function is compiled on a convex union."
            )
        case .cancelled: return .cancelled
        default:
            return .unprocessable("shape-mismatch", at: pointer, "The regions do not fit each other.")
        }
    }
}
