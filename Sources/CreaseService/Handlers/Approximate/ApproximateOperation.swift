internal import Approximation
internal import ExactArithmetic
internal import ExactTraining
internal import FastJSON
internal import MicroHTTP
internal import PiecewiseLinear

/// `POST /v1/approximate`: the continuous piecewise-linear function of the fewest pieces within a tolerance of data or
/// of a formula, or the best one of so many pieces, and its minimal network.
enum ApproximateOperation {
    static func run(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let members = ApproximateMembers(&reader)
        let answer = try ApproximateAnswer(&reader, call)
        let reading = try reader.numberReading(default: .decimal)
        try reader.finish()
        switch (members.points, members.bands, members.formula) {
        case (let points?, nil, nil):
            try members.refuse([("interval", members.interval)], "'interval' belongs to 'formula'.")
            let rows = try PostedRows(points, columns: 2, reading, call)
            switch (members.tolerance, members.pieces) {
            case (let tolerance?, nil):
                try members.refuse(members.ofPieces, "belongs to 'pieces'.", named: true)
                return try answer.write(
                    FewestPiecesApproximation(rows, tolerance: tolerance, answer), rows)
            case (nil, let pieces?):
                return try answer.write(BestOfPiecesApproximation(rows, pieces, members, answer), rows)
            default:
                throw Problem.unprocessable(
                    "missing-member", at: reader.pointer("tolerance"),
                    "Exactly one of 'tolerance' and 'pieces' comes with 'points'.")
            }
        case (nil, let bands?, nil):
            try members.refuse([("interval", members.interval)], "'interval' belongs to 'formula'.")
            try members.refuse(
                [("tolerance", members.tolerance), ("pieces", members.pieces)] + members.ofPieces,
                "The bands are themselves the tolerance.")
            let rows = try PostedRows(bands, columns: 3, reading, call)
            return try answer.write(FewestPiecesApproximation(rows, tolerance: nil, answer), rows)
        case (nil, nil, let formula?):
            try members.refuse(
                [("pieces", members.pieces)] + members.ofPieces,
                "A formula comes with 'interval' and 'tolerance' alone.")
            return try FormulaOperation.run(formula, members.interval, members.tolerance, answer)
        default:
            // The data beside a formula, or the bands beside points.
            let surplus = members.formula == nil ? members.bands : members.points ?? members.bands
            if let surplus, members.given > 1 {
                throw Problem.unprocessable(
                    "contradiction", at: surplus.pointer,
                    "Only one of 'points', 'bands' and 'formula' is taken.")
            }
            throw Problem.unprocessable(
                "missing-member", at: reader.pointer("points"),
                "Exactly one of 'points', 'bands' and 'formula' is expected.")
        }
    }

    /// What a fault means to whoever posted these rows.
    static func problem(_ fault: ApproximationFault, _ rows: PostedRows) -> Problem {
        let pointer = rows.matrix.pointer
        switch fault {
        case .cancelled: return .cancelled
        case .noPoints: return .unprocessable("empty", at: pointer, "At least one row is expected.")
        case .emptyBand(let index):
            return .unprocessable(
                "out-of-range", at: "\(pointer)/\(index)", "The lower bound is above the upper bound.")
        case .contradiction(let index):
            return .unprocessable(
                "infeasible", at: "\(pointer)/\(index)",
                "Another row at the same x excludes what this one allows: no function passes both.")
        case .piecesNotPositive:
            return .unprocessable("out-of-range", at: "#/pieces", "At least one piece is expected.")
        case .tooManyPieces(let limit):
            return .limit(
                "pieces", limit, at: "#/pieces",
                "These data need a search, which takes few pieces (the norm 'maximum' takes any number)")
        case .outOfRange(let index):
            return .unprocessable(
                "out-of-range", at: "\(pointer)/\(index)", "The search meets numbers beyond binary64.")
        case .unsuitable(.magnitude(row: let row, column: let column)):
            return .unprocessable(
                "out-of-range", at: "\(pointer)/\(row)/\(column == nil ? 1 : 0)",
                "The column's numbers spread over more orders of magnitude than the search takes.")
        case .unsuitable(let reason):
            return .unprocessable(
                "out-of-range", at: pointer, "The search does not take these data: \(reason).")
        }
    }
}

/// The members that say what is approximated, and how well.
struct ApproximateMembers {
    let points: JSONValue?
    let bands: JSONValue?
    let formula: JSONValue?
    let interval: JSONValue?
    let tolerance: JSONValue?
    let pieces: JSONValue?
    let norm: JSONValue?
    let relativeGap: JSONValue?
    let timeLimitSeconds: JSONValue?

    init(_ reader: inout ObjectReader) {
        points = reader.optional("points")
        bands = reader.optional("bands")
        formula = reader.optional("formula")
        interval = reader.optional("interval")
        tolerance = reader.optional("tolerance")
        pieces = reader.optional("pieces")
        norm = reader.optional("norm")
        relativeGap = reader.optional("relativeGap")
        timeLimitSeconds = reader.optional("timeLimitSeconds")
    }

    /// How many of the three things to approximate were posted.
    var given: Int { [points, bands, formula].reduce(0) { $0 + ($1 == nil ? 0 : 1) } }

    /// What only the search for a best function of so many pieces takes.
    var ofPieces: [(name: String, value: JSONValue?)] {
        [("norm", norm), ("relativeGap", relativeGap), ("timeLimitSeconds", timeLimitSeconds)]
    }

    func refuse(_ members: [(name: String, value: JSONValue?)], _ reason: String, named: Bool = false) throws
    {
        for (name, value) in members {
            guard let value else { continue }
            throw Problem.unprocessable(
                "contradiction", at: value.pointer, named ? "'\(name)' \(reason)" : reason)
        }
    }
}

/// What was found, and what is said of it.
protocol FoundApproximation {
    var function: PiecewiseLinearFunction { get }
    /// The members of the answer's `approximation` after the counts.
    func write(_ writer: inout JSONWriter, exact: Bool)
    /// The strip that is drawn around two-column data.
    var bandWidth: Double? { get }
}

/// The members that all approximations share, and the answer made of them.
struct ApproximateAnswer {
    let call: Call
    let isExact: Bool
    private let outputBias: Bool
    private let name: StoreMember

    init(_ reader: inout ObjectReader, _ call: Call) throws {
        self.call = call
        outputBias = try reader.optional("outputBias")?.boolean() ?? true
        isExact = try reader.isExactArithmetic()
        name = try StoreMember(reader.optional("store"))
    }

    func write(_ found: some FoundApproximation, _ rows: PostedRows) throws -> Response {
        if call.answers == "image/svg+xml" { return ApproximatePicture.of(found, rows) }
        return try write(found.function, of: rows.matrix.pointer) { writer in
            writer.member("points", rows.matrix.rows)
            writer.member("pieces", found.function.pieces)
            found.write(&writer, exact: isExact)
        }
    }

    /// - Parameters:
    ///   - pointer: of what was approximated.
    ///   - members: writes the members of `approximation`.
    func write(
        _ function: PiecewiseLinearFunction, of pointer: String, _ members: (inout JSONWriter) -> Void
    ) throws -> Response {
        // A search that was told to stop has its answer still to be written.
        let call = call.cancellation.isCancelled ? call.concluding() : call
        return try CompileOperation.answer(
            function: function, at: pointer, outputBias: outputBias, isExact: isExact, name: name, call
        ) { writer in
            writer.key("function")
            writer.function(function, exact: isExact)
            writer.key("approximation")
            writer.beginObject()
            members(&writer)
            writer.endObject()
        }
    }
}
