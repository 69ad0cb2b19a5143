internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import HardFamilies
internal import MicroHTTP
internal import PieceCounting
internal import PiecewiseLinear
internal import ReLUNetworks

/// `POST /v1/families/sawtooth` and `/v1/families/zonotope`: functions that deep networks have and shallow ones cannot
/// afford.
enum FamiliesOperation {
    /// The most zonotope vertices that an answer lists.
    private static let maximumVertices = 10_000
    private static let maximumGapRows = 256
    /// The corollary is stated for these k.
    private static let corollaries = 2...6

    static func sawtooth(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let family = try SawtoothMembers(&reader)
        let distance = reader.optional("distance")
        let answer = try FamilyAnswer(&reader)
        try reader.finish()
        let sawtooth = try family.sawtooth(call)
        if call.answers == "image/svg+xml" { return try FamilyPicture.of(sawtooth, call) }
        let gaps = try faults {
            try sawtooth.gapTable(maximumRows: maximumGapRows, isCancelled: call.cancellation.closure)
        }
        var distances: [DistanceGapRow]?
        if let distance {
            guard family.hasEqualTeeth, sawtooth.maximum == .one else {
                throw Problem.unprocessable(
                    "contradiction", at: distance.pointer,
                    "The bound on distances is for equal teeth and a maximum of 1.")
            }
            let delta = try ExactNumbers.rational(distance, .decimal)
            let rows = 1...min(maximumGapRows, max(1, sawtooth.layers - 1))
            distances = try faults(at: distance.pointer) {
                try DepthGaps.distanceGaps(
                    units: sawtooth.units, layers: sawtooth.layers, distance: delta, hiddenLayers: rows,
                    isCancelled: call.cancellation.closure)
            }
        }
        let corollaryRows = try faults {
            try corollaries.map { try DepthGaps.corollary(k: $0) }
        }
        return try answer.write(sawtooth.network, call) { writer in
            writer.member("units", sawtooth.units)
            writer.count("pieces", sawtooth.pieces)
            writer.count("piecesOnInterval", sawtooth.piecesOnInterval)
            writer.key("interval")
            writer.vector([.zero, sawtooth.maximum], exact: answer.isExact)
            writer.key("gapTable")
            writer.rows(gaps) { writer, row in writer.sizeBoundRow(row) }
            writer.member("gapTableTruncated", sawtooth.layers - 1 > maximumGapRows)
            writer.key("corollaries")
            writer.rows(corollaryRows) { writer, row in
                writer.beginObject()
                writer.member("k", row.k)
                writer.member("deepHiddenLayers", row.deepHiddenLayers)
                writer.member("deepSize", row.deepSize)
                writer.member("shallowHiddenLayers", row.shallowHiddenLayers)
                writer.member("paper", row.leastShallowSizes.paper.description)
                writer.member("sharper", row.leastShallowSizes.sharper.description)
                writer.endObject()
            }
            if let distances {
                writer.key("distanceGaps")
                writer.rows(distances) { writer, row in
                    writer.beginObject()
                    writer.member("hiddenLayers", row.hiddenLayers)
                    writer.member("insufficientSize", row.insufficientSize.description)
                    writer.endObject()
                }
            }
            writer.member("theorem", "Theorem 3.1 of Arora et al. (ICLR 2018)")
        }
    }

