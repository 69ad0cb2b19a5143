internal import ExactArithmetic

/// A true lower bound of a convex program's value from approximate slopes.
///
/// For any slopes g with Σ_i ω_i g_i a_ik ≥ 0 for the cone's columns and = 0 for the free ones the value is at least
/// −Σ ω_i ℓ*(g_i) (Fenchel). Inequalities that hold by more than rounding can change are checked in floating point.
/// Equalities, and inequalities in doubt, are made to hold: as many entries of g as there are independent ones among
/// them are corrected by the solution of a linear system in rational arithmetic.
struct DualBound<Data: ConvexProgramData> {
    let data: Data

    /// A lower bound on the weighted mean loss; `nil` where none was proved.
    func bound(_ program: ConeProgram, _ columns: [ProgramColumn]) -> Double? {
        let approximations = columns.map { data.approximate($0) }
        let slopes = program.slopes
        let doubtful = columns.indices.filter {
            columns[$0].isFree || !isSurelyPositive(slopes, approximations[$0])
        }
        if let value = bound(slopes, columns, approximations, tight: doubtful) { return value }
        // Slopes that lie on a face of what is feasible, to which there is no interior: the face that complementarity
        // names.
        for distance in data.rows.loss == .logistic ? [1e-9, 1e-6, 1e-4] : [0] {
            let boundaries = slopes.indices.map { program.boundary(of: $0, within: distance) }
            let snapped = zip(slopes, boundaries).map { $1 ?? $0 }
            let tight = columns.indices.filter {
                program.isTight($0) || !isSurelyPositive(snapped, approximations[$0])
            }
            if let value = bound(snapped, columns, approximations, tight: tight) { return value }
            // More equalities than the optimum has: the surest ones.
            let free = columns.indices.filter { columns[$0].isFree }
            var surest = tight.filter { !columns[$0].isFree }
            surest.sort { program.tightness($0) > program.tightness($1) }
            while surest.popLast() != nil {
                if let value = bound(snapped, columns, approximations, tight: surest + free) {
                    return value
                }
            }
        }
        return nil
    }

    /// The bound from slopes with which the products of the tight columns are made 0.
    private func bound(
        _ slopes: [Double], _ columns: [ProgramColumn], _ approximations: [[Double]], tight: [Int]
    ) -> Double? {
        if tight.isEmpty { return value(slopes.map { ($0, $0) }) }
        var blocked: Set<Int> = []
        for _ in 0..<6 {
            guard
                let corrections = corrections(
                    slopes, tight.map { columns[$0] }, tight.map { approximations[$0] }, except: blocked)
            else { return nil }
            let outside = corrections.filter { !isInDomain($1, row: $0) }.keys
            if outside.isEmpty {
                return value(slopes, corrections, columns, approximations, tight: Set(tight))
            }
            // Rows at an end of their domain that would have to leave it: others must give way.
            blocked.formUnion(outside)
        }
        return nil
    }

    private func isInDomain(_ slope: Rational, row: Int) -> Bool {
        let domain = data.rows.loss.conjugateDomain(target: data.rows.targets[row])
        return domain.lowerBound <= slope.double(rounding: .down)
            && slope.double(rounding: .up) <= domain.upperBound
    }

    /// The bound from corrected slopes, if they satisfy the other inequalities, too.
    private func value(
        _ slopes: [Double], _ corrections: [Int: Rational], _ columns: [ProgramColumn],
        _ approximations: [[Double]], tight: Set<Int>
    ) -> Double? {
        var corrected = slopes
        var intervals = slopes.map { ($0, $0) }
        for (row, slope) in corrections {
            corrected[row] = slope.nearestDouble
            intervals[row] = (slope.double(rounding: .down), slope.double(rounding: .up))
        }
        for k in columns.indices where !tight.contains(k) {
            if isSurelyPositive(corrected, approximations[k]) { continue }
            guard exactProduct(slopes, corrections, columns[k]).sign >= 0 else { return nil }
        }
        return value(intervals)
    }

    /// Whether Σ ω_i g_i a_i > 0 for all real g_i, a_i that round to the given ones.
    private func isSurelyPositive(_ slopes: [Double], _ column: [Double]) -> Bool {
        var sum = 0.0
        var magnitude = 0.0
        for i in slopes.indices {
            let term = data.rows.weights[i] * slopes[i] * column[i]
            sum += term
            magnitude += term.magnitude
        }
        // Two roundings of the factors, two of the products, one a sum; products that underflow.
        let error = Double(slopes.count + 8) * (0x1p-52 * magnitude + 0x1p-900)
        return sum > error || magnitude == 0 && column.allSatisfy { $0 == 0 }
    }

