public import ExactArithmetic

extension PiecewiseLinearFunction {
    /// −f.
    public static prefix func - (function: PiecewiseLinearFunction) -> PiecewiseLinearFunction {
        function.scaled(by: Rational(-1))
    }

    /// factor · f. Complexity: O(p).
    public func scaled(by factor: Rational) -> PiecewiseLinearFunction {
        PiecewiseLinearFunction(
            breakpoints: breakpoints, slopes: slopes.map { $0 * factor }, anchorValue: anchorValue * factor)
    }

    /// Σ coefficients[i] · functions[i].
    ///
    /// A k-way merge of the breakpoints: O(P log k) comparisons for P breakpoints in all.
    /// - Throws: `noFunctions`, `mismatchedCoefficients`, `tooManyBreakpoints`, `cancelled`.
    public static func sum(
        _ functions: [PiecewiseLinearFunction], coefficients: [Rational]? = nil,
        limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        guard !functions.isEmpty else { throw .noFunctions }
        let factors = coefficients ?? functions.map { _ in Rational.one }
        guard factors.count == functions.count else {
            throw .mismatchedCoefficients(functions: functions.count, coefficients: factors.count)
        }
        var slope = Rational.zero
        for (function, factor) in zip(functions, factors) { slope += function.leftSlope * factor }
        var breakpoints: [Rational] = []
        var slopes = [slope]
        var merge = BreakpointMerge(functions)
        var steps = 0
        while let place = merge.smallest {
            repeat {
                steps += 1
                try limits.poll(steps)
                let (member, index) = merge.removeSmallest()
                let function = functions[member]
                slope += factors[member] * (function.slopes[index + 1] - function.slopes[index])
            } while merge.smallest == place
            guard slope != slopes[slopes.count - 1] else { continue }
            breakpoints.append(place)
            slopes.append(slope)
            try limits.check(breakpoints.count)
        }
        var anchor = Rational.zero
        let place = breakpoints.first ?? .zero
        for (function, factor) in zip(functions, factors) { anchor += factor * function(place) }
        return PiecewiseLinearFunction(breakpoints: breakpoints, slopes: slopes, anchorValue: anchor)
    }

    /// |f|, with the zeros of f inserted. Complexity: O(p).
    public func absoluteValue(
        limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        try refined(limits: limits) { $0.magnitude }
    }

    /// max(f_1, …, f_k), crossings inserted exactly. Complexity: O(R log k) rational operations, R the number of
    /// breakpoints of all the intermediate results of a balanced tree.
    /// - Throws: `noFunctions`, `tooManyBreakpoints`, `cancelled`.
    public static func maximum(
        _ functions: [PiecewiseLinearFunction], limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        guard !functions.isEmpty else { throw .noFunctions }
        var level = functions
        while level.count > 1 {
            var next: [PiecewiseLinearFunction] = []
            for index in stride(from: 0, to: level.count, by: 2) {
                guard index + 1 < level.count else {
                    next.append(level[index])
                    continue
                }
                // max(a, b) = b + σ(a − b)
                let difference = try sum(
                    [level[index], level[index + 1]], coefficients: [.one, Rational(-1)], limits: limits)
                let excess = try difference.refined(limits: limits) { $0.sign < 0 ? .zero : $0 }
                next.append(try sum([level[index + 1], excess], limits: limits))
            }
            level = next
        }
        return level[0]
    }

    /// min(f_1, …, f_k); see `maximum`.
    public static func minimum(
        _ functions: [PiecewiseLinearFunction], limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        -(try maximum(functions.map { -$0 }, limits: limits))
    }

