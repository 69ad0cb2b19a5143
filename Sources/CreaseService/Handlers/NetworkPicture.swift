internal import Drawing
internal import ExactArithmetic
internal import MicroHTTP
internal import PieceCounting
internal import ReLUNetworks

/// The graph of a network of one variable, one curve an output.
enum NetworkPicture {
    private static let maximumCurves = 5

    static func of(_ network: Network<Rational>, _ call: Call) throws -> Response {
        guard network.inputs == 1 else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows a network of one input; this one has \(network.inputs).")
        }
        do {
            let pieces = try LinePieceCounting.list(
                network, limits: CountingLimits(maximumCells: FunctionPicture.maximumPoints),
                isCancelled: call.cancellation.closure)
            return Answer.svg(
                FunctionPicture(
                    title: "\(pieces.count) piece\(pieces.count == 1 ? "" : "s")",
                    curves: (0..<min(pieces.outputs, maximumCurves)).map { output in
                        FunctionPicture.Curve(
                            pieces.function(output: output),
                            label: pieces.outputs > 1 ? "output \(output)" : "")
                    }
                ).svg())
        } catch {
            if case .limitReached = error {
                throw Problem(
                    status: 406, code: "not-acceptable",
                    detail: "A picture shows at most \(FunctionPicture.maximumPoints) pieces.")
            }
            throw PiecesOperation.problem(error)
        }
    }
}
