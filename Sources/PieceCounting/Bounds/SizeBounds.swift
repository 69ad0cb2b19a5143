public import ExactArithmetic

/// The least sizes that one-dimensional networks of k hidden layers need for p pieces: the counting argument of
/// Theorem 3.1 of Arora et al. (ICLR 2018), and its sharper form.
public struct SizeBoundRow: Sendable, Hashable {
    /// k.
    public let hiddenLayers: Int
    /// The least integer size that ½ k p^{1/k} − 1 allows (the paper), at least 0.
    public let paper: BigInteger
    /// The least integer size that k (p^{1/k} − 1) allows: a layer of width w multiplies pieces by at most w + 1.
    public let sharper: BigInteger

    public init(hiddenLayers: Int, paper: BigInteger, sharper: BigInteger) {
        self.hiddenLayers = hiddenLayers
        self.paper = paper
        self.sharper = sharper
    }
}

/// Least sizes by depth, for networks of one input.
public enum SizeBounds {
    /// One row a depth: exact ceilings, computed in integers.
    ///
    /// - Throws: `notPositive` for p < 1 or k < 1; `tooLarge` where p has more than `maximumPieceBits` bits or k is
    ///   above `maximumHiddenLayers`.
    public static func leastSizes(
        pieces: BigInteger, hiddenLayers: ClosedRange<Int>
    ) throws(BoundFault) -> [SizeBoundRow] {
        guard hiddenLayers.count <= maximumRows else { throw .tooLarge(.hiddenLayers(index: 0)) }
        var rows: [SizeBoundRow] = []
        for k in hiddenLayers { rows.append(try row(pieces: pieces, hiddenLayers: k)) }
        return rows
    }

    /// The row of one depth; see `leastSizes`.
    public static func row(pieces: BigInteger, hiddenLayers k: Int) throws(BoundFault) -> SizeBoundRow {
        SizeBoundRow(
            hiddenLayers: k, paper: try paperSize(pieces: pieces, hiddenLayers: k),
            sharper: try sharperSize(pieces: pieces, hiddenLayers: k))
    }

    /// max(0, ⌈½ k p^{1/k} − 1⌉).
    public static func paperSize(pieces: BigInteger, hiddenLayers k: Int) throws(BoundFault) -> BigInteger {
        try check(pieces, k)
        // s ≥ ½ k p^{1/k} − 1 exactly when (2 (s + 1))^k ≥ k^k p.
        let scaled = Radicals.ceilingRoot(pieces * BigInteger(k).power(k), degree: k)
        let (half, rest) = scaled.flooredQuotientAndRemainder(dividingBy: BigInteger(2))
        let next = rest.sign == 0 ? half : half + .one
        return next - .one
    }

    /// ⌈k (p^{1/k} − 1)⌉.
    public static func sharperSize(pieces: BigInteger, hiddenLayers k: Int) throws(BoundFault) -> BigInteger {
        try check(pieces, k)
        // s ≥ k (p^{1/k} − 1) exactly when (s + k)^k ≥ k^k p.
        return Radicals.ceilingRoot(pieces * BigInteger(k).power(k), degree: k) - BigInteger(k)
    }

    /// The most pieces of a network R → R with k hidden layers and at most `size` hidden nodes: the paper's bound
    /// ⌊(2s/k)^k⌋, the sharper ⌊(1 + s/k)^k⌋, and the exact best ∏(w_i + 1) over integer widths of that sum.
    public static func mostPieces(size: Int, hiddenLayers k: Int) throws(BoundFault) -> [NamedBound] {
        guard size >= 1 else { throw .notPositive(.size) }
        try check(.one, k)
        guard size < 1 << 40 else { throw .tooLarge(.size) }
        let s = BigInteger(size)
        let depth = BigInteger(k)
        let scale = depth.power(k)
        let paper = (s * BigInteger(2)).power(k).flooredQuotientAndRemainder(dividingBy: scale).0
        let sharper = (s + depth).power(k).flooredQuotientAndRemainder(dividingBy: scale).0
        let width = size / k
        let wider = size % k
        let best = BigInteger(width + 2).power(wider) * BigInteger(width + 1).power(k - wider)
        return [
            NamedBound(
                name: "paper", value: max(paper, .one),
                source: "Arora, Basu, Mianjy, Mukherjee (ICLR 2018), counting for Theorem 3.1"),
            NamedBound(
                name: "sharper", value: sharper, source: "product of (width + 1) and the inequality of means"),
            NamedBound(
                name: "bestIntegerWidths", value: best, source: "product of (width + 1), even widths"),
        ]
    }

    /// The most rows, layers and bits that these bounds are computed for: their work grows with the product of the
    /// layers and the bits.
    public static let maximumRows = 4096
    public static let maximumHiddenLayers = 4096
    public static let maximumPieceBits = 1 << 16

    private static func check(_ pieces: BigInteger, _ k: Int) throws(BoundFault) {
        guard pieces.sign > 0 else { throw .notPositive(.pieces) }
        guard k >= 1 else { throw .notPositive(.hiddenLayers(index: 0)) }
        guard k <= maximumHiddenLayers else { throw .tooLarge(.hiddenLayers(index: 0)) }
        guard pieces.int != nil || Radicals.bitLength(pieces) <= maximumPieceBits else {
            throw .tooLarge(.pieces)
        }
    }
}
