internal import Approximation
internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import PiecewiseLinear

/// `POST /v1/approximate`: the continuous piecewise-linear function of the fewest pieces within a tolerance of data, or
/// the best one of so many pieces, and its minimal network.
enum ApproximateOperation {
    private static let maximumPieces = 1_000_000

    static func run(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let pointsValue = reader.optional("points")
        let bandsValue = reader.optional("bands")
        let toleranceValue = reader.optional("tolerance")
        let piecesValue = reader.optional("pieces")
        let norm = reader.optional("norm")
        let outputBias = try reader.optional("outputBias")?.boolean() ?? true
        let isExact = try reader.isExactArithmetic()
        let reading = try reader.numberReading(default: .decimal)
        let name = try StoreMember(reader.optional("store"))
        let formulaValue = reader.optional("formula")
        let intervalValue = reader.optional("interval")
        try reader.finish()
        _ = try norm?.choice(["maximum": true])
        if let formulaValue {
            for other in [pointsValue, bandsValue, piecesValue, norm] {
                guard let other else { continue }
                throw Problem.unprocessable(
                    "contradiction", at: other.pointer,
                    "A formula comes with 'interval' and 'tolerance' alone.")
            }
            return try approximate(
                formulaValue, intervalValue, toleranceValue, outputBias: outputBias, isExact: isExact,
                name: name,
                call)
        }
        if let intervalValue {
            throw Problem.unprocessable(
                "contradiction", at: intervalValue.pointer, "'interval' belongs to 'formula'.")
        }

        let data: Data
        switch (pointsValue, bandsValue) {
        case (let value?, nil):
            data = try Data(value, columns: 2, reading, call)
            guard (toleranceValue == nil) != (piecesValue == nil) else {
                throw Problem.unprocessable(
                    "missing-member", at: reader.pointer("tolerance"),
                    "Exactly one of 'tolerance' and 'pieces' comes with 'points'.")
            }
        case (nil, let value?):
            data = try Data(value, columns: 3, reading, call)
            for other in [toleranceValue, piecesValue] {
                guard let other else { continue }
                throw Problem.unprocessable(
                    "contradiction", at: other.pointer, "The bands are themselves the tolerance.")
            }
        default:
            throw Problem.unprocessable(
                "missing-member", at: reader.pointer("points"),
                "Exactly one of 'points', 'bands' and 'formula' is expected.")
        }
        if let norm, piecesValue == nil {
            throw Problem.unprocessable("contradiction", at: norm.pointer, "'norm' belongs to 'pieces'.")
        }

        let result: Result
        do {
            result = try solve(data, toleranceValue, piecesValue, call)
        } catch let fault as ApproximationFault {
            throw problem(fault, data.matrix)
        }
        if call.answers == "image/svg+xml" { return picture(result, data) }
        return try CompileOperation.answer(
            function: result.function, outputBias: outputBias, isExact: isExact, name: name, call
        ) { writer in
            writer.key("function")
            writer.function(result.function, exact: isExact)
            writer.key("approximation")
            writer.beginObject()
            writer.member("points", data.matrix.rows)
            writer.member("pieces", result.function.slopes.count)
            if let bound = result.lowerBound {
                writer.member("norm", "maximum")
                writer.key("distance")
                writer.rational(result.distance, exact: isExact)
                writer.key("distanceLowerBound")
                writer.rational(bound, exact: isExact)
                writer.member("optimal", true)
            } else {
                writer.member("minimalPieces", "proved")
                if toleranceValue != nil {
                    writer.key("tolerance")
                    writer.rational(result.distance, exact: isExact)
                }
            }
            writer.endObject()
        }
    }

