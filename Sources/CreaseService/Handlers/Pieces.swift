internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import Jobs
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// `POST /v1/pieces`: the exact number of pieces of a network or function.
enum PiecesOperation {
    /// What is counted: a network as it is, or a function.
    private enum Subject {
        case network(ServedNetwork)
        case function(PiecewiseLinearFunction)
    }

    static func run(_ call: Call) throws -> Response {
        let started = Moment.now
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let networkValue = reader.optional("network")
        let functionValue = reader.optional("function")
        let domainValue = reader.optional("domain")
        let definition =
            try reader.optional("definition")?.choice([
                "paper": PieceDefinition.paper, "activation": .activation, "open": .open, "closed": .closed,
                "level": .level, "affine": .affine,
            ]) ?? .paper
        let definitionName = try reader.optional("definition")?.string() ?? "paper"
        let list = try reader.optional("list").map(PiecesList.init)
        let listLimit = list?.limit
        let isExact = try reader.isExactArithmetic()
        let networkReading = try reader.numberReading(default: .binary64)
        let functionReading = try reader.numberReading(default: .decimal)
        try reader.finish()
        let form = PiecesAnswer(
            definition: definition, definitionName: definitionName, list: list, isExact: isExact,
            started: started)

        let decoding = NetworkDecoding(service: call.service, reading: networkReading)
        let subject: Subject
        let inputs: Int
        switch (networkValue, functionValue) {
        case (let value?, nil):
            let network = try decoding.network(value)
            inputs = network.inputs
            subject = .network(network)
        case (nil, let value?):
            let functions = FunctionDecoding(networks: decoding, reading: functionReading, call: call)
            let decoded = try functions.expression(value)
            inputs = 1
            if let function = try functions.oneDimensional(decoded, at: value.pointer) {
                subject = .function(function)
            } else {
                let pieces = FunctionPieces(
                    function: decoded, pointer: value.pointer, definition: definition, call: call)
                let box = try domainValue.map {
                    try SpacePieces.box($0, functionReading, inputs: decoded.variables)
                }
                if call.answers == "image/svg+xml" { return try pieces.picture(on: box) }
                return try pieces.answer(on: box, form: form)
            }
        default:
            throw Problem.unprocessable(
                "missing-member", at: "#/network", "Exactly one of 'network' and 'function' is expected.")
        }
        if case .network(let network) = subject, inputs != 1 {
            let box = try domainValue.map { try SpacePieces.box($0, functionReading, inputs: inputs) }
            let space = SpacePieces(network: network, box: box, definition: definition, call: call)
            if call.answers == "image/svg+xml" { return try space.picture() }
            return try space.answer(form)
        }
        if let pointer = list?.pageTokenPointer {
            throw Problem.unprocessable(
                "unsupported-dimension", at: pointer, "Lists of one variable have no pages.")
        }
        let domain = try domainValue.map { try interval($0, functionReading) } ?? .line
        let draws = call.answers == "image/svg+xml"
        let limit = draws ? max(listLimit ?? 0, FunctionPicture.maximumPoints) : listLimit

        let result: PieceCount
        do {
            switch subject {
            case .network(let network):
                result = try count(network, domain, limit, call)
            case .function(let function):
                result = LinePieceCounting.count(function, on: domain, listLimit: limit)
            }
        } catch let fault as PieceCountingFault {
            throw problem(fault)
        }
        if draws { return try picture(result, domain) }
        return try form.response(result)
    }

    private static func count(
        _ network: ServedNetwork, _ domain: InputInterval, _ listLimit: Int?, _ call: Call
    ) throws -> PieceCount {
        let configuration = call.service.configuration
        let cells = configuration.maximumCells
        // Someone who wants no list is served by whichever way is short; a list needs the pieces one by one.
        let listing = CountingLimits(
            maximumCells: listLimit == nil ? min(cells, 200_000) : cells,
            maximumBytes: configuration.maximumWorkBytes)
        return try LinePieceCounting.count(
            network.exact, on: domain, listLimit: listLimit, listing: listing,
            counting: CountingLimits(maximumCells: cells, maximumBytes: configuration.maximumWorkBytes),
            isCancelled: call.cancellation.closure)
    }

    /// `{"lower": [a], "upper": [b]}`.
    private static func interval(_ value: JSONValue, _ reading: NumberReading) throws -> InputInterval {
        var reader = try ObjectReader(value)
        let lower = try reader.required("lower").numbers()
        let upper = try reader.required("upper").numbers()
        try reader.finish()
        for bound in [lower, upper] where bound.count != 1 {
            throw Problem.unprocessable(
                "shape-mismatch", at: bound.pointer,
                "One number for each input is expected: 1, not \(bound.count).")
        }
        do {
            return try InputInterval(
                lower: ExactNumbers.rational(lower, 0, reading),
                upper: ExactNumbers.rational(upper, 0, reading))
        } catch is PieceCountingFault {
            throw Problem.unprocessable(
                "empty-domain", at: upper.pointer(0), "The upper bound is not above the lower one.")
        }
    }

