/// One node of the proof that a search leaves behind.
///
/// `@unchecked Sendable`: a record is written by the one thread that has its node, and read when all have ended.
final class ProofRecord: @unchecked Sendable {
    /// What a bound rests on.
    final class Leaf: Sendable {
        /// One entry a row.
        let slopes: [Double]
        /// α where it is not 0.
        let alphas: [TrainingCertificate.Slope]

        init(slopes: [Double], alphas: [TrainingCertificate.Slope]) {
            self.slopes = slopes
            self.alphas = alphas
        }
    }

    enum Content {
        case cut(unit: Int, row: Int, parts: [ProofRecord])
        case cutPair(units: [Int], row: Int, parts: [ProofRecord])
        case leaf
    }

    var content = Content.leaf
    /// The best bound's, of this node or of one above.
    var leaf: Leaf?

    init(leaf: Leaf?) { self.leaf = leaf }

    /// The nodes in preorder.
    func nodes(rows: Int, slopeScale: Double) -> [TrainingCertificate.Node] {
        var result: [TrainingCertificate.Node] = []
        var pending = [self]
        while let record = pending.popLast() {
            switch record.content {
            case .cut(let unit, let row, let parts):
                result.append(.cut(unit: unit, point: row))
                pending += parts.reversed()
            case .cutPair(let units, let row, let parts):
                result.append(.cutPair(units: units, point: row))
                pending += parts.reversed()
            case .leaf:
                let slopes = record.leaf?.slopes ?? [Double](repeating: 0, count: rows)
                result.append(
                    .leaf(dual: slopes.map { $0 * slopeScale }, slopes: record.leaf?.alphas ?? []))
            }
        }
        return result
    }
}
