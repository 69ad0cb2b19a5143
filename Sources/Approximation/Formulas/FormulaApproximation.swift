public import ExactArithmetic
public import PiecewiseLinear

/// Why a formula has no approximation on an interval.
public enum FormulaApproximationFault: Error, Sendable, Equatable {
    /// The interval has no interior, or its ends are beyond binary64.
    case emptyInterval
    case toleranceNotPositive
    /// Near this place the formula is not defined, not bounded, or too steep for the tolerance.
    case undefined(near: Double)
    /// The tolerance needs more cells than allowed.
    case tooManyCells(limit: Int)
    case cancelled
}

/// A function within a tolerance of a formula on all of an interval.
public struct FormulaApproximation: Sendable {
    public let function: PiecewiseLinearFunction
    /// |function − formula| is at most this everywhere on the interval: proved by interval arithmetic, between the
    /// samples too.
    public let errorBound: Double
    /// No continuous piecewise-linear function within the tolerance has fewer pieces.
    public let piecesLowerBound: Int
    /// The ends of the cells that the proof divides the interval into, and the formula's values there, rounded.
    public let samples: [(x: Double, y: Double)]
}

extension Formula {
    /// A function of few pieces within `tolerance` of the formula on [lower, upper].
    ///
    /// The interval is divided into cells. On a cell of width h whose slopes lie in [p, q] the formula is within
    /// δ = (q − p) h / 4 of its chord. A function that passes the cells' ends within ε' has its own chord within ε' of
    /// the formula's, and leaves it inside a cell only at its breakpoints there, by an excess that is computed exactly;
    /// so ε' + δ + excess bounds the error on the cell. Cells are halved until that is at most ε. The fewest pieces
    /// through the ends alone, at the full tolerance, are a lower bound on the pieces.
    ///
    /// - Throws: see `FormulaApproximationFault`.
    public func approximation(
        lower: Rational, upper: Rational, tolerance: Rational, maximumCells: Int = 2_000_000,
        isCancelled: () -> Bool = { false }
    ) throws(FormulaApproximationFault) -> FormulaApproximation {
        let (a, b) = (lower.double(rounding: .down), upper.double(rounding: .up))
        guard a.isFinite, b.isFinite, a < b, (b - a).isFinite else { throw .emptyInterval }
        let epsilon = tolerance.double(rounding: .down)
        guard epsilon > 0, epsilon.isFinite else { throw .toleranceNotPositive }
        var best: FormulaApproximation?
        var cells = Cells(formula: self, from: a, to: b, limit: maximumCells)
        // The smaller the share that the cells may cost, the fewer the pieces and the more the cells.
        for share in [0x1p-3, 0x1p-6, 0x1p-9] {
            do {
                let found = try attempt(&cells, epsilon: epsilon, share: share, isCancelled)
                if found.function.slopes.count < best?.function.slopes.count ?? .max { best = found }
                if found.function.slopes.count == found.piecesLowerBound { return found }
            } catch {
                // What was found with fewer cells stands.
                guard case .tooManyCells = error, best != nil else { throw error }
                break
            }
        }
        guard let best else { throw .tooManyCells(limit: maximumCells) }
        return best
    }

    private func attempt(
        _ cells: inout Cells, epsilon: Double, share: Double, _ isCancelled: () -> Bool
    ) throws(FormulaApproximationFault) -> FormulaApproximation {
        let cost = epsilon * share
        let inner = (epsilon - cost).nextDown
        try cells.refine(deviation: cost / 4, isCancelled)
        for _ in 0..<60 {
            if isCancelled() { throw .cancelled }
            let ends = try cells.ends(uncertainty: cost / 4, isCancelled)
            // Bounds beyond binary64 may as well be its ends.
            let most = Double.greatestFiniteMagnitude
            guard
                let band = try? DataBand(
                    doubles: ends.map(\.x), lower: ends.map { max(($0.value.upper - inner).nextUp, -most) },
                    upper: ends.map { min(($0.value.lower + inner).nextDown, most) })
            else { throw .undefined(near: ends[0].x) }
            let function: PiecewiseLinearFunction
            do { function = try band.fewestPieces(isCancelled: isCancelled).function } catch {
                throw .cancelled
            }
            let excess = try cells.excess(of: function, isCancelled)
            let worst = zip(cells.deviations, excess).map { ($0 + $1).nextUp }
            let bound = worst.reduce(0) { max($0, (inner + $1).nextUp) }
            guard bound > epsilon else {
                return FormulaApproximation(
                    function: function, errorBound: bound,
                    piecesLowerBound: try Self.fewestPieces(ends, within: epsilon, isCancelled),
                    samples: ends.map { ($0.x, $0.value.lower / 2 + $0.value.upper / 2) })
            }
            try cells.split(isCancelled) { worst[$0] > cost / 2 }
        }
        throw .tooManyCells(limit: cells.limit)
    }

    /// The fewest pieces within `epsilon` of the ends' values; 1, which is true of all, where numbers leave binary64.
    private static func fewestPieces(
        _ ends: [(x: Double, value: Interval)], within epsilon: Double, _ isCancelled: () -> Bool
    ) throws(FormulaApproximationFault) -> Int {
        let lower = ends.map { ($0.value.lower - epsilon).nextDown.nextDown }
        let upper = ends.map { ($0.value.upper + epsilon).nextUp.nextUp }
        guard lower.allSatisfy(\.isFinite), upper.allSatisfy(\.isFinite) else { return 1 }
        do {
            return try DataBand(doubles: ends.map(\.x), lower: lower, upper: upper)
                .fewestPieceCount(isCancelled: isCancelled)
        } catch {
            throw .cancelled
        }
    }
}

