internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// `"list"` of a request for pieces.
struct PiecesList {
    static let maximumLimit = 10_000_000
    let limit: Int
    /// The number of regions on earlier pages.
    let start: Int
    let pageTokenPointer: String?

    init(_ value: JSONValue) throws {
        var reader = try ObjectReader(value)
        limit = try reader.required("limit").integer(in: 0...Self.maximumLimit)
        let token = reader.optional("pageToken")
        pageTokenPointer = token?.pointer
        start =
            try token.map { token in
                guard let start = Int(try token.string()), start > 0 else {
                    throw Problem.unprocessable(
                        "invalid-page-token", at: token.pointer, "This is no token of a page of regions.")
                }
                return start
            } ?? 0
        try reader.finish()
    }
}

/// How a count of pieces is answered.
struct PiecesAnswer {
    let definition: PieceDefinition
    /// As the request names it.
    let definitionName: String
    let list: PiecesList?
    let isExact: Bool
    let started: Moment

    func response(_ result: PieceCount) throws -> Response {
        guard let pieces = result.counts[definition] else {
            throw Problem.unprocessable(
                "definition-not-available", at: "#/definition",
                "This count is not computed by '\(definitionName)' here: it was found without listing the pieces, "
                    + "or of a function, which has no activation patterns.")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.count("pieces", pieces)
        writer.member("definition", definitionName)
        writer.pieceCount(result, exact: isExact)
        // Lists of one variable have no pages.
        if let list, result.listTruncated, list.limit > 0, result.dimension > 1 {
            writer.member("nextPageToken", String(list.start + list.limit))
        }
        writer.member("elapsedSeconds", Moment.now.seconds(since: started))
        writer.endObject()
        return Answer.json(writer.finish())
    }
}

/// Counting the pieces of a network of several inputs for `POST /v1/pieces`.
struct SpacePieces {
    let network: ServedNetwork
    let box: InputBox?
    let definition: PieceDefinition
    let call: Call
    /// Whether a posted function is counted through the network, whose activation patterns and architecture say nothing
    /// about the function.
    var isFunction = false

    /// `{"lower": […], "upper": […]}`, a number for each input.
    static func box(_ value: JSONValue, _ reading: NumberReading, inputs: Int) throws -> InputBox {
        var reader = try ObjectReader(value)
        let lower = try reader.required("lower").numbers()
        let upper = try reader.required("upper").numbers()
        try reader.finish()
        for bound in [lower, upper] where bound.count != inputs {
            throw Problem.unprocessable(
                "shape-mismatch", at: bound.pointer,
                "One number for each input is expected: \(inputs), not \(bound.count).")
        }
        do {
            return try InputBox(
                lower: ExactNumbers.rationals(lower, reading), upper: ExactNumbers.rationals(upper, reading))
        } catch PieceCountingFault.emptyDomain(let coordinate) {
            throw Problem.unprocessable(
                "empty-domain", at: upper.pointer(coordinate), "The upper bound is not above the lower one.")
        }
    }

    func answer(_ form: PiecesAnswer) throws -> Response {
        var options = options
        options.listLimit = form.list?.limit
        options.listStart = form.list?.start ?? 0
        let counted = try count(on: box, options)
        return try form.response(isFunction ? counted.withoutNetwork : counted)
    }

    /// What `definition` counts, visiting at most so many cells; `nil` where there are more.
    func pieces(maximumCells: Int) throws -> BigInteger? {
        var options = options
        options.limits.maximumCells = min(options.limits.maximumCells, maximumCells)
        options.definitions = [definition]
        do { return try count(on: box, options).counts[definition] } catch let problem as Problem
            where problem.code == "limit-exceeded"
        { return nil }
    }

    private var options: SpaceCountingOptions {
        let configuration = call.service.configuration
        return SpaceCountingOptions(
            limits: CountingLimits(
                maximumCells: configuration.maximumCells, maximumBytes: configuration.maximumWorkBytes),
            listedDefinition: definition, threads: configuration.threadsPerJob)
    }

    private func count(on box: InputBox?, _ options: SpaceCountingOptions) throws -> PieceCount {
        let report = call.report
        do {
            return try SpacePieceCounting.count(
                network.exact, on: box, options: options, isCancelled: call.cancellation.closure,
                progress: { progress in
                    var writer = JSONWriter()
                    writer.beginObject()
                    writer.member("activationCells", progress.activationCells)
                    writer.endObject()
                    report(writer.array())
                })
        } catch {
            throw PiecesOperation.problem(error)
        }
    }

    // MARK: Picture

    /// The cells that a picture shows at most.
    static let maximumPictureCells = 20_000

