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
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        var layers: [IntegerLayer] = []
        for layer in network.layers {
            guard let integer = IntegerLayer(layer, maximumDenominatorBits: maximumDenominatorBits) else {
                break
            }
            layers.append(integer)
        }
        let widths = network.layers.map(\.outputs)
        guard layers.count == network.layers.count, IntegerForms.bytes(layers) <= limits.maximumBytes else {
            return try listInRationals(network, on: domain, limits: limits, isCancelled: isCancelled)
        }
        var walk = CellWalk(forms: IntegerForms(layers), widths: widths, limits: limits)
        return try walk.run(on: domain, isCancelled: isCancelled)
    }

    /// `list` with rational arithmetic throughout: the choice where a layer's denominators have no short common
    /// multiple, and the measure of the integers' gain.
    package static func listInRationals(
        _ network: Network<Rational>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> LinePieces {
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        var walk = CellWalk(
            forms: RationalForms(network), widths: network.layers.map(\.outputs), limits: limits)
        return try walk.run(on: domain, isCancelled: isCancelled)
    }

    /// Beyond this many bits a layer's common denominator is not taken out.
    private static let maximumDenominatorBits = 8192

    /// Lists the pieces of a network R → R^m with binary64 weights, understood exactly.
    public static func list(
        _ network: Network<Double>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> LinePieces {
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        var layers: [IntegerLayer] = []
        for (index, layer) in network.layers.enumerated() {
            guard let integer = IntegerLayer(layer) else { throw .notFinite(layer: index) }
            layers.append(integer)
        }
        guard IntegerForms.bytes(layers) <= limits.maximumBytes else {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: [:])
        }
        var walk = CellWalk(
            forms: IntegerForms(layers), widths: network.layers.map(\.outputs), limits: limits)
        return try walk.run(on: domain, isCancelled: isCancelled)
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

    /// Counts the pieces of a network R → R^m: lists them while there are at most `listing.maximumCells`
    /// activation cells, and beyond that counts without listing, within `counting`. The answer's `method` says
    /// which.
    ///
    /// - Parameter listLimit: the most breakpoints and regions in the answer; `nil` for no list.
    public static func count(
        _ network: Network<Rational>, on domain: InputInterval = .line, listLimit: Int? = nil,
        listing: CountingLimits = CountingLimits(maximumCells: 200_000),
        counting: CountingLimits = CountingLimits(maximumCells: 1_000_000),
        isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> PieceCount {
        let bounds =
            (try? ArchitectureBounds.upperBounds(inputs: 1, hiddenWidths: network.hiddenWidths)) ?? []
        do {
            let pieces = try list(network, on: domain, limits: listing, isCancelled: isCancelled)
            return PieceCount(
                dimension: 1, counts: pieces.counts, method: .listing,
                breakpoints: listLimit.map { pieces.listedBreakpoints(limit: $0) },
                regions: listLimit.map { pieces.regions(limit: $0) },
                listTruncated: listLimit.map { $0 < pieces.count } ?? false, upperBounds: bounds)
        } catch .limitReached {
            let counts = try countWithoutListing(
                network, on: domain, limits: counting, isCancelled: isCancelled)
            return PieceCount(
                dimension: 1, counts: counts, method: .recurringSegments, listTruncated: listLimit != nil,
                upperBounds: bounds)
        }
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
