public import ExactArithmetic
internal import PiecewiseLinear
public import ReLUNetworks

/// Counting and listing the pieces of networks of several variables, exactly.
public enum SpacePieceCounting {
    /// Counts the pieces of a network R^n → R^m under all definitions that are asked for, and lists its cells on
    /// request, each with the number of its piece.
    ///
    /// The domain is cut into its activation cells: by their extreme rays in homogeneous coordinates where n (on all
    /// of R^n the rank of the first layer) is at most `maximumRayDimension`, else by `ProgramCounting`; see
    /// docs/piece-counting.md. Every decision is exact. The answer depends neither on `options.threads` nor on timing.
    ///
    /// Complexity by rays: for c cells with at most r rays each, O(c · r) signs and ray computations, and one
    /// composition of the next layer's forms for each cell of each layer. Memory: about 48 bytes a cell.
    /// - Parameters:
    ///   - box: where pieces are counted; `nil` for all of R^n.
    ///   - isCancelled: asked every few hundred cells, by any thread.
    ///   - progress: called now and then, by any thread.
    /// - Throws: `limitReached`, `cancelled`, `wrongInputDimension` where the box has another dimension.
    public static func count(
        _ network: Network<Rational>, on box: InputBox? = nil,
        options: SpaceCountingOptions = SpaceCountingOptions(),
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void = { _ in }
    ) throws(PieceCountingFault) -> PieceCount {
        if let box, box.dimension != network.inputs {
            throw .wrongInputDimension(expected: box.dimension, actual: network.inputs)
        }
        if network.hiddenLayers == 0, box == nil { return affine(network, options) }
        let dimension =
            box == nil
            ? CellNetwork.rank(of: network.layers[0], atMost: maximumRayDimension + 1) : network.inputs
        if dimension <= maximumRayDimension,
            let found = try countByRays(
                network, on: box, options: options, isCancelled: isCancelled, progress: progress)
        {
            return found.count
        }
        return try ProgramCounting.count(
            network, on: box, options: options, isCancelled: isCancelled, progress: progress)
    }

    /// Up to here cells have few rays.
    public static let maximumRayDimension = 4

    /// A map without folds, on all of R^n.
    private static func affine(_ network: Network<Rational>, _ options: SpaceCountingOptions) -> PieceCount {
        let layer = network.layers[0]
        let region = PieceRegion(
            piece: 0, halfSpaces: [], vertices: [], rays: [],
            gradients: (0..<layer.outputs).map { Array(layer.row($0)) }, intercepts: layer.bias)
        let lists = options.listLimit.map { $0 > 0 && options.listStart <= 0 }
        return PieceCount(
            dimension: network.inputs,
            counts: Dictionary(uniqueKeysWithValues: PieceDefinition.allCases.map { ($0, BigInteger.one) }),
            method: .listing, regions: lists.map { $0 ? [region] : [] },
            listTruncated: options.listLimit.map { $0 <= 0 && options.listStart <= 0 } ?? false,
            upperBounds: bounds(network))
    }

    private static func bounds(_ network: Network<Rational>) -> [NamedBound] {
        (try? ArchitectureBounds.upperBounds(inputs: network.inputs, hiddenWidths: network.hiddenWidths))
            ?? []
    }

    /// The count by rays, whatever n, and how many signs were asked for and left open by the error bounds.
    ///
    /// - Parameter isFiltered: `false` for exact arithmetic throughout, the measure of the filter.
    /// - Returns: `nil` where a cell has more facets than the masks have slots.
    package static func countByRays(
        _ network: Network<Rational>, on box: InputBox? = nil,
        options: SpaceCountingOptions = SpaceCountingOptions(),
        isFiltered: Bool = true,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void = { _ in }
    ) throws(PieceCountingFault) -> (count: PieceCount, statistics: FilterStatistics)? {
        let bounds = bounds(network)
        let prepared = try CellNetwork(network, box: box)
        let least = bounds.map(\.value).min()
        func run<Mask: FacetMask>(_: Mask.Type) throws(PieceCountingFault) -> CellCounting<Mask>.Outcome? {
            try CellCounting<Mask>(
                prepared, options, isFiltered: isFiltered, atMost: least, isCancelled: isCancelled,
                progress: progress
            ).run()
        }
        if let outcome = try run(NarrowFacetMask.self) {
            return (outcome.pieceCount(network, bounds), outcome.statistics)
        }
        if let outcome = try run(WideFacetMask.self) {
            return (outcome.pieceCount(network, bounds), outcome.statistics)
        }
        return nil
    }
}

extension CellCounting.Outcome {
    fileprivate func pieceCount(_ network: Network<Rational>, _ bounds: [NamedBound]) -> PieceCount {
        PieceCount(
            dimension: network.inputs, counts: counts, method: .listing, regions: regions,
            listTruncated: isListTruncated, upperBounds: bounds)
    }
}
