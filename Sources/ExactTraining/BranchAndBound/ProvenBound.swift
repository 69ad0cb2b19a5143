internal import CTrainingKernels
internal import ExactArithmetic

/// Lower bounds of a relaxation in real arithmetic, from the slopes g at its approximate solution.
///
/// −Σ ω ℓ*(g/ω) is a lower bound where the *profit* Σ_i g_i c_ik of no ray is negative, c_ik being what the ray adds to
/// the bound of row i that g_i's sign stands for, and where those of free columns are 0. Profits are computed with bounds
/// on their errors. Those that are not surely positive are made 0, without computing how: if a few entries of g, one for
/// each of them, have a square matrix of factors with a small inverse, then there is a real vector near g, whose
/// distance the inverse and the profits bound, at which all these profits are 0 exactly; the others and the value are
/// then taken with what that distance can change. Rays of one unit or of two whose factors are one linear function of
/// the ray are replaced, where they depend on each other, by the moments Σ g_i x̃_i over the rows that count.
///
/// One prover is used over and over by one thread; its storage is its own.
final class ProvenBound {
    private let relaxation: NodeRelaxation
    private let data: DataArrangement
    private let losses: RowLosses
    private let scratch = Scratch()

    // Of the columns.
    private var columnUnit: [Int] = []
    private var columnError: [Double] = []
    private var columnProducts: [UnsafePointer<Double>?] = []
    private var profits: [Double] = []
    private var errors: [Double] = []
    /// Rows with a slope where the column's factor is not 0; known for tight ones.
    private let factorSets: RowSets
    /// Rows with a slope where the ray's product is not 0; known for tight ones.
    private let productSets: RowSets
    private let groupSets: RowSets
    private let groupProductSets: RowSets
    private let partSets: RowSets
    /// Parts of the rows by the equations that see them.
    private let seenSets: RowSets

    // Rows whose slope may move, and by how much at most.
    private var rows: [Int] = []
    private let rooms: UnsafeMutablePointer<Double>
    private var largestRoom = 0.0

    private var equations: [Equation] = []
    private let basis: RowColumns
    private let momentBuffers: RowColumns

    init(_ relaxation: NodeRelaxation) {
        self.relaxation = relaxation
        data = relaxation.data
        losses = relaxation.losses
        let stride = data.stride
        factorSets = RowSets(stride: stride)
        productSets = RowSets(stride: stride)
        groupSets = RowSets(stride: stride)
        groupProductSets = RowSets(stride: stride)
        partSets = RowSets(stride: stride)
        seenSets = RowSets(stride: stride)
        momentBuffers = RowColumns(stride: stride)
        basis = RowColumns(stride: stride)
        rooms = .allocate(capacity: stride)
        rooms.initialize(repeating: 0, count: stride)
    }

    deinit { rooms.deallocate() }

    /// A linear function of g that is to be 0.
    private struct Equation {
        /// Over the rows.
        let factors: UnsafePointer<Double>
        /// Rows with a slope that have a factor, or more.
        let rows: UnsafePointer<UInt64>
        /// Within this of the true factors.
        let error: Double
        let value: Double
        let valueError: Double
    }

    /// What g may be changed by: an entry of each of these rows by at most `change`.
    private struct Correction {
        var rows: [Int] = []
        var change = 0.0
    }

    /// Numbers for a while.
    private final class Scratch {
        private var capacity = 0
        private var numbers: UnsafeMutablePointer<Double> = .allocate(capacity: 0)

        deinit { numbers.deallocate() }

        func reserve(_ count: Int) -> UnsafeMutablePointer<Double> {
            if count > capacity {
                numbers.deallocate()
                capacity = 2 * count
                numbers = .allocate(capacity: capacity)
                numbers.initialize(repeating: 0, count: capacity)
            }
            return numbers
        }
    }

    /// Slopes below these parts of a typical one may be noise; where all of them are kept, dependencies may not show.
    private static let noises = [1e-10, 1e-6, 1e-4, 1e-2]

