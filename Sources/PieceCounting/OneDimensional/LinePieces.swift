public import ExactArithmetic
public import PiecewiseLinear

/// The pieces of a network R → R^m on an interval, listed exactly from left to right.
///
/// With several outputs a piece is a maximal interval on which all of them are affine (the common refinement).
public struct LinePieces: Sendable {
    public let domain: InputInterval
    /// m.
    public let outputs: Int
    /// The p − 1 points strictly inside the domain where some output's slope changes, increasing.
    public let breakpoints: [Rational]
    /// p rows of m: `slopes[piece * outputs + output]`.
    public let slopes: [Rational]
    /// p rows of m, in the order of `slopes`: on its piece an output is x ↦ slope · x + intercept.
    public let intercepts: [Rational]
    /// The number of intervals with one activation pattern.
    public let activationCells: Int
    /// The number of distinct affine maps R → R^m.
    public let affineMaps: Int

    /// p.
    public var count: Int { breakpoints.count + 1 }

    /// The count of every definition.
    public var counts: [PieceDefinition: BigInteger] {
        let pieces = BigInteger(count)
        return [
            .activation: BigInteger(activationCells), .open: pieces, .closed: pieces, .level: pieces,
            .affine: BigInteger(affineMaps),
        ]
    }

    /// The values of the outputs at `breakpoints[index]`.
    public func values(atBreakpoint index: Int) -> [Rational] {
        (0..<outputs).map { output in
            slopes[index * outputs + output] * breakpoints[index] + intercepts[index * outputs + output]
        }
    }

    /// The first `limit` breakpoints with the outputs' values there.
    public func listedBreakpoints(limit: Int) -> [Breakpoint] {
        (0..<max(0, min(limit, breakpoints.count))).map {
            Breakpoint(x: breakpoints[$0], values: values(atBreakpoint: $0))
        }
    }

    /// One output as a function on R: exact where the domain is R, and else continued beyond the domain's ends
    /// with the slopes of its outermost pieces.
    ///
    /// - Precondition: 0 ≤ `output` < `outputs`.
    public func function(output: Int = 0) -> PiecewiseLinearFunction {
        precondition((0..<outputs).contains(output), "no such output")
        let ownSlopes = (0..<count).map { slopes[$0 * outputs + output] }
        let anchor = breakpoints.first.map { ownSlopes[0] * $0 } ?? .zero
        return PiecewiseLinearFunction(
            breakpoints: breakpoints, slopes: ownSlopes, anchorValue: anchor + intercepts[output])
    }

    /// The first `limit` pieces as regions of R, numbered from the left.
    public func regions(limit: Int) -> [PieceRegion] {
        (0..<max(0, min(limit, count))).map { piece in
            let lower = piece == 0 ? domain.lower : breakpoints[piece - 1]
            let upper = piece == count - 1 ? domain.upper : breakpoints[piece]
            var halfSpaces: [HalfSpace] = []
            if let lower { halfSpaces.append(HalfSpace(normal: [-1], offset: -lower)) }
            if let upper { halfSpaces.append(HalfSpace(normal: [1], offset: upper)) }
            let row = piece * outputs..<(piece + 1) * outputs
            return PieceRegion(
                piece: piece, halfSpaces: halfSpaces,
                vertices: [lower, upper].compactMap { $0 }.map { [$0] },
                rays: (lower == nil ? [[-1]] : []) + (upper == nil ? [[1]] : []),
                gradients: slopes[row].map { [$0] }, intercepts: Array(intercepts[row]))
        }
    }
}