    static func zonotope(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let generatorsValue = try reader.required("generators")
        let family = try SawtoothMembers(&reader)
        let answer = try FamilyAnswer(&reader)
        try reader.finish()
        let matrix = try generatorsValue.matrix()
        let values = try ExactNumbers.rationals(matrix, family.reading)
        let generators = (0..<matrix.rows).map {
            Array(values[$0 * matrix.columns..<($0 + 1) * matrix.columns])
        }
        let zonotope = try faults(at: generatorsValue.pointer) { try Zonotope(generators: generators) }
        let sawtooth = try family.sawtooth(call)
        let member = try faults { try ZonotopeFamily(zonotope: zonotope, sawtooth: sawtooth) }
        let pieces = try faults(at: generatorsValue.pointer) {
            try member.pieces(isCancelled: call.cancellation.closure)
        }
        var vertices: [[Rational]]?
        if zonotope.dimension <= 3, pieces.vertices <= BigInteger(maximumVertices) {
            vertices = try faults(at: generatorsValue.pointer) {
                try zonotope.vertices(isCancelled: call.cancellation.closure)
            }
        }
        if call.answers == "image/svg+xml" {
            return zonotope.dimension == 1
                ? try FamilyPicture.of(member, pieces.pieces, call)
                : try FamilyPicture.of(
                    member, pieces.pieces, vertices, at: generatorsValue.pointer, call)
        }
        let last = min(maximumGapRows, sawtooth.layers, SizeBounds.maximumHiddenLayers / zonotope.dimension)
        let bounds =
            last < 1
            ? []
            : try faults {
                try member.sizeBounds(hiddenLayers: 1...last, isCancelled: call.cancellation.closure)
            }
        let isGeneric = pieces.source == .generic
        return try answer.write(member.network, call) { writer in
            writer.count("pieces", pieces.pieces)
            writer.member("pieceCount", isGeneric ? "closed-form" : "counted-vertices")
            writer.member("generic", isGeneric)
            writer.member("zonotopeVertices", pieces.vertices.description)
            if let vertices {
                writer.key("vertices")
                writer.rows(vertices) { writer, vertex in writer.vector(vertex, exact: answer.isExact) }
            }
            writer.key("sizeBounds")
            writer.rows(bounds) { writer, row in
                writer.beginObject()
                writer.member("hiddenLayers", row.hiddenLayers)
                // The region count is a theorem for generic generators only.
                if isGeneric { writer.member("paperRegions", row.paperRegions.description) }
                writer.member("paperLine", row.paperLine.description)
                writer.member("sharperLine", row.sharperLine.description)
                writer.endObject()
            }
            writer.member("theorem", "Theorem 3.11 of Arora et al. (ICLR 2018), corrected")
        }
    }

    // MARK: Faults

    /// - Parameter pointer: of the value that a fault without a place of its own is about.
    static func faults<Result>(
        at pointer: String = "#", _ body: () throws -> Result
    ) throws -> Result {
        do { return try body() } catch let fault as HardFamilyFault { throw problem(fault, pointer) }
    }

    private static func problem(_ fault: HardFamilyFault, _ pointer: String) -> Problem {
        let range = { (pointer: String, detail: String) in
            Problem.unprocessable("out-of-range", at: pointer, detail)
        }
        switch fault {
        case .cancelled: return .cancelled
        case .maximumNotPositive: return range("#/maximum", "The maximum is greater than 0.")
        case .noSimplexPoints:
            return .unprocessable(
                "empty", at: "#/simplexPoints", "At least one point of the simplex is expected.")
        case .simplexPointLength(let point, let expected, let actual):
            return .unprocessable(
                "shape-mismatch", at: "#/simplexPoints/\(point)",
                "The point has \(actual) coordinates where the first one has \(expected).")
        case .simplexPointNotIncreasing(let point, let coordinate):
            return range(
                "#/simplexPoints/\(point)/\(coordinate)",
                "A point of the simplex has 0 < a_1 < … < a_{w−1} < M; this coordinate is not above the one before."
            )
        case .simplexPointBeyondMaximum(let point, let coordinate):
            return range(
                "#/simplexPoints/\(point)/\(coordinate)",
                "A point of the simplex has 0 < a_1 < … < a_{w−1} < M; this coordinate is not below the maximum."
            )
        case .unitsNotPositive: return range("#/units", "At least one unit a layer is expected.")
        case .layersNotPositive: return range("#/layers", "At least one layer is expected.")
        case .noGenerators:
            return .unprocessable("empty", at: "#/generators", "At least one generator is expected.")
        case .generatorLength(let generator, let expected, let actual):
            return .unprocessable(
                "shape-mismatch", at: "#/generators/\(generator)",
                "The generator has \(actual) entries where the first one has \(expected).")
        case .tooLarge:
            return .unprocessable(
                "limit-exceeded", at: pointer,
                "The network, the table or the count would be too large: at most \(SawtoothFamily.maximumWeights) "
                    + "weights, \(SawtoothFamily.maximumLayers) layers, \(SizeBounds.maximumPieceBits) bits of a count."
            )
        case .distanceOutOfRange: return range(pointer, "The distance is at least 0 and below 1/4.")
        case .epsilonNotPositive: return range(pointer, "The exponent is a positive integer.")
        }
    }
}

