public import ExactArithmetic

extension PiecewiseLinearFunction {
    /// The function through the points (x_i, y_i), linear between them and continued outside as `sides` says.
    ///
    /// Points on the line through their neighbours are merged. One point with equal slopes is an affine function.
    /// Complexity: O(p) rational operations.
    /// - Throws: `noPoints`, `mismatchedCoordinates`, `notIncreasing`, `extendNeedsTwoPoints`,
    ///   `tooManyBreakpoints`, `cancelled`.
    public init(
        x: [Rational], y: [Rational], sides: SideRule, limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) {
        guard x.count == y.count else { throw .mismatchedCoordinates(x: x.count, y: y.count) }
        guard let firstValue = y.first else { throw .noPoints }
        if case .extend = sides, x.count < 2 { throw .extendNeedsTwoPoints }
        guard x.count <= limits.maximumBreakpoints else {
            throw .tooManyBreakpoints(limit: limits.maximumBreakpoints)
        }
        var slopes: [Rational] = []
        slopes.reserveCapacity(x.count + 1)
        slopes.append(.zero)
        for index in x.indices.dropFirst() {
            try limits.poll(index)
            let run = x[index] - x[index - 1]
            guard run.sign > 0 else { throw .notIncreasing(index: index) }
            slopes.append((y[index] - y[index - 1]) / run)
        }
        slopes.append(.zero)
        switch sides {
        case .constant: break
        case .slopes(let left, let right):
            slopes[0] = left
            slopes[slopes.count - 1] = right
        case .extend:
            slopes[0] = slopes[1]
            slopes[slopes.count - 1] = slopes[slopes.count - 2]
        }
        self.init(breakpoints: x, slopes: slopes, anchorValue: firstValue)
    }

    /// The values at the breakpoints, in order. Complexity: O(p) rational operations.
    public func valuesAtBreakpoints() -> [Rational] {
        var values: [Rational] = []
        values.reserveCapacity(breakpoints.count)
        var value = anchorValue
        for (index, breakpoint) in breakpoints.enumerated() {
            if index > 0 { value += slopes[index] * (breakpoint - breakpoints[index - 1]) }
            values.append(value)
        }
        return values
    }

    /// The function's value at one point. Complexity: O(p); for many points make one `evaluator()`.
    public func callAsFunction(_ x: Rational) -> Rational {
        guard let first = breakpoints.first else { return anchorValue + slopes[0] * x }
        if x <= first { return anchorValue + slopes[0] * (x - first) }
        var value = anchorValue
        var place = first
        for (index, breakpoint) in breakpoints.enumerated().dropFirst() {
            if x <= breakpoint { return value + slopes[index] * (x - place) }
            value += slopes[index] * (breakpoint - place)
            place = breakpoint
        }
        return value + rightSlope * (x - place)
    }

    /// The function ready to be evaluated at many points.
    public func evaluator() -> PiecewiseLinearEvaluator { PiecewiseLinearEvaluator(self) }

    /// The number of pieces that meet the open interval (`lower`, `upper`); `nil` is unbounded. 0 when empty.
    ///
    /// Complexity: O(log p) comparisons.
    public func pieces(from lower: Rational?, to upper: Rational?) -> Int {
        if let lower, let upper, lower >= upper { return 0 }
        let below = lower.map { bound in breakpoints.partitionPoint { $0 <= bound } } ?? 0
        let above = upper.map { bound in breakpoints.partitionPoint { $0 < bound } } ?? breakpoints.count
        return above - below + 1
    }
}

/// A function together with its values at the breakpoints: evaluation costs one binary search.
public struct PiecewiseLinearEvaluator: Sendable {
    public let function: PiecewiseLinearFunction
    /// f(t_1) … f(t_{p−1}).
    public let values: [Rational]

    /// Complexity: O(p) rational operations.
    public init(_ function: PiecewiseLinearFunction) {
        self.function = function
        values = function.valuesAtBreakpoints()
    }

    /// f(x). Complexity: O(log p) comparisons.
    public func callAsFunction(_ x: Rational) -> Rational {
        let piece = function.breakpoints.partitionPoint { $0 < x }
        guard !values.isEmpty else { return function.anchorValue + function.slopes[0] * x }
        let anchor = max(0, piece - 1)
        return values[anchor] + function.slopes[piece] * (x - function.breakpoints[anchor])
    }
}

extension Array {
    /// The number of leading elements that satisfy `predicate`, which no element after the first failure does.
    func partitionPoint(_ predicate: (Element) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if predicate(self[middle]) { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