    /// - Returns: a true lower bound of the weighted sum of the losses (without their constant), from the relaxation's
    ///   dual slopes; nil where none was found.
    ///
    /// - Parameter isThorough: whether to try hard.
    func value(isThorough: Bool) -> Double? {
        guard isThorough else {
            _ = relaxation.dropNoise(Self.noises[1])
            return bound(isThorough: false, projects: false)
        }
        for (index, noise) in Self.noises.enumerated() {
            guard relaxation.dropNoise(noise) || index == 0 else { continue }
            if let bound = bound(isThorough: true, projects: index > 0) { return bound }
            if index == 0, let bound = bound(isThorough: true, projects: true) { return bound }
        }
        return nil
    }

    private func bound(isThorough: Bool, projects: Bool) -> Double? {
        let columns = relaxation.fillDualColumns()
        loadColumns()
        let length = loadRows()
        let rayCount = relaxation.rayCount
        var tight = loadProfits(columns, length)
        if projects, project(tight, columns) { tight = loadProfits(columns, loadRows()) }
        var correction = Correction()
        // Far from a solution nothing near is feasible.
        if tight.contains(where: { profits[$0].magnitude > 1e-6 * length }) { return nil }
        for _ in 0..<Self.attempts where !tight.isEmpty {
            guard let found = correct(tight, columns, isThorough: isThorough) else { return nil }
            correction = found
            var failing: [Int] = []
            for k in 0..<rayCount where errors[k] != 0 && !tight.contains(k) {
                var most = 0.0
                if let products = columnProducts[k] {
                    for row in correction.rows { most += products[row].magnitude + columnError[k] }
                }
                if !(profits[k] - errors[k] - most * correction.change > 0) { failing.append(k) }
            }
            if failing.isEmpty { return value(correction) }
            tight += failing
            tight.sort()
        }
        return tight.isEmpty ? value(correction) : nil
    }

    /// - Returns: the columns whose profits are to be made 0.
    private func loadProfits(_ columns: RowColumns, _ length: Double) -> [Int] {
        let rounding = rounding
        var tight: [Int] = []
        for k in 0..<relaxation.columnCount {
            (profits[k], errors[k]) = profit(columns[k], columnError[k], rounding)
            // Where no row counts, the profit is 0 exactly.
            if k >= relaxation.rayCount
                || (errors[k] != 0 && !(profits[k] - errors[k] > Self.tightness * length))
            {
                tight.append(k)
            }
        }
        return tight
    }

    /// Moves all slopes a little, to where the profits of these columns are 0 but for rounding: what is left to be
    /// corrected by a few of them is much less then. Least squares by Gram and Schmidt's orthogonalisation, rows weighted
    /// by how far they may move: the columns may be nearly dependent.
    ///
    /// - Returns: whether they were moved.
    private func project(_ tight: [Int], _ columns: RowColumns) -> Bool {
        let size = tight.count
        guard size > 0 else { return false }
        let (slope, rooms, stride, count) = (relaxation.dualSlope, rooms, data.stride, data.count)
        basis.reserve(size + 1)
        let shift = basis[size]
        let triangle = scratch.reserve(size * size + size)
        let factors = triangle + size * size
        for k in 0..<size {
            let (vector, column) = (basis[k], columns[tight[k]])
            for row in 0..<stride { vector[row] = slope[row] != 0 ? column[row] * rooms[row] : 0 }
            let length = crease_training_profit(vector, vector, stride).sum.squareRoot()
            for j in 0..<k { triangle[k * size + j] = 0 }
            // Twice is enough.
            for _ in 0..<2 {
                for j in 0..<k where triangle[j * size + j] > 0 {
                    let other = basis[j]
                    let part = crease_training_profit(vector, other, stride).sum
                    triangle[k * size + j] += part
                    for row in 0..<stride { vector[row] -= part * other[row] }
                }
            }
            let rest = crease_training_profit(vector, vector, stride).sum.squareRoot()
            guard rest > Self.leastRest * length else {
                triangle[k * size + k] = 0
                continue
            }
            triangle[k * size + k] = rest
            let inverse = 1 / rest
            for row in 0..<stride { vector[row] *= inverse }
        }
        var hasMoved = false
        for _ in 0..<Self.projections {
            for row in 0..<stride { shift[row] = 0 }
            for k in 0..<size {
                factors[k] = 0
                guard triangle[k * size + k] > 0 else { continue }
                var sum = -crease_training_profit(columns[tight[k]], slope, stride).sum
                for j in 0..<k { sum -= triangle[k * size + j] * factors[j] }
                factors[k] = sum / triangle[k * size + k]
                let (factor, vector) = (factors[k], basis[k])
                for row in 0..<stride { shift[row] += factor * vector[row] }
            }
            for row in 0..<count where !(shift[row].magnitude <= 0.1) { return hasMoved }
            for row in 0..<count where slope[row] != 0 { slope[row] += shift[row] * rooms[row] }
            hasMoved = true
        }
        return hasMoved
    }

