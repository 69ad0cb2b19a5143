public import ExactArithmetic
public import ExactTraining
public import PiecewiseLinear

/// Why data have no approximation.
public enum ApproximationFault: Error, Sendable, Equatable {
    case noPoints
    /// The lower bound of point `index` is above its upper bound.
    case emptyBand(index: Int)
    /// The bounds of point `index` exclude those of another point at the same x.
    case contradiction(index: Int)
    case piecesNotPositive
    /// A search for the best function takes fewer pieces.
    case tooManyPieces(limit: Int)
    /// A number of point `index`, or of its best function, is beyond binary64.
    case outOfRange(index: Int)
    /// The numbers spread over more orders of magnitude than the search takes, or it refuses them for another reason.
    case unsuitable(TrainingFault)
    case cancelled
}

/// Data points, each with the values that a function may take there. In any order; points at one x bound the function
/// together.
public struct DataBand: Sendable {
    enum Storage: Sendable {
        case integers(IntegerGates)
        case rationals(RationalGates)
        case binary(BinaryGates)
    }

    let storage: Storage

    /// The number of different x.
    public var count: Int {
        switch storage {
        case .integers(let gates): gates.count
        case .rationals(let gates): gates.count
        case .binary(let gates): gates.count
        }
    }

    /// - Throws: `noPoints`, `emptyBand`, `contradiction`.
    public init(x: [Rational], lower: [Rational], upper: [Rational]) throws(ApproximationFault) {
        let (order, y) = try Self.merged(x, lower, upper)
        storage = .rationals(RationalGates(x: order.map { x[$0] }, y: y))
    }

    /// The bounds lower_i · yUnit … upper_i · yUnit at x_i · xUnit, for integers below 2^61 in magnitude and positive
    /// units: the fast way for tables of decimals.
    ///
    /// - Throws: `noPoints`, `emptyBand`, `contradiction`.
    public init?(
        x: [Int64], lower: [Int64], upper: [Int64], xUnit: Rational, yUnit: Rational
    ) throws(ApproximationFault) {
        let limit: UInt64 = 1 << 61
        guard x.allSatisfy({ $0.magnitude < limit }), lower.allSatisfy({ $0.magnitude < limit }),
            upper.allSatisfy({ $0.magnitude < limit })
        else { return nil }
        let (order, y) = try Self.merged(x, lower, upper)
        storage = .integers(IntegerGates(x: order.map { x[$0] }, y: y, xUnit: xUnit, yUnit: yUnit))
    }

    /// Finite numbers.
    ///
    /// - Throws: `noPoints`, `emptyBand`, `contradiction`.
    public init(
        doubles x: [Double], lower: [Double], upper: [Double]
    ) throws(ApproximationFault) {
        let (order, y) = try Self.merged(x, lower, upper)
        storage = .binary(BinaryGates(x: order.map { x[$0] }, y: y))
    }

    /// One index for each x, increasing, and the bounds by turns.
    private static func merged<Number: Comparable>(
        _ x: [Number], _ lower: [Number], _ upper: [Number]
    ) throws(ApproximationFault) -> (order: [Int], y: [Number]) {
        guard !x.isEmpty else { throw .noPoints }
        for index in x.indices where lower[index] > upper[index] { throw .emptyBand(index: index) }
        var order: [Int] = []
        order.reserveCapacity(x.count)
        var y: [Number] = []
        y.reserveCapacity(2 * x.count)
        let isSorted = x.indices.dropFirst().allSatisfy { x[$0 - 1] < x[$0] }
        for index in isSorted ? Array(x.indices) : x.indices.sorted(by: { x[$0] < x[$1] }) {
            if let last = order.last, x[last] == x[index] {
                let end = y.count
                y[end - 2] = max(y[end - 2], lower[index])
                y[end - 1] = min(y[end - 1], upper[index])
                guard y[end - 2] <= y[end - 1] else { throw .contradiction(index: index) }
            } else {
                order.append(index)
                y.append(lower[index])
                y.append(upper[index])
            }
        }
        return (order, y)
    }
}

/// A continuous piecewise-linear function within a band that has the fewest pieces of all of them.
public struct FewestPiecesResult: Sendable {
    public let function: PiecewiseLinearFunction
    /// Proved least.
    public var pieces: Int { function.slopes.count }
}

extension DataBand {
    /// The function of the fewest pieces on R through all bounds. Breakpoints may lie anywhere.
    ///
    /// Complexity: O(n) after sorting, and O(pieces) rational operations. See `Gates.fewestPieces` for the proof.
    /// - Throws: `cancelled`.
    public func fewestPieces(
        isCancelled: () -> Bool = { false }
    ) throws(ApproximationFault) -> FewestPiecesResult {
        switch storage {
        case .integers(let gates): try Self.function(gates, isCancelled)
        case .rationals(let gates): try Self.function(gates, isCancelled)
        case .binary(let gates): try Self.function(gates, isCancelled)
        }
    }

    func fewestPieceCount(isCancelled: () -> Bool) throws(ApproximationFault) -> Int {
        let count =
            switch storage {
            case .integers(let gates): gates.fewestPieceCount(isCancelled: isCancelled)
            case .rationals(let gates): gates.fewestPieceCount(isCancelled: isCancelled)
            case .binary(let gates): gates.fewestPieceCount(isCancelled: isCancelled)
            }
        guard let count else { throw .cancelled }
        return count
    }

    static func function(
        _ gates: some Gates, _ isCancelled: () -> Bool
    ) throws(ApproximationFault) -> FewestPiecesResult {
        guard let (windows, last) = gates.fewestPieces(isCancelled: isCancelled) else { throw .cancelled }
        func line(_ tangent: TangentLine) -> (slope: Rational, intercept: Rational) {
            let x = gates.x(tangent.first.index)
            let y = gates.y(tangent.first)
            let slope = (gates.y(tangent.second) - y) / (gates.x(tangent.second.index) - x)
            return (slope, y - slope * x)
        }
        var lines: [(slope: Rational, intercept: Rational)] = []
        lines.reserveCapacity(windows.count + 1)
        for (index, window) in windows.enumerated() {
            if index & 0xff == 0, isCancelled() { throw .cancelled }
            lines.append(line(window))
        }
        if last.isEmpty {
            // One gate in all.
            lines.append((.zero, (gates.y(.lower(0)) + gates.y(.upper(0))) / Rational(2)))
        } else {
            // Lines that pass form a convex set: the middle of its two ends keeps its distance from the bounds.
            let ends = last.map(line)
            let share = Rational(1, ends.count)
            lines.append(
                (
                    ends.reduce(.zero) { $0 + $1.slope * share },
                    ends.reduce(.zero) { $0 + $1.intercept * share }
                ))
        }
        var breakpoints: [Rational] = []
        for index in lines.indices.dropLast() {
            if index & 0xff == 0, isCancelled() { throw .cancelled }
            // Consecutive lines cross between two gates, so their slopes differ.
            breakpoints.append(
                (lines[index + 1].intercept - lines[index].intercept)
                    / (lines[index].slope - lines[index + 1].slope))
        }
        let anchor = breakpoints.first.map { lines[0].slope * $0 + lines[0].intercept } ?? lines[0].intercept
        return FewestPiecesResult(
            function: PiecewiseLinearFunction(
                breakpoints: breakpoints, slopes: lines.map(\.slope), anchorValue: anchor))
    }
}
