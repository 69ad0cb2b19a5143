internal import Compilation
internal import ExactArithmetic
internal import PieceCounting
internal import PiecewiseLinear

/// The pieces of a posted function of several variables.
enum FunctionPieces {
    static func count(_ function: DecodedFunction, at pointer: String, _ call: Call) throws -> PieceCount {
        let counts: FunctionPieceCounts?
        do {
            counts = try ManyDimensionalCompiler.pieces(
                of: function.expression, maximumCells: call.service.configuration.maximumCompilationCells,
                isCancelled: call.cancellation.closure)
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
        guard let counts else {
            throw Problem.unprocessable(
                "unsupported-kind", at: pointer,
                "Pieces of functions of several variables are counted for maxima of affine functions, for functions on "
                    + "simplices and grids, and for regions that are bounded or have a function of their own each; compile others, and post the network."
            )
        }
        return PieceCount(
            dimension: function.variables,
            counts: [
                .affine: BigInteger(counts.affine), .open: BigInteger(counts.open),
                .closed: BigInteger(counts.closed), .level: BigInteger(counts.level),
            ], method: .listing)
    }
}
