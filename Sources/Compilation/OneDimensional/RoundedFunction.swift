internal import ExactArithmetic
internal import PiecewiseLinear

/// Exact access to a function with p − 1 breakpoints, numbered from 0; piece k ends at breakpoint k.
protocol ExactPieces: Sendable {
    var breakpointCount: Int { get }
    func breakpoint(_ index: Int) -> Rational
    /// The value at a breakpoint.
    func value(_ index: Int) -> Rational
    /// The slope of a piece; right of breakpoint k lies piece k + 1.
    func slope(_ piece: Int) -> Rational
    /// All of it.
    func function() -> PiecewiseLinearFunction
}

extension ExactPieces {
    func jump(_ index: Int) -> Rational { slope(index + 1) - slope(index) }
}

/// A function held as rationals, with its values at the breakpoints.
struct RationalPieces: ExactPieces {
    let evaluator: PiecewiseLinearEvaluator

    var breakpointCount: Int { evaluator.values.count }
    func breakpoint(_ index: Int) -> Rational { evaluator.function.breakpoints[index] }
    func value(_ index: Int) -> Rational { evaluator.values[index] }
    func slope(_ piece: Int) -> Rational { evaluator.function.slopes[piece] }
    func function() -> PiecewiseLinearFunction { evaluator.function }
}

/// What a network's weights are made of, each number correctly rounded to binary64. Every decision that is made
/// from it alone is the same whichever way the numbers were computed.
struct RoundedFunction: Sendable {
    /// t_i, and whether rounding changed it.
    var breakpoints: [Double] = []
    var breakpointIsRounded: [Bool] = []
    /// Δ_i.
    var jumps: [Double] = []
    /// f(t_i).
    var values: [Double] = []
    /// The pieces of slope 0, in order.
    var flatPieces: [Int] = []
    /// s_0.
    var leftSlope = 0.0
    /// Whether some t_i or Δ_i is not exactly a binary64.
    var isRounded = false

    init() {}

    /// Complexity: O(p) rational operations.
    init(_ pieces: RationalPieces, isCancelled: () -> Bool) throws(CompilationFault) {
        let function = pieces.evaluator.function
        let count = pieces.breakpointCount
        leftSlope = function.leftSlope.nearestDouble
        breakpoints.reserveCapacity(count)
        breakpointIsRounded.reserveCapacity(count)
        jumps.reserveCapacity(count)
        values.reserveCapacity(count)
        for piece in function.slopes.indices where function.slopes[piece].isZero { flatPieces.append(piece) }
        for index in 0..<count {
            if index & 1023 == 0, isCancelled() { throw .cancelled }
            let place = function.breakpoints[index]
            let rounded = place.nearestDouble
            let isExact = Rational(exactly: rounded) == place
            breakpoints.append(rounded)
            breakpointIsRounded.append(!isExact)
            let jump = pieces.jump(index)
            jumps.append(jump.nearestDouble)
            values.append(pieces.value(index).nearestDouble)
            if !isRounded { isRounded = !isExact || Rational(exactly: jumps[index]) != jump }
        }
    }
}
