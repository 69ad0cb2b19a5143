public import ExactArithmetic

/// Z(b_1..b_m) = {Σ λ_i b_i : −1 ≤ λ_i ≤ 1} ⊂ R^n. Its support function γ_Z(r) = Σ |⟨r, b_i⟩| has one piece for each
/// vertex.
public struct Zonotope: Sendable, Hashable {
    /// m rows of n entries.
    public let generators: [[Rational]]
    /// n.
    public let dimension: Int

    /// The most entries that the generators may have together.
    public static let maximumEntries = 1 << 16

    public init(generators: [[Rational]]) throws(HardFamilyFault) {
        guard let first = generators.first else { throw .noGenerators }
        guard !first.isEmpty else { throw .generatorLength(generator: 0, expected: 1, actual: 0) }
        for (index, generator) in generators.enumerated() where generator.count != first.count {
            throw .generatorLength(generator: index, expected: first.count, actual: generator.count)
        }
        guard generators.count <= Self.maximumEntries / first.count else { throw .tooLarge }
        self.generators = generators
        dimension = first.count
    }

    /// The dimension of the span of the generators.
    public var rank: Int { rank(isCancelled: { false }) ?? 0 }

    /// - Returns: `nil` where cancelled.
    func rank(isCancelled: () -> Bool) -> Int? {
        var rows: [[Rational]] = []
        for generator in generators where rows.count < dimension {
            if isCancelled() { return nil }
            var reduced = generator
            for row in rows {
                guard let pivot = row.firstIndex(where: { !$0.isZero }), !reduced[pivot].isZero else {
                    continue
                }
                if isCancelled() { return nil }
                let factor = reduced[pivot] / row[pivot]
                for index in reduced.indices { reduced[index] -= factor * row[index] }
            }
            if reduced.contains(where: { !$0.isZero }) { rows.append(reduced) }
        }
        return rows.count
    }

    /// 2 Σ_{i<n} C(m−1, i): the most vertices that m generators in R^n can give, attained exactly by those in S(n, m).
    ///
    /// - Throws: `tooLarge` where the sum has too many terms.
    public var mostVertices: BigInteger {
        get throws(HardFamilyFault) {
            let m = generators.count
            guard min(m, dimension) <= 4096 else { throw .tooLarge }
            var term = BigInteger.one
            var sum = BigInteger.one
            for index in 1..<max(1, min(dimension, m)) {
                term =
                    (term * BigInteger(m - index)).flooredQuotientAndRemainder(dividingBy: BigInteger(index))
                    .0
                sum += term
            }
            return sum * BigInteger(2)
        }
    }

    /// The exact number of vertices, by counting the regions of the arrangement of the generators' hyperplanes.
    ///
    /// Complexity: O(m^{n−1}) rows reduced.
    /// - Parameter maximumWork: the most entries of rows; beyond it `tooLarge` is thrown.
    public func vertexCount(
        maximumWork: Int = 5_000_000, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> Int {
        if generators.count <= 62, try areIndependent(maximumWork, isCancelled) {
            return 1 << generators.count
        }
        var work = maximumWork
        do {
            return try CentralArrangement.regionCount(
                generators, dimension: dimension, work: &work, isCancelled)
        } catch {
            throw error.fault
        }
    }

    /// Whether (b_1..b_m) ∈ S(n, m), decided exactly: the number of vertices is the largest possible. For n ≥ 2 that
    /// holds exactly when every min(n, m) of the generators are linearly independent, for n = 1 when one is not 0.
    public func isGeneric(
        maximumWork: Int = 5_000_000, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> Bool {
        if try areIndependent(maximumWork, isCancelled) { return true }
        let count = try vertexCount(maximumWork: maximumWork, isCancelled: isCancelled)
        return BigInteger(count) == (try mostVertices)
    }

    /// Whether elimination shows within the work limit that all generators are linearly independent: then every choice
    /// of signs gives a vertex.
    private func areIndependent(
        _ maximumWork: Int, _ isCancelled: () -> Bool
    ) throws(HardFamilyFault) -> Bool {
        let count = generators.count
        guard count <= dimension, count * count <= maximumWork / dimension else { return false }
        guard let rank = rank(isCancelled: isCancelled) else { throw .cancelled }
        return rank == count
    }

    /// The vertices, exactly: for n = 2 counter-clockwise, else in lexicographic order.
    ///
    /// - Parameter maximumWork: the most products of entries, about V · m · n; beyond it `tooLarge` is thrown.
    public func vertices(
        maximumWork: Int = 5_000_000, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> [[Rational]] {
        if dimension == 2 { return planarVertices }
        var work = maximumWork
        let witnesses: [[Rational]]
        do {
            witnesses = try CentralArrangement.witnesses(
                generators, dimension: dimension, work: &work, isCancelled)
        } catch {
            throw error.fault
        }
        guard witnesses.count.multipliedReportingOverflow(by: generators.count).partialValue <= maximumWork
        else {
            throw .tooLarge
        }
        var points: [[Rational]] = []
        for witness in witnesses {
            if isCancelled() { throw .cancelled }
            points.append(
                generators.reduce([Rational](repeating: .zero, count: dimension)) { sum, generator in
                    let sign = CentralArrangement.dot(generator, witness).sign
                    if sign == 0 { return sum }
                    return zip(sum, generator).map { sign > 0 ? $0 + $1 : $0 - $1 }
                })
        }
        return points.sorted { $0.lexicographicallyPrecedes($1) }
    }

    /// For n = 2: the polygon's edges are twice the generators in the order of their directions, those of one
    /// direction added up. Complexity: O(m log m).
    private var planarVertices: [[Rational]] {
        let upper = generators.filter { !$0[0].isZero || !$0[1].isZero }
            .map { $0[1].sign < 0 || ($0[1].isZero && $0[0].sign < 0) ? [-$0[0], -$0[1]] : $0 }
            .sorted { ($0[0] * $1[1] - $0[1] * $1[0]).sign > 0 }
        var edges: [[Rational]] = []
        for generator in upper {
            if let last = edges.last, last[0] * generator[1] == last[1] * generator[0] {
                edges[edges.count - 1] = [last[0] + generator[0], last[1] + generator[1]]
            } else {
                edges.append(generator)
            }
        }
        // From the lowest vertex, where all edges are subtracted, up the right side.
        var vertex = edges.reduce([Rational.zero, .zero]) { [$0[0] - $1[0], $0[1] - $1[1]] }
        if edges.isEmpty { return [vertex] }
        var right: [[Rational]] = []
        for edge in edges {
            right.append(vertex)
            vertex = [vertex[0] + edge[0] * 2, vertex[1] + edge[1] * 2]
        }
        return right + right.map { [-$0[0], -$0[1]] }
    }
}
