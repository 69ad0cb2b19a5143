/// Minimises an affine form over a cell in binary64, from a point inside the cell, and proves by error bounds that it
/// stays above 0 where it does.
///
/// The simplex method on a condensed tableau: a column for each of the n variables that are 0, a row for each
/// constraint, so a step costs O(rows · n) operations on contiguous columns. Variables of the start are the n
/// displacements from the inner point, free in sign; each is exchanged for a constraint's slack once and stays.
final class CutProgram {
    enum Outcome {
        /// `vertex` has a negative value, or so it seems.
        case negative
        /// The least value seems to be ≥ 0, and the constraints that meet there are `tight`.
        case nonnegative
        /// Nothing to rely on.
        case undecided
    }

    private let n: Int
    private let stride: Int
    private let filter: FilteredForms
    /// Rows from one column to the next.
    private let height: Int
    private let arena: WordArena
    /// Columns 0..<n, then the right-hand sides; row `count` is the objective.
    private let table: UnsafeMutablePointer<Double>
    /// For each row the variable: v < n a displacement, n + i the slack of constraint i.
    private let basic: UnsafeMutablePointer<UInt64>
    private let nonbasic: UnsafeMutablePointer<UInt64>
    /// The last vertex (x_1, …, x_n, 1, 0, …).
    let vertex: UnsafeMutablePointer<Double>
    /// Where the proof of `nonnegative` was asked for: the constraints' indices.
    let tight: UnsafeMutablePointer<Int>
    private let multipliers: UnsafeMutablePointer<Double>
    private let inverse: UnsafeMutablePointer<Double>
    private let matrix: UnsafeMutablePointer<Double>
    private let matrixError: UnsafeMutablePointer<Double>
    private let residual: UnsafeMutablePointer<Double>

    private static let rateTolerance = 1e-11
    private static let pivotTolerance = 1e-11
    private static let valueTolerance = 1e-9
    private static let supportTolerance = 1e-9
    private static let roundoff = 0x1p-53

    deinit { tight.deallocate() }

    init(dimension: Int, stride: Int, maximumRows: Int) {
        n = dimension
        self.stride = stride
        filter = FilteredForms(stride: stride)
        height = (maximumRows + 4) / 4 * 4
        arena = WordArena(
            capacity: height * (n + 2) + 3 * n * n + 4 * stride + 4 * n + 64)
        table = arena.doubles(height * (n + 1))
        basic = arena.words(height)
        nonbasic = arena.words(n)
        vertex = arena.doubles(stride)
        inverse = arena.doubles(n * n)
        matrix = arena.doubles(n * n)
        matrixError = arena.doubles(n * n)
        residual = arena.doubles(n)
        multipliers = arena.doubles(n)
        tight = .allocate(capacity: max(1, dimension))
        tight.initialize(repeating: 0, count: max(1, dimension))
        vertex[n] = 1
    }

    /// Minimises sign · form · scale over the rows from `point` inside, until the value is clearly negative.
    func minimise(
        _ form: UnsafePointer<Double>, sign: Double, scale: Double, over rows: CellRows,
        from point: UnsafePointer<Double>
    ) -> Outcome {
        load(form, sign * scale, rows, point)
        let count = rows.count
        var displaced = -1
        var displacement = 0.0
        let right = table + n * height
        var unbounded = false
        iteration: for _ in 0..<40 + 8 * n {
            if right[count] < -Self.valueTolerance { break }
            var entering = -1
            var best = Self.rateTolerance
            var direction = 1.0
            for k in 0..<n {
                let rate = table[k * height + count]
                if nonbasic[k] < n {
                    if rate.magnitude > best {
                        best = rate.magnitude
                        entering = k
                        direction = rate > 0 ? 1 : -1
                    }
                } else if rate > best {
                    best = rate
                    entering = k
                    direction = 1
                }
            }
            if entering < 0 { break }
            let column = table + entering * height
            var leaving = -1
            var least = Double.infinity
            for row in 0..<count where basic[row] >= n {
                let rate = column[row] * direction
                if rate > Self.pivotTolerance, right[row] < least * rate {
                    least = right[row] / rate
                    leaving = row
                }
            }
            if leaving < 0 {
                unbounded = true
                displacement = direction * goFar(entering, direction, count)
                displaced = nonbasic[entering] < n ? Int(nonbasic[entering]) : -1
                break iteration
            }
            exchange(entering, leaving, count)
        }
        let value = right[count]
        guard value.isFinite else { return .undecided }
        setVertex(point, count)
        if displaced >= 0 { vertex[displaced] += displacement }
        if unbounded || value < -Self.valueTolerance { return .negative }
        for k in 0..<n where table[k * height + count] > Self.rateTolerance { return .undecided }
        return .nonnegative
    }

