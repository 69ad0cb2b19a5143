/// The parts that sets of rows cut the rows with a slope into: sets are sums of parts.
struct RowParts {
    /// For each part the sets that it belongs to, as bits.
    private var memberships: [UInt64] = []
    private var rows: [[Int]] = []

    /// - Parameter sets: at most 64.
    init(_ sets: [[Bool]], slopes: UnsafePointer<Double>) {
        guard let count = sets.first?.count else { return }
        var positions: [UInt64: Int] = [:]
        for row in 0..<count where slopes[row] != 0 {
            var membership: UInt64 = 0
            for (index, set) in sets.enumerated() where set[row] { membership |= 1 << UInt64(index) }
            guard membership != 0 else { continue }
            if let position = positions[membership] {
                rows[position].append(row)
            } else {
                positions[membership] = memberships.count
                memberships.append(membership)
                rows.append([row])
            }
        }
    }

    /// Parts with a row of some kind.
    func seen(_ isSeen: (Int) -> Bool) -> [Bool] { rows.map { $0.contains(where: isSeen) } }

    /// A set as a sum of parts.
    func vector(_ set: Int) -> [Int] { memberships.map { Int($0 >> UInt64(set) & 1) } }

    func vector(_ set: Int, within seen: [Bool]) -> [Int] {
        zip(vector(set), seen).map { $1 ? $0 : 0 }
    }
}

/// The span of vectors of integers, over the rationals, exactly.
struct IntegerSpan {
    /// In echelon form: each with a pivot at which those after it are 0.
    private var basis: [(pivot: Int, vector: [Int])] = []

    /// Adds a vector.
    ///
    /// - Returns: false where it was in the span; true where it was not, or the numbers grew too large to tell.
    mutating func insert(_ vector: [Int]) -> Bool {
        var vector = vector
        for (pivot, other) in basis where vector[pivot] != 0 {
            let (a, b) = (other[pivot], vector[pivot])
            var common = 0
            for index in vector.indices {
                let (left, overflow) = vector[index].multipliedReportingOverflow(by: a)
                let (right, alsoOverflow) = other[index].multipliedReportingOverflow(by: b)
                let (difference, tooLarge) = left.subtractingReportingOverflow(right)
                if overflow || alsoOverflow || tooLarge { return true }
                vector[index] = difference
                common = Self.greatestCommonDivisor(common, difference)
            }
            if common > 1 { for index in vector.indices { vector[index] /= common } }
        }
        guard let pivot = vector.firstIndex(where: { $0 != 0 }) else { return false }
        basis.append((pivot, vector))
        return true
    }

    private static func greatestCommonDivisor(_ a: Int, _ b: Int) -> Int {
        var (a, b) = (a.magnitude, b.magnitude)
        while b != 0 { (a, b) = (b, a % b) }
        return Int(min(a, UInt(Int.max)))
    }
}
