internal import ExactArithmetic
internal import ExactTraining
internal import FastJSON
internal import ReLUNetworks
internal import Signatures

/// What `crease verify` says of a file.
public enum CertificateVerdict: Sendable, Equatable {
    /// The document proves this lower bound.
    case accepted(lowerBound: Double)
    case refused(reason: String)
    /// The bytes are no certificate of a known format.
    case unreadable(reason: String)

    /// Reads a certificate and checks it in exact arithmetic.
    public init(checking bytes: [UInt8]) {
        do {
            let document = try JSONDocument(bytes)
            guard try document.root.member("format")?.string() == CertificateDocument.format else {
                self = .unreadable(reason: "this is no training certificate of a known format")
                return
            }
            guard let found = CertificateDocument.digest(of: bytes) else {
                self = .unreadable(reason: "the document does not end with its digest")
                return
            }
            guard found.stated == found.actual else {
                self = .refused(reason: "the digest is another one")
                return
            }
            let certificate = try CertificateDocument.decode(document.root)
            if let reason = verify(certificate) {
                self = .refused(reason: reason)
            } else {
                self = .accepted(lowerBound: certificate.lowerBound)
            }
        } catch let fault as JSONFault {
            self = .unreadable(reason: Self.text(fault.places.first?.pointer, fault.detail))
        } catch let problem as Problem {
            self = .unreadable(reason: Self.text(problem.faults.first?.pointer, problem.detail))
        } catch let fault as TrainingFault {
            self = .refused(reason: "the problem is no training problem: \(fault)")
        } catch {
            self = .unreadable(reason: "\(error)")
        }
    }

    private static func text(_ pointer: String?, _ detail: String) -> String {
        pointer.map { "\($0): \(detail)" } ?? detail
    }
}

