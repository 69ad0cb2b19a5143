internal import ExactArithmetic

/// Horowitz and Sahni's two half tables, on images modulo the prime 2^61 − 1: a subset that adds up to the target
/// does so modulo the prime too, and each candidate is checked exactly. No common denominator is needed.
func meetInTheMiddle(
    _ vectors: [[Rational]], _ target: [Rational], _ search: inout SubsetSumSearch
) throws(CompilationFault) -> SubsetSumSearch.Outcome {
    let count = vectors.count
    let half = (count + 1) / 2
    guard half <= 26 else { return .unknown }
    let entries = 1 << half
    // Sorting costs about one step a bit of the position; an entry takes 16 bytes, the sort as much again.
    guard 48 * entries <= search.bytes, try search.spend(entries * (half + 6)) else { return .unknown }
    var keys: [UInt64] = []
    for vector in vectors + [target] {
        guard let key = residue(vector) else { return .unknown }
        keys.append(key)
    }
    let goal = keys.removeLast()
    func table(_ items: Range<Int>) throws(CompilationFault) -> [(key: UInt64, subset: UInt32)] {
        var sums: [(key: UInt64, subset: UInt32)] = [(0, 0)]
        sums.reserveCapacity(1 << items.count)
        for (position, item) in items.enumerated() {
            try search.poll()
            for index in sums.indices {
                sums.append((addModulo(sums[index].key, keys[item]), sums[index].subset | 1 << position))
            }
        }
        return sums
    }
    var right = try table(half..<count)
    right.sort { $0.key < $1.key }
    try search.poll()
    for (step, entry) in try table(0..<half).enumerated() {
        if step & 0xffff == 0 { try search.poll() }
        let wanted = addModulo(goal, mersenne - entry.key)
        var low = 0
        var high = right.count
        while low < high {
            let middle = (low + high) / 2
            if right[middle].key < wanted { low = middle + 1 } else { high = middle }
        }
        while low < right.count, right[low].key == wanted {
            guard try search.spend(16 * count) else { return .unknown }
            let subset = UInt64(entry.subset) | UInt64(right[low].subset) << UInt64(half)
            let members = (0..<count).map { subset >> UInt64($0) & 1 == 1 }
            if adds(vectors, members, target) { return .found(members) }
            low += 1
        }
    }
    return .impossible
}

private let mersenne: UInt64 = (1 << 61) - 1

private func adds(_ vectors: [[Rational]], _ members: [Bool], _ target: [Rational]) -> Bool {
    target.indices.allSatisfy { coordinate in
        var sum = Rational.zero
        for (vector, member) in zip(vectors, members) where member { sum += vector[coordinate] }
        return sum == target[coordinate]
    }
}

private func addModulo(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let sum = a + b
    return sum >= mersenne ? sum - mersenne : sum
}

private func multiplyModulo(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let product = a.multipliedFullWidth(by: b)
    return addModulo(product.low & mersenne, product.high << 3 | product.low >> 61)
}

/// A linear image of a vector of rationals; `nil` where a denominator is a multiple of the prime.
private func residue(_ vector: [Rational]) -> UInt64? {
    let prime = BigInteger(Int(mersenne))
    // Any multiplier will do; this one has no short relations with small numbers.
    let multipliers: [UInt64] = [1, 0x0b50_4f33_3f9d_e648]
    var sum: UInt64 = 0
    for (entry, multiplier) in zip(vector, multipliers) {
        let numerator = UInt64(entry.numerator.flooredQuotientAndRemainder(dividingBy: prime).1.int ?? 0)
        let denominator = UInt64(entry.denominator.flooredQuotientAndRemainder(dividingBy: prime).1.int ?? 0)
        guard denominator != 0 else { return nil }
        // Fermat: the inverse is the power with exponent 2^61 − 3.
        var inverse: UInt64 = 1
        var power = denominator
        var exponent = mersenne - 2
        while exponent > 0 {
            if exponent & 1 == 1 { inverse = multiplyModulo(inverse, power) }
            power = multiplyModulo(power, power)
            exponent >>= 1
        }
        sum = addModulo(sum, multiplyModulo(multiplyModulo(numerator, inverse), multiplier))
    }
    return sum
}
