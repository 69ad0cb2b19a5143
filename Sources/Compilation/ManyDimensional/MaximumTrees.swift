internal import ExactArithmetic
internal import ReLUNetworks

/// Maxima of several sets of forms, built together so that what is common to sets is built once.
///
/// Each round halves every set by pairing its members, so a set of m forms takes ⌈log2 m⌉ layers more than its
/// deepest member. A pair that several sets contain is preferred, and is one unit for all of them.
struct MaximumTrees {
    /// Above so many pairs of members, neighbours are paired instead of the most common pairs.
    private static let maximumPairs = 200_000

    private var symbols: [AffineForm] = []
    private var numbers: [AffineForm: Int] = [:]
    private var sets: [Set<Int>] = []

    /// - Precondition: no set is empty.
    init(_ sets: [[AffineForm]]) {
        self.sets = sets.map { forms in Set(Self.undominated(forms).map { number($0) }) }
    }

    /// Of forms that differ by a constant the largest; each once.
    private static func undominated(_ forms: [AffineForm]) -> [AffineForm] {
        var largest: [[AffineForm.Term]: AffineForm] = [:]
        var order: [[AffineForm.Term]] = []
        for form in forms {
            guard let other = largest[form.terms] else {
                largest[form.terms] = form
                order.append(form.terms)
                continue
            }
            if other.constant < form.constant { largest[form.terms] = form }
        }
        return order.compactMap { largest[$0] }
    }

    private mutating func number(_ form: AffineForm) -> Int {
        if let known = numbers[form] { return known }
        numbers[form] = symbols.count
        symbols.append(form)
        return symbols.count - 1
    }

    /// The maximum of each set.
    mutating func build(in circuit: inout ReLUCircuit) -> [AffineForm] {
        var level =
            sets.reduce(0) { $0 + $1.count } == 0 ? 0 : symbols.map { circuit.level(of: $0) }.min() ?? 0
        while sets.contains(where: { $0.count > 1 }) {
            // Members that need more layers than this join when their layer is reached.
            let ready = sets.map { set in set.filter { circuit.level(of: symbols[$0]) <= level } }
            let pairs = Self.pairs(of: ready)
            for (index, chosen) in pairs.enumerated() {
                for (a, b) in chosen {
                    sets[index].remove(a)
                    sets[index].remove(b)
                    sets[index].insert(number(circuit.maximum(symbols[a], symbols[b])))
                }
            }
            level += 1
        }
        return sets.map { symbols[$0.first ?? 0] }
    }

    /// Disjoint pairs within each set, ⌊size / 2⌋ of them.
    private static func pairs(of sets: [Set<Int>]) -> [[(Int, Int)]] {
        var result = [[(Int, Int)]](repeating: [], count: sets.count)
        var open = sets
        let work = sets.reduce(0) { $0 + $1.count * $1.count / 2 }
        if sets.count > 1, work <= maximumPairs {
            pairCommon(&open, &result)
        }
        for index in open.indices {
            let members = open[index].sorted()
            for position in stride(from: 0, to: members.count - 1, by: 2) {
                result[index].append((members[position], members[position + 1]))
            }
        }
        return result
    }

    private struct Pair: Hashable {
        var a: Int
        var b: Int
    }

    /// Takes the pair that most sets contain, again and again, until none is in two.
    private static func pairCommon(_ open: inout [Set<Int>], _ result: inout [[(Int, Int)]]) {
        var holders: [Pair: [Int]] = [:]
        for (index, set) in open.enumerated() {
            let members = set.sorted()
            for (position, a) in members.enumerated() {
                for b in members[(position + 1)...] { holders[Pair(a: a, b: b), default: []].append(index) }
            }
        }
        // Buckets by an upper bound of the number of holders: it only falls as sets close.
        var buckets: [Int: [Pair]] = [:]
        for (pair, sets) in holders where sets.count > 1 { buckets[sets.count, default: []].append(pair) }
        for count in (buckets.keys.min() ?? 2)...max(buckets.keys.max() ?? 2, buckets.keys.min() ?? 2) {
            buckets[count]?.sort { ($0.a, $0.b) < ($1.a, $1.b) }
        }
        var bound = buckets.keys.max() ?? 1
        while bound > 1 {
            guard let pair = buckets[bound]?.popLast() else {
                bound -= 1
                continue
            }
            let left = (holders[pair] ?? []).filter { open[$0].contains(pair.a) && open[$0].contains(pair.b) }
            if left.count < bound {
                holders[pair] = left
                if left.count > 1 { buckets[left.count, default: []].append(pair) }
                continue
            }
            for index in left {
                open[index].remove(pair.a)
                open[index].remove(pair.b)
                result[index].append((pair.a, pair.b))
            }
        }
    }
}

extension ReLUCircuit {
    /// max of the forms over ⌈log2 m⌉ layers more.
    ///
    /// - Precondition: there is a form.
    mutating func maximum(of forms: [AffineForm]) -> AffineForm {
        var trees = MaximumTrees([forms])
        return trees.build(in: &self)[0]
    }

    mutating func minimum(of forms: [AffineForm]) -> AffineForm { -maximum(of: forms.map { -$0 }) }
}
