internal import Compilation
internal import ExactArithmetic
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// The pieces of a posted function of several variables: from its own description where that tells them, else those of a
/// network that equals it everywhere.
struct FunctionPieces {
    let function: DecodedFunction
    /// Of the function.
    let pointer: String
    let definition: PieceDefinition
    let call: Call

    func answer(
        on box: InputBox?, list: PiecesList?, definitionName: String, isExact: Bool, started: Moment
    ) throws -> Response {
        let isWhole = ManyDimensionalCompiler.restriction(of: function.expression) == nil
        // A box or a list is asked of cells, which only a network has.
        if box == nil, list == nil, let counts = try ownCounts() {
            return try answer(counts, definitionName, started)
        }
        guard isWhole else {
            throw Problem.unprocessable(
                "unsupported-kind", at: pointer,
                "Pieces of a function that is given on a part of R^n are counted there, without a box or a list, and "
                    + "for functions on simplices, grids and bounded regions only.")
        }
        return try space(on: box).answer(
            list: list, definitionName: definitionName, isExact: isExact, started: started)
    }

    func picture(on box: InputBox?) throws -> Response {
        guard box == nil else { return try space(on: box).picture() }
        return try CompilePicture.of(function, at: pointer, call)
    }

    private func space(on box: InputBox?) throws -> SpacePieces {
        let network: Network<Rational>
        do {
            network = try ManyDimensionalCompiler.compile(
                function.expression, isCancelled: call.cancellation.closure
            ).network
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
        let (rounded, isRoundedExact, _) = network.roundedReportingExactness()
        return SpacePieces(
            network: ServedNetwork(exact: network, rounded: rounded, isRoundedExact: isRoundedExact),
            box: box, definition: definition, call: call, isFunction: true)
    }

    private func ownCounts() throws -> FunctionPieceCounts? {
        do {
            return try ManyDimensionalCompiler.pieces(
                of: function.expression, maximumCells: call.service.configuration.maximumCompilationCells,
                isCancelled: call.cancellation.closure)
        } catch {
            throw ManyDimensionalCompile.problem(error, pointer)
        }
    }

    private func answer(_ counts: FunctionPieceCounts, _ definitionName: String, _ started: Moment) throws
        -> Response
    {
        let result = PieceCount(
            dimension: function.variables,
            counts: [
                .affine: BigInteger(counts.affine), .open: BigInteger(counts.open),
                .closed: BigInteger(counts.closed), .level: BigInteger(counts.level),
            ], method: .listing)
        guard let pieces = result.counts[definition] else {
            throw Problem.unprocessable(
                "definition-not-available", at: "#/definition",
                "A function has no activation patterns; compile it, and count the network.")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.count("pieces", pieces)
        writer.member("definition", definitionName)
        writer.pieceCount(result, exact: true)
        writer.member("elapsedSeconds", Moment.now.seconds(since: started))
        writer.endObject()
        return Answer.json(writer.finish())
    }
}