    /// outer ∘ inner: x ↦ outer(inner(x)).
    ///
    /// Breakpoints are those of `inner` and the preimages of those of `outer`. Complexity: O(R + p log q) rational
    /// operations for p pieces of `inner`, q of `outer`, R of the result before merging.
    /// - Throws: `tooManyBreakpoints`, `cancelled`.
    public static func composition(
        outer: PiecewiseLinearFunction, inner: PiecewiseLinearFunction,
        limits: PiecewiseLinearLimits = .init()
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        let innerValues = inner.valuesAtBreakpoints()
        let evaluate = outer.evaluator()
        var breakpoints: [Rational] = []
        var slopes: [Rational] = []
        func appendPiece(endingAt place: Rational?, slope: Rational) throws(PiecewiseLinearFault) {
            slopes.append(slope)
            if let place {
                breakpoints.append(place)
                try limits.check(breakpoints.count)
            }
        }
        for piece in inner.slopes.indices {
            try limits.poll(piece)
            let slope = inner.slopes[piece]
            let left = piece > 0 ? innerValues[piece - 1] : nil
            let right = piece < innerValues.count ? innerValues[piece] : nil
            let end = piece < innerValues.count ? inner.breakpoints[piece] : nil
            if slope.isZero {
                try appendPiece(endingAt: end, slope: .zero)
                continue
            }
            // The outer breakpoints strictly between the values at the piece's ends, in the order of x.
            let low = slope.sign > 0 ? left : right
            let high = slope.sign > 0 ? right : left
            let first = low.map { bound in outer.breakpoints.partitionPoint { $0 <= bound } } ?? 0
            let last =
                high.map { bound in outer.breakpoints.partitionPoint { $0 < bound } }
                ?? outer.breakpoints.count
            // x = place + (value − level) / slope through any known point of the piece.
            let place = piece > 0 ? inner.breakpoints[piece - 1] : end ?? .zero
            let level = left ?? right ?? inner.anchorValue
            for step in first..<max(first, last) {
                let index = slope.sign > 0 ? step : last - 1 - (step - first)
                let outerSlope = outer.slopes[slope.sign > 0 ? index : index + 1]
                try appendPiece(
                    endingAt: place + (outer.breakpoints[index] - level) / slope, slope: outerSlope * slope)
            }
            try appendPiece(
                endingAt: end, slope: outer.slopes[slope.sign > 0 ? max(first, last) : first] * slope)
        }
        let anchor = evaluate(inner(breakpoints.first ?? .zero))
        return PiecewiseLinearFunction(breakpoints: breakpoints, slopes: slopes, anchorValue: anchor)
    }

    /// `transform` ∘ f for a transform that is linear on each side of 0: the zeros of f are inserted.
    private func refined(
        limits: PiecewiseLinearLimits, _ transform: (Rational) -> Rational
    ) throws(PiecewiseLinearFault) -> PiecewiseLinearFunction {
        let outer = PiecewiseLinearFunction(
            breakpoints: [.zero], slopes: [-transform(Rational(-1)), transform(.one)], anchorValue: .zero)
        return try .composition(outer: outer, inner: self, limits: limits)
    }
}

/// The breakpoints of several functions in increasing order: a binary heap of each function's next one.
private struct BreakpointMerge {
    private let functions: [PiecewiseLinearFunction]
    /// Functions with breakpoints left; the heap's order is that of their next breakpoints.
    private var heap: [Int] = []
    private var next: [Int]

    init(_ functions: [PiecewiseLinearFunction]) {
        self.functions = functions
        next = functions.map { _ in 0 }
        heap = functions.indices.filter { !functions[$0].breakpoints.isEmpty }
        for position in stride(from: heap.count / 2, through: 0, by: -1) { siftDown(position) }
    }

    private func key(_ position: Int) -> Rational {
        functions[heap[position]].breakpoints[next[heap[position]]]
    }

    var smallest: Rational? { heap.isEmpty ? nil : key(0) }

    /// - Precondition: `smallest` is not nil.
    mutating func removeSmallest() -> (member: Int, index: Int) {
        let member = heap[0]
        let index = next[member]
        next[member] += 1
        if next[member] == functions[member].breakpoints.count {
            heap[0] = heap[heap.count - 1]
            heap.removeLast()
        }
        siftDown(0)
        return (member, index)
    }

    private mutating func siftDown(_ start: Int) {
        var position = start
        while true {
            var best = position
            for child in [2 * position + 1, 2 * position + 2]
            where child < heap.count && key(child) < key(best) {
                best = child
            }
            if best == position { return }
            heap.swapAt(position, best)
            position = best
        }
    }
}