    private func load(
        _ form: UnsafePointer<Double>, _ scale: Double, _ rows: CellRows, _ point: UnsafePointer<Double>
    ) {
        let count = rows.count
        let right = table + n * height
        for index in 0..<count {
            let row = rows[index]
            let factor = row.sign * row.inverseNorm
            var slack = row.form[n]
            for k in 0..<n {
                let entry = row.form[k]
                table[k * height + index] = -factor * entry
                slack += entry * point[k]
            }
            right[index] = max(0, factor * slack)
            basic[index] = UInt64(n + index)
        }
        var value = form[n]
        for k in 0..<n {
            table[k * height + count] = -scale * form[k]
            value += form[k] * point[k]
            nonbasic[k] = UInt64(k)
        }
        right[count] = scale * value
    }

    private func exchange(_ entering: Int, _ leaving: Int, _ count: Int) {
        let pivotColumn = table + entering * height
        let inverse = 1 / pivotColumn[leaving]
        let quads = (count + 4) / 4
        let source = vectors(pivotColumn)
        for k in 0...n where k != entering {
            let column = table + k * height
            let factor = column[leaving] * inverse
            if factor == 0 { continue }
            let target = vectors(column)
            let repeated = SIMD4(repeating: factor)
            for quad in 0..<quads { target[quad] -= repeated * source[quad] }
            column[leaving] = factor
        }
        let negative = SIMD4(repeating: -inverse)
        for quad in 0..<quads { source[quad] *= negative }
        pivotColumn[leaving] = inverse
        (basic[leaving], nonbasic[entering]) = (nonbasic[entering], basic[leaving])
    }

    /// The point start + displacements.
    private func setVertex(_ point: UnsafePointer<Double>, _ count: Int) {
        for k in 0..<n { vertex[k] = point[k] }
        for row in 0..<count where basic[row] < n { vertex[Int(basic[row])] += table[n * height + row] }
    }

    /// Along the entering variable no constraint is met: makes the value as negative as it is positive now; returns
    /// the variable's value.
    private func goFar(_ entering: Int, _ direction: Double, _ count: Int) -> Double {
        let column = table + entering * height
        let right = table + n * height
        let step = (2 * max(right[count], 0) + 1) / column[count].magnitude
        for row in 0...count { right[row] -= column[row] * direction * step }
        return step
    }