extension CertificateDocument {
    /// The digest that the document states, and that of its bytes without white space before that member.
    static func digest(of bytes: [UInt8]) -> (stated: String, actual: String)? {
        let text = bytes.filter { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        let prefix = Array(",\"sha256\":\"".utf8)
        let end = prefix.count + 64 + 2
        guard text.count > end, text.suffix(2).elementsEqual("\"}".utf8),
            text[(text.count - end)..<(text.count - end + prefix.count)].elementsEqual(prefix)
        else { return nil }
        let stated = String(decoding: text[(text.count - 66)..<(text.count - 2)], as: UTF8.self)
        let actual = text.withUnsafeBytes {
            sha256Digest(UnsafeRawBufferPointer(rebasing: $0.prefix(text.count - end)))
        }
        return (stated, actual)
    }

    /// - Throws: `JSONFault` and `Problem` where the document has another form, `TrainingFault` where its data are no
    ///   training problem.
    static func decode(_ root: JSONValue) throws -> ExactCertificate {
        var reader = try ObjectReader(root)
        _ = reader.optional("format")
        _ = reader.optional("sha256")
        let inputs = try reader.required("inputs").matrix()
        let targets = try doubles(reader.required("targets"))
        let weights = try doubles(reader.required("sampleWeights"))
        let units = try reader.required("hiddenUnits").integer(in: 0...Int(Int32.max))
        let loss = try TrainingLoss(reader.required("loss"))
        let term = try OutputTerm(reader.required("outputTerm"))
        let networkValue = try reader.required("network")
        let networkLoss = try reader.required("networkLoss").double()
        let lowerBound = try reader.required("lowerBound").double()
        let relativeGap = try reader.required("relativeGap").double()
        let coordinates = try integers(reader.required("coordinates"))
        let baseRows = try integers(reader.required("baseRows"))
        let treesValue = try reader.required("trees")
        try reader.finish()
        if let index = inputs.firstNotFinite { throw ExactNumbers.beyondBinary64(inputs.pointer(index)) }
        let problem = try TrainingProblem(
            inputs: inputs.doubles, columns: inputs.columns, targets: targets, weights: weights,
            hiddenUnits: units, loss: loss, outputTerm: term)
        return ExactCertificate(
            problem: problem, network: try network(networkValue), loss: networkLoss, lowerBound: lowerBound,
            relativeGap: relativeGap, coordinates: coordinates, baseRows: baseRows,
            trees: try treesValue.elements().map(tree))
    }

    private static func tree(_ value: JSONValue) throws -> ExactCertificate.Tree {
        var reader = try ObjectReader(value)
        let positiveUnits = try reader.required("positiveUnits").integer(in: 0...Int(Int32.max))
        let cells = try integers(reader.required("cells"))
        let nodes = try reader.required("nodes")
        try reader.finish()
        return ExactCertificate.Tree(
            positiveUnits: positiveUnits, cells: cells, nodes: try nodes.elements().map(node))
    }

    private static func node(_ value: JSONValue) throws -> ExactCertificate.Node {
        var reader = try ObjectReader(value)
        let cut = reader.optional("cut")
        let pair = reader.optional("pair")
        let dual = reader.optional("dual")
        let slopes = reader.optional("slopes")
        try reader.finish()
        switch (cut, pair, dual, slopes) {
        case (let cut?, nil, nil, nil):
            let numbers = try integers(cut, count: 2)
            return .cut(unit: numbers[0], row: numbers[1])
        case (nil, let pair?, nil, nil):
            let numbers = try integers(pair, count: 3)
            return .cutPair(units: [numbers[0], numbers[1]], row: numbers[2])
        case (nil, nil, let dual?, let slopes?): return .leaf(try leaf(dual, slopes))
        default:
            throw Problem.unprocessable(
                "contradiction", at: value.pointer, "A node is a cut, a pair, or a leaf with dual and slopes."
            )
        }
    }

    private static func leaf(_ dualValue: JSONValue, _ slopesValue: JSONValue) throws -> ExactCertificate.Leaf
    {
        let numbers = try dualValue.numbers()
        var dual = numbers.doubles
        var exact: [ExactCertificate.ExactEntry] = []
        for row in dual.indices where !dual[row].isFinite {
            guard numbers.isString(row) else { throw ExactNumbers.beyondBinary64(numbers.pointer(row)) }
            let value = numbers.withText(row) { fraction($0) }
            guard let value else {
                throw Problem.unprocessable(
                    "invalid-number", at: numbers.pointer(row), "The string is no fraction of integers.")
            }
            exact.append(ExactCertificate.ExactEntry(row: row, value: value))
            dual[row] = 0
        }
        let slopes = try slopesValue.elements().map { value in
            let entries = try value.elements()
            guard entries.count == 3 else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: value.pointer, "A slope is a row, a unit and a value.")
            }
            return ExactCertificate.Slope(
                row: try entries[0].integer(in: 0...Int(Int32.max)),
                unit: try entries[1].integer(in: 0...Int(Int32.max)), value: try entries[2].double())
        }
        return ExactCertificate.Leaf(dual: dual, exact: exact, slopes: slopes)
    }

    /// `n` or `n/d` in decimal, of any length.
    private static func fraction(_ text: UnsafeBufferPointer<UInt8>) -> Rational? {
        let parts = String(decoding: text, as: UTF8.self).split(
            separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let numerator = BigInteger(String(parts[0])) else { return nil }
        guard parts.count == 2 else { return Rational(numerator) }
        guard let denominator = BigInteger(String(parts[1])), denominator.sign > 0 else { return nil }
        return Rational(numerator, denominator)
    }

    private static func network(_ value: JSONValue) throws -> Network<Double> {
        var reader = try ObjectReader(value)
        let layersValue = try reader.required("layers")
        try reader.finish()
        var layers: [AffineLayer<Double>] = []
        for value in try layersValue.elements() {
            var reader = try ObjectReader(value)
            let weights = try reader.required("weights").matrix()
            let bias = try doubles(reader.required("bias"))
            try reader.finish()
            if let index = weights.firstNotFinite {
                throw ExactNumbers.beyondBinary64(weights.pointer(index))
            }
            guard weights.rows > 0, bias.count == weights.rows,
                layers.last.map({ $0.outputs == weights.columns }) ?? true
            else {
                throw Problem.unprocessable(
                    "shape-mismatch", at: value.pointer, "The shapes of the network's layers disagree.")
            }
            layers.append(
                AffineLayer(
                    inputs: weights.columns, outputs: weights.rows, weights: weights.doubles, bias: bias))
        }
        guard !layers.isEmpty else {
            throw Problem.unprocessable("empty", at: layersValue.pointer, "A network has at least one layer.")
        }
        return Network(layers: layers)
    }

    private static func doubles(_ value: JSONValue) throws -> [Double] {
        let numbers = try value.numbers()
        if let index = numbers.firstNotFinite { throw ExactNumbers.beyondBinary64(numbers.pointer(index)) }
        return numbers.doubles
    }

    private static func integers(_ value: JSONValue, count: Int? = nil) throws -> [Int] {
        let values = try value.elements().map { try $0.integer(in: 0...Int(Int32.max)) }
        if let count, values.count != count {
            throw Problem.unprocessable(
                "shape-mismatch", at: value.pointer, "\(count) whole numbers are expected here.")
        }
        return values
    }
}
