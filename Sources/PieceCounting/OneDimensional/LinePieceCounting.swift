public import ExactArithmetic
public import PiecewiseLinear
public import ReLUNetworks

/// Counting and listing the pieces of networks and functions of one variable, exactly.
public enum LinePieceCounting {
    /// Lists the pieces of a network R → R^m with rational weights on an interval.
    ///
    /// Complexity: O(c · Σ w_l w_{l+1}) integer operations for c activation cells, on integers of about the sum of
    /// the layers' common denominators' and numerators' lengths.
    /// - Parameter isCancelled: asked at least once a cell.
    /// - Throws: `wrongInputDimension`, `limitReached`, `cancelled`.
    public static func list(
        _ network: Network<Rational>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> LinePieces {
        var walk = try LineWalk(network, limits: limits)
        return try walk.list(on: domain, isCancelled: isCancelled)
    }

    /// Lists the pieces of a network R → R^m with binary64 weights, understood exactly.
    public static func list(
        _ network: Network<Double>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> LinePieces {
        var walk = try LineWalk(network, limits: limits)
        return try walk.list(on: domain, isCancelled: isCancelled)
    }

    /// `list` with rational arithmetic throughout: the measure of the integers' gain.
    package static func listInRationals(
        _ network: Network<Rational>, on domain: InputInterval = .line
    ) throws(PieceCountingFault) -> LinePieces {
        var walk = try LineWalk(inRationals: network, limits: CountingLimits())
        return try walk.list(on: domain, isCancelled: { false })
    }

    /// Counts the pieces of a network R → R^m without listing them: every definition but `affine`.
    ///
    /// Fast where the images of intervals recur from layer to layer, as behind a layer of one unit or of rank one:
    /// about k²w² steps for k layers of width w, whatever the count. Else about one step a piece, and
    /// `limits.maximumCells` bounds the number of stored segments.
    /// - Throws: `wrongInputDimension`, `limitReached`, `cancelled`.
    public static func countWithoutListing(
        _ network: Network<Rational>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> [PieceDefinition: BigInteger] {
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        var counting = SegmentCounting(network, limits: limits)
        return try counting.run(on: domain, isCancelled: isCancelled)
    }

    /// Counts the pieces of a network R → R^m, by listing or without, whichever comes to an end first: rounds of a
    /// listing and a count of recurring segments with growing limits, unless the widths bound the cells by
    /// `listing.maximumCells`. The answer's `method` says which it was; counting without listing has no `affine` count
    /// and no lists.
    ///
    /// - Parameters:
    ///   - definition: the count that the answer must have; all that come with it are there too.
    ///   - listLimit: the most breakpoints and regions in the answer; `nil` for no list.
    /// - Throws: `wrongInputDimension`, `cancelled`, and `limitReached` of the last attempt.
    public static func count(
        _ network: Network<Rational>, on domain: InputInterval = .line,
        definition: PieceDefinition = .paper, listLimit: Int? = nil,
        listing: CountingLimits = CountingLimits(maximumCells: 2_000_000),
        counting: CountingLimits = CountingLimits(maximumCells: 2_000_000),
        isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> PieceCount {
        try count(
            widths: network.hiddenWidths, on: domain, definition: definition, listLimit: listLimit,
            listing: listing,
            counting: counting,
            isCancelled: isCancelled,
            walk: { limits throws(PieceCountingFault) in try LineWalk(network, limits: limits) },
            exact: { network })
    }

    /// Counts the pieces of a network with binary64 weights, understood exactly; see the version with rational
    /// weights.
    public static func count(
        _ network: Network<Double>, on domain: InputInterval = .line,
        definition: PieceDefinition = .paper, listLimit: Int? = nil,
        listing: CountingLimits = CountingLimits(maximumCells: 2_000_000),
        counting: CountingLimits = CountingLimits(maximumCells: 2_000_000),
        isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> PieceCount {
        try count(
            widths: network.hiddenWidths, on: domain, definition: definition, listLimit: listLimit,
            listing: listing,
            counting: counting,
            isCancelled: isCancelled,
            walk: { limits throws(PieceCountingFault) in try LineWalk(network, limits: limits) },
            exact: { network.exact })
    }

    /// The first attempts' limits, a fraction of a second; each round has ten times those of the one before, so that
    /// the whole takes a bounded multiple of the time of the method that ends first.
    private static let firstListing = 1000
    private static let firstRequestedListing = 20_000
    private static let firstWork = 200_000

    private static func count(
        widths: [Int], on domain: InputInterval, definition: PieceDefinition, listLimit: Int?,
        listing: CountingLimits,
        counting: CountingLimits, isCancelled: () -> Bool,
        walk: (CountingLimits) throws(PieceCountingFault) -> LineWalk, exact: () -> Network<Rational>?
    ) throws(PieceCountingFault) -> PieceCount {
        let bounds = (try? ArchitectureBounds.upperBounds(inputs: 1, hiddenWidths: widths)) ?? []
        func listed(_ limits: CountingLimits) throws(PieceCountingFault) -> PieceCount {
            var walk = try walk(limits)
            try walk.run(on: domain, isCancelled: isCancelled)
            // One piece more, so that the last one listed has its upper end.
            let pieces = try listLimit.map { limit throws(PieceCountingFault) in
                try walk.pieces(limit: max(1, limit == .max ? limit : limit + 1), isCancelled: isCancelled)
            }
            let counts = walk.counts
            return PieceCount(
                dimension: 1, counts: counts, method: .listing,
                breakpoints: listLimit.flatMap { pieces?.listedBreakpoints(limit: $0) },
                regions: listLimit.flatMap { pieces?.regions(limit: $0) },
                listTruncated: listLimit.map { BigInteger($0) < counts[.level] ?? .zero } ?? false,
                upperBounds: bounds)
        }
        func unlisted(_ limits: CountingLimits, work: Int) throws(PieceCountingFault) -> PieceCount {
            guard let network = exact() else { throw .notFinite(layer: 0) }
            var segments = SegmentCounting(network, limits: limits, maximumWork: work)
            return PieceCount(
                dimension: 1, counts: try segments.run(on: domain, isCancelled: isCancelled),
                method: .recurringSegments, listTruncated: listLimit != nil, upperBounds: bounds)
        }
        let atMost = bounds.map(\.value).min() ?? .one
        // Distinct affine maps need the list; and where no network of these widths has more cells than may be listed,
        // the listing certainly ends.
        if definition == .affine { return try listed(listing) }
        if atMost > BigInteger(listing.maximumCells) {
            var short = listing
            short.maximumCells = listLimit == nil ? firstListing : firstRequestedListing
            var work = firstWork
            while short.maximumCells < listing.maximumCells {
                do { return try listed(short) } catch .limitReached {}
                do { return try unlisted(counting, work: work) } catch .limitReached {}
                short.maximumCells = tenfold(short.maximumCells)
                work = tenfold(work)
            }
        }
        do { return try listed(listing) } catch .limitReached {}
        return try unlisted(counting, work: .max)
    }

    private static func tenfold(_ limit: Int) -> Int {
        let (product, overflow) = limit.multipliedReportingOverflow(by: 10)
        return overflow ? .max : product
    }

    /// The pieces of a function on an interval: every definition but `activation`.
    ///
    /// Complexity: O(p) operations and hashes.
    public static func count(
        _ function: PiecewiseLinearFunction, on domain: InputInterval = .line, listLimit: Int? = nil
    ) -> PieceCount {
        let first = domain.lower.map { function.breakpoints.firstIndex(above: $0) } ?? 0
        let last = domain.upper.map { function.breakpoints.firstIndex(notBelow: $0) }
        let inside = first..<max(first, last ?? function.breakpoints.count)
        let kept = Array(function.breakpoints[inside])
        let slopes = Array(function.slopes[inside.lowerBound...inside.upperBound])
        var intercepts: [Rational] = [function.leftIntercept]
        intercepts.reserveCapacity(kept.count + 1)
        for index in 0..<inside.upperBound {
            let change = (function.slopes[index] - function.slopes[index + 1]) * function.breakpoints[index]
            if index < inside.lowerBound {
                intercepts[0] += change
            } else {
                intercepts.append(intercepts[intercepts.count - 1] + change)
            }
        }
        let pieces = LinePieces(
            domain: domain, outputs: 1, breakpoints: kept, slopes: slopes, intercepts: intercepts,
            activationCells: 0, affineMaps: Set(zip(slopes, intercepts).map { [$0, $1] }).count)
        var counts = pieces.counts
        counts[.activation] = nil
        return PieceCount(
            dimension: 1, counts: counts, method: .listing,
            breakpoints: listLimit.map { pieces.listedBreakpoints(limit: $0) },
            regions: listLimit.map { pieces.regions(limit: $0) },
            listTruncated: listLimit.map { $0 < pieces.count } ?? false)
    }
}

extension [Rational] {
    /// In an increasing array: the first index of an element above `value`.
    fileprivate func firstIndex(above value: Rational) -> Int { partition { $0 > value } }
    /// In an increasing array: the first index of an element that is at least `value`.
    fileprivate func firstIndex(notBelow value: Rational) -> Int { partition { $0 >= value } }

    private func partition(_ belongsRight: (Rational) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if belongsRight(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
