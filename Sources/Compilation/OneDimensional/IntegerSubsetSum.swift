internal import ExactArithmetic

/// A subset-sum problem over the integers: range, divisors, residues, then dynamic programming over all sums.
struct IntegerSubsetSum {
    /// The items that are still open, all positive, with their numbers.
    private var weights: [BigInteger]
    private var numbers: [Int]
    private var target: BigInteger
    /// The answer so far. Item i is a member where `chosen[i] != negated[i]`: a negative item is counted by its
    /// absence.
    private var chosen: [Bool]
    private let negated: [Bool]

    init(weights given: [BigInteger], target givenTarget: BigInteger) {
        weights = given.map(magnitude)
        numbers = Array(given.indices)
        negated = given.map { $0.sign < 0 }
        chosen = given.map { _ in false }
        target = givenTarget
        for weight in given where weight.sign < 0 { target -= weight }
    }

    mutating func solve(
        _ search: inout SubsetSumSearch
    ) throws(CompilationFault) -> SubsetSumSearch.Outcome {
        while true {
            guard try search.spend(40 * weights.count + 1) else { return .unknown }
            let total = weights.reduce(.zero, +)
            if target.sign < 0 || target > total { return .impossible }
            if target.sign == 0 { return found([]) }
            if target == total { return found(Array(weights.indices)) }
            guard let changed = reduce(total) else { return .impossible }
            if !changed { break }
        }
        if try residuesExclude(&search) { return .impossible }
        return try tabulate(&search)
    }

    private func found(_ positions: [Int]) -> SubsetSumSearch.Outcome {
        var members = chosen
        for position in positions { members[numbers[position]] = true }
        return .found(zip(members, negated).map { $0 != $1 })
    }

    /// Divides by the common divisor and settles the items that are forced: too large, too large to be missing, or
    /// fixed by the common divisor of all the others. `nil` where there is no solution.
    private mutating func reduce(_ total: BigInteger) -> Bool? {
        let count = weights.count
        var suffix = [BigInteger](repeating: .zero, count: count + 1)
        for index in stride(from: count - 1, through: 0, by: -1) {
            suffix[index] = .greatestCommonDivisor(suffix[index + 1], weights[index])
        }
        let divisor = suffix[0]
        let (quotient, rest) = target.flooredQuotientAndRemainder(dividingBy: divisor)
        guard rest.sign == 0 else { return nil }
        var prefix = BigInteger.zero
        for index in 0..<count {
            let weight = weights[index]
            let others = BigInteger.greatestCommonDivisor(prefix, suffix[index + 1])
            func reaches(_ value: BigInteger) -> Bool {
                guard value.sign >= 0 else { return false }
                if others.sign == 0 { return value.sign == 0 }
                return value.flooredQuotientAndRemainder(dividingBy: others).1.sign == 0
            }
            let with = reaches(target - weight)
            let without = target <= total - weight && reaches(target)
            if !with && !without { return nil }
            if with != without {
                chosen[numbers[index]] = with
                if with { target -= weight }
                weights.remove(at: index)
                numbers.remove(at: index)
                return true
            }
            prefix = .greatestCommonDivisor(prefix, weight)
        }
        if divisor != .one {
            weights = weights.map { $0.flooredQuotientAndRemainder(dividingBy: divisor).0 }
            target = quotient
            return true
        }
        return false
    }

    /// Whether, for some small modulus, no subset has the target's residue.
    private func residuesExclude(_ search: inout SubsetSumSearch) throws(CompilationFault) -> Bool {
        for modulus in 2...64 {
            guard try search.spend(20 * weights.count) else { return false }
            let divisor = BigInteger(modulus)
            func residue(_ value: BigInteger) -> UInt64 {
                UInt64(value.flooredQuotientAndRemainder(dividingBy: divisor).1.int ?? 0)
            }
            let all: UInt64 = modulus == 64 ? .max : (1 << UInt64(modulus)) - 1
            var reached: UInt64 = 1
            for weight in weights where reached != all {
                let shift = residue(weight)
                if shift == 0 { continue }
                reached |= ((reached << shift) | (reached >> (UInt64(modulus) - shift))) & all
            }
            if reached >> residue(target) & 1 == 0 { return true }
        }
        return false
    }

    /// Bellman's table of reachable sums, a bit each, with the item that reached each sum first. The smaller of the
    /// target and its complement is sought.
    private func tabulate(
        _ search: inout SubsetSumSearch
    ) throws(CompilationFault) -> SubsetSumSearch.Outcome {
        let total = weights.reduce(.zero, +)
        let isComplement = target + target > total
        guard let goal = (isComplement ? total - target : target).int, goal < 1 << 40 else {
            return .unknown
        }
        let words = goal / 64 + 1
        let (steps, overflow) = words.multipliedReportingOverflow(by: weights.count)
        guard !overflow, 4 * goal + 2 * 8 * words <= search.bytes, try search.spend(steps + 2 * goal) else {
            return .unknown
        }
        var reached = [UInt64](repeating: 0, count: words)
        var first = [Int32](repeating: -1, count: goal + 1)
        reached[0] = 1
        for (item, weight) in weights.enumerated() {
            if item & 15 == 0 || words > 4096 { try search.poll() }
            guard let shift = weight.int, shift <= goal else { continue }
            let wordShift = shift / 64
            let bitShift = UInt64(shift % 64)
            for word in stride(from: words - 1, through: wordShift, by: -1) {
                var moved = reached[word - wordShift] << bitShift
                if bitShift > 0, word > wordShift {
                    moved |= reached[word - wordShift - 1] >> (64 - bitShift)
                }
                var new = moved & ~reached[word]
                reached[word] |= moved
                while new != 0 {
                    let sum = word * 64 + new.trailingZeroBitCount
                    if sum <= goal { first[sum] = Int32(truncatingIfNeeded: item) }
                    new &= new - 1
                }
            }
            if first[goal] >= 0 { break }
        }
        guard first[goal] >= 0 else { return .impossible }
        var positions: [Int] = []
        var sum = goal
        while sum > 0 {
            let item = Int(first[sum])
            positions.append(item)
            sum -= weights[item].int ?? sum
        }
        if isComplement {
            let members = Set(positions)
            positions = weights.indices.filter { !members.contains($0) }
        }
        return found(positions)
    }
}
