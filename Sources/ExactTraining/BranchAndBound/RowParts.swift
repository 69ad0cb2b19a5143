/// The parts that sets of rows cut their union into: sets are sums of parts.
struct RowParts {
    /// For each part the sets that it belongs to, as bits.
    private(set) var memberships: [UInt64] = []
    /// The parts, the first `memberships.count` of these.
    private let storage: RowSets

    /// - Parameters:
    ///   - sets: at most 64.
    ///   - storage: where the parts go, in place of what was there.
    init(_ sets: [UnsafePointer<UInt64>], storage: RowSets) {
        self.storage = storage
        let words = storage.words
        storage.reserve(1)
        var isEmpty = true
        for word in 0..<words {
            storage[0][word] = sets.reduce(0) { $0 | $1[word] }
            if storage[0][word] != 0 { isEmpty = false }
        }
        if isEmpty { return }
        memberships.append(0)
        for (index, set) in sets.enumerated() {
            let bit: UInt64 = 1 << UInt64(index)
            for part in memberships.indices {
                let rows = storage[part]
                var inside: UInt64 = 0
                var outside: UInt64 = 0
                for word in 0..<words {
                    inside |= rows[word] & set[word]
                    outside |= rows[word] & ~set[word]
                }
                if inside == 0 { continue }
                if outside == 0 {
                    memberships[part] |= bit
                    continue
                }
                let new = memberships.count
                storage.reserve(new + 1)
                let other = storage[new]
                for word in 0..<words {
                    other[word] = rows[word] & set[word]
                    rows[word] &= ~set[word]
                }
                memberships.append(memberships[part] | bit)
            }
        }
    }

    func rows(_ part: Int) -> UnsafePointer<UInt64> { UnsafePointer(storage[part]) }

    /// Parts with a row of a set.
    func seen(_ set: UnsafePointer<UInt64>) -> [Bool] {
        memberships.indices.map { storage.meet(storage[$0], set) }
    }

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
