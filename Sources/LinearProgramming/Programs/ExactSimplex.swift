internal import ExactArithmetic

/// The primal simplex method over the integers, on a working basis of n hyperplanes: a vertex is where n rows hold
/// with equality. Rows are many and n is small, so only the n × n inverse is kept, as integers over one common
/// denominator (fraction-free: J. Edmonds, Systems of distinct representatives and linear algebra, 1967); slacks
/// are formed anew at every vertex.
///
/// A basis entry r ≥ 0 is row r; an entry −1 − j pins coordinate j to its value, and is the first to leave. Every
/// number is a minor of the rows, so none is longer than Hadamard's bound.
///
/// Entering rows are chosen by the largest rate until `patience` steps in a row stood still, then by Bland's rule
/// until the vertex is left (R. G. Bland, New finite pivoting rules for the simplex method, 1977); so it ends.
/// A step costs O(rows · n) products.
struct ExactSimplex {
    typealias Poll = () throws(LinearProgrammingFault) -> Void

    enum Ending {
        case optimal
        /// The objective grows for ever in the direction `direction` / a positive number.
        case unbounded(direction: IntegerVector)
    }

    let rows: ConstraintRows
    private(set) var basis: [Int]
    private var isBasic: [Bool]
    /// Column k of the inverse times D, then a 0: n + 1 entries. Along −column k the slack of basis entry k grows.
    private let columns: [IntegerVector]
    /// The vertex times D, then D > 0: n + 1 entries.
    let point: IntegerVector
    /// Exchange rates, then the entering row's excess.
    private let rates: IntegerVector
    private let divisor = IntegerVector(count: 1)

    private static let patience = 12

    /// The basis that pins every coordinate to 0.
    init(_ rows: ConstraintRows) {
        self.rows = rows
        let n = rows.dimension
        basis = (0..<n).map { -1 - $0 }
        isBasic = [Bool](repeating: false, count: rows.count)
        columns = (0..<n).map { k in
            let column = IntegerVector(count: n + 1)
            column[k] = .one
            return column
        }
        point = IntegerVector(count: n + 1)
        point[n] = .one
        rates = IntegerVector(count: n + 1)
    }

    private var dimension: Int { rows.dimension }

    /// Takes the rows of a basis in place of the coordinates that it does not pin, as far as they are independent.
    mutating func take(_ wanted: [Int], poll: Poll) throws(LinearProgrammingFault) {
        let kept = Set(wanted.filter { $0 < 0 })
        for row in wanted where row >= 0 && !isBasic[row] {
            try poll()
            setRates(of: row)
            let entry = (0..<dimension)
                .filter { basis[$0] < 0 && !kept.contains(basis[$0]) && rates.sign($0) != 0 }
                .min { rates.bitCount($0) < rates.bitCount($1) }
            if let entry { exchange(entry, row) }
        }
    }

    /// Which rows the vertex violates.
    func violations(poll: Poll) throws(LinearProgrammingFault) -> [Bool] {
        let excess = IntegerVector(count: 1)
        var result = [Bool](repeating: false, count: rows.count)
        for row in 0..<rows.count where !isBasic[row] {
            if row & 255 == 255 { try poll() }
            setProduct(excess, row, point)
            result[row] = excess.sign(0) > 0
        }
        return result
    }

    /// Moves along the last coordinate, which must be pinned, to the least value at which no row is violated.
    /// Rows that are violated have −1 as that coordinate's coefficient.
    mutating func raiseLastCoordinate(poll: Poll) throws(LinearProgrammingFault) {
        let excess = IntegerVector(count: 2)
        var worst: Int?
        for row in 0..<rows.count where !isBasic[row] {
            if row & 255 == 255 { try poll() }
            setProduct(excess, at: 1, row, point)
            guard excess.sign(1) > 0, worst == nil || excess.isLess(0, than: excess, 1) else { continue }
            excess.copy(excess, 1, to: 0)
            worst = row
        }
        guard let worst, let entry = basis.firstIndex(of: -dimension) else { return }
        setRates(of: worst)
        exchange(entry, worst)
    }

