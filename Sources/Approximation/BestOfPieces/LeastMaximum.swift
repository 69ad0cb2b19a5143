public import ExactArithmetic
public import PiecewiseLinear

/// A function of at most so many pieces whose largest distance from data is least, up to a proved gap.
public struct LeastMaximumResult: Sendable {
    public let function: PiecewiseLinearFunction
    /// The function's largest distance from the data is at most this.
    public let distance: Rational
    /// No function of so many pieces has a smaller largest distance than this.
    public let lowerBound: Rational
}

/// Data with one tolerance for all points: gates whose ends are formed when they are asked for.
struct ToleranceGates: Gates {
    let data: MergedData
    let tolerance: Rational
    private let near: Double
    /// Whether all binary64 values are far from overflow and underflow.
    private let isFiltered: Bool

    init(_ data: MergedData, tolerance: Rational) {
        self.data = data
        self.tolerance = tolerance
        near = tolerance.nearestDouble
        isFiltered = data.isFiltered && (near == 0 || (0x1p-300...0x1p300).contains(near))
    }

    var count: Int { data.x.count }

    func orientation(_ p: Corner, _ q: Corner, _ r: Corner) -> Int {
        if isFiltered {
            let (px, qx, rx) = (data.nearX[p.index], data.nearX[q.index], data.nearX[r.index])
            let (py, qy, ry) = (nearY(p), nearY(q), nearY(r))
            let left = (qx - px) * (ry.value - py.value)
            let right = (qy.value - py.value) * (rx - px)
            // A height is off by 2u of its reach, a difference of two by 5u of the sum of theirs; a difference of
            // places by 2u. Products and their difference add 2u: below 10u of these products of sums.
            let scale =
                (qx.magnitude + px.magnitude) * (ry.reach + py.reach)
                + (qy.reach + py.reach) * (rx.magnitude + px.magnitude)
            let difference = left - right
            if difference.magnitude > scale * 0x1p-49 { return difference > 0 ? 1 : -1 }
        }
        let left = (x(q.index) - x(p.index)) * (y(r) - y(p))
        let right = (y(q) - y(p)) * (x(r.index) - x(p.index))
        return left > right ? 1 : left < right ? -1 : 0
    }

    /// The rounded height of an end, and |y| + tolerance.
    @inline(__always)
    private func nearY(_ corner: Corner) -> (value: Double, reach: Double) {
        let middle = corner.isUpper ? data.nearLeast[corner.index] : data.nearMost[corner.index]
        return (corner.isUpper ? middle + near : middle - near, middle.magnitude + near)
    }

    func x(_ index: Int) -> Rational { data.x[index] }
    func y(_ corner: Corner) -> Rational {
        corner.isUpper ? data.least[corner.index] + tolerance : data.most[corner.index] - tolerance
    }
}

/// Data in increasing order of x, with the least and the greatest y at each x.
struct MergedData: Sendable {
    private(set) var x: [Rational] = []
    private(set) var least: [Rational] = []
    private(set) var most: [Rational] = []
    let nearX: [Double]
    let nearLeast: [Double]
    let nearMost: [Double]
    /// Whether the binary64 values are far from overflow and underflow.
    let isFiltered: Bool

    init(x places: [Rational], y: [Rational]) {
        let isSorted = places.indices.dropFirst().allSatisfy { places[$0 - 1] < places[$0] }
        for index in isSorted ? Array(places.indices) : places.indices.sorted(by: { places[$0] < places[$1] })
        {
            if let last = x.last, last == places[index] {
                let end = x.count - 1
                least[end] = min(least[end], y[index])
                most[end] = max(most[end], y[index])
            } else {
                x.append(places[index])
                least.append(y[index])
                most.append(y[index])
            }
        }
        nearX = x.map(\.nearestDouble)
        nearLeast = least.map(\.nearestDouble)
        nearMost = most.map(\.nearestDouble)
        let isModerate = { (value: Double) in value == 0 || (0x1p-300...0x1p300).contains(value.magnitude) }
        isFiltered =
            nearX.allSatisfy(isModerate) && nearLeast.allSatisfy(isModerate)
            && nearMost.allSatisfy(isModerate)
    }
}

extension DataBand {
    /// The best function of at most `pieces` pieces in the maximum norm.
    ///
    /// Bisection on the tolerance: more pieces than allowed at one tolerance prove that it is too small. Ends where
    /// the two tolerances differ by `relativeGap` of the larger. Complexity: O(n) a step, about 40 steps.
    /// - Throws: `noPoints`, `piecesNotPositive`, `cancelled`.
    public static func leastMaximum(
        x: [Rational], y: [Rational], pieces: Int, relativeGap: Rational = Rational(1, 1 << 40),
        isCancelled: () -> Bool = { false }
    ) throws(ApproximationFault) -> LeastMaximumResult {
        guard !x.isEmpty else { throw .noPoints }
        guard pieces >= 1 else { throw .piecesNotPositive }
        let data = MergedData(x: x, y: y)
        func isEnough(_ tolerance: Rational) throws(ApproximationFault) -> Bool {
            let gates = ToleranceGates(data, tolerance: tolerance)
            guard let count = gates.fewestPieceCount(isCancelled: isCancelled) else { throw .cancelled }
            return count <= pieces
        }
        func result(_ tolerance: Rational, lowerBound: Rational) throws(ApproximationFault)
            -> LeastMaximumResult
        {
            LeastMaximumResult(
                function: try function(ToleranceGates(data, tolerance: tolerance), isCancelled).function,
                distance: tolerance, lowerBound: lowerBound)
        }
        // Points at one x are at least half their spread away, whatever the function.
        var low = data.x.indices.reduce(Rational.zero) {
            max($0, (data.most[$1] - data.least[$1]) / Rational(2))
        }
        if try isEnough(low) { return try result(low, lowerBound: low) }
        // A constant function is within half the spread of all.
        let most = data.most.reduce(data.most[0]) { max($0, $1) }
        let least = data.least.reduce(data.least[0]) { min($0, $1) }
        var high = (most - least) / Rational(2)
        while high - low > high * relativeGap {
            // Tolerances as binary64 where there is one in between: exact numbers become longer and longer.
            let half = (low + high) / Rational(2)
            let rounded = Rational(exactly: half.nearestDouble) ?? high
            let middle = rounded > low && rounded < high ? rounded : half
            if try isEnough(middle) { high = middle } else { low = middle }
        }
        return try result(high, lowerBound: low)
    }
}