/// The cells of an interval, with a bound on the formula's deviation from its chord on each.
private struct Cells {
    let formula: Formula
    let limit: Int
    private let narrowest: Double
    private(set) var places: [Double]
    private(set) var deviations: [Double]
    private var stack: [Formula.Enclosure] = []

    init(formula: Formula, from a: Double, to b: Double, limit: Int) {
        self.formula = formula
        self.limit = limit
        narrowest = (b - a) * 0x1p-44
        places = [a, b]
        deviations = []
        deviations = [deviation(a, b)]
    }

    private mutating func deviation(_ a: Double, _ b: Double) -> Double {
        let enclosure = formula.enclosure(over: Interval(lower: a, upper: b), stack: &stack)
        let bySlope = (enclosure.slope.width * (b - a).nextUp).nextUp / 4
        // The chord stays in the range of the values.
        let byValue = enclosure.value.width
        let bound = bySlope.isNaN ? byValue : min(bySlope, byValue)
        return enclosure.value.isBounded && !bound.isNaN ? bound.nextUp : .infinity
    }

    /// Halves cells until none deviates more.
    mutating func refine(deviation: Double, _ isCancelled: () -> Bool) throws(FormulaApproximationFault) {
        while true {
            guard let worst = deviations.indices.max(by: { deviations[$0] < deviations[$1] }),
                deviations[worst] > deviation
            else { return }
            try probe(worst, deviation)
            let current = deviations
            try split(isCancelled) { current[$0] > deviation }
        }
    }

    /// Halves the worse half of a cell again and again: where that never brings the deviation down, no number of cells
    /// will, and this finds out at once.
    private mutating func probe(_ index: Int, _ limit: Double) throws(FormulaApproximationFault) {
        var (a, b) = (places[index], places[index + 1])
        while true {
            let middle = a + (b - a) / 2
            guard middle > a, middle < b, b - a > narrowest else { throw .undefined(near: a) }
            let (left, right) = (deviation(a, middle), deviation(middle, b))
            guard max(left, right) > limit else { return }
            if left >= right { b = middle } else { a = middle }
        }
    }

    /// Halves the chosen cells.
    mutating func split(
        _ isCancelled: () -> Bool, _ isChosen: (Int) -> Bool
    ) throws(FormulaApproximationFault) {
        var newPlaces = [places[0]]
        var newDeviations: [Double] = []
        for index in deviations.indices {
            // A formula of thousands of steps takes a tenth of a millisecond.
            if index & 0xff == 0, isCancelled() { throw .cancelled }
            let (a, b) = (places[index], places[index + 1])
            if isChosen(index) {
                let middle = a + (b - a) / 2
                guard middle > a, middle < b, b - a > narrowest else { throw .undefined(near: a) }
                newDeviations.append(deviation(a, middle))
                newDeviations.append(deviation(middle, b))
                newPlaces.append(middle)
            } else {
                newDeviations.append(deviations[index])
            }
            newPlaces.append(b)
            guard newDeviations.count <= limit else { throw .tooManyCells(limit: limit) }
        }
        places = newPlaces
        deviations = newDeviations
    }

    /// The formula's values at the ends of the cells, each known up to `uncertainty`.
    mutating func ends(
        uncertainty: Double, _ isCancelled: () -> Bool
    ) throws(FormulaApproximationFault) -> [(x: Double, value: Interval)] {
        var ends: [(x: Double, value: Interval)] = []
        ends.reserveCapacity(places.count)
        for (index, x) in places.enumerated() {
            if index & 0xff == 0, isCancelled() { throw .cancelled }
            let value = formula.enclosure(over: Interval(x), stack: &stack).value
            guard value.isBounded, value.width <= uncertainty else { throw .undefined(near: x) }
            ends.append((x, value))
        }
        return ends
    }

    /// By how much the function leaves its own chord on each cell, rounded up.
    func excess(
        of function: PiecewiseLinearFunction, _ isCancelled: () -> Bool
    ) throws(FormulaApproximationFault) -> [Double] {
        var excess = [Double](repeating: 0, count: deviations.count)
        let evaluator = function.evaluator()
        var cell = 0
        for (index, breakpoint) in function.breakpoints.enumerated() {
            if index & 0xff == 0, isCancelled() { throw .cancelled }
            let near = breakpoint.double(rounding: .down)
            while cell < deviations.count, places[cell + 1] <= near { cell += 1 }
            guard cell < deviations.count else { break }
            guard let a = Rational(exactly: places[cell]), let b = Rational(exactly: places[cell + 1]),
                breakpoint > a, breakpoint < b
            else { continue }
            let (fa, fb) = (evaluator(a), evaluator(b))
            let chord = fa + (fb - fa) * (breakpoint - a) / (b - a)
            excess[cell] = max(excess[cell], (evaluator(breakpoint) - chord).magnitude.double(rounding: .up))
        }
        return excess
    }
}
