public import ExactArithmetic
public import PieceCounting
public import ReLUNetworks

/// H_{a^1..a^k} = h_{a^k} ∘ … ∘ h_{a^1} of Theorem 3.1 of Arora et al. (ICLR 2018): k hidden layers of width w whose
/// number of pieces is exponential in k.
///
/// For a ∈ Δ_M^{w−1}, h_a is 0 left of 0, M · (i mod 2) at a_i (with a_0 = 0 and a_w = M), linear between, and
/// continues beyond M with its last slope.
public struct SawtoothFamily: Sendable {
    /// M.
    public let maximum: Rational
    /// k points of Δ_M^{w−1}.
    public let simplexPoints: [[Rational]]
    /// w.
    public let units: Int
    /// k.
    public var layers: Int { simplexPoints.count }
    /// wk, the number of hidden nodes.
    public var size: Int { units * layers }

    /// The most weights that a member of the family may have.
    public static let maximumWeights = 1 << 22
    /// The most layers.
    public static let maximumLayers = SizeBounds.maximumHiddenLayers

    /// - Parameter simplexPoints: k rows of w − 1 coordinates with 0 < a_1 < … < a_{w−1} < M.
    public init(maximum: Rational, simplexPoints: [[Rational]]) throws(HardFamilyFault) {
        guard maximum.sign > 0 else { throw .maximumNotPositive }
        guard let first = simplexPoints.first else { throw .noSimplexPoints }
        try Self.checkSize(units: first.count + 1, layers: simplexPoints.count)
        for (point, coordinates) in simplexPoints.enumerated() {
            guard coordinates.count == first.count else {
                throw .simplexPointLength(point: point, expected: first.count, actual: coordinates.count)
            }
            var before = Rational.zero
            for (coordinate, value) in coordinates.enumerated() {
                guard value > before else {
                    throw .simplexPointNotIncreasing(point: point, coordinate: coordinate)
                }
                guard value < maximum else {
                    throw .simplexPointBeyondMaximum(point: point, coordinate: coordinate)
                }
                before = value
            }
        }
        self.maximum = maximum
        self.simplexPoints = simplexPoints
        units = first.count + 1
    }

    /// The member with w teeth of equal width in each of k layers.
    public init(equalTeeth units: Int, layers: Int, maximum: Rational = .one) throws(HardFamilyFault) {
        guard units >= 1 else { throw .unitsNotPositive }
        guard layers >= 1 else { throw .layersNotPositive }
        try Self.checkSize(units: units, layers: layers)
        let point = (1..<units).map { maximum * Rational($0, units) }
        try self.init(maximum: maximum, simplexPoints: [[Rational]](repeating: point, count: layers))
    }

    private static func checkSize(units: Int, layers: Int) throws(HardFamilyFault) {
        let (square, overflow) = units.multipliedReportingOverflow(by: units)
        guard !overflow, layers <= maximumLayers, square <= maximumWeights / layers else { throw .tooLarge }
    }

    /// The weights c_0 … c_{w−1} with h_a(x) = Σ c_i σ(x − a_i), a_0 = 0.
    private func toothWeights(_ point: [Rational]) -> [Rational] {
        let ends = [.zero] + point + [maximum]
        var before = Rational.zero
        return (0..<units).map { tooth in
            let steepness = maximum / (ends[tooth + 1] - ends[tooth])
            let slope = tooth % 2 == 0 ? steepness : -steepness
            defer { before = slope }
            return slope - before
        }
    }

    /// The layers after a first layer whose unit outputs sum to the argument with the given weights.
    func layers(readingFrom weights: [Rational]) -> [AffineLayer<Rational>] {
        var row = weights
        var result: [AffineLayer<Rational>] = []
        for point in simplexPoints {
            result.append(
                AffineLayer(
                    inputs: row.count, outputs: units,
                    weights: Array([[Rational]](repeating: row, count: units).joined()),
                    bias: [.zero] + point.map { -$0 }))
            row = toothWeights(point)
        }
        result.append(AffineLayer(inputs: units, outputs: 1, weights: row, bias: [.zero]))
        return result
    }

    /// The network of k hidden layers of w units that is H.
    public var network: Network<Rational> { Network(layers: layers(readingFrom: [.one])) }

    /// w^k: the pieces on [0, M].
    public var piecesOnInterval: BigInteger { BigInteger(units).power(layers) }

    /// The pieces on R: w^k + 1 if w is odd or k = 1, else w^k + 2.
    ///
    /// Left of 0 the function is 0. Right of M it continues the last tooth where h_a(M) = M or nothing follows;
    /// else the next layer makes it 0 there.
    public var pieces: BigInteger {
        piecesOnInterval + BigInteger(endsInZero ? 2 : 1)
    }

    /// Whether H is 0 on all large arguments, as a piece of its own.
    var endsInZero: Bool { units % 2 == 0 && layers >= 2 }

    /// For each depth k' < k the least size of any network with k' hidden layers that computes H: the paper's
    /// ½ k' w^{k/k'} − 1 and the sharper k' (P^{1/k'} − 1), P the pieces on R.
    ///
    /// - Throws: `tooLarge` beyond `SizeBounds.maximumPieceBits` bits of w^k, `cancelled`.
    /// - Parameter maximumRows: only the shallowest so many depths are looked at.
    public func gapTable(
        maximumRows: Int = .max, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> [SizeBoundRow] {
        var rows: [SizeBoundRow] = []
        for shallow in (1..<max(1, layers)).prefix(maximumRows) {
            if isCancelled() { throw .cancelled }
            rows.append(try gap(hiddenLayers: shallow))
        }
        return rows
    }

    /// One row of `gapTable`, for any depth.
    public func gap(hiddenLayers: Int) throws(HardFamilyFault) -> SizeBoundRow {
        do {
            return SizeBoundRow(
                hiddenLayers: hiddenLayers,
                paper: try SizeBounds.paperSize(pieces: piecesOnInterval, hiddenLayers: hiddenLayers),
                sharper: try SizeBounds.sharperSize(pieces: pieces, hiddenLayers: hiddenLayers))
        } catch .notPositive {
            throw .layersNotPositive
        } catch {
            throw .tooLarge
        }
    }
}
