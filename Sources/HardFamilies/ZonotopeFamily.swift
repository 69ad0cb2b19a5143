public import ExactArithmetic
internal import PieceCounting
public import ReLUNetworks

/// How a number of pieces was found.
public enum ZonotopeCountSource: String, Sendable, Hashable {
    /// The generators are in S(n, m), so that V has its closed form.
    case generic
    /// The generators are not, and the zonotope's vertices were counted.
    case countedVertices
}

/// The number of pieces of a member of the zonotope family.
public struct ZonotopePieces: Sendable, Hashable {
    /// V, the pieces of γ_Z.
    public let vertices: BigInteger
    public let pieces: BigInteger
    public let source: ZonotopeCountSource
}

/// Lower bounds on the size of every network with k' hidden layers that computes a member of the zonotope family.
public struct ZonotopeSizeRow: Sendable, Hashable {
    /// k'.
    public let hiddenLayers: Int
    /// ⌈½ k' w^{k/(k'n)} (m−1)^{(1−1/n)/k'} − 1⌉, at least 0: Theorem 3.11 of the paper, first term; for generators
    /// in S(n, m).
    public let paperRegions: BigInteger
    /// ⌈k' w^{k/k'} / n^{1/k'}⌉: its second term.
    public let paperLine: BigInteger
    /// ⌈k' (P^{1/k'} − 1)⌉ for the P pieces along a line through the origin on which γ_Z is not constant: a network
    /// restricted to a line has no more units.
    public let sharperLine: BigInteger
}

/// ZONOTOPE^n_{k,w,m} of Theorem 3.11 of Arora et al. (ICLR 2018): H_{a^1..a^k} ∘ γ_Z.
public struct ZonotopeFamily: Sendable {
    public let zonotope: Zonotope
    public let sawtooth: SawtoothFamily

    public init(zonotope: Zonotope, sawtooth: SawtoothFamily) throws(HardFamilyFault) {
        let nodes = 2 * zonotope.generators.count
        guard
            nodes.multipliedReportingOverflow(by: sawtooth.units).partialValue
                <= SawtoothFamily.maximumWeights
        else { throw .tooLarge }
        self.zonotope = zonotope
        self.sawtooth = sawtooth
    }

    /// 2m + wk hidden nodes.
    public var size: Int { 2 * zonotope.generators.count + sawtooth.size }
    /// k + 1 hidden layers, which is depth k + 2.
    public var hiddenLayers: Int { sawtooth.layers + 1 }

    /// The network: units σ(⟨b_i, r⟩) and σ(−⟨b_i, r⟩), whose sum is γ_Z, then the sawtooth's layers.
    public var network: Network<Rational> {
        let rows = zonotope.generators.flatMap { [$0, $0.map { -$0 }] }
        let first = AffineLayer(
            inputs: zonotope.dimension, outputs: rows.count, weights: Array(rows.joined()),
            bias: [Rational](repeating: .zero, count: rows.count))
        return Network(
            layers: [first] + sawtooth.layers(readingFrom: [Rational](repeating: .one, count: rows.count)))
    }

    /// The exact number of pieces on R^n.
    ///
    /// γ_Z has V pieces, cones on each of which it is one linear form that takes all values ≥ 0, so the composition
    /// has w^k pieces in each cone; no two of them have one affine map. Where H vanishes beyond M (w even, k ≥ 2),
    /// {γ_Z > M} is one piece more, and two if the generators span a line only. Theorem 3.11, corrected.
    /// - Throws: `tooLarge` where the vertices take more than `maximumWork` to count: then the pieces of `network`
    ///   have to be counted.
    public func pieces(
        maximumWork: Int = 5_000_000, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> ZonotopePieces {
        // First, since many vertices, for which it throws, can mean a rank that is long to find.
        let counted = BigInteger(
            try zonotope.vertexCount(maximumWork: maximumWork, isCancelled: isCancelled))
        let source: ZonotopeCountSource =
            counted == (try zonotope.mostVertices) ? .generic : .countedVertices
        guard let rank = zonotope.rank(isCancelled: isCancelled) else { throw .cancelled }
        if rank == 0 { return ZonotopePieces(vertices: .one, pieces: .one, source: source) }
        let tails = sawtooth.endsInZero ? (rank == 1 ? 2 : 1) : 0
        return ZonotopePieces(
            vertices: counted, pieces: counted * sawtooth.piecesOnInterval + BigInteger(tails), source: source
        )
    }

    /// For each depth k' the lower bounds on the size of an equal network with k' hidden layers, exact ceilings.
    ///
    /// - Throws: `layersNotPositive`, `tooLarge` beyond the limits of `SizeBounds`, `cancelled`.
    public func sizeBounds(
        hiddenLayers: ClosedRange<Int>, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> [ZonotopeSizeRow] {
        guard hiddenLayers.lowerBound >= 1 else { throw .layersNotPositive }
        guard hiddenLayers.upperBound <= SizeBounds.maximumHiddenLayers / zonotope.dimension else {
            throw .tooLarge
        }
        let n = zonotope.dimension
        let tooth = sawtooth.piecesOnInterval
        let regions = tooth * BigInteger(zonotope.generators.count - 1).power(n - 1)
        let line =
            zonotope.generators.allSatisfy { $0.allSatisfy(\.isZero) }
            ? BigInteger.one : tooth * BigInteger(2) + BigInteger(sawtooth.endsInZero ? 2 : 0)
        var rows: [ZonotopeSizeRow] = []
        for shallow in hiddenLayers {
            if isCancelled() { throw .cancelled }
            let scale = BigInteger(shallow)
            // s ≥ ½ k' R^{1/(k'n)} − 1 exactly when (2 (s + 1))^{k'n} ≥ k'^{k'n} R.
            let degree = shallow * n
            let doubled = Radicals.ceilingRoot(scale.power(degree) * regions, degree: degree)
            let half = (doubled + .one).flooredQuotientAndRemainder(dividingBy: BigInteger(2)).0
            // s ≥ k' (w^k / n)^{1/k'} exactly when s^{k'} ≥ k'^{k'} w^k / n.
            let (quotient, rest) = (scale.power(shallow) * tooth).flooredQuotientAndRemainder(
                dividingBy: BigInteger(n))
            let sharper: BigInteger
            do {
                sharper = try SizeBounds.sharperSize(pieces: line, hiddenLayers: shallow)
            } catch {
                throw .tooLarge
            }
            rows.append(
                ZonotopeSizeRow(
                    hiddenLayers: shallow, paperRegions: max(.zero, half - .one),
                    paperLine: Radicals.ceilingRoot(
                        rest.sign == 0 ? quotient : quotient + .one, degree: shallow),
                    sharperLine: sharper))
        }
        return rows
    }
}