    /// A formula on an interval, with an error bound that holds between the samples too.
    private static func approximate(
        _ formulaValue: JSONValue, _ intervalValue: JSONValue?, _ toleranceValue: JSONValue?,
        outputBias: Bool,
        isExact: Bool, name: StoreMember, _ call: Call
    ) throws -> Response {
        let formula: Formula
        do {
            formula = try Formula(formulaValue.string())
        } catch let fault as FormulaFault {
            throw Problem.unprocessable(
                "invalid-formula", at: formulaValue.pointer,
                "After \(fault.position) characters: \(fault.detail)")
        }
        guard let intervalValue, let toleranceValue else {
            let missing = intervalValue == nil ? "interval" : "tolerance"
            throw Problem.unprocessable(
                "missing-member", at: "#/\(missing)", "A formula comes with the member '\(missing)'.")
        }
        let ends = try intervalValue.numbers()
        guard ends.count == 2 else {
            throw Problem.unprocessable(
                "shape-mismatch", at: ends.pointer, "An interval has two ends; this one has \(ends.count).")
        }
        let lower = try ExactNumbers.rational(ends, 0, .decimal)
        let upper = try ExactNumbers.rational(ends, 1, .decimal)
        let tolerance = try ExactNumbers.rational(toleranceValue, .decimal)
        let found: FormulaApproximation
        do {
            found = try formula.approximation(
                lower: lower, upper: upper, tolerance: tolerance, isCancelled: call.cancellation.closure)
        } catch {
            let fault = error
            switch fault {
            case .cancelled: throw Problem.cancelled
            case .emptyInterval:
                throw Problem.unprocessable(
                    "empty-domain", at: ends.pointer(1),
                    "The upper end is not above the lower one in binary64.")
            case .toleranceNotPositive:
                throw Problem.unprocessable(
                    "out-of-range", at: toleranceValue.pointer,
                    "The tolerance of a formula is greater than 0.")
            case .undefined(let place):
                throw Problem.unprocessable(
                    "undefined", at: formulaValue.pointer,
                    "Near x = \(place) the formula is not defined, not bounded, or too steep for this tolerance."
                )
            case .tooManyCells(let limit):
                throw Problem.limit(
                    "cells", limit, at: toleranceValue.pointer,
                    "The proof of this tolerance would divide the interval too finely")
            }
        }
        if call.answers == "image/svg+xml" { return picture(found, tolerance.nearestDouble) }
        return try CompileOperation.answer(
            function: found.function, outputBias: outputBias, isExact: isExact, name: name, call
        ) { writer in
            writer.key("function")
            writer.function(found.function, exact: isExact)
            writer.key("approximation")
            writer.beginObject()
            writer.member("points", found.samples.count)
            writer.member("pieces", found.function.slopes.count)
            writer.member("piecesLowerBound", found.piecesLowerBound)
            writer.member(
                "minimalPieces", found.piecesLowerBound == found.function.slopes.count ? "proved" : "unknown")
            writer.key("tolerance")
            writer.rational(tolerance, exact: isExact)
            writer.member("errorBound", found.errorBound)
            writer.key("interval")
            writer.vector([lower, upper], exact: isExact)
            writer.endObject()
        }
    }

    private static func picture(_ found: FormulaApproximation, _ tolerance: Double) -> Response {
        let function = found.function
        let corners = zip(function.breakpoints, function.valuesAtBreakpoints()).map {
            PicturePoint(x: $0.nearestDouble, y: $1.nearestDouble)
        }
        let first = found.samples[0].x
        let last = found.samples[found.samples.count - 1].x
        let count = function.slopes.count
        let points =
            corners.isEmpty
            ? [PicturePoint(x: first, y: function(Rational(exactly: first) ?? .zero).nearestDouble)] : corners
        return Answer.svg(
            FunctionPicture(
                title: "\(count) piece\(count == 1 ? "" : "s"), error at most \(found.errorBound)",
                curves: [
                    FunctionPicture.Curve(
                        label: "", points: points, leftSlope: function.leftSlope.nearestDouble,
                        rightSlope: function.slopes[count - 1].nearestDouble)
                ],
                band: FunctionPicture.Band(
                    lower: found.samples.map { PicturePoint(x: $0.x, y: $0.y - tolerance) },
                    upper: found.samples.map { PicturePoint(x: $0.x, y: $0.y + tolerance) }),
                window: first...last
            ).svg())
    }

    /// The posted rows: x and y, or x and two bounds.
    private struct Data {
        let matrix: JSONNumbers
        let reading: NumberReading
        let threads: Int