    private static let projections = 2
    /// Columns with less than this part of them outside the span of others are taken for dependent.
    private static let leastRest = 1e-10

    private func loadColumns() {
        columnUnit.removeAll(keepingCapacity: true)
        columnError.removeAll(keepingCapacity: true)
        columnProducts.removeAll(keepingCapacity: true)
        for unit in 0..<relaxation.units {
            let cone = relaxation.cones[unit]
            for index in cone.rays.indices {
                columnUnit.append(unit)
                columnError.append(cone.rays[index].error)
                columnProducts.append(cone.products[index])
            }
        }
        for _ in 0..<relaxation.freeCount {
            columnUnit.append(-1)
            columnError.append(0x1p-52)
            columnProducts.append(nil)
        }
        let size = relaxation.columnCount
        while profits.count < size { profits.append(0) }
        while errors.count < size { errors.append(0) }
        factorSets.reserve(size)
        productSets.reserve(size)
    }

    /// - Returns: Σ |g|.
    private func loadRows() -> Double {
        let slope = relaxation.dualSlope
        let hasEnds = losses.loss != .squared
        let (losses, rooms) = (losses, rooms)
        var rows = rows
        self.rows = []
        rows.removeAll(keepingCapacity: true)
        var largest = 0.0
        var length = 0.0
        for row in 0..<data.count where slope[row] != 0 {
            let size = slope[row].magnitude
            length += size
            let room = hasEnds ? min(size, losses.room(slope[row], row: row)) : size
            rooms[row] = room
            guard room > 0 else { continue }
            largest = max(largest, room)
            rows.append(row)
        }
        self.rows = rows
        largestRoom = largest
        return length
    }

    /// Of the sums of products over the rows, as a part of the sum of magnitudes: so many roundings, twice.
    private var rounding: Double {
        let block = Int(CREASE_TRAINING_BLOCK)
        return Double(min(data.count, block) + data.count / block + 16) * 0x1p-52
    }

    private static let tightness = 1e-11
    private static let attempts = 3

    private func value(_ correction: Correction) -> Double? {
        let bound = losses.dualValue(
            relaxation.dualSlope, changes: correction.rows.map { ($0, correction.change) })
        return bound.isFinite ? bound : nil
    }

    private func profit(
        _ column: UnsafePointer<Double>, _ columnError: Double, _ rounding: Double
    ) -> (Double, Double) {
        let sums = crease_training_profit(column, relaxation.dualSlope, data.stride)
        return (sums.sum, (columnError * sums.length + rounding * sums.magnitude) * (1 + 0x1p-30))
    }

    private func ray(_ column: Int) -> Ray {
        let unit = columnUnit[column]
        return relaxation.cones[unit].rays[column - relaxation.offsets[unit]]
    }

    // MARK: Equations

    private func correct(_ tight: [Int], _ columns: RowColumns, isThorough: Bool) -> Correction? {
        let slope = relaxation.dualSlope
        equations.removeAll(keepingCapacity: true)
        var kept: [Int] = []
        for column in tight {
            let factors = columns[column]
            crease_training_nonzero(factors, slope, data.stride, factorSets[column])
            crease_training_nonzero(
                columnProducts[column] ?? UnsafePointer(slope), slope, data.stride, productSets[column])
            // The same ray in two units is one equation.
            if kept.contains(where: { isSame($0, column) }) { continue }
            kept.append(column)
            equations.append(equation(column, columns))
        }
        if let found = correction() { return found }
        guard isThorough, let moments = moments(kept) else { return nil }
        equations = moments.rest.map { equation($0, columns) } + moments.equations
        return correction()
    }

