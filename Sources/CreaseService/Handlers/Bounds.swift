internal import ExactArithmetic
internal import FastJSON
internal import HardFamilies
internal import MicroHTTP
internal import PieceCounting

/// `POST /v1/bounds`: what an architecture can and cannot have, and what depth buys.
enum BoundsOperation {
    private static let maximumRows = 256

    static func run(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let architecture = reader.optional("architecture")
        let pieces = reader.optional("pieces")
        let deepest = reader.optional("hiddenLayers")
        let size = reader.optional("size")
        let gap = reader.optional("gap")
        try reader.finish()
        guard architecture != nil || pieces != nil || size != nil || gap != nil else {
            throw Problem.unprocessable(
                "missing-member", at: "#/architecture",
                "At least one of 'architecture', 'pieces', 'size' and 'gap' is expected.")
        }
        if let deepest, pieces == nil, size == nil {
            throw Problem.unprocessable(
                "contradiction", at: deepest.pointer, "'hiddenLayers' belongs to 'pieces' or 'size'.")
        }
        let layers = try deepest?.integer(in: 1...maximumRows) ?? 10
        var writer = JSONWriter()
        writer.beginObject()
        if let architecture { try write(&writer, architecture: architecture) }
        if let pieces { try write(&writer, pieces: pieces, layers: layers, call) }
        if let size { try write(&writer, size: size, layers: layers) }
        if let gap { try write(&writer, gap: gap) }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    /// Bounds on the pieces of networks with given widths.
    private static func write(_ writer: inout JSONWriter, architecture value: JSONValue) throws {
        var reader = try ObjectReader(value)
        let inputs = try reader.optional("inputs")?.integer(in: 1...ArchitectureBounds.maximumInputs) ?? 1
        let widthsValue = try reader.required("hiddenWidths")
        try reader.finish()
        let elements = try widthsValue.elements()
        guard elements.count <= ArchitectureBounds.maximumHiddenLayers else {
            throw Problem.limit(
                "hidden layers", ArchitectureBounds.maximumHiddenLayers, at: widthsValue.pointer,
                "There are \(elements.count) layers")
        }
        let widths = try elements.map { try $0.integer(in: 1...ArchitectureBounds.maximumWidth) }
        try faults(value.pointer) {
            let upper = try ArchitectureBounds.upperBounds(inputs: inputs, hiddenWidths: widths)
            let lower = try ArchitectureBounds.lowerBounds(inputs: inputs, hiddenWidths: widths)
            writer.key("architecture")
            writer.beginObject()
            writer.member("inputs", inputs)
            writer.shape(
                hiddenLayers: widths.count, width: widths.max() ?? 0, size: widths.reduce(0, +))
            writer.key("upperBounds")
            writer.rows(upper) { writer, bound in writer.namedBound(bound) }
            writer.key("lowerBounds")
            writer.rows(lower) { writer, bound in writer.namedBound(bound) }
            writer.endObject()
        }
    }

    /// The least size at each depth of a network of one input with that many pieces.
    private static func write(
        _ writer: inout JSONWriter, pieces value: JSONValue, layers: Int, _ call: Call
    ) throws {
        let number = try ExactNumbers.rational(value, .decimal)
        guard number.denominator == .one, number.sign > 0 else {
            throw Problem.unprocessable(
                "out-of-range", at: value.pointer, "A positive whole number is expected here.")
        }
        let pieces = number.numerator
        try faults(value.pointer) {
            var rows: [SizeBoundRow] = []
            for depth in 1...layers {
                rows.append(try SizeBounds.row(pieces: pieces, hiddenLayers: depth))
            }
            writer.key("leastSizes")
            writer.rows(rows) { writer, row in writer.sizeBoundRow(row) }
        }
        if call.cancellation.isCancelled { throw Problem.cancelled }
    }

    /// The most pieces of a network of one input with that many units, at each depth.
    private static func write(_ writer: inout JSONWriter, size value: JSONValue, layers: Int) throws {
        let size = try value.integer(in: 1...(1 << 40) - 1)
        try faults(value.pointer) {
            var rows: [(Int, [NamedBound])] = []
            for depth in 1...layers {
                rows.append((depth, try SizeBounds.mostPieces(size: size, hiddenLayers: depth)))
            }
            writer.key("mostPieces")
            writer.rows(rows) { writer, row in
                writer.beginObject()
                writer.member("hiddenLayers", row.0)
                for bound in row.1 { writer.member(bound.name, bound.value.description) }
                writer.endObject()
            }
        }
    }

    /// What a sawtooth's depth saves: the deep size against the least shallow one.
    private static func write(_ writer: inout JSONWriter, gap value: JSONValue) throws {
        var reader = try ObjectReader(value)
        let units = try reader.required("units").integer(in: 1...SawtoothFamily.maximumWeights)
        let layersValue = try reader.required("hiddenLayers")
        let layers = try layersValue.integer(in: 1...SawtoothFamily.maximumLayers)
        let shallowValue = try reader.required("shallowHiddenLayers")
        let shallow = try shallowValue.integer(in: 1...SawtoothFamily.maximumLayers)
        try reader.finish()
        guard shallow < layers else {
            throw Problem.unprocessable(
                "out-of-range", at: shallowValue.pointer, "It is less than 'hiddenLayers', \(layers).")
        }
        let (sawtooth, row) = try FamiliesOperation.faults(at: value.pointer) {
            let sawtooth = try SawtoothFamily(equalTeeth: units, layers: layers)
            return (sawtooth, try sawtooth.gap(hiddenLayers: shallow))
        }
        writer.key("gap")
        writer.beginObject()
        writer.member("deepHiddenLayers", layers)
        writer.member("deepSize", sawtooth.size)
        writer.count("pieces", sawtooth.pieces)
        writer.member("shallowHiddenLayers", shallow)
        writer.member("paper", row.paper.description)
        writer.member("sharper", row.sharper.description)
        writer.endObject()
    }

    private static func faults(_ pointer: String, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch let fault as BoundFault {
            switch fault {
            case .notPositive:
                throw Problem.unprocessable("out-of-range", at: pointer, "Every number is at least 1 here.")
            case .tooLarge:
                throw Problem.unprocessable(
                    "limit-exceeded", at: pointer,
                    "The bounds would take too long or be too large: at most \(SizeBounds.maximumPieceBits) bits."
                )
            }
        }
    }
}
