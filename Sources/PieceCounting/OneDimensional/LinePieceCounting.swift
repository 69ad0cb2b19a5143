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
        throw .wrongInputDimension(expected: 1, actual: network.inputs)
    }

    /// Lists the pieces of a network R → R^m with binary64 weights, understood exactly.
    public static func list(
        _ network: Network<Double>, on domain: InputInterval = .line,
        limits: CountingLimits = CountingLimits(), isCancelled: () -> Bool = { false }
    ) throws(PieceCountingFault) -> LinePieces {
        throw .wrongInputDimension(expected: 1, actual: network.inputs)
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
        throw .wrongInputDimension(expected: 1, actual: network.inputs)
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
        throw .wrongInputDimension(expected: 1, actual: network.inputs)
    }

    /// The pieces of a function on an interval: every definition but `activation`.
    ///
    /// Complexity: O(p) operations and hashes.
    public static func count(
        _ function: PiecewiseLinearFunction, on domain: InputInterval = .line, listLimit: Int? = nil
    ) -> PieceCount {
        PieceCount(dimension: 1, counts: [:], method: .listing)
    }
}