    private func equation(_ column: Int, _ columns: RowColumns) -> Equation {
        Equation(
            factors: columns[column], rows: factorSets[column], error: columnError[column],
            value: profits[column], valueError: errors[column])
    }

    /// Whether two functions of g are the same up to a factor on the rows where g is not 0, exactly: those of one ray, of
    /// the same rows.
    private func isSame(_ a: Int, _ b: Int) -> Bool {
        a < relaxation.rayCount && b < relaxation.rayCount
            && factorSets.areEqual(factorSets[a], factorSets[b]) && ray(a).isParallel(to: ray(b))
    }

    /// So many rows with the largest slopes are looked at first.
    private static let candidates = 24

    /// What makes the equations hold, by a row for each of them; nil where they depend on each other, or nearly.
    private func correction() -> Correction? {
        guard rows.count > 2 * Self.candidates else { return eliminate(rows).flatMap { distance($0) } }
        // Large ones, from all over the data.
        let (rooms, least) = (rooms, 0.3 * largestRoom)
        let some = rows.filter { rooms[$0] > least }
        if some.count >= Self.candidates {
            let chosen = (0..<Self.candidates).map { some[$0 * some.count / Self.candidates] }
            if let found = eliminate(chosen).flatMap({ distance($0) }) { return found }
        }
        return eliminate(representatives()).flatMap { distance($0) }
    }

    /// Of the rows that the same equations see, some with the largest rooms.
    private func representatives() -> [Int] {
        guard equations.count <= 64, rows.count > 8 * Self.candidates else { return rows }
        let rooms = rooms
        let parts = RowParts(equations.map(\.rows), storage: seenSets)
        var result: [Int] = []
        for part in parts.memberships.indices {
            var members: [Int] = []
            seenSets.forEach(parts.rows(part)) { if rooms[$0] > 0 { members.append($0) } }
            // The largest of each of so many stretches of the rows.
            let count = 2 * Self.candidates
            guard members.count > count else {
                result += members
                continue
            }
            for stretch in 0..<count {
                var best = members[stretch * members.count / count]
                for position in stretch * members.count / count..<(stretch + 1) * members.count / count
                where rooms[members[position]] > rooms[best] {
                    best = members[position]
                }
                result.append(best)
            }
        }
        return result
    }

    /// A row for each equation, by elimination with complete pivoting.
    private func eliminate(_ rows: [Int]) -> [Int]? {
        let size = equations.count
        let width = rows.count
        guard size <= width else { return nil }
        let largest = scratch.reserve(size * (width + 1))
        let matrix = largest + size
        let rooms = rooms
        for (index, equation) in equations.enumerated() {
            let entries = matrix + index * width
            for column in 0..<width { entries[column] = equation.factors[rows[column]] * rooms[rows[column]] }
        }
        return withUnsafeTemporaryAllocation(of: Int.self, capacity: size) { pivots in
            let isRegular = pivots.withMemoryRebound(to: UInt.self) {
                crease_training_pivots(matrix, size, width, Self.leastPivot, largest, $0.baseAddress)
            }
            return isRegular != 0 ? pivots.map { rows[$0] } : nil
        }
    }

    private static let leastPivot = 1e-9

    /// How far the entries of g at the pivots have to move at most: by the inverse of the matrix of their factors, which
    /// is bounded by an approximate one.
    private func distance(_ rows: [Int]) -> Correction? {
        let size = equations.count
        let matrix = scratch.reserve(3 * size * size)
        let inverse = matrix + size * size
        let work = inverse + size * size
        for (i, equation) in equations.enumerated() {
            for j in 0..<size { matrix[i * size + j] = equation.factors[rows[j]] }
        }
        guard Self.invert(matrix, size, inverse, work) else { return nil }
        let factorErrors = equations.map { $0.error * 0x1p52 }
        var defect = 0.0
        var norm = 0.0
        for i in 0..<size {
            var rowDefect = 0.0
            var rowNorm = 0.0
            for j in 0..<size {
                var sum = i == j ? -1.0 : 0
                var magnitude = i == j ? 1.0 : 0
                for k in 0..<size {
                    let factor = inverse[i * size + k]
                    let product = factor * matrix[k * size + j]
                    sum += product
                    magnitude += product.magnitude + factor.magnitude * factorErrors[k]
                }
                rowDefect += sum.magnitude + Double(size + 4) * 0x1p-52 * magnitude
                rowNorm += inverse[i * size + j].magnitude
            }
            defect = max(defect, rowDefect)
            norm = max(norm, rowNorm)
        }
        guard defect < 0.25 else { return nil }
        let residual = equations.reduce(0) { max($0, $1.value.magnitude + $1.valueError) }
        // |(C A)^-1| ≤ 1/(1 − defect).
        let change = 1.5 * norm * residual
        let slope = relaxation.dualSlope
        for row in rows {
            // No sign may change, and no slope leave its domain.
            guard change < 0.5 * slope[row].magnitude, change <= losses.room(slope[row], row: row) else {
                return nil
            }
        }
        return Correction(rows: rows, change: change)
    }

