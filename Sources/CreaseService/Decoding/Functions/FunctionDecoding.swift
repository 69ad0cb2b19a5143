internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// Reads functions out of request bodies: this file those of one variable by their tables.
struct FunctionDecoding {
    let networks: NetworkDecoding
    /// What a JSON number in a function means.
    let reading: NumberReading
    let call: Call
    /// Told what is done of long checks, from 0 to 1.
    var progress: (_ phase: String, _ fraction: Double) -> Void = { _, _ in }

    var limits: PiecewiseLinearLimits {
        PiecewiseLinearLimits(
            maximumBreakpoints: call.service.configuration.maximumBreakpoints,
            isCancelled: call.cancellation.closure)
    }

    /// The members of a `piecewise-linear` function, not yet checked for order.
    struct Table {
        let points: JSONNumbers
        let pointer: String
        let sides: SideRule
    }

    /// The table of a function of kind `piecewise-linear`; `nil` for other kinds.
    func table(_ value: JSONValue) throws -> Table? {
        guard try kind(value) == "piecewise-linear" else { return nil }
        var reader = try ObjectReader(value)
        _ = reader.optional("kind")
        let pointsValue = try reader.required("points")
        let left = reader.optional("leftSlope")
        let right = reader.optional("rightSlope")
        let outside = reader.optional("outside")
        try reader.finish()
        let points = try pointsValue.matrix()
        guard points.rows > 0 else {
            throw Problem.unprocessable(
                "empty", at: pointsValue.pointer, "At least one point [x, y] is expected.")
        }
        guard points.columns == 2 else {
            throw Problem.unprocessable(
                "shape-mismatch", at: "\(pointsValue.pointer)/0",
                "A point has two numbers, x and y; this one has \(points.columns). A function of several variables "
                    + "has another kind.")
        }
        let limit = call.service.configuration.maximumBreakpoints
        guard points.rows <= limit else {
            throw Problem.limit(
                "maximumBreakpoints", limit, at: pointsValue.pointer, "There are \(points.rows) points")
        }
        return Table(
            points: points, pointer: pointsValue.pointer,
            sides: try sides(left, right, outside, value.pointer, points.rows))
    }

    private func sides(
        _ left: JSONValue?, _ right: JSONValue?, _ outside: JSONValue?, _ pointer: String, _ count: Int
    ) throws -> SideRule {
        if let outside {
            for slope in [left, right] {
                guard let slope else { continue }
                throw Problem.unprocessable(
                    "contradiction", at: slope.pointer,
                    "A slope comes beside 'outside', which gives both slopes.")
            }
            let isConstant = try outside.choice(["constant": true, "extend": false])
            guard isConstant || count >= 2 else {
                throw Problem.unprocessable(
                    "out-of-range", at: outside.pointer, "'extend' needs two points to have a slope.")
            }
            return isConstant ? .constant : .extend
        }
        guard let left else {
            throw Problem.unprocessable(
                "missing-member", at: "\(pointer)/leftSlope",
                "'leftSlope' and 'rightSlope', or 'outside', are missing.")
        }
        guard let right else {
            throw Problem.unprocessable(
                "missing-member", at: "\(pointer)/rightSlope", "'rightSlope' is missing.")
        }
        return .slopes(
            left: try ExactNumbers.rational(left, reading), right: try ExactNumbers.rational(right, reading))
    }

    /// A function of one variable, of any kind, exactly.
    func function(_ value: JSONValue) throws -> PiecewiseLinearFunction {
        let decoded = try expression(value)
        guard decoded.variables == 1, let function = try oneDimensional(decoded, at: value.pointer) else {
            throw Problem.unprocessable(
                "unsupported-dimension", at: value.pointer,
                "A function of one variable is expected; this one has \(decoded.variables).")
        }
        return function
    }

    private func kind(_ value: JSONValue) throws -> String {
        var reader = try ObjectReader(value)
        return try reader.required("kind").string()
    }

    func function(_ table: Table) throws -> PiecewiseLinearFunction {
        var x: [Rational] = []
        var y: [Rational] = []
        x.reserveCapacity(table.points.rows)
        y.reserveCapacity(table.points.rows)
        for row in 0..<table.points.rows {
            if row & 0xfff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
            x.append(try ExactNumbers.rational(table.points, 2 * row, reading))
            y.append(try ExactNumbers.rational(table.points, 2 * row + 1, reading))
        }
        do {
            return try PiecewiseLinearFunction(x: x, y: y, sides: table.sides, limits: limits)
        } catch {
            throw problem(error, table.pointer)
        }
    }

    /// - Parameter pointer: of the points where the fault names one of them, else of the function.
    func problem(_ fault: PiecewiseLinearFault, _ pointer: String) -> Problem {
        switch fault {
        case .noPoints: .unprocessable("empty", at: pointer, "At least one point is expected.")
        case .mismatchedCoordinates:
            .unprocessable("shape-mismatch", at: pointer, "There are not as many values as places.")
        case .notIncreasing(let index): Self.notIncreasing(index, pointer)
        case .extendNeedsTwoPoints:
            .unprocessable("out-of-range", at: pointer, "'extend' needs two points to have a slope.")
        case .noFunctions: .unprocessable("empty", at: pointer, "At least one function is expected.")
        case .mismatchedCoefficients(let functions, let coefficients):
            .unprocessable(
                "shape-mismatch", at: pointer,
                "\(coefficients) coefficients come with \(functions) functions.")
        case .tooManyBreakpoints(let limit):
            .limit("maximumBreakpoints", limit, at: pointer, "The function has too many breakpoints")
        case .cancelled: .cancelled
        }
    }

    static func notIncreasing(_ index: Int, _ pointer: String) -> Problem {
        .unprocessable(
            "not-increasing", at: "\(pointer)/\(index)/0", "x is not greater than that of the point before.")
    }
}
