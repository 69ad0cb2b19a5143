internal import Approximation
internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// The function of the fewest pieces within a tolerance of points, or between bounds.
struct FewestPiecesApproximation: FoundApproximation {
    let function: PiecewiseLinearFunction
    private let tolerance: Rational?

    /// - Parameter value: the tolerance of rows of two columns; `nil` where the rows are bounds.
    init(_ rows: PostedRows, tolerance value: JSONValue?, _ answer: ApproximateAnswer) throws {
        tolerance = try value.map { value in
            let tolerance = try ExactNumbers.rational(value, .decimal)
            guard tolerance.sign >= 0 else {
                throw Problem.unprocessable("out-of-range", at: value.pointer, "A tolerance is at least 0.")
            }
            return tolerance
        }
        do {
            function = try Self.band(rows, tolerance, answer.call).fewestPieces(
                isCancelled: answer.call.cancellation.closure
            ).function
        } catch let fault as ApproximationFault {
            throw ApproximateOperation.problem(fault, rows)
        }
    }

    private static func band(_ rows: PostedRows, _ tolerance: Rational?, _ call: Call) throws -> DataBand {
        if let band = try rows.integerBand(tolerance) { return band }
        let x = try rows.rationals(0, call)
        let first = try rows.rationals(1, call)
        guard let tolerance else { return try DataBand(x: x, lower: first, upper: rows.rationals(2, call)) }
        return try DataBand(x: x, lower: first.map { $0 - tolerance }, upper: first.map { $0 + tolerance })
    }

    var bandWidth: Double? { tolerance?.nearestDouble }

    func write(_ writer: inout JSONWriter, exact: Bool) {
        writer.member("minimalPieces", "proved")
        guard let tolerance else { return }
        writer.key("tolerance")
        writer.rational(tolerance, exact: exact)
    }
}