    /// Gauss and Jordan's elimination with partial pivoting.
    private static func invert(
        _ matrix: UnsafePointer<Double>, _ size: Int, _ right: UnsafeMutablePointer<Double>,
        _ left: UnsafeMutablePointer<Double>
    ) -> Bool {
        for index in 0..<size * size {
            left[index] = matrix[index]
            right[index] = 0
        }
        for index in 0..<size { right[index * size + index] = 1 }
        for column in 0..<size {
            var pivot = column
            for row in column..<size
            where left[row * size + column].magnitude > left[pivot * size + column].magnitude {
                pivot = row
            }
            let value = left[pivot * size + column]
            guard value != 0 else { return false }
            let factor = 1 / value
            for k in 0..<size {
                let (a, b) = (left[pivot * size + k], right[pivot * size + k])
                left[pivot * size + k] = left[column * size + k]
                right[pivot * size + k] = right[column * size + k]
                left[column * size + k] = a * factor
                right[column * size + k] = b * factor
            }
            for row in 0..<size where row != column {
                let factor = left[row * size + column]
                if factor == 0 { continue }
                for k in 0..<size {
                    left[row * size + k] -= factor * left[column * size + k]
                    right[row * size + k] -= factor * right[column * size + k]
                }
            }
        }
        return true
    }

    // MARK: Moments

    private struct Moments {
        /// Columns that stay equations by themselves.
        var rest: [Int] = []
        var equations: [Equation] = []
    }

    /// Replaces columns whose factors are c_i x̃_i·r with the same c_i in {0, 1}, so that their profits are linear in r:
    /// by the d moments Σ g_i c_i x̃_i where the rays span everything, by a basis where they lie on common hyperplanes
    /// of the data that leave no more than it spans. Free columns of an affine output term are such for c = 1.
    ///
    /// Moments over sets of rows depend on each other as the sets do: that over two disjoint sets together is the sum of
    /// theirs. What follows in this way from others is left out.
    private func moments(_ columns: [Int]) -> Moments? {
        let dimension = data.dimension
        let groups = groups(columns)
        guard groups.count <= Self.mostGroups else { return nil }
        let parts = RowParts(groups.indices.map { UnsafePointer(groupSets[$0]) }, storage: partSets)
        let bases = groups.map { members in Self.independent(members.map { direction($0) }) }
        momentBuffers.reserve(groups.count * dimension)
        var result = Moments()
        var dropped: Set<Int> = []
        var known = IntegerSpan()
        for (index, members) in groups.enumerated() where bases[index].count == dimension {
            dropped.formUnion(members)
            guard known.insert(parts.vector(index)) else { continue }
            for coordinate in 0..<dimension {
                result.equations.append(
                    moment(coordinate, index, momentBuffers[index * dimension + coordinate]))
            }
        }
        // Of lines that rays lie on, the sets of rows with a moment that is 0 along them.
        var lines: [(ray: Ray, parts: [Int])] = []
        for (index, members) in groups.enumerated() where bases[index].count < dimension {
            var kept = Set(members)
            if bases[index].count < members.count,
                commonRank(members) >= dimension - bases[index].count
            {
                kept = Set(bases[index].map { members[$0] })
            }
            for column in members {
                guard kept.contains(column) else {
                    dropped.insert(column)
                    continue
                }
                // The column of a bias is 0 nowhere, and along no ray.
                let ray = column < relaxation.rayCount ? ray(column) : nil
                let seen = parts.seen(productSets[column])
                var along = IntegerSpan()
                for full in groups.indices where bases[full].count == dimension {
                    _ = along.insert(parts.vector(full, within: seen))
                }
                for line in lines {
                    guard let ray, ray.isOnLine(of: line.ray) else { continue }
                    _ = along.insert(line.parts)
                }
                let vector = parts.vector(index, within: seen)
                if !along.insert(vector) {
                    dropped.insert(column)
                } else if let ray {
                    lines.append((ray, vector))
                }
            }
        }
        guard !dropped.isEmpty else { return nil }
        result.rest = columns.filter { !dropped.contains($0) }
        return result
    }