    private static func picture(_ result: PieceCount, _ domain: InputInterval) throws -> Response {
        guard let regions = result.regions, let first = regions.first, !result.listTruncated else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows at most \(FunctionPicture.maximumPoints) pieces.")
        }
        let outputs = first.gradients.count
        let breakpoints = result.breakpoints ?? []
        let curves = (0..<min(outputs, 5)).map { output in
            // An affine function is shown through its value at the left end of what is shown, or at 0.
            let place = domain.lower ?? .zero
            let anchor = first.gradients[output][0] * place + first.intercepts[output]
            let points =
                breakpoints.isEmpty
                ? [PicturePoint(x: place.nearestDouble, y: anchor.nearestDouble)]
                : breakpoints.map { PicturePoint(x: $0.x.nearestDouble, y: $0.values[output].nearestDouble) }
            return FunctionPicture.Curve(
                label: outputs > 1 ? "output \(output)" : "", points: points,
                leftSlope: first.gradients[output][0].nearestDouble,
                rightSlope: regions[regions.count - 1].gradients[output][0].nearestDouble)
        }
        var window: ClosedRange<Double>?
        if let lower = domain.lower?.nearestDouble, let upper = domain.upper?.nearestDouble, lower < upper {
            window = lower...upper
        }
        let count = regions.count
        return Answer.svg(
            FunctionPicture(title: "\(count) piece\(count == 1 ? "" : "s")", curves: curves, window: window)
                .svg())
    }

    static func problem(_ fault: PieceCountingFault) -> Problem {
        switch fault {
        case .limitReached(let resource, let limit, let reached):
            let known = reached.sorted { $0.key.rawValue < $1.key.rawValue }
                .map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", ")
            return Problem(
                status: 422, code: "limit-exceeded",
                detail: "The count needs more than \(limit) \(resource.rawValue)"
                    + (known.isEmpty ? "." : "; reached by then: \(known)."),
                faults: [Problem.Fault(pointer: "#/network", detail: "It has too many cells to visit.")])
        case .cancelled: return .cancelled
        case .emptyDomain(let coordinate):
            return .unprocessable(
                "empty-domain", at: "#/domain/upper/\(coordinate)",
                "The upper bound is not above the lower one.")
        case .wrongInputDimension(let expected, let actual):
            return .unprocessable(
                "shape-mismatch", at: "#/network", "The network has \(actual) inputs, not \(expected).")
        case .notFinite(let layer):
            return .unprocessable("out-of-range", at: "#/network/layers/\(layer)", "A weight is not finite.")
        case .vectorOutput(let outputs):
            return .unprocessable(
                "shape-mismatch", at: "#/network", "The network has \(outputs) outputs; one is expected.")
        }
    }
}

extension JSONWriter {
    /// Everything of a count but the chosen definition.
    mutating func pieceCount(_ result: PieceCount, exact: Bool) {
        key("counts")
        beginObject()
        for definition in PieceDefinition.allCases {
            if let count = result.counts[definition] { member(definition.rawValue, count.description) }
        }
        endObject()
        switch result.method {
        case .listing: member("method", "listing")
        case .recurringSegments: member("method", "recurring-segments")
        case .closedForm: member("method", "closed-form")
        }
        key("upperBounds")
        beginArray()
        for bound in result.upperBounds { namedBound(bound) }
        endArray()
        if let breakpoints = result.breakpoints {
            key("breakpoints")
            beginArray()
            for breakpoint in breakpoints {
                beginObject()
                key("x")
                rational(breakpoint.x, exact: exact)
                key("y")
                if breakpoint.values.count == 1 {
                    rational(breakpoint.values[0], exact: exact)
                } else {
                    beginArray()
                    for value in breakpoint.values { rational(value, exact: exact) }
                    endArray()
                }
                endObject()
            }
            endArray()
        }
        if let regions = result.regions {
            key("regions")
            beginArray()
            for region in regions { self.region(region, exact: exact) }
            endArray()
        }
        if result.breakpoints != nil || result.regions != nil {
            member("listTruncated", result.listTruncated)
        }
        if !exact, result.breakpoints != nil || result.regions != nil {
            member("rounded", !result.isListExact)
        }
    }

    mutating func namedBound(_ bound: NamedBound) {
        beginObject()
        member("name", bound.name)
        member("value", bound.value.description)
        member("source", bound.source)
        endObject()
    }

    mutating func region(_ region: PieceRegion, exact: Bool) {
        beginObject()
        member("piece", region.piece)
        key("a")
        beginArray()
        for halfSpace in region.halfSpaces { vector(halfSpace.normal, exact: exact) }
        endArray()
        key("b")
        vector(region.halfSpaces.map(\.offset), exact: exact)
        key("vertices")
        beginArray()
        for vertex in region.vertices { vector(vertex, exact: exact) }
        endArray()
        key("rays")
        beginArray()
        for ray in region.rays { vector(ray, exact: exact) }
        endArray()
        if region.gradients.count == 1 {
            key("gradient")
            vector(region.gradients[0], exact: exact)
            key("intercept")
            rational(region.intercepts[0], exact: exact)
        } else {
            key("gradients")
            beginArray()
            for gradient in region.gradients { vector(gradient, exact: exact) }
            endArray()
            key("intercepts")
            vector(region.intercepts, exact: exact)
        }
        endObject()
    }

    mutating func vector(_ values: [Rational], exact: Bool) {
        beginArray()
        for value in values { rational(value, exact: exact) }
        endArray()
    }
}

extension PieceCount {
    /// Whether every listed number is a binary64.
    var isListExact: Bool {
        let isExact = { (value: Rational) in value.exactDouble != nil }
        return (breakpoints ?? []).allSatisfy { isExact($0.x) && $0.values.allSatisfy(isExact) }
            && (regions ?? []).allSatisfy { region in
                region.halfSpaces.allSatisfy { $0.normal.allSatisfy(isExact) && isExact($0.offset) }
                    && region.gradients.allSatisfy { $0.allSatisfy(isExact) }
                    && region.intercepts.allSatisfy(isExact)
                    && region.vertices.allSatisfy { $0.allSatisfy(isExact) }
                    && region.rays.allSatisfy { $0.allSatisfy(isExact) }
            }
    }
}
