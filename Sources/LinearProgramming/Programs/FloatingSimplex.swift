/// The primal simplex method in binary64, on the same working basis as `ExactSimplex`: what it answers is a
/// proposal, a basis to be verified exactly.
///
/// A step costs O(rows · n) operations. It may stop early, at any basis.
struct FloatingSimplex {
    /// The rows of (a_i, −b_i).
    private let rows: [Double]
    private let rowCount: Int
    private let dimension: Int
    private(set) var basis: [Int]
    private var isBasic: [Bool]
    /// Column k from k (n + 1) on, the last entry of each 0.
    private var columns: [Double]
    /// The vertex, then 1.
    private var point: [Double]
    private var rates: [Double]

    private static let rateTolerance = 1e-9
    private static let multiplierTolerance = 1e-9
    private static let slackTolerance = 1e-9
    private static let patience = 20

    init(rows: [Double], dimension: Int) {
        let n = dimension
        self.rows = rows
        self.dimension = n
        rowCount = rows.count / (n + 1)
        basis = (0..<n).map { -1 - $0 }
        isBasic = [Bool](repeating: false, count: rowCount)
        columns = [Double](repeating: 0, count: n * (n + 1))
        for k in 0..<n { columns[k * (n + 1) + k] = 1 }
        point = [Double](repeating: 0, count: n) + [1]
        rates = [Double](repeating: 0, count: n + 1)
    }

    /// Takes the rows of a basis in place of the coordinates that it does not pin.
    mutating func take(_ wanted: [Int]) {
        let kept = Set(wanted.filter { $0 < 0 })
        for row in wanted where row >= 0 && !isBasic[row] {
            setRates(of: row)
            let entry = (0..<dimension).filter { basis[$0] < 0 && !kept.contains(basis[$0]) }
                .max { rates[$0].magnitude < rates[$1].magnitude }
            if let entry, rates[entry].magnitude > Self.rateTolerance { exchange(entry, row) }
        }
    }

    /// Which rows the vertex violates by more than rounding.
    var violations: [Bool] {
        (0..<rowCount).map { product($0, of: point, from: 0) > Self.slackTolerance }
    }

    /// Moves along the last coordinate, which must be pinned, until no row is violated.
    mutating func raiseLastCoordinate() {
        var worst: Int?
        var largest = 0.0
        for row in 0..<rowCount where !isBasic[row] {
            let rate = -rows[row * (dimension + 1) + dimension - 1]
            guard rate > 0 else { continue }
            let step = product(row, of: point, from: 0) / rate
            if step > largest {
                largest = step
                worst = row
            }
        }
        guard let worst, let entry = basis.firstIndex(of: -dimension) else { return }
        setRates(of: worst)
        exchange(entry, worst)
    }

    /// Climbs towards the largest ⟨objective, x⟩; stops as soon as row 0 is in the basis where asked to.
    mutating func maximise(
        _ objective: [Double], untilRowZeroHolds: Bool = false, poll: ExactSimplex.Poll
    ) throws(LinearProgrammingFault) {
        var stalled = 0
        for _ in 0..<200 + 20 * (dimension + 4) {
            try poll()
            guard let (entry, sign) = entering(objective, leastIndex: stalled > Self.patience) else { return }
            guard let (row, step) = blockingRow(entry, sign) else { return }
            stalled = step < Self.slackTolerance ? stalled + 1 : 0
            setRates(of: row)
            guard rates[entry].magnitude > 0 else { return }
            exchange(entry, row)
            if untilRowZeroHolds, row == 0 { return }
        }
    }

    private func entering(_ objective: [Double], leastIndex: Bool) -> (entry: Int, sign: Double)? {
        var best: (entry: Int, sign: Double)?
        var bestRate = Self.multiplierTolerance
        for k in 0..<dimension {
            var multiplier = 0.0
            for index in 0..<dimension {
                multiplier += objective[index] * columns[k * (dimension + 1) + index]
            }
            if basis[k] < 0 {
                if multiplier.magnitude > Self.multiplierTolerance { return (k, multiplier > 0 ? 1 : -1) }
            } else if leastIndex {
                if multiplier < -Self.multiplierTolerance, best.map({ basis[k] < basis[$0.entry] }) ?? true {
                    best = (k, -1)
                }
            } else if -multiplier > bestRate {
                bestRate = -multiplier
                best = (k, -1)
            }
        }
        return best
    }

    private func blockingRow(_ entry: Int, _ sign: Double) -> (row: Int, step: Double)? {
        var best: Int?
        var bestStep = Double.infinity
        var bestRate = 0.0
        for row in 0..<rowCount where !isBasic[row] {
            let rate = sign * product(row, of: columns, from: entry * (dimension + 1))
            guard rate > Self.rateTolerance else { continue }
            let step = max(0, -product(row, of: point, from: 0)) / rate
            // Of nearly equal steps the steeper row, for the sake of the inverse; row 0 goes first.
            let isEqual = step <= bestStep + Self.slackTolerance && step >= bestStep - Self.slackTolerance
            if isEqual ? best != 0 && rate > bestRate : step < bestStep {
                best = row
                bestStep = min(step, bestStep)
                bestRate = rate
            }
        }
        return best.map { ($0, bestStep) }
    }

    private func product(_ row: Int, of vector: [Double], from start: Int) -> Double {
        let width = dimension + 1
        return rows.withUnsafeBufferPointer { rows in
            vector.withUnsafeBufferPointer { vector in
                var sum = 0.0
                for index in 0..<width { sum += rows[row * width + index] * vector[start + index] }
                return sum
            }
        }
    }

    private mutating func setRates(of row: Int) {
        for k in 0..<dimension { rates[k] = product(row, of: columns, from: k * (dimension + 1)) }
        rates[dimension] = product(row, of: point, from: 0)
    }

    private mutating func exchange(_ entry: Int, _ row: Int) {
        let width = dimension + 1
        let pivot = 1 / rates[entry]
        for index in 0..<dimension { columns[entry * width + index] *= pivot }
        for index in 0..<dimension { point[index] -= rates[dimension] * columns[entry * width + index] }
        for k in 0..<dimension where k != entry && rates[k] != 0 {
            for index in 0..<dimension {
                columns[k * width + index] -= rates[k] * columns[entry * width + index]
            }
        }
        if basis[entry] >= 0 { isBasic[basis[entry]] = false }
        basis[entry] = row
        isBasic[row] = true
    }
}
