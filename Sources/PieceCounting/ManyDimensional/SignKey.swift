/// How the signs of all units of a network, and of further constraints of the domain, are packed into words.
///
/// At a point each unit's pre-activation is negative, zero or positive. The points with the same signs form a
/// relatively open convex polyhedron, on which every layer is affine; the non-empty ones of these subdivide R^n. So
/// the signs at a point in the relative interior of a face of a cell name that face exactly, whichever cell it is
/// seen from: equal signs, same face.
///
/// A key has `words` words: first a bit for each unit that is positive, then a bit for each that is zero.
struct SignKeyLayout: Sendable, Hashable {
    /// The number of signs: hidden units in order of layers, then what the caller adds.
    let signs: Int

    var wordsPerPlane: Int { (signs + 63) / 64 }
    var words: Int { 2 * wordsPerPlane }
}

/// Sign keys, each within the scope of a number (a group of cells), mapped to numbers: a hash table with open
/// addressing that compares whole keys.
struct SignKeyTable {
    private let words: Int
    /// `words` + 1 words an entry, the scope first.
    private var keys: [UInt64] = []
    private var values: [Int32] = []
    /// The entry's index + 1, 0 where free; a power of two of them.
    private var slots: [Int32] = [Int32](repeating: 0, count: 64)

    init(words: Int) { self.words = words }

    var bytes: Int { keys.capacity * 8 + values.capacity * 4 + slots.count * 4 }

    /// The value under the key at `key` in `scope`, after storing `value` there if there was none.
    mutating func find(scope: Int, _ key: UnsafePointer<UInt64>, orInsert value: Int32) -> Int32 {
        if 2 * values.count >= slots.count { grow() }
        let mask = slots.count - 1
        var slot = Self.hash(UInt64(truncatingIfNeeded: scope), key, words) & mask
        while slots[slot] != 0 {
            let entry = Int(slots[slot]) - 1
            if equals(entry, scope, key) { return values[entry] }
            slot = (slot + 1) & mask
        }
        keys.append(UInt64(truncatingIfNeeded: scope))
        for word in 0..<words { keys.append(key[word]) }
        values.append(value)
        slots[slot] = Int32(values.count)
        return value
    }

    private func equals(_ entry: Int, _ scope: Int, _ key: UnsafePointer<UInt64>) -> Bool {
        let start = entry * (words + 1)
        if keys[start] != UInt64(truncatingIfNeeded: scope) { return false }
        for word in 0..<words where keys[start + 1 + word] != key[word] { return false }
        return true
    }

    private mutating func grow() {
        let count = 2 * slots.count
        slots = [Int32](repeating: 0, count: count)
        keys.withUnsafeBufferPointer { keys in
            guard let base = keys.baseAddress else { return }
            for entry in values.indices {
                let start = base + entry * (words + 1)
                var slot = Self.hash(start[0], start + 1, words) & (count - 1)
                while slots[slot] != 0 { slot = (slot + 1) & (count - 1) }
                slots[slot] = Int32(entry + 1)
            }
        }
    }

    private static func hash(_ scope: UInt64, _ key: UnsafePointer<UInt64>, _ words: Int) -> Int {
        var state = scope &* 0x9E37_79B9_7F4A_7C15
        for word in 0..<words {
            let (high, low) = (state ^ key[word]).multipliedFullWidth(by: 0xD6E8_FEB8_6659_FD93)
            state = (high ^ low) &+ 0x9E37_79B9_7F4A_7C15
        }
        return Int(truncatingIfNeeded: (state ^ state >> 29) & 0x7FFF_FFFF_FFFF_FFFF)
    }
}