/// The members that describe a sawtooth: simplex points, or equal teeth.
private struct SawtoothMembers {
    private let maximum: JSONValue?
    private let points: JSONValue?
    private let units: JSONValue?
    private let layers: JSONValue?
    let reading: NumberReading
    let hasEqualTeeth: Bool

    init(_ reader: inout ObjectReader) throws {
        maximum = reader.optional("maximum")
        points = reader.optional("simplexPoints")
        let teeth = reader.optional("teeth")
        units = reader.optional("units")
        layers = reader.optional("layers")
        reading = try reader.numberReading(default: .decimal)
        hasEqualTeeth = teeth != nil
        _ = try teeth?.choice(["equal": true])
        guard (points == nil) == hasEqualTeeth else {
            throw Problem.unprocessable(
                "missing-member", at: reader.pointer("simplexPoints"),
                "Exactly one of 'simplexPoints' and 'teeth' is expected.")
        }
        for value in [units, layers] where !hasEqualTeeth {
            guard let value else { continue }
            throw Problem.unprocessable(
                "contradiction", at: value.pointer,
                "The simplex points say how many units and layers there are.")
        }
        if hasEqualTeeth {
            for (name, value) in [("units", units), ("layers", layers)] where value == nil {
                throw Problem.unprocessable(
                    "missing-member", at: "\(reader.value.pointer)/\(name)",
                    "The member '\(name)' is missing.")
            }
        }
    }

    func sawtooth(_ call: Call) throws -> SawtoothFamily {
        let maximum = try maximum.map { try ExactNumbers.rational($0, reading) } ?? .one
        guard let points else {
            let units = try units?.integer(in: 1...SawtoothFamily.maximumWeights) ?? 1
            let layers = try layers?.integer(in: 1...SawtoothFamily.maximumLayers) ?? 1
            return try FamiliesOperation.faults(at: "#/units") {
                try SawtoothFamily(equalTeeth: units, layers: layers, maximum: maximum)
            }
        }
        let matrix = try points.matrix()
        let values = try ExactNumbers.rationals(matrix, reading)
        let rows = (0..<matrix.rows).map { Array(values[$0 * matrix.columns..<($0 + 1) * matrix.columns]) }
        return try FamiliesOperation.faults(at: points.pointer) {
            try SawtoothFamily(maximum: maximum, simplexPoints: rows)
        }
    }
}

/// What all families' answers have in common.
private struct FamilyAnswer {
    let isExact: Bool
    private let name: StoreMember

    init(_ reader: inout ObjectReader) throws {
        isExact = try reader.isExactArithmetic()
        name = try StoreMember(reader.optional("store"))
    }

    func write(
        _ network: Network<Rational>, _ call: Call, _ report: (inout JSONWriter) throws -> Void
    ) throws -> Response {
        let computed = try ComputedNetwork(network)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("network")
        writer.computed(computed, exact: isExact, threads: call.service.configuration.workers)
        writer.key("report")
        writer.beginObject()
        writer.member("inputDimension", network.inputs)
        writer.shape(hiddenLayers: network.hiddenLayers, width: network.width, size: network.size)
        try report(&writer)
        // The counts belong to the ideal function, whatever rounding does to the network.
        writer.member("rounded", !isExact && !computed.isRoundedExact)
        writer.endObject()
        try name.store(computed, exact: isExact, &writer, call.service)
        writer.endObject()
        return Answer.json(writer.finish())
    }
}

extension JSONWriter {
    /// An array with one entry written for each element.
    mutating func rows<Rows: Sequence>(_ rows: Rows, _ write: (inout JSONWriter, Rows.Element) -> Void) {
        beginArray()
        for row in rows { write(&self, row) }
        endArray()
    }

    mutating func sizeBoundRow(_ row: SizeBoundRow) {
        beginObject()
        member("hiddenLayers", row.hiddenLayers)
        member("paper", row.paper.description)
        member("sharper", row.sharper.description)
        endObject()
    }
}
