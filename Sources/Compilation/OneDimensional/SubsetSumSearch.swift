internal import ExactArithmetic

/// Exact decisions on subset sums within a budget: which of the given vectors add up to a target?
///
/// Nothing is claimed that was not decided: `impossible` follows from a range, a divisor, or an exhausted search,
/// and a subset found is checked in exact arithmetic.
struct SubsetSumSearch {
    enum Outcome: Equatable {
        case found([Bool])
        case impossible
        case unknown
    }

    private var operations: Int
    let bytes: Int
    let isCancelled: @Sendable () -> Bool

    init(_ budget: SubsetSumBudget, isCancelled: @escaping @Sendable () -> Bool) {
        operations = budget.operations
        bytes = budget.bytes
        self.isCancelled = isCancelled
    }

    /// Takes `count` steps out of the budget; false, and takes none, where they are not there.
    mutating func spend(_ count: Int) throws(CompilationFault) -> Bool {
        try poll()
        guard count >= 0, count <= operations else { return false }
        operations -= count
        return true
    }

    func poll() throws(CompilationFault) {
        if isCancelled() { throw .cancelled }
    }

    var remaining: Int { operations }

    /// - Parameters:
    ///   - items: vectors of one or two coordinates.
    ///   - target: a vector of as many.
    mutating func solve(_ items: [[Rational]], target: [Rational]) throws(CompilationFault) -> Outcome {
        let active = items.indices.filter { index in items[index].contains { !$0.isZero } }
        func answer(_ chosen: some Sequence<Int>) -> Outcome {
            var members = [Bool](repeating: false, count: items.count)
            for position in chosen { members[active[position]] = true }
            return .found(members)
        }
        if target.allSatisfy(\.isZero) { return answer([]) }
        guard try spend(16 * (active.count + 1) * target.count) else { return .unknown }
        let vectors = active.map { items[$0] }
        for coordinate in target.indices {
            var low = Rational.zero
            var high = Rational.zero
            for vector in vectors {
                if vector[coordinate].sign < 0 {
                    low += vector[coordinate]
                } else {
                    high += vector[coordinate]
                }
            }
            if target[coordinate] < low || target[coordinate] > high { return .impossible }
        }
        if let scaled = try integers(vectors, target) {
            var problem = IntegerSubsetSum(weights: scaled.weights, target: scaled.target)
            switch try problem.solve(&self) {
            case .found(let members): return answer(members.indices.filter { members[$0] })
            case .impossible: return .impossible
            case .unknown: break
            }
        }
        switch try meetInTheMiddle(vectors, target, &self) {
        case .found(let members): return answer(members.indices.filter { members[$0] })
        case .impossible: return .impossible
        case .unknown: return .unknown
        }
    }

    /// The problem over the integers: denominators cleared, and two coordinates a, b folded into a·B + b with B
    /// beyond every |Σ b − target|. `nil` where the common denominator is beyond about 1000 bits.
    private mutating func integers(
        _ vectors: [[Rational]], _ target: [Rational]
    ) throws(CompilationFault) -> (weights: [BigInteger], target: BigInteger)? {
        var columns: [([BigInteger], BigInteger)] = []
        for coordinate in target.indices {
            var common = target[coordinate].denominator
            for vector in vectors {
                common = leastCommonMultiple(common, vector[coordinate].denominator)
                guard common.nearestDouble.isFinite else { return nil }
            }
            let scale = Rational(common)
            columns.append(
                (
                    vectors.map { ($0[coordinate] * scale).numerator },
                    (target[coordinate] * scale).numerator
                ))
        }
        guard columns.count == 2 else { return (columns[0].0, columns[0].1) }
        var base = BigInteger.one + magnitude(columns[1].1)
        for value in columns[1].0 { base += magnitude(value) }
        return (
            zip(columns[0].0, columns[1].0).map { $0 * base + $1 }, columns[0].1 * base + columns[1].1
        )
    }
}

func magnitude(_ value: BigInteger) -> BigInteger { value.sign < 0 ? -value : value }