    /// The cells of a network of two inputs in a box, or around the vertices, coloured by affine map.
    func picture() throws -> Response {
        guard network.inputs == 2 else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail:
                    "A picture shows functions of one or two variables; the network has \(network.inputs).")
        }
        let window = try box ?? self.window()
        let result = try shown(on: window)
        let regions = result.regions ?? []
        var numbers: [[Rational]: Int] = [:]
        let cells = regions.map { region in
            let map = region.gradients.joined() + region.intercepts
            let number = numbers[Array(map), default: numbers.count]
            numbers[Array(map)] = number
            return PlanePicture.Cell(corners: Self.corners(region.vertices), piece: number)
        }
        let pieces = result.counts[definition].map(\.description) ?? "?"
        return try Self.picture(
            title: "\(pieces) piece\(pieces == "1" ? "" : "s"), \(counted(numbers.count, "affine map")), "
                + counted(regions.count, isFunction ? "cell" : "activation cell")
                + (box == nil ? " in view" : ""), cells: cells, on: window)
    }

    static func picture(title: String, cells: [PlanePicture.Cell], on window: InputBox) throws -> Response {
        let ranges = (0..<2).map { (window.lower[$0].nearestDouble, window.upper[$0].nearestDouble) }
        guard ranges.allSatisfy({ $0.0 < $0.1 && ($0.1 - $0.0).isFinite }) else {
            throw Problem.unprocessable(
                "out-of-range", at: "#/domain", "The box is too small or too large to be drawn.")
        }
        return Answer.svg(
            PlanePicture(
                title: title, cells: cells, x: ranges[0].0...ranges[0].1, y: ranges[1].0...ranges[1].1
            ).svg())
    }

    private func shown(on box: InputBox?) throws -> PieceCount {
        var options = options
        options.limits.maximumCells = Self.maximumPictureCells
        options.listLimit = Self.maximumPictureCells
        do { return try count(on: box, options) } catch let problem as Problem
            where problem.code == "limit-exceeded"
        {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows at most \(Self.maximumPictureCells) activation cells.")
        }
    }

    /// A square around most vertices of the plane's subdivision.
    private func window() throws -> InputBox {
        let regions = try shown(on: nil).regions ?? []
        let vertices = Set(regions.flatMap(\.vertices))
        var center: [Double] = []
        for coordinate in 0..<2 {
            let values = vertices.map { $0[coordinate].nearestDouble }.filter(\.isFinite).sorted()
            center.append(values.isEmpty ? 0 : values[values.count / 2])
        }
        let distances = vertices.map { vertex in
            max(
                (vertex[0].nearestDouble - center[0]).magnitude,
                (vertex[1].nearestDouble - center[1]).magnitude)
        }.filter(\.isFinite).sorted()
        // The far vertices of nearly parallel folds would leave nothing to see.
        let reach = distances.isEmpty ? 0 : distances[distances.count * 3 / 4] * 1.3
        let least = max(center[0].magnitude, center[1].magnitude, 1e-300) * 1e-9
        let side = reach > least ? reach : (reach > 0 ? least : max(1, least))
        func bound(_ coordinate: Int, _ sign: Double) -> Rational {
            let value = min(max(center[coordinate] + sign * side, -1e300), 1e300)
            return Rational(exactly: value) ?? Rational(Int(sign))
        }
        do {
            return try InputBox(
                lower: [bound(0, -1), bound(1, -1)], upper: [bound(0, 1), bound(1, 1)])
        } catch {
            throw Problem.unprocessable(
                "out-of-range", at: "#/network", "The subdivision is too far out to be drawn.")
        }
    }

    /// In order around the polygon.
    static func corners(_ vertices: [[Rational]]) -> [PicturePoint] {
        let points = vertices.map { PicturePoint(x: $0[0].nearestDouble, y: $0[1].nearestDouble) }
        let count = Double(max(1, points.count))
        let x = points.reduce(0) { $0 + $1.x / count }
        let y = points.reduce(0) { $0 + $1.y / count }
        // Like the angle from the middle, without trigonometric functions.
        func turn(_ point: PicturePoint) -> Double {
            let dx = point.x - x
            let dy = point.y - y
            let sum = dx.magnitude + dy.magnitude
            guard sum > 0 else { return 0 }
            return dy >= 0 ? 1 - dx / sum : 3 + dx / sum
        }
        return points.map { (turn($0), $0) }.sorted { $0.0 < $1.0 }.map(\.1)
    }
}

extension PieceCount {
    /// The counts of the function alone.
    var withoutNetwork: PieceCount {
        PieceCount(
            dimension: dimension, counts: counts.filter { $0.key != .activation }, method: method,
            regions: regions, listTruncated: listTruncated)
    }
}