    private func exactProduct(
        _ slopes: [Double], _ corrections: [Int: Rational], _ column: ProgramColumn
    )
        -> Rational
    {
        var sum = Rational.zero
        for i in slopes.indices where slopes[i] != 0 || corrections[i] != nil {
            let entry = data.exact(column, input: data.inputOfRow[i])
            if entry.isZero { continue }
            sum += exactWeight(i) * (corrections[i] ?? Rational(exactly: slopes[i]) ?? .zero) * entry
        }
        return sum
    }

    private func exactWeight(_ row: Int) -> Rational {
        Rational(exactly: data.rows.weights[row]) ?? .zero
    }

    /// New slopes for some rows, with which every column's product is 0.
    private func corrections(
        _ slopes: [Double], _ columns: [ProgramColumn], _ approximations: [[Double]],
        except blocked: Set<Int>
    ) -> [Int: Rational]? {
        let rows = pivotRows(slopes, approximations, except: blocked)
        let products = columns.map { exactProduct(slopes, [:], $0) }
        if products.allSatisfy(\.isZero) { return [:] }
        let matrix = RationalMatrix(
            rows: columns.count, columns: rows.count,
            entries: columns.flatMap { column in
                rows.map { exactWeight($0) * data.exact(column, input: data.inputOfRow[$0]) }
            })
        guard let changes = matrix.solve(products.map { -$0 }) else { return nil }
        var result: [Int: Rational] = [:]
        for (row, change) in zip(rows, changes) where !change.isZero {
            guard let slope = Rational(exactly: slopes[row]) else { return nil }
            result[row] = slope + change
        }
        return result
    }

    /// Rows on which the columns are independent, by elimination with complete pivoting; slopes near the end of their
    /// domain have little room, and are taken last.
    private func pivotRows(_ slopes: [Double], _ columns: [[Double]], except blocked: Set<Int>)
        -> [Int]
    {
        let room: [Double] = slopes.indices.map { i in
            if blocked.contains(i) { return 0 }
            let domain = data.rows.loss.conjugateDomain(target: data.rows.targets[i])
            let distance = min(1, slopes[i] - domain.lowerBound, domain.upperBound - slopes[i])
            return max(1e-15, distance) * data.rows.weights[i]
        }
        var rest = columns.map { column in column.indices.map { column[$0] * room[$0] } }
        let scales = columns.map { column in column.map(\.magnitude).max() ?? 0 }
        var isUsed = [Bool](repeating: false, count: columns.count)
        var rows: [Int] = []
        for _ in columns.indices {
            var pivot: (column: Int, row: Int, size: Double)?
            for (k, column) in rest.enumerated() where !isUsed[k] && scales[k] > 0 {
                for (i, entry) in column.enumerated() {
                    let size = entry.magnitude / scales[k]
                    // What is left by rounding is small beside the row's own size.
                    if size > 1e-14 * room[i], size > pivot?.size ?? 0 { pivot = (k, i, size) }
                }
            }
            guard let pivot else { break }
            isUsed[pivot.column] = true
            rows.append(pivot.row)
            let base = rest[pivot.column]
            for k in rest.indices where !isUsed[k] {
                let factor = rest[k][pivot.row] / base[pivot.row]
                if factor == 0 { continue }
                for i in base.indices { rest[k][i] -= factor * base[i] }
                rest[k][pivot.row] = 0
            }
        }
        return rows
    }

    /// −Σ ω_i ℓ*(g_i) over the total weight, rounded down, for slopes between two doubles each.
    private func value(_ slopes: [(Double, Double)]) -> Double? {
        var sum = EnclosedNumber.zero
        for (i, (down, up)) in slopes.enumerated() {
            let target = data.rows.targets[i]
            // A convex function is largest at an end.
            let conjugate = max(
                data.rows.loss.conjugateUp(down, target: target),
                data.rows.loss.conjugateUp(up, target: target))
            guard conjugate.isFinite else { return nil }
            sum += .product(-data.rows.weights[i], conjugate)
        }
        let bound = sum.lowerBound
        guard bound.isFinite else { return nil }
        // A negative bound says nothing: losses are not negative.
        return max(0, DirectedRounding.quotientDown(bound, data.totalWeightUp))
    }
}