        init(_ value: JSONValue, columns: Int, _ reading: NumberReading, _ call: Call) throws {
            matrix = try value.matrix()
            self.reading = reading
            threads = call.service.configuration.workers
            guard matrix.rows > 0 else {
                throw Problem.unprocessable("empty", at: value.pointer, "At least one row is expected.")
            }
            guard matrix.columns == columns else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: "\(value.pointer)/0",
                    "A row has \(columns) numbers here, \(columns == 2 ? "x and y" : "x, lower and upper"); this one has "
                        + "\(matrix.columns).")
            }
            let limit = call.service.configuration.maximumBreakpoints
            guard matrix.rows <= limit else {
                throw Problem.limit(
                    "maximumBreakpoints", limit, at: value.pointer, "There are \(matrix.rows) rows")
            }
        }

        func rationals(_ column: Int, _ call: Call) throws -> [Rational] {
            var values: [Rational] = []
            values.reserveCapacity(matrix.rows)
            for row in 0..<matrix.rows {
                if row & 0xfff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
                values.append(try ExactNumbers.rational(matrix, row * matrix.columns + column, reading))
            }
            return values
        }

        func doubles(_ column: Int) throws -> [Double] {
            try (0..<matrix.rows).map {
                try ExactNumbers.rational(matrix, $0 * matrix.columns + column, reading).nearestDouble
            }
        }

        /// The band in integers, where all numbers are decimals that fit a common unit.
        func integerBand(_ tolerance: Rational?) throws -> DataBand? {
            guard reading == .decimal, let x = matrix.decimals(column: 0, threads: threads),
                let first = matrix.decimals(column: 1, threads: threads),
                let places = x.scaledToLeastExponent(threads: threads)
            else { return nil }
            let second = matrix.columns == 3 ? matrix.decimals(column: 2, threads: threads) : nil
            guard matrix.columns == 2 || second != nil else { return nil }
            // One unit for both columns and the tolerance.
            var exponent = min(first.leastExponent, second?.leastExponent ?? first.leastExponent)
            guard abs(exponent) <= 60, abs(x.leastExponent) <= 60 else { return nil }
            if let tolerance {
                let finest = exponent - 18
                while exponent > finest, (tolerance / .powerOfTen(exponent)).denominator != .one {
                    exponent -= 1
                }
                guard (tolerance / .powerOfTen(exponent)).denominator == .one else { return nil }
            }
            guard let lower = Self.scaled(first, to: exponent) else { return nil }
            let unit = Rational.powerOfTen(exponent)
            if let second {
                guard let upper = Self.scaled(second, to: exponent) else { return nil }
                return try DataBand(
                    x: places, lower: lower, upper: upper, xUnit: .powerOfTen(x.leastExponent), yUnit: unit)
            }
            guard let width = ((tolerance ?? .zero) / unit).numerator.int, width.magnitude < 1 << 60,
                lower.allSatisfy({ $0.magnitude < 1 << 60 })
            else { return nil }
            let step = Int64(width)
            return try DataBand(
                x: places, lower: lower.map { $0 - step }, upper: lower.map { $0 + step },
                xUnit: .powerOfTen(x.leastExponent), yUnit: unit)
        }

        private static func scaled(_ column: JSONNumbers.Decimals, to exponent: Int) -> [Int64]? {
            var scaled: [Int64] = []
            scaled.reserveCapacity(column.mantissas.count)
            for (mantissa, power) in zip(column.mantissas, column.exponents) {
                if mantissa == 0 {
                    scaled.append(0)
                    continue
                }
                let steps = Int(power) - exponent
                guard steps >= 0, steps <= 18 else { return nil }
                let (product, overflow) = mantissa.multipliedReportingOverflow(by: powersOfTen[steps])
                guard !overflow else { return nil }
                scaled.append(product)
            }
            return scaled
        }

        private static let powersOfTen: [Int64] = (0...18).map {
            (0..<$0).reduce(1) { power, _ in power * 10 }
        }
    }

    private struct Result {
        let function: PiecewiseLinearFunction
        /// The tolerance, or the distance found.
        var distance = Rational.zero
        /// Of the distance, where that was what was sought.
        var lowerBound: Rational?
    }

    private static func solve(
        _ data: Data, _ toleranceValue: JSONValue?, _ piecesValue: JSONValue?, _ call: Call
    ) throws -> Result {
        let isCancelled = call.cancellation.closure
        if let piecesValue {
            let pieces = try piecesValue.integer(in: 1...maximumPieces)
            let best = try DataBand.leastMaximum(
                x: data.rationals(0, call), y: data.rationals(1, call), pieces: pieces,
                isCancelled: isCancelled)
            return Result(function: best.function, distance: best.distance, lowerBound: best.lowerBound)
        }
        let tolerance = try toleranceValue.map { value in
            let tolerance = try ExactNumbers.rational(value, .decimal)
            guard tolerance.sign >= 0 else {
                throw Problem.unprocessable("out-of-range", at: value.pointer, "A tolerance is at least 0.")
            }
            return tolerance
        }
        if let band = try data.integerBand(tolerance) {
            return Result(
                function: try band.fewestPieces(isCancelled: isCancelled).function,
                distance: tolerance ?? .zero)
        }
        let x = try data.rationals(0, call)
        let first = try data.rationals(1, call)
        let band =
            if let tolerance {
                try DataBand(
                    x: x, lower: first.map { $0 - tolerance }, upper: first.map { $0 + tolerance })
            } else {
                try DataBand(x: x, lower: first, upper: data.rationals(2, call))
            }
        return Result(
            function: try band.fewestPieces(isCancelled: isCancelled).function, distance: tolerance ?? .zero)
    }

    private static func problem(_ fault: ApproximationFault, _ rows: JSONNumbers) -> Problem {
        switch fault {
        case .cancelled: .cancelled
        case .noPoints: .unprocessable("empty", at: rows.pointer, "At least one row is expected.")
        case .emptyBand(let index):
            .unprocessable(
                "out-of-range", at: "\(rows.pointer)/\(index)", "The lower bound is above the upper bound.")
        case .contradiction(let index):
            .unprocessable(
                "infeasible", at: "\(rows.pointer)/\(index)",
                "Another row at the same x excludes what this one allows: no function passes both.")
        case .piecesNotPositive:
            .unprocessable("out-of-range", at: "#/pieces", "At least one piece is expected.")
        }
    }

    private static func picture(_ result: Result, _ data: Data) -> Response {
        let function = result.function
        let corners = zip(function.breakpoints, function.valuesAtBreakpoints()).map {
            PicturePoint(x: $0.nearestDouble, y: $1.nearestDouble)
        }
        let x = (try? data.doubles(0)) ?? []
        let first = (try? data.doubles(1)) ?? []
        let second = data.matrix.columns == 3 ? ((try? data.doubles(2)) ?? first) : first
        let width = data.matrix.columns == 3 ? 0 : result.distance.nearestDouble
        let order = x.indices.sorted { x[$0] < x[$1] }
        let points =
            corners.isEmpty
            ? [
                PicturePoint(
                    x: x.first ?? 0, y: function(Rational(exactly: x.first ?? 0) ?? .zero).nearestDouble)
            ]
            : corners
        let count = function.slopes.count
        return Answer.svg(
            FunctionPicture(
                title: "\(count) piece\(count == 1 ? "" : "s") for \(data.matrix.rows) points",
                curves: [
                    FunctionPicture.Curve(
                        label: "", points: points, leftSlope: function.leftSlope.nearestDouble,
                        rightSlope: function.slopes[count - 1].nearestDouble)
                ],
                data: data.matrix.columns == 2 ? order.map { PicturePoint(x: x[$0], y: first[$0]) } : [],
                band: FunctionPicture.Band(
                    lower: order.map { PicturePoint(x: x[$0], y: first[$0] - width) },
                    upper: order.map { PicturePoint(x: x[$0], y: second[$0] + width) })
            ).svg())
    }
}

extension JSONWriter {
    /// A function of one variable as requests take it.
    mutating func function(_ function: PiecewiseLinearFunction, exact: Bool) {
        beginObject()
        member("kind", "piecewise-linear")
        key("points")
        beginArray()
        if function.breakpoints.isEmpty {
            vector([.zero, function(.zero)], exact: exact)
        } else {
            for (place, value) in zip(function.breakpoints, function.valuesAtBreakpoints()) {
                vector([place, value], exact: exact)
            }
        }
        endArray()
        key("leftSlope")
        rational(function.leftSlope, exact: exact)
        key("rightSlope")
        rational(function.slopes[function.slopes.count - 1], exact: exact)
        endObject()
    }
}
