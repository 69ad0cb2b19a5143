public import ExactArithmetic
public import ReLUNetworks

/// Counting and listing the pieces of networks of several variables, exactly.
public enum SpacePieceCounting {
    /// Counts the pieces of a network R^n → R^m under all definitions that are asked for, and lists its cells on
    /// request, each with the number of its piece.
    ///
    /// The domain is cut into its activation cells, each given by its extreme rays in homogeneous coordinates, for n
    /// (on all of R^n: the rank of the first layer) up to about 4; see docs/piece-counting-many-dimensions.md. Every
    /// decision is exact. The answer depends neither on `options.threads` nor on timing.
    ///
    /// Complexity: for c cells with at most r rays each, O(c · r) signs and ray computations, and one composition of
    /// the next layer's forms for each cell of each layer. Memory: about 48 bytes a cell.
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
        try countWithStatistics(
            network, on: box, options: options, isCancelled: isCancelled, progress: progress
        ).count
    }

    /// `count`, and how many signs were asked for and left open by the error bounds.
    ///
    /// - Parameter isFiltered: `false` for exact arithmetic throughout, the measure of the filter.
    package static func countWithStatistics(
        _ network: Network<Rational>, on box: InputBox? = nil,
        options: SpaceCountingOptions = SpaceCountingOptions(),
        isFiltered: Bool = true,
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void = { _ in }
    ) throws(PieceCountingFault) -> (count: PieceCount, statistics: FilterStatistics) {
        if let box, box.dimension != network.inputs {
            throw .wrongInputDimension(expected: box.dimension, actual: network.inputs)
        }
        let bounds =
            (try? ArchitectureBounds.upperBounds(
                inputs: network.inputs, hiddenWidths: network.hiddenWidths)) ?? []
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
        throw .limitReached(.bytes, limit: WideFacetMask.capacity, reached: [:])
    }
}

extension CellCounting.Outcome {
    fileprivate func pieceCount(_ network: Network<Rational>, _ bounds: [NamedBound]) -> PieceCount {
        PieceCount(
            dimension: network.inputs, counts: counts, method: .listing, regions: regions,
            listTruncated: isListTruncated, upperBounds: bounds)
    }
}
