internal import ExactArithmetic

/// Whether units can be left out, as a question on the affine pieces ℓ_0 … ℓ_{p−1} of the function.
///
/// Let e_i say whether the unit of breakpoint i faces left, e_0 = 1 and e_p = 0. Comparing coefficients at −∞,
/// Σ_{i∈L} Δ_i = −s_0 and Σ_{i∈L} Δ_i t_i = β_0 become Σ (e_i − e_{i+1}) ℓ_i = 0 by summation by parts: some of
/// the pieces, taken in order with alternating signs + − + … +, cancel. One piece that vanishes is the shortest
/// such sum; in general this is a subset-sum problem. The same holds of any linear image of the pieces: their
/// slopes alone, or their values at one point.
struct AlternatingSum {
    enum Outcome: Equatable {
        /// For every breakpoint, whether its unit faces left.
        case found([Bool])
        case impossible
        case unknown
    }

    /// The pieces' images, each a vector of one or two coordinates.
    let columns: [[Rational]]

    private var pieces: Int { columns[0].count }

    func solve(_ search: inout SubsetSumSearch) throws(CompilationFault) -> Outcome {
        for piece in 0..<pieces where columns.allSatisfy({ $0[piece].isZero }) {
            return .found((0..<pieces - 1).map { $0 < piece })
        }
        var kept = Array(0..<pieces)
        while try dropPrivateDenominators(&kept, &search) {}
        guard let first = kept.first else { return .impossible }
        let items = zip(kept, kept.dropFirst()).map { before, after in
            columns.map { $0[after] - $0[before] }
        }
        switch try search.solve(items, target: columns.map { -$0[first] }) {
        case .impossible: return .impossible
        case .unknown: return .unknown
        case .found(let members):
            // Pieces that were dropped change no e.
            var facing: [Bool] = []
            var group = 0
            for breakpoint in 0..<pieces - 1 {
                while group < kept.count, kept[group] <= breakpoint { group += 1 }
                facing.append(group == 0 ? true : group == kept.count ? false : members[group - 1])
            }
            return .found(facing)
        }
    }

    /// A piece with a denominator that does not divide the least common multiple of all the others' cannot be part
    /// of a sum that cancels. Answers whether some were dropped.
    private func dropPrivateDenominators(
        _ kept: inout [Int], _ search: inout SubsetSumSearch
    ) throws(CompilationFault) -> Bool {
        let before = kept.count
        for column in columns {
            let denominators = kept.map { column[$0].denominator }
            guard denominators.contains(where: { $0 != .one }),
                try search.spend(kept.count.multipliedReportingOverflow(by: kept.count).partialValue * 8)
            else { continue }
            var remaining: [Int] = []
            for (position, piece) in kept.enumerated() {
                try search.poll()
                let denominator = denominators[position]
                var shared = BigInteger.one
                for other in denominators.indices where other != position && shared != denominator {
                    let common = BigInteger.greatestCommonDivisor(denominator, denominators[other])
                    if common != .one { shared = leastCommonMultiple(shared, common) }
                }
                if shared == denominator { remaining.append(piece) }
            }
            kept = remaining
        }
        return kept.count < before
    }
}

func leastCommonMultiple(_ a: BigInteger, _ b: BigInteger) -> BigInteger {
    let common = BigInteger.greatestCommonDivisor(a, b)
    return a.flooredQuotientAndRemainder(dividingBy: common).0 * b
}