    private static let mostGroups = 24

    /// Columns of the same c_i, up to rows that the others do not see; `groupSets` has the rows with c_i = 1.
    private func groups(_ columns: [Int]) -> [[Int]] {
        var groups: [[Int]] = []
        for column in columns {
            let (factors, products) = (factorSets[column], productSets[column])
            let fitting = groups.indices.first { group in
                let (mask, seen) = (groupSets[group], groupProductSets[group])
                for word in 0..<groupSets.words {
                    // It counts for one of them: the others must not see the row.
                    if factors[word] & ~mask[word] & seen[word] != 0 { return false }
                    if mask[word] & ~factors[word] & products[word] != 0 { return false }
                }
                return true
            }
            if let fitting {
                groups[fitting].append(column)
                groupSets.add(factors, to: groupSets[fitting])
                groupProductSets.add(products, to: groupProductSets[fitting])
            } else {
                let new = groups.count
                groups.append([column])
                groupSets.reserve(new + 1)
                groupProductSets.reserve(new + 1)
                groupSets[new].update(from: factors, count: groupSets.words)
                groupProductSets[new].update(from: products, count: groupSets.words)
            }
        }
        return groups
    }

    private func direction(_ column: Int) -> [Double] {
        if column < relaxation.rayCount { return ray(column).direction }
        var unit = [Double](repeating: 0, count: data.dimension)
        unit[relaxation.freeCount == 1 ? data.dimension - 1 : column - relaxation.rayCount] = 1
        return unit
    }

    private func moment(
        _ coordinate: Int, _ group: Int, _ factors: UnsafeMutablePointer<Double>
    ) -> Equation {
        let mask = groupSets[group]
        let column = data.frame + coordinate * data.stride
        for row in 0..<data.stride { factors[row] = RowSets.contains(mask, row) ? column[row] : 0 }
        let sums = crease_training_profit(factors, relaxation.dualSlope, data.stride)
        let error = rounding * sums.magnitude + 0x1p-52 * sums.length
        return Equation(
            factors: factors, rows: mask, error: 0x1p-52, value: sums.sum, valueError: error)
    }

    /// Positions of vectors that are independent, for certain (their entries are known to far more digits than what is
    /// taken for dependent).
    private static func independent(_ vectors: [[Double]]) -> [Int] {
        var rest = vectors.map { vector -> [Double] in
            let length = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return length > 0 ? vector.map { $0 / length } : vector
        }
        var chosen: [Int] = []
        while true {
            var best = (index: -1, size: 1e-8)
            for (index, vector) in rest.enumerated() {
                let size = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
                if size > best.size { best = (index, size) }
            }
            guard best.index >= 0 else { return chosen }
            chosen.append(best.index)
            let pivot = rest[best.index].map { $0 / best.size }
            for index in rest.indices {
                let factor = zip(rest[index], pivot).reduce(0) { $0 + $1.0 * $1.1 }
                for entry in pivot.indices { rest[index][entry] -= factor * pivot[entry] }
            }
            rest[best.index] = rest[best.index].map { _ in 0 }
        }
    }

    /// A lower bound of the rank of the points on whose hyperplanes all these rays lie.
    private func commonRank(_ columns: [Int]) -> Int {
        guard columns.allSatisfy({ $0 < relaxation.rayCount }) else { return 0 }
        let rays = columns.compactMap { columnProducts[$0] }
        let rows = (0..<data.count).filter { row in rays.allSatisfy { $0[row] == 0 } }
        let points = rows.map { row in (0..<data.dimension).map { data.frame[$0 * data.stride + row] } }
        return Self.independent(points).count
    }
}
