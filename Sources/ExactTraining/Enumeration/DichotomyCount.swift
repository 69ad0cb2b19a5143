internal import ExactArithmetic

/// The number of dichotomies of points by hyperplanes, without listing them.
///
/// The distinct non-zero homogeneous points x̃_i = (x_i, 1) are normals of a central arrangement, whose cells are the
/// dichotomies. Adding hyperplane i adds as many cells as the earlier hyperplanes cut out of it (deletion and
/// restriction: Zaslavsky, Facing up to arrangements, 1975).
///
/// Computed modulo the prime 2^61 − 1. There a dependence can appear that the real points do not have, never the
/// other way round, so that the count is never too large, and exact unless a minor of the data happens to be a
/// multiple of the prime.
struct DichotomyCount {
    /// Larger inputs are counted by their first points: each projected vector costs some 50 ns.
    private static let budget = 20_000_000

    let cells: Int
    /// Whether all points were counted.
    let isComplete: Bool

    /// - Parameter points: distinct, each of the same number of coordinates.
    init(_ points: [[Double]], cancelled: () -> Bool) {
        let dimension = (points.first?.count ?? 0) + 1
        let vectors = points.map { [1] + $0.map(PrimeField.init(_:)).map(\.value) }
        var count = points.count
        var rank = dimension
        if vectors.count < 200 { rank = max(1, Self.rank(vectors, dimension)) }
        while count > 1, Self.steps(points: count, rank: rank) > Double(Self.budget) {
            count -= max(1, count / 16)
        }
        isComplete = count == points.count
        cells = Self.cells(
            Vectors(count: count, dimension: dimension, entries: vectors.prefix(count).flatMap(\.self)),
            cancelled)
    }

    /// Projections that the recursion does, for points in general position.
    private static func steps(points: Int, rank: Int) -> Double {
        var product = 1.0
        for factor in 0..<max(0, rank - 1) {
            product *= max(1, Double(points - factor)) / Double(factor + 1)
        }
        return product * Double(rank)
    }

    /// The lines in which `rank` − 1 of so many hyperplanes meet, in general position.
    static func lines(points: Int, rank: Int) -> Double {
        steps(points: points, rank: rank) / Double(max(1, rank))
    }

    private static func rank(_ vectors: [[UInt64]], _ dimension: Int) -> Int {
        var basis: [[UInt64]] = []
        for vector in vectors where basis.count < dimension {
            var rest = vector
            for row in basis {
                guard let lead = row.firstIndex(where: { $0 != 0 }), rest[lead] != 0 else { continue }
                let factor = PrimeField.quotient(rest[lead], row[lead])
                for index in rest.indices {
                    rest[index] = PrimeField.difference(rest[index], PrimeField.product(factor, row[index]))
                }
            }
            if rest.contains(where: { $0 != 0 }) { basis.append(rest) }
        }
        return basis.count
    }

    /// `count` vectors of `dimension` coordinates, row-major.
    private struct Vectors {
        var count: Int
        var dimension: Int
        var entries: [UInt64]
    }

    private static func cells(_ vectors: Vectors, _ cancelled: () -> Bool) -> Int {
        guard vectors.count > 0, !cancelled() else { return 1 }
        if vectors.count == 1 { return 2 }
        if vectors.dimension <= 2 { return 2 * vectors.count }
        var total = 1
        for index in 0..<vectors.count {
            total += cells(restriction(vectors, before: index), cancelled)
        }
        return total
    }

    /// The first `index` hyperplanes, cut with hyperplane `index`: projected along its normal, parallel ones merged.
    private static func restriction(_ vectors: Vectors, before index: Int) -> Vectors {
        let dimension = vectors.dimension
        let base = index * dimension
        guard index > 0, let pivot = (0..<dimension).first(where: { vectors.entries[base + $0] != 0 })
        else {
            return Vectors(count: 0, dimension: dimension - 1, entries: [])
        }
        let inverse = PrimeField.quotient(1, vectors.entries[base + pivot])
        let normal = (0..<dimension).map { PrimeField.product(vectors.entries[base + $0], inverse) }
        var entries = [UInt64](repeating: 0, count: index * (dimension - 1))
        for row in 0..<index {
            let factor = vectors.entries[row * dimension + pivot]
            var target = row * (dimension - 1)
            for column in 0..<dimension where column != pivot {
                entries[target] = PrimeField.difference(
                    vectors.entries[row * dimension + column], PrimeField.product(factor, normal[column]))
                target += 1
            }
        }
        return merged(Vectors(count: index, dimension: dimension - 1, entries: entries))
    }