    /// Climbs from the vertex, which must be feasible, to the largest ⟨objective, x⟩.
    ///
    /// - Parameter objective: n + 1 integers, the last 0.
    mutating func maximise(_ objective: IntegerVector, poll: Poll) throws(LinearProgrammingFault) -> Ending {
        let rate = IntegerVector(count: 1)
        var stalled = 0
        while true {
            try poll()
            guard let (entry, isPositive) = entering(objective, leastIndex: stalled > Self.patience) else {
                return .optimal
            }
            let direction = IntegerVector(count: dimension + 1)
            for index in 0..<dimension { direction.copy(columns[entry], index, to: index) }
            if !isPositive { direction.negate() }
            guard let blocking = try blockingRow(direction, poll) else {
                return .unbounded(direction: direction)
            }
            setProduct(rate, blocking, point)
            stalled = rate.sign(0) == 0 ? stalled + 1 : 0
            setRates(of: blocking)
            exchange(entry, blocking)
        }
    }

    /// The multipliers of the basis entries in ⟨objective, x⟩, as numerators over D.
    func multipliers(_ objective: IntegerVector) -> IntegerVector {
        let result = IntegerVector(count: dimension)
        for k in 0..<dimension {
            result.setDotProduct(at: k, columns[k], start: 0, objective, terms: dimension)
        }
        return result
    }

    /// The basis entry to leave, and whether along + column or − column.
    private func entering(_ objective: IntegerVector, leastIndex: Bool) -> (entry: Int, isPositive: Bool)? {
        let multipliers = multipliers(objective)
        if let pinned = basis.indices.first(where: { basis[$0] < 0 && multipliers.sign($0) != 0 }) {
            return (pinned, multipliers.sign(pinned) > 0)
        }
        let candidates = basis.indices.filter { basis[$0] >= 0 && multipliers.sign($0) < 0 }
        let chosen =
            leastIndex
            ? candidates.min { basis[$0] < basis[$1] }
            : candidates.min { multipliers.isLess($0, than: multipliers, $1) }
        return chosen.map { ($0, false) }
    }

    /// The first row that stops a move along `direction`, of equal ones the least.
    private func blockingRow(
        _ direction: IntegerVector, _ poll: Poll
    ) throws(LinearProgrammingFault) -> Int? {
        // 0: rate, 1: −slack of the row at hand; 2, 3: of the best so far; 4, 5: cross products.
        let values = IntegerVector(count: 6)
        var best: Int?
        for row in 0..<rows.count where !isBasic[row] {
            if row & 255 == 255 { try poll() }
            setProduct(values, row, direction)
            guard values.sign(0) > 0 else { continue }
            setProduct(values, at: 1, row, point)
            if best != nil {
                values.setProduct(at: 4, values, 1, values, 2)
                values.setProduct(at: 5, values, 3, values, 0)
                // slack / rate < best slack / best rate
                guard values.isLess(5, than: values, 4) else { continue }
            }
            values.copy(values, 0, to: 2)
            values.copy(values, 1, to: 3)
            best = row
        }
        return best
    }

    private func setProduct(_ target: IntegerVector, at index: Int = 0, _ row: Int, _ vector: IntegerVector) {
        let width = dimension + 1
        target.setDotProduct(at: index, rows.entries, start: row * width, vector, terms: width)
    }

    private func setRates(of row: Int) {
        for k in 0..<dimension { setProduct(rates, at: k, row, columns[k]) }
        setProduct(rates, at: dimension, row, point)
    }

    /// Puts `row`, whose rates are set, in the place of basis entry `entry`.
    private mutating func exchange(_ entry: Int, _ row: Int) {
        let n = dimension
        divisor.copy(point, n, to: 0)
        let isNegative = rates.sign(entry) < 0
        if isNegative { rates.negate() }
        point.eliminate(
            pivot: rates, entry, factor: rates, n, source: columns[entry], divisor: divisor)
        for k in 0..<n where k != entry {
            columns[k].eliminate(
                pivot: rates, entry, factor: rates, k, source: columns[entry], divisor: divisor)
        }
        if isNegative { columns[entry].negate() }
        if basis[entry] >= 0 { isBasic[basis[entry]] = false }
        basis[entry] = row
        isBasic[row] = true
    }
}
