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
struct ProvenBound {
    let relaxation: NodeRelaxation

    private var data: DataArrangement { relaxation.data }
    private var losses: RowLosses { relaxation.losses }

    /// A linear function of g that is to be 0.
    private struct Equation {
        /// Over the rows.
        let factors: UnsafePointer<Double>
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

    /// Slopes below these parts of a typical one may be noise; where all of them are kept, dependencies may not show.
    private static let noises = [1e-10, 1e-8, 1e-6, 1e-5, 1e-4, 1e-3]

    /// - Returns: a true lower bound of the weighted sum of the losses (without their constant); nil where none was found.
    ///
    /// - Parameter isThorough: whether to try hard.
    func value(isThorough: Bool) -> Double? {
        for noise in isThorough ? Self.noises[...] : Self.noises[1...1] {
            guard relaxation.dropNoise(noise) || noise == Self.noises[isThorough ? 0 : 1] else { continue }
            if let bound = bound(isThorough: isThorough) { return bound }
        }
        return nil
    }

    private func bound(isThorough: Bool) -> Double? {
        let columns = relaxation.fillDualColumns()
        let slope = relaxation.dualSlope
        var length = 0.0
        for row in 0..<data.count { length += slope[row].magnitude }
        let rounding = rounding
        let size = relaxation.columnCount
        var profits = [Double](repeating: 0, count: size)
        var errors = profits
        var tight: [Int] = []
        for unit in 0..<relaxation.units {
            let first = relaxation.offsets[unit]
            for (index, ray) in relaxation.cones[unit].rays.enumerated() {
                let k = first + index
                (profits[k], errors[k]) = profit(columns[k], ray.error, rounding)
                // Where no row counts, the profit is 0 exactly.
                if errors[k] != 0, !(profits[k] - errors[k] > Self.tightness * length) { tight.append(k) }
            }
        }
        for k in relaxation.rayCount..<size {
            (profits[k], errors[k]) = profit(columns[k], 0x1p-52, rounding)
            tight.append(k)
        }
        var correction = Correction()
        // Far from a solution nothing near is feasible.
        if tight.contains(where: { profits[$0].magnitude > 1e-6 * length }) { return nil }
        for _ in 0..<Self.attempts where !tight.isEmpty {
            let equations = tight.map {
                Equation(
                    factors: columns[$0], error: $0 < relaxation.rayCount ? rayError($0) : 0x1p-52,
                    value: profits[$0], valueError: errors[$0])
            }
            guard let found = correct(equations, tight, isThorough: isThorough) else { return nil }
            correction = found
            let failing = (0..<relaxation.rayCount).filter { k in
                guard errors[k] != 0, !tight.contains(k) else { return false }
                var most = 0.0
                for row in correction.rows { most += largestFactor(k, row) }
                return !(profits[k] - errors[k] - most * correction.change > 0)
            }
            if failing.isEmpty { return value(correction) }
            tight += failing
            tight.sort()
        }
        return tight.isEmpty ? value(correction) : nil
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

    private func ray(_ column: Int) -> (unit: Int, ray: Ray) {
        var unit = 0
        while column >= relaxation.offsets[unit + 1] { unit += 1 }
        return (unit, relaxation.cones[unit].rays[column - relaxation.offsets[unit]])
    }

    private func rayError(_ column: Int) -> Double { ray(column).ray.error }

    private func largestFactor(_ column: Int, _ row: Int) -> Double {
        let ray = ray(column).ray
        return ray.products[row].magnitude + ray.error
    }

    // MARK: Equations

    private func correct(_ equations: [Equation], _ tight: [Int], isThorough: Bool) -> Correction? {
        var kept: [Int] = []
        for index in equations.indices {
            // The same ray in two units is one equation.
            if !kept.contains(where: { isSame($0, index, equations, tight) }) {
                kept.append(index)
            }
        }
        let distinct = kept.map { equations[$0] }
        if let found = correction(distinct) { return found }
        guard isThorough, let moments = moments(kept.map { tight[$0] }) else { return nil }
        return withExtendedLifetime(moments) {
            let all = moments.rest.map { equations[kept[$0]] } + moments.equations
            return correction(all)
        }
    }

    /// Whether two functions of g are the same up to a factor on the rows where g is not 0, exactly: those of one ray, of
    /// the same rows.
    private func isSame(_ a: Int, _ b: Int, _ equations: [Equation], _ tight: [Int]) -> Bool {
        guard tight[a] < relaxation.rayCount, tight[b] < relaxation.rayCount,
            ray(tight[a]).ray.isParallel(to: ray(tight[b]).ray)
        else { return false }
        let slope = relaxation.dualSlope
        let (first, second) = (equations[a].factors, equations[b].factors)
        for row in 0..<data.count where slope[row] != 0 && (first[row] != 0) != (second[row] != 0) {
            return false
        }
        return true
    }

    /// So many rows with the largest slopes are looked at first.
    private static let candidates = 24

    /// What makes the equations hold, by a row for each of them; nil where they depend on each other, or nearly.
    private func correction(_ equations: [Equation]) -> Correction? {
        let slope = relaxation.dualSlope
        let losses = losses
        let hasEnds = losses.loss != .squared
        var rows: [Int] = []
        var rooms: [Double] = []
        var largest = 0.0
        rows.reserveCapacity(data.count)
        rooms.reserveCapacity(data.count)
        for row in 0..<data.count where slope[row] != 0 {
            let size = slope[row].magnitude
            let room = hasEnds ? min(size, losses.room(slope[row], row: row)) : size
            guard room > 0 else { continue }
            largest = max(largest, room)
            rows.append(row)
            rooms.append(room)
        }
        guard rows.count > 2 * Self.candidates else {
            return eliminate(equations, rows, rooms).flatMap { distance(equations, $0) }
        }
        // Large ones, from all over the data.
        let some = rows.indices.filter { rooms[$0] > 0.3 * largest }
        if some.count >= Self.candidates {
            let chosen = (0..<Self.candidates).map { some[$0 * some.count / Self.candidates] }
            let pivots = eliminate(equations, chosen.map { rows[$0] }, chosen.map { rooms[$0] })
            if let found = pivots.flatMap({ distance(equations, $0) }) { return found }
        }
        let chosen = representatives(equations, rows, rooms)
        return eliminate(equations, chosen.map { rows[$0] }, chosen.map { rooms[$0] })
            .flatMap { distance(equations, $0) }
    }

    /// Of the rows that the same equations see, some with the largest rooms.
    private func representatives(_ equations: [Equation], _ rows: [Int], _ rooms: [Double]) -> [Int] {
        guard equations.count <= 64, rows.count > 8 * Self.candidates else { return Array(rows.indices) }
        var seen = [UInt64](repeating: 0, count: rows.count)
        for (index, equation) in equations.enumerated() {
            let factors = equation.factors
            for position in rows.indices where factors[rows[position]] != 0 {
                seen[position] |= 1 << UInt64(index)
            }
        }
        // Few sets are seen: the last one is nearly always the one.
        var sets: [UInt64] = []
        var members: [[Int]] = []
        var last = 0
        for position in rows.indices {
            if sets.isEmpty || sets[last] != seen[position] {
                if let known = sets.firstIndex(of: seen[position]) {
                    last = known
                } else {
                    last = sets.count
                    sets.append(seen[position])
                    members.append([])
                }
            }
            members[last].append(position)
        }
        return members.flatMap { positions -> [Int] in
            guard positions.count > 2 * Self.candidates else { return positions }
            // The largest of each of so many stretches of the rows.
            let count = 2 * Self.candidates
            return (0..<count).map { part in
                let stretch = positions[part * positions.count / count..<(part + 1) * positions.count / count]
                return stretch.max { rooms[$0] < rooms[$1] } ?? positions[0]
            }
        }
    }

    /// A row for each equation, by elimination with complete pivoting.
    private func eliminate(_ equations: [Equation], _ rows: [Int], _ rooms: [Double]) -> [Int]? {
        let size = equations.count
        let width = rows.count
        guard size <= width else { return nil }
        var result = [Int](repeating: -1, count: size)
        let isRegular = withUnsafeTemporaryAllocation(of: Double.self, capacity: size * width) { matrix in
            var isDone = [Bool](repeating: false, count: size)
            for index in 0..<size {
                let factors = equations[index].factors
                var scale = 0.0
                for column in 0..<width {
                    let value = factors[rows[column]] * rooms[column]
                    matrix[index * width + column] = value
                    scale = max(scale, value.magnitude)
                }
                guard scale > 0 else { return false }
                let inverse = 1 / scale
                for column in 0..<width { matrix[index * width + column] *= inverse }
            }
            for _ in 0..<size {
                var best = (equation: -1, column: -1, size: 1e-7)
                for index in 0..<size where !isDone[index] {
                    for column in 0..<width where matrix[index * width + column].magnitude > best.size {
                        best = (index, column, matrix[index * width + column].magnitude)
                    }
                }
                guard best.equation >= 0 else { return false }
                isDone[best.equation] = true
                result[best.equation] = rows[best.column]
                let pivot = best.equation * width
                let inverse = 1 / matrix[pivot + best.column]
                for index in 0..<size where !isDone[index] {
                    let factor = matrix[index * width + best.column] * inverse
                    if factor == 0 { continue }
                    for column in 0..<width {
                        matrix[index * width + column] -= factor * matrix[pivot + column]
                    }
                    matrix[index * width + best.column] = 0
                }
            }
            return true
        }
        return isRegular ? result : nil
    }

    /// How far the entries of g at the pivots have to move at most: by the inverse of the matrix of their factors, which
    /// is bounded by an approximate one.
    private func distance(_ equations: [Equation], _ rows: [Int]) -> Correction? {
        let size = equations.count
        let matrix = equations.map { equation in rows.map { equation.factors[$0] } }
        guard let inverse = Self.inverse(matrix) else { return nil }
        var defect = 0.0
        var norm = 0.0
        for i in 0..<size {
            var rowDefect = 0.0
            var rowNorm = 0.0
            for j in 0..<size {
                var sum = i == j ? -1.0 : 0
                var magnitude = i == j ? 1.0 : 0
                for k in 0..<size {
                    let product = inverse[i][k] * matrix[k][j]
                    sum += product
                    magnitude += product.magnitude + inverse[i][k].magnitude * equations[k].error * 0x1p52
                }
                rowDefect += sum.magnitude + Double(size + 4) * 0x1p-52 * magnitude
                rowNorm += inverse[i][j].magnitude
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

    private static func inverse(_ matrix: [[Double]]) -> [[Double]]? {
        let size = matrix.count
        var left = matrix
        var right = (0..<size).map { row in (0..<size).map { $0 == row ? 1.0 : 0 } }
        for column in 0..<size {
            var pivot = column
            for row in column..<size where left[row][column].magnitude > left[pivot][column].magnitude {
                pivot = row
            }
            guard left[pivot][column] != 0 else { return nil }
            left.swapAt(pivot, column)
            right.swapAt(pivot, column)
            let factor = 1 / left[column][column]
            for k in 0..<size {
                left[column][k] *= factor
                right[column][k] *= factor
            }
            for row in 0..<size where row != column && left[row][column] != 0 {
                let factor = left[row][column]
                for k in 0..<size {
                    left[row][k] -= factor * left[column][k]
                    right[row][k] -= factor * right[column][k]
                }
            }
        }
        return right
    }

    // MARK: Moments

    private final class Moments {
        /// Positions among the given columns that stay equations by themselves.
        var rest: [Int] = []
        var equations: [Equation] = []
        let buffers: RowBuffers

        init(_ count: Int, stride: Int) { buffers = RowBuffers(count: count, stride: stride) }
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
        let parts = RowParts(groups.map(\.mask), slopes: relaxation.dualSlope)
        let bases = groups.map { group in Self.independent(group.members.map { direction(columns[$0]) }) }
        let result = Moments(groups.count * dimension, stride: data.stride)
        var dropped: Set<Int> = []
        var known = IntegerSpan()
        for (index, group) in groups.enumerated() where bases[index].count == dimension {
            dropped.formUnion(group.members)
            guard known.insert(parts.vector(index)) else { continue }
            result.equations += (0..<dimension).map {
                moment($0, group, result.buffers[index * dimension + $0])
            }
        }
        // Of lines that rays lie on, the sets of rows with a moment that is 0 along them.
        var lines: [(ray: Ray, parts: [Int])] = []
        for (index, group) in groups.enumerated() where bases[index].count < dimension {
            var kept = Set(group.members)
            if bases[index].count < group.members.count,
                commonRank(group.members.map { columns[$0] }) >= dimension - bases[index].count
            {
                kept = Set(bases[index].map { group.members[$0] })
            }
            for member in group.members {
                guard kept.contains(member) else {
                    dropped.insert(member)
                    continue
                }
                let column = columns[member]
                // The column of a bias is 0 nowhere, and along no ray.
                let ray = column < relaxation.rayCount ? ray(column).ray : nil
                let seen = parts.seen { ray == nil || ray?.products[$0] != 0 }
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
                    dropped.insert(member)
                } else if let ray {
                    lines.append((ray, vector))
                }
            }
        }
        guard !dropped.isEmpty else { return nil }
        result.rest = columns.indices.filter { !dropped.contains($0) }
        return result
    }

    private static let mostGroups = 24

    private struct Group {
        var members: [Int]
        var mask: [Bool]
    }

    private func groups(_ columns: [Int]) -> [Group] {
        let slope = relaxation.dualSlope
        let all = relaxation.fillDualColumns()
        var groups: [Group] = []
        for (position, column) in columns.enumerated() {
            let isFree = column >= relaxation.rayCount
            let products = isFree ? nil : ray(column).ray.products
            let factors = all[column]
            let mask = (0..<data.count).map { slope[$0] != 0 && (isFree || factors[$0] != 0) }
            let fitting = groups.firstIndex { group in
                for row in 0..<data.count where slope[row] != 0 && mask[row] != group.mask[row] {
                    // It counts for one of them: the others must not see the row.
                    if mask[row] {
                        if group.members.contains(where: { sees($0, columns, row) }) { return false }
                    } else if products.map({ $0[row] != 0 }) ?? true {
                        return false
                    }
                }
                return true
            }
            if let fitting {
                groups[fitting].members.append(position)
                for row in 0..<data.count where mask[row] { groups[fitting].mask[row] = true }
            } else {
                groups.append(Group(members: [position], mask: mask))
            }
        }
        return groups
    }

    private func sees(_ position: Int, _ columns: [Int], _ row: Int) -> Bool {
        let column = columns[position]
        return column >= relaxation.rayCount || ray(column).ray.products[row] != 0
    }

    private func direction(_ column: Int) -> [Double] {
        if column < relaxation.rayCount { return ray(column).ray.direction }
        var unit = [Double](repeating: 0, count: data.dimension)
        unit[relaxation.freeCount == 1 ? data.dimension - 1 : column - relaxation.rayCount] = 1
        return unit
    }

    private func moment(_ column: Int, _ group: Group, _ factors: UnsafeMutablePointer<Double>) -> Equation {
        for row in 0..<data.count {
            factors[row] = group.mask[row] ? data.frame[column * data.stride + row] : 0
        }
        let sums = crease_training_profit(factors, relaxation.dualSlope, data.stride)
        let error = rounding * sums.magnitude + 0x1p-52 * sums.length
        return Equation(factors: factors, error: 0x1p-52, value: sums.sum, valueError: error)
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
        let rays = columns.map { ray($0).ray }
        let rows = (0..<data.count).filter { row in rays.allSatisfy { $0.products[row] == 0 } }
        let points = rows.map { row in (0..<data.dimension).map { data.frame[$0 * data.stride + row] } }
        return Self.independent(points).count
    }
}
