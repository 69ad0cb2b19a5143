public import ExactArithmetic
public import ReLUNetworks

/// Counting the pieces of a network on R^n by linear programs and inner points: for any n, and the way for n ≥ 5,
/// where cells have too many vertices.
public enum ProgramCounting {
    /// Counts the pieces of a network R^n → R^m on all of R^n or on a box.
    ///
    /// Complexity: one to four linear programs a cell, each O(rows · n) operations a step, in binary64 where its error
    /// bounds allow. Cells that are alone with their affine map cost nothing more.
    /// - Parameters:
    ///   - isCancelled: asked at least once every 64 units of cells.
    ///   - progress: called from any thread.
    /// - Throws: `wrongInputDimension`, `limitReached`, `cancelled`.
    public static func count(
        _ network: Network<Rational>, on box: InputBox? = nil,
        options: SpaceCountingOptions = SpaceCountingOptions(),
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void = { _ in }
    ) throws(PieceCountingFault) -> PieceCount {
        if let box, box.dimension != network.inputs {
            throw .wrongInputDimension(expected: box.dimension, actual: network.inputs)
        }
        let keepsCells = options.listLimit != nil || options.definitions != [.activation]
        let prepared = try ProgramNetwork(
            network, lower: box?.lower, upper: box?.upper, maximumBytes: options.limits.maximumBytes)
        let (cells, _) = try CellEnumeration(
            network: prepared, limits: options.limits, threads: options.threads, keepsCells: keepsCells
        ).run(isCancelled: isCancelled, progress: progress)
        var counts = [PieceDefinition.activation: BigInteger(cells.count)]
        var regions: [PieceRegion]?
        if keepsCells {
            var wanted = options.definitions
            if options.listLimit != nil { wanted.insert(options.listedDefinition) }
            var merging = CellMerging(
                prepared, cells, definitions: wanted, limits: options.limits, isCancelled: isCancelled)
            try merging.run()
            counts = merging.counts
            if let limit = options.listLimit {
                let listing = CellListing(
                    network: network, box: box, prepared: prepared, cells: cells,
                    representatives: merging.representatives(options.listedDefinition))
                regions = try listing.regions(
                    from: options.listStart, limit: limit, counts: counts, isCancelled: isCancelled)
            }
        }
        return PieceCount(
            dimension: network.inputs, counts: counts, method: .listing, regions: regions,
            listTruncated: regions.map { max(0, options.listStart) + $0.count < cells.count } ?? false,
            upperBounds: (try? ArchitectureBounds.upperBounds(
                inputs: network.inputs, hiddenWidths: network.hiddenWidths)) ?? [])
    }

    /// How a search of the activation cells went, for measurements.
    package static func searchFigures(
        _ network: Network<Rational>, on box: InputBox? = nil, threads: Int
    ) throws(PieceCountingFault) -> (cells: Int, figures: SearchFigures) {
        let prepared = try ProgramNetwork(
            network, lower: box?.lower, upper: box?.upper, maximumBytes: CountingLimits().maximumBytes)
        let (cells, figures) = try CellEnumeration(
            network: prepared, limits: CountingLimits(), threads: threads, keepsCells: true
        ).run(isCancelled: { false }, progress: { _ in })
        return (cells.count, figures)
    }
}
