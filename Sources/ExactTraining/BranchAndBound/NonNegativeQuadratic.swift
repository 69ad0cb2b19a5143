/// Minimises ½ xᵀ H x − cᵀ x over x ≥ 0, the last entries of x being free, for small dense H: the active-set method of
/// Lawson and Hanson (Solving Least Squares Problems, 1974), from a given passive set.
///
/// One solver is used over and over; its storage is its own.
final class NonNegativeQuadratic {
    private var capacity = 0
    /// Row-major, symmetric.
    private(set) var matrix: UnsafeMutablePointer<Double>
    private(set) var right: UnsafeMutablePointer<Double>
    private(set) var solution: UnsafeMutablePointer<Double>
    /// The lower triangle of Cholesky's factor of the passive rows, `stride` numbers a row, but for its diagonal.
    private var factor: UnsafeMutablePointer<Double>
    /// 1 / the factor's diagonal.
    private var inverseDiagonal: UnsafeMutablePointer<Double>
    private var candidate: UnsafeMutablePointer<Double>
    /// In the order in which they entered.
    private var passive: UnsafeMutablePointer<Int>
    /// So many passive rows are factored.
    private var factored = 0
    private var isPassive: UnsafeMutablePointer<Bool>
    /// What has entered the passive set and left at once, since the last step.
    private var isBlocked: UnsafeMutablePointer<Bool>

    init() {
        matrix = .allocate(capacity: 0)
        right = .allocate(capacity: 0)
        solution = .allocate(capacity: 0)
        factor = .allocate(capacity: 0)
        inverseDiagonal = .allocate(capacity: 0)
        candidate = .allocate(capacity: 0)
        passive = .allocate(capacity: 0)
        isPassive = .allocate(capacity: 0)
        isBlocked = .allocate(capacity: 0)
    }

    deinit { release() }

    private func release() {
        matrix.deallocate()
        right.deallocate()
        solution.deallocate()
        factor.deallocate()
        inverseDiagonal.deallocate()
        candidate.deallocate()
        passive.deallocate()
        isPassive.deallocate()
        isBlocked.deallocate()
    }

    func reserve(_ size: Int) {
        guard size > capacity else { return }
        release()
        capacity = size + 8
        matrix = .allocate(capacity: capacity * capacity)
        right = .allocate(capacity: capacity)
        solution = .allocate(capacity: capacity)
        factor = .allocate(capacity: capacity * capacity)
        inverseDiagonal = .allocate(capacity: capacity)
        candidate = .allocate(capacity: capacity)
        passive = .allocate(capacity: capacity)
        isPassive = .allocate(capacity: capacity)
        isBlocked = .allocate(capacity: capacity)
    }

    /// Replaces `solution`; what is positive in it is the passive set to begin with. Reads the lower triangle of `matrix`.
    ///
    /// - Parameters:
    ///   - coneCount: the number of entries that must not be negative, the first ones.
    ///   - tolerance: how negative a gradient may be left.
    func solve(count: Int, coneCount: Int, ridge: Double, tolerance: Double) {
        let (matrix, right, solution) = (matrix, right, solution)
        let (candidate, passive, isPassive, isBlocked) = (candidate, passive, isPassive, isBlocked)
        for row in 0..<count {
            for column in 0..<row { matrix[column * count + row] = matrix[row * count + column] }
        }
        var size = 0
        for index in 0..<count {
            isPassive[index] = index >= coneCount || solution[index] > 0
            isBlocked[index] = false
            if isPassive[index] {
                passive[size] = index
                size += 1
            }
        }
        factored = 0
        var steps = 0
        var entered = -1
        let limit = 3 * count + 30
        while steps < limit {
            steps += 1
            solvePassive(size, count, ridge)
            var step = 1.0
            var blocking = -1
            for position in 0..<size where passive[position] < coneCount && candidate[position] <= 0 {
                let x = solution[passive[position]]
                let ratio = x <= 0 ? 0 : x / (x - candidate[position])
                if ratio < step {
                    step = ratio
                    blocking = passive[position]
                }
            }
            for position in 0..<size {
                let index = passive[position]
                solution[index] += step * (candidate[position] - solution[index])
            }
            if blocking >= 0 {
                for position in 0..<size {
                    let index = passive[position]
                    if index < coneCount, index == blocking || solution[index] <= 0 {
                        solution[index] = 0
                        isPassive[index] = false
                        // What has just entered and leaves at once would do so forever.
                        if index == entered { isBlocked[index] = true }
                    }
                }
                if step > 0 { for index in 0..<count { isBlocked[index] = false } }
                size = removeInactive(size)
                continue
            }
            var best = -1
            var largest = tolerance
            for index in 0..<coneCount where !isPassive[index] && !isBlocked[index] {
                var gradient = right[index]
                for position in 0..<size {
                    gradient -= matrix[index * count + passive[position]] * solution[passive[position]]
                }
                if gradient > largest {
                    largest = gradient
                    best = index
                }
            }
            guard best >= 0 else {
                refine(size, count, coneCount, ridge)
                return
            }
            entered = best
            isPassive[best] = true
            passive[size] = best
            size += 1
        }
    }

    /// Takes what is not passive any more out of the list.
    private func removeInactive(_ size: Int) -> Int {
        var kept = 0
        for position in 0..<size {
            let index = passive[position]
            if isPassive[index] {
                passive[kept] = index
                kept += 1
            } else {
                factored = min(factored, kept)
            }
        }
        return kept
    }

    /// One more correction with the last factor: the matrix may be all but singular.
    private func refine(_ size: Int, _ count: Int, _ coneCount: Int, _ ridge: Double) {
        for _ in 0..<2 {
            solvePassive(size, count, ridge)
            for position in 0..<size {
                let index = passive[position]
                solution[index] = index < coneCount ? max(0, candidate[position]) : candidate[position]
            }
        }
    }

    /// `candidate` = the minimum over the passive set without signs: Cholesky's factorisation, for the correction of
    /// `solution`. The ridge slows what the matrix leaves open down, and is no part of what is solved.
    private func solvePassive(_ size: Int, _ count: Int, _ ridge: Double) {
        let (matrix, right, factor, candidate, passive) = (matrix, right, factor, candidate, passive)
        let inverseDiagonal = inverseDiagonal
        for row in factored..<max(factored, size) {
            let source = matrix + passive[row] * count
            let target = factor + row * count
            for column in 0..<row {
                let other = factor + column * count
                var sum = source[passive[column]]
                for k in 0..<column { sum -= target[k] * other[k] }
                target[column] = sum * inverseDiagonal[column]
            }
            let diagonal = source[passive[row]]
            var sum = diagonal + (ridge * diagonal + 1e-300)
            for k in 0..<row { sum -= target[k] * target[k] }
            inverseDiagonal[row] = sum > 0 ? 1 / sum.squareRoot() : 0
        }
        factored = size
        for row in 0..<size {
            let target = passive[row]
            var sum = right[target]
            for k in 0..<size { sum -= matrix[target * count + passive[k]] * solution[passive[k]] }
            for k in 0..<row { sum -= factor[row * count + k] * candidate[k] }
            candidate[row] = sum * inverseDiagonal[row]
        }
        for row in (0..<size).reversed() {
            let value = candidate[row] * inverseDiagonal[row]
            for k in 0..<row { candidate[k] -= factor[row * count + k] * value }
            candidate[row] = value
        }
        for row in 0..<size { candidate[row] += solution[passive[row]] }
    }
}
