internal import Drawing
internal import ExactArithmetic
internal import MicroHTTP
internal import PieceCounting
internal import ReLUNetworks

/// The graph of a network of one variable, one curve an output; of two variables the plane in the colours of its pieces.
enum NetworkPicture {
    private static let maximumCurves = 5
    private static let maximumPolygons = 20_000
    /// Slopes of the lines through the origin whose breakpoints are to be seen.
    private static let directions: [[Rational]] = [[1, 0], [0, 1], [1, 1], [1, -1]]

    static func of(_ network: Network<Rational>, _ call: Call) throws -> Response {
        switch network.inputs {
        case 1: return Answer.svg(try line(network, call))
        case 2: return Answer.svg(try plane(network, title: nil, call))
        default:
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows a network of one or two inputs; this one has \(network.inputs).")
        }
    }

    private static func line(_ network: Network<Rational>, _ call: Call) throws -> [UInt8] {
        let pieces = try pieces(network, call)
        return FunctionPicture(
            title: "\(pieces.count) piece\(pieces.count == 1 ? "" : "s")",
            curves: (0..<min(pieces.outputs, maximumCurves)).map { output in
                FunctionPicture.Curve(
                    pieces.function(output: output), label: pieces.outputs > 1 ? "output \(output)" : "")
            }
        ).svg()
    }

    private static func pieces(_ network: Network<Rational>, _ call: Call) throws -> LinePieces {
        do {
            return try LinePieceCounting.list(
                network, limits: CountingLimits(maximumCells: FunctionPicture.maximumPoints),
                isCancelled: call.cancellation.closure)
        } catch {
            if case .limitReached = error { throw tooMany(FunctionPicture.maximumPoints) }
            throw PiecesOperation.problem(error)
        }
    }

    /// A square around the origin that holds the breakpoints along the axes and the diagonals.
    static func plane(_ network: Network<Rational>, title: String?, _ call: Call) throws -> [UInt8] {
        var farthest = Rational.zero
        for direction in directions {
            let first = AffineLayer(
                inputs: 1, outputs: 2, weights: direction, bias: [Rational.zero, .zero])
            let algebra = NetworkAlgebra(cancelled: call.cancellation.closure)
            let along: Network<Rational>
            do { along = try algebra.compose([network, Network(layers: [first])]) } catch {
                if case .cancelled = error { throw Problem.cancelled }
                throw tooMany(maximumPolygons)
            }
            for place in try pieces(along, call).breakpoints { farthest = max(farthest, place.magnitude) }
        }
        let reach = min(max(farthest.nearestDouble * 1.15, 1e-300), 1e300)
        let window = farthest.isZero ? -1.0...1 : -reach...reach
        let cells = PlaneCells(network: network.rounded, x: window, y: window)
            .cells(limit: maximumPolygons, isCancelled: call.cancellation.closure)
        guard let cells else {
            if call.cancellation.isCancelled { throw Problem.cancelled }
            throw tooMany(maximumPolygons)
        }
        let maps = Set(cells.map(\.piece)).count
        return PlanePicture(
            title: title ?? "\(maps) affine map\(maps == 1 ? "" : "s") in view", cells: cells, x: window,
            y: window
        ).svg()
    }

    private static func tooMany(_ limit: Int) -> Problem {
        Problem(
            status: 406, code: "not-acceptable", detail: "A picture shows at most \(limit) pieces.")
    }
}