    @inline(__always)
    private func vectors(_ pointer: UnsafeMutablePointer<Double>) -> UnsafeMutablePointer<SIMD4<Double>> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: SIMD4<Double>.self)
    }

    /// After `nonnegative`: the constraints with positive multipliers, of the form times its scale in terms of
    /// constraints of unit length.
    func support(
        _ rows: UnsafeMutablePointer<Int>, _ multipliers: UnsafeMutablePointer<Double>, rowCount: Int
    ) -> Int {
        var count = 0
        for k in 0..<n {
            let multiplier = -table[k * height + rowCount]
            guard nonbasic[k] >= n, multiplier > Self.supportTolerance else { continue }
            rows[count] = Int(nonbasic[k]) - n
            multipliers[count] = multiplier
            count += 1
        }
        return count
    }

    // MARK: Proof

    /// After `nonnegative`: whether sign · form ≥ 0 on the rows is certain. By Farkas: the tight rows a_k, independent
    /// for their approximate inverse R has ‖I − R Aᵀ‖ < 1, are combined to the form's gradient with multipliers that
    /// are > 0 for all values that the errors leave them, and the constant left over is ≥ 0.
    func proves(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, sign: Double, scale: Double,
        _ rows: CellRows, strictly: Bool = false
    ) -> Bool {
        let count = rows.count
        for k in 0..<n {
            guard nonbasic[k] >= n else { return false }
            tight[k] = Int(nonbasic[k]) - n
            multipliers[k] = -table[k * height + count]
            if !(multipliers[k] > 0) { return false }
        }
        // Column v of the tableau's rows of displacements: −(A⁻¹).
        for row in 0..<count where basic[row] < n {
            let v = Int(basic[row])
            for k in 0..<n { inverse[k * n + v] = -table[k * height + row] }
        }
        let u = Self.roundoff
        for k in 0..<n {
            let row = rows[tight[k]]
            let factor = row.sign * row.inverseNorm
            for v in 0..<n {
                let entry = factor * row.form[v]
                matrix[k * n + v] = entry
                matrixError[k * n + v] = row.inverseNorm * row.bound[v] + 2 * u * entry.magnitude
            }
        }
        let slack = 1.01 * Double(n + 4) * u
        var defect = 0.0
        for k in 0..<n {
            var sum = 0.0
            for j in 0..<n {
                var entry = k == j ? 1.0 : 0.0
                var size = 1.0
                for v in 0..<n {
                    let factor = inverse[k * n + v]
                    entry -= factor * matrix[j * n + v]
                    size += factor.magnitude * (matrix[j * n + v].magnitude + matrixError[j * n + v] / slack)
                }
                sum += entry.magnitude + slack * size
            }
            defect = max(defect, sum)
        }
        guard defect < 0.5 else { return false }
        for v in 0..<n {
            let entry = sign * scale * form[v]
            var sum = entry
            var size = entry.magnitude + (scale * bound[v] + 2 * u * entry.magnitude) / slack
            for k in 0..<n {
                sum -= multipliers[k] * matrix[k * n + v]
                size += multipliers[k] * (matrix[k * n + v].magnitude + matrixError[k * n + v] / slack)
            }
            residual[v] = sum.magnitude + slack * size
        }
        var deviation = 0.0
        for k in 0..<n {
            var sum = 0.0
            for v in 0..<n { sum += inverse[k * n + v].magnitude * residual[v] }
            deviation = max(deviation, sum)
        }
        deviation *= 1.01 / (1 - defect)
        for k in 0..<n where !(multipliers[k] > deviation) { return false }
        return constantIsNonnegative(form, bound, sign, scale, rows, deviation, strictly)
    }

    /// form − Σ multiplier · row is a constant: its value anywhere.
    private func constantIsNonnegative(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, _ sign: Double, _ scale: Double,
        _ rows: CellRows, _ deviation: Double, _ strictly: Bool
    ) -> Bool {
        // At the origin all are 0: hyperplanes through one point.
        if !strictly, form[n] == 0, bound[n] == 0,
            (0..<n).allSatisfy({ rows[tight[$0]].form[n] == 0 && rows[tight[$0]].bound[n] == 0 })
        {
            return true
        }
        let (value, error, _) = filter.value(form, bound, at: vertex)
        var least = sign * value - error
        for k in 0..<n {
            let row = rows[tight[k]]
            let (value, error, _) = filter.value(row.form, row.bound, at: vertex)
            let multiplier = (multipliers[k] + deviation) * row.inverseNorm / scale
            least -= 1.01 * multiplier * (value.magnitude + error)
        }
        return least > 0
    }
}
