/// max over selections of min over their pieces.
enum LatticeForm {
    /// The selections without those that contain another one: their minimum is never larger.
    static func absorbed(_ selections: [[Int]]) -> [[Int]] {
        let sets = Set(selections.map { Set($0) }).sorted {
            ($0.count, $0.sorted().lexicographicKey) < ($1.count, $1.sorted().lexicographicKey)
        }
        var kept: [Set<Int>] = []
        for set in sets where !kept.contains(where: { $0.isSubset(of: set) }) { kept.append(set) }
        return kept.map { $0.sorted() }
    }
}

/// Arrays of integers in lexicographic order.
struct LexicographicKey: Comparable {
    let elements: [Int]

    static func < (a: LexicographicKey, b: LexicographicKey) -> Bool {
        a.elements.lexicographicallyPrecedes(b.elements)
    }
}

extension [Int] {
    var lexicographicKey: LexicographicKey { LexicographicKey(elements: self) }
}
