/// What proofs have shown so far under the pattern of the layers before: units of a layer with these signs force a later
/// unit of the same layer to that sign. A later cell on which they hold needs no program.
final class KnownImplications {
    /// The most remembered for each unit.
    private static let capacity = 8

    private let words: Int
    /// For each unit `capacity` entries of a mask and values, `words` words each.
    private let entries: UnsafeMutablePointer<UInt64>
    private let arena: WordArena
    private let width: Int
    private let counts: UnsafeMutablePointer<UInt64>
    private let signs: UnsafeMutablePointer<Int8>
    private let firstWord: Int

    /// For the units firstUnit..<firstUnit + width in the order of all hidden units.
    init(firstUnit: Int, width: Int) {
        firstWord = firstUnit >> 6
        words = width > 0 ? ((firstUnit + width - 1) >> 6) - firstWord + 1 : 0
        self.width = width
        arena = WordArena(capacity: (2 * words + 1) * width * Self.capacity + width)
        entries = arena.words(2 * words * width * Self.capacity)
        counts = arena.words(width)
        signs = arena.bytes(width * Self.capacity)
    }

    func removeAll() { for unit in 0..<width { counts[unit] = 0 } }

    /// The sign that is forced on unit `unit` of the layer by the pattern, 0 where none is known.
    @inline(__always)
    func sign(_ unit: Int, _ pattern: UnsafePointer<UInt64>) -> Int8 {
        let known = Int(min(counts[unit], UInt64(Self.capacity)))
        for index in 0..<known {
            let place = unit * Self.capacity + index
            let entry = entries + 2 * words * place
            var matches = true
            for word in 0..<words where pattern[firstWord + word] & entry[word] != entry[words + word] {
                matches = false
                break
            }
            if matches { return signs[place] }
        }
        return 0
    }

    /// - Parameter units: those that force, in the order of all hidden units, all before `unit`, whose signs are in
    ///   `pattern`.
    func insert(
        _ unit: Int, sign: Int8, forcedBy units: some Sequence<Int>, _ pattern: UnsafePointer<UInt64>
    ) {
        let place = unit * Self.capacity + Int(counts[unit] % UInt64(Self.capacity))
        counts[unit] += 1
        signs[place] = sign
        let entry = entries + 2 * words * place
        for word in 0..<2 * words { entry[word] = 0 }
        for forcing in units {
            let word = (forcing >> 6) - firstWord
            let bit: UInt64 = 1 << UInt64(forcing & 63)
            entry[word] |= bit
            entry[words + word] |= pattern[forcing >> 6] & bit
        }
    }
}
