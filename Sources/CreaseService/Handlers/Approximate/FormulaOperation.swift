internal import Approximation
internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import PiecewiseLinear

/// A formula on an interval, with an error bound that holds between the samples too.
enum FormulaOperation {
    static func run(
        _ formulaValue: JSONValue, _ intervalValue: JSONValue?, _ toleranceValue: JSONValue?,
        _ answer: ApproximateAnswer
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
                lower: lower, upper: upper, tolerance: tolerance,
                isCancelled: answer.call.cancellation.closure)
        } catch {
            throw problem(error, formulaValue, ends, toleranceValue)
        }
        if answer.call.answers == "image/svg+xml" {
            return ApproximatePicture.of(found, tolerance: tolerance.nearestDouble)
        }
        return try answer.write(found.function, of: formulaValue.pointer) { writer in
            writer.member("points", found.samples.count)
            writer.member("pieces", found.function.pieces)
            writer.member("piecesLowerBound", found.piecesLowerBound)
            writer.member(
                "minimalPieces", found.piecesLowerBound == found.function.pieces ? "proved" : "unknown")
            writer.key("tolerance")
            writer.rational(tolerance, exact: answer.isExact)
            writer.member("errorBound", found.errorBound)
            writer.key("interval")
            writer.vector([lower, upper], exact: answer.isExact)
        }
    }

    private static func problem(
        _ fault: FormulaApproximationFault, _ formula: JSONValue, _ interval: JSONNumbers,
        _ tolerance: JSONValue
    ) -> Problem {
        switch fault {
        case .cancelled: .cancelled
        case .emptyInterval:
            .unprocessable(
                "empty-domain", at: interval.pointer(1),
                "The upper end is not above the lower one in binary64.")
        case .toleranceNotPositive:
            .unprocessable(
                "out-of-range", at: tolerance.pointer, "The tolerance of a formula is greater than 0.")
        case .undefined(let place):
            .unprocessable(
                "undefined", at: formula.pointer,
                "Near x = \(place) the formula is not defined, not bounded, or too steep for this tolerance.")
        case .tooManyCells(let limit):
            .limit(
                "cells", limit, at: tolerance.pointer,
                "The proof of this tolerance would divide the interval too finely")
        }
    }
}
