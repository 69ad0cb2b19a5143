public import ExactArithmetic
public import PiecewiseLinear

/// A function of at most so many pieces whose largest distance from data is least, up to a proved gap.
public struct LeastMaximumResult: Sendable {
    public let function: PiecewiseLinearFunction
    /// The function's largest distance from the data is at most this.
    public let distance: Rational
    /// No function of so many pieces has a largest distance of this or less; 0 where the distance is 0.
    public let lowerBound: Rational
}

extension DataBand {
    /// The best function of at most `pieces` pieces in the maximum norm.
    ///
    /// Bisection on the tolerance: more pieces than allowed at one tolerance prove that it is too small. Ends where
    /// the two tolerances differ by `relativeGap` of the larger. Complexity: O(n) a step, about 60 steps.
    /// - Throws: `noPoints`, `piecesNotPositive`, `cancelled`.
    public static func leastMaximum(
        x: [Rational], y: [Rational], pieces: Int, relativeGap: Rational = Rational(1, 1 << 40),
        isCancelled: () -> Bool = { false }
    ) throws(ApproximationFault) -> LeastMaximumResult {
        guard !x.isEmpty else { throw .noPoints }
        guard pieces >= 1 else { throw .piecesNotPositive }
        func band(_ tolerance: Rational) throws(ApproximationFault) -> DataBand? {
            do {
                return try DataBand(
                    x: x, lower: y.map { $0 - tolerance }, upper: y.map { $0 + tolerance })
            } catch {
                if case .contradiction = error { return nil }
                throw error
            }
        }
        if let exact = try band(.zero), try exact.fewestPieceCount(isCancelled: isCancelled) <= pieces {
            return LeastMaximumResult(
                function: try exact.fewestPieces(isCancelled: isCancelled).function, distance: .zero,
                lowerBound: .zero)
        }
        let least = y.reduce(y[0]) { min($0, $1) }
        let most = y.reduce(y[0]) { max($0, $1) }
        // A constant function is within half the spread.
        var high = ((most - least) / Rational(2))
        var low = Rational.zero
        var best = try band(high)?.fewestPieces(isCancelled: isCancelled).function
        while high - low > high * relativeGap {
            if isCancelled() { throw .cancelled }
            // Tolerances as binary64: bisection in exact numbers would make them longer and longer.
            let middle = Rational(exactly: ((low + high) / Rational(2)).nearestDouble) ?? high
            guard middle > low, middle < high else { break }
            if let narrower = try band(middle),
                try narrower.fewestPieceCount(isCancelled: isCancelled) <= pieces
            {
                high = middle
                best = try narrower.fewestPieces(isCancelled: isCancelled).function
            } else {
                low = middle
            }
        }
        guard let best else { throw .cancelled }
        return LeastMaximumResult(function: best, distance: high, lowerBound: low)
    }
}
