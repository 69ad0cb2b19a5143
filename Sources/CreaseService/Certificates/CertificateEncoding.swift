internal import ExactArithmetic
internal import ExactTraining
internal import FastJSON
internal import Signatures

/// A certificate as one self-contained JSON document without white space, its last member the SHA-256 of what comes
/// before it. `docs/certificates.md` describes the format.
enum CertificateDocument {
    static let format = "crease-training-certificate-1"

    /// - Returns: nil where the document would have more than `maximumBytes` bytes.
    static func encode(_ certificate: ExactCertificate, maximumBytes: Int = .max) -> [UInt8]? {
        var writer = JSONWriter(capacity: 1 << 16)
        writer.beginObject()
        writer.member("format", format)
        writer.problem(certificate.problem)
        writer.key("network")
        writer.network(certificate.network, threads: 1)
        writer.member("networkLoss", certificate.loss)
        writer.member("lowerBound", certificate.lowerBound)
        writer.member("relativeGap", certificate.relativeGap)
        writer.integers("coordinates", certificate.coordinates)
        writer.integers("baseRows", certificate.baseRows)
        writer.key("trees")
        writer.beginArray()
        for tree in certificate.trees {
            writer.beginObject()
            writer.member("positiveUnits", tree.positiveUnits)
            writer.integers("cells", tree.cells)
            writer.key("nodes")
            writer.beginArray()
            for node in tree.nodes {
                guard writer.count <= maximumBytes else { return nil }
                writer.node(node)
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        let text = writer.array()
        let digest = text.withUnsafeBytes { sha256Digest($0) }
        let whole = text + Array(",\"sha256\":\"\(digest)\"}".utf8)
        return whole.count <= maximumBytes ? whole : nil
    }
}

extension JSONWriter {
    fileprivate mutating func integers(_ name: String, _ values: [Int]) {
        key(name)
        beginArray()
        for value in values { integer(value) }
        endArray()
    }

    fileprivate mutating func problem(_ problem: TrainingProblem) {
        key("inputs")
        problem.inputs.withUnsafeBufferPointer { matrix($0, columns: problem.columns) }
        key("targets")
        numbers(problem.targets)
        key("sampleWeights")
        numbers(problem.weights)
        member("hiddenUnits", problem.hiddenUnits)
        key("loss")
        loss(problem.loss)
        member("outputTerm", problem.outputTerm.name)
    }

    fileprivate mutating func node(_ node: ExactCertificate.Node) {
        beginObject()
        switch node {
        case .cut(let unit, let row): integers("cut", [unit, row])
        case .cutPair(let units, let row): integers("pair", units + [row])
        case .leaf(let leaf):
            key("dual")
            if leaf.exact.isEmpty {
                numbers(leaf.dual)
            } else {
                var next = 0
                beginArray()
                for (row, value) in leaf.dual.enumerated() {
                    if next < leaf.exact.count, leaf.exact[next].row == row {
                        rational(leaf.exact[next].value)
                        next += 1
                    } else {
                        double(value)
                    }
                }
                endArray()
            }
            key("slopes")
            beginArray()
            for slope in leaf.slopes {
                beginArray()
                integer(slope.row)
                integer(slope.unit)
                double(slope.value)
                endArray()
            }
            endArray()
        }
        endObject()
    }

    /// A loss as requests take it, always the object.
    mutating func loss(_ loss: TrainingLoss) {
        beginObject()
        member("kind", loss.name)
        switch loss {
        case .huber(let delta): member("delta", delta)
        case .quantile(let level): member("level", level)
        default: break
        }
        endObject()
    }
}
