internal import Compilation
internal import Drawing
internal import ExactArithmetic
internal import MicroHTTP
internal import PiecewiseLinear

/// The picture of a posted function: its graph for one variable, its pieces with level lines for two.
enum CompilePicture {
    static func of(_ function: PiecewiseLinearFunction) throws -> Response {
        guard function.pieces <= FunctionPicture.maximumPoints else { throw tooLarge() }
        return Answer.svg(
            FunctionPicture(
                title: counted(function.pieces, "piece"), curves: [FunctionPicture.Curve(function, label: "")]
            ).svg())
    }

    /// - Parameter pieces: their number, for the title, where it is known.
    static func of(_ function: DecodedFunction, at pointer: String, pieces: Int? = nil, _ call: Call) throws
        -> Response
    {
        guard function.variables == 2 else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail:
                    "A picture shows a function of one or two variables; this one has \(function.variables).")
        }
        let planar: PlanarPieces
        do {
            planar = try PlanarPieces(
                function.expression, maximumCells: call.service.configuration.maximumCompilationCells,
                isCancelled: call.cancellation.closure)
        } catch {
            if case .tooManyCells = error { throw tooLarge() }
            throw ManyDimensionalCompile.problem(error, pointer)
        }
        var numbers: [AffineFunction: Int] = [:]
        let cells = planar.cells.map { cell in
            let number = numbers[cell.function] ?? numbers.count
            numbers[cell.function] = number
            return PlanePicture.Cell(
                corners: cell.corners.map { PicturePoint(x: $0[0].nearestDouble, y: $0[1].nearestDouble) },
                piece: number, values: cell.corners.map { cell.function($0).nearestDouble })
        }
        let ranges = planar.window.map { $0.lowerBound.nearestDouble...$0.upperBound.nearestDouble }
        let isDrawable =
            ranges.allSatisfy { range in
                let width = range.upperBound - range.lowerBound
                return range.lowerBound.isFinite && range.upperBound.isFinite && width > 0 && width.isFinite
            } && cells.allSatisfy { $0.values.allSatisfy(\.isFinite) }
        guard isDrawable else {
            throw Problem.unprocessable("out-of-range", at: pointer, "The function is too large to be drawn.")
        }
        let title =
            (pieces.map { counted($0, "piece") + ", " } ?? "") + counted(numbers.count, "affine function")
        return Answer.svg(PlanePicture(title: title, cells: cells, x: ranges[0], y: ranges[1]).svg())
    }

    private static func tooLarge() -> Problem {
        Problem(
            status: 406, code: "not-acceptable", detail: "The function has too many pieces for a picture.")
    }
}
