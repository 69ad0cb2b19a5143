public import ExactArithmetic
public import PieceCounting

/// What depth buys in one of the paper's corollaries of Theorem 3.1.
public struct CorollaryRow: Sendable, Hashable {
    /// The parameter k of the corollary.
    public let k: Int
    /// ε.
    public let epsilon: Int
    /// k^{1+ε}.
    public let deepHiddenLayers: Int
    /// k^{2+ε}: that many layers of k units.
    public let deepSize: Int
    /// k.
    public let shallowHiddenLayers: Int
    /// The least size with k hidden layers: the integer ceilings of ½ k · k^{k^ε} − 1 and of the sharper bound.
    public let leastShallowSizes: SizeBoundRow
}

/// A size below which the deep function cannot be approximated.
public struct DistanceGapRow: Sendable, Hashable {
    /// k'.
    public let hiddenLayers: Int
    /// Every network with at most k' hidden layers and at most this size is at L¹ distance above δ on [0, 1].
    public let insufficientSize: BigInteger
}

/// Gaps between depths, from the sawtooth family with equal teeth.
public enum DepthGaps {
    /// The corollary for k and an integer ε ≥ 1: some function with k^{1+ε} hidden layers and size k^{2+ε} needs
    /// size ½ k · k^{k^ε} − 1 with k hidden layers. ε = 1 gives k², k³ and ½ k^{k+1} − 1.
    ///
    /// - Throws: `layersNotPositive`, `epsilonNotPositive`, `tooLarge` where the number of pieces has too many bits.
    public static func corollary(k: Int, epsilon: Int = 1) throws(HardFamilyFault) -> CorollaryRow {
        guard k >= 1 else { throw .layersNotPositive }
        guard epsilon >= 1 else { throw .epsilonNotPositive }
        guard epsilon <= 64 else { throw .tooLarge }
        var deep = k
        for _ in 0..<epsilon {
            let (next, overflow) = deep.multipliedReportingOverflow(by: k)
            guard !overflow, next <= SizeBounds.maximumPieceBits else { throw .tooLarge }
            deep = next
        }
        let onInterval = BigInteger(k).power(deep)
        let pieces = onInterval + BigInteger(k % 2 == 1 || deep == 1 ? 1 : 2)
        do {
            return CorollaryRow(
                k: k, epsilon: epsilon, deepHiddenLayers: deep, deepSize: deep * k, shallowHiddenLayers: k,
                leastShallowSizes: SizeBoundRow(
                    hiddenLayers: k, paper: try SizeBounds.paperSize(pieces: onInterval, hiddenLayers: k),
                    sharper: try SizeBounds.sharperSize(pieces: pieces, hiddenLayers: k)))
        } catch {
            throw .tooLarge
        }
    }

    /// Theorem 3.5 for H with w equal teeth, k layers and M = 1: for each k' the largest integer size that is at most
    /// k' w^{k/k'} (1 − 4δ)^{1/k'} / 2^{1+1/k'}.
    ///
    /// - Parameter distance: δ, with 0 ≤ δ < 1/4.
    public static func distanceGaps(
        units: Int, layers: Int, distance: Rational, hiddenLayers: ClosedRange<Int>,
        isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> [DistanceGapRow] {
        guard units >= 1 else { throw .unitsNotPositive }
        guard layers >= 1, hiddenLayers.lowerBound >= 1 else { throw .layersNotPositive }
        guard distance.sign >= 0, distance < Rational(1, 4) else { throw .distanceOutOfRange }
        guard layers <= SawtoothFamily.maximumLayers,
            hiddenLayers.upperBound <= SizeBounds.maximumHiddenLayers,
            units <= SawtoothFamily.maximumWeights
        else { throw .tooLarge }
        let rest = Rational.one - distance * 4
        let pieces = BigInteger(units).power(layers)
        var rows: [DistanceGapRow] = []
        for shallow in hiddenLayers {
            if isCancelled() { throw .cancelled }
            // s is at most the bound exactly when 2 (2s)^{k'} ≤ k'^{k'} w^k (1 − 4δ).
            let power = (BigInteger(shallow).power(shallow) * pieces * rest.numerator)
                .flooredQuotientAndRemainder(dividingBy: rest.denominator * BigInteger(2)).0
            let doubled = Radicals.floorRoot(power, degree: shallow)
            rows.append(
                DistanceGapRow(
                    hiddenLayers: shallow,
                    insufficientSize: doubled.flooredQuotientAndRemainder(dividingBy: BigInteger(2)).0))
        }
        return rows
    }
}