    /// One vector of each direction, its first non-zero coordinate 1.
    private static func merged(_ vectors: Vectors) -> Vectors {
        let dimension = vectors.dimension
        var entries = vectors.entries
        var leads = [UInt64](repeating: 1, count: vectors.count)
        for row in 0..<vectors.count {
            if let lead = (0..<dimension).first(where: { entries[row * dimension + $0] != 0 }) {
                leads[row] = entries[row * dimension + lead]
            }
        }
        PrimeField.invert(&leads)
        for row in 0..<vectors.count {
            for column in row * dimension..<(row + 1) * dimension {
                entries[column] = PrimeField.product(entries[column], leads[row])
            }
        }
        let order = (0..<vectors.count).sorted { isBefore($0, $1) }
        func isBefore(_ a: Int, _ b: Int) -> Bool {
            for column in 0..<dimension {
                let (x, y) = (entries[a * dimension + column], entries[b * dimension + column])
                if x != y { return x < y }
            }
            return false
        }
        var result = Vectors(count: 0, dimension: dimension, entries: [])
        result.entries.reserveCapacity(entries.count)
        var previous: Int?
        for row in order {
            if let previous, !isBefore(previous, row) { continue }
            previous = row
            result.entries += entries[row * dimension..<(row + 1) * dimension]
            result.count += 1
        }
        return result
    }
}

/// Arithmetic modulo the Mersenne prime 2^61 − 1; values are below it.
struct PrimeField {
    static let prime: UInt64 = (1 << 61) - 1

    let value: UInt64

    /// The residue of a finite double: 2^61 is 1, so that powers of two are rotations.
    init(_ double: Double) {
        guard double != 0 else {
            value = 0
            return
        }
        let significand =
            double.isNormal ? double.significandBitPattern | 1 << 52 : double.significandBitPattern
        let exponent = max(1, Int(double.exponentBitPattern)) - 1075
        let shift = ((exponent % 61) + 61) % 61
        let residue = Self.product(significand, 1 << UInt64(shift))
        value = double < 0 ? Self.difference(0, residue) : residue
    }

    static func product(_ a: UInt64, _ b: UInt64) -> UInt64 {
        let (high, low) = a.multipliedFullWidth(by: b)
        let sum = (low & prime) + (high << 3 | low >> 61)
        return sum >= prime ? sum - prime : sum
    }

    static func difference(_ a: UInt64, _ b: UInt64) -> UInt64 { a >= b ? a - b : a + prime - b }

    /// a / b; `b` is not 0.
    static func quotient(_ a: UInt64, _ b: UInt64) -> UInt64 {
        var result = a
        var power = b
        var exponent = prime - 2
        while exponent > 0 {
            if exponent & 1 == 1 { result = product(result, power) }
            power = product(power, power)
            exponent >>= 1
        }
        return result
    }

    /// Replaces each value, none 0, by its inverse, with one division for all.
    static func invert(_ values: inout [UInt64]) {
        var prefixes = values
        var running: UInt64 = 1
        for index in values.indices {
            prefixes[index] = running
            running = product(running, values[index])
        }
        var inverse = quotient(1, running)
        for index in values.indices.reversed() {
            let value = values[index]
            values[index] = product(inverse, prefixes[index])
            inverse = product(inverse, value)
        }
    }
}

/// The multisets of `count` elements out of `kinds`: C(kinds + count − 1, count).
func multisets(of count: Int, kinds: BigInteger) -> BigInteger {
    var numerator = BigInteger.one
    var denominator = BigInteger.one
    for index in 0..<count {
        numerator *= kinds + BigInteger(index)
        denominator *= BigInteger(index + 1)
    }
    return numerator.flooredQuotientAndRemainder(dividingBy: denominator).0
}
