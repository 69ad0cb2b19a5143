/// A set of slots: which of the constraints of a cell hold with equality at a ray.
protocol FacetMask: Sendable {
    static var empty: Self { get }
    /// The number of slots.
    static var capacity: Int { get }
    /// Whether the set is one word, the slots its bits, as the kernels know it.
    static var isWord: Bool { get }
    var count: Int { get }
    var isEmpty: Bool { get }
    func contains(_ slot: Int) -> Bool
    mutating func insert(_ slot: Int)
    mutating func formUnion(_ other: Self)
    func intersection(_ other: Self) -> Self
    func isSubset(of other: Self) -> Bool
    /// The least slot that is not in the set.
    var firstAbsent: Int? { get }
    /// The least slot of the set from `slot` on.
    func next(from slot: Int) -> Int?
}

/// Up to 64 slots: enough for cells with fewer than 64 facets.
struct NarrowFacetMask: FacetMask {
    private var bits: UInt64 = 0

    @inline(__always) static var empty: Self { Self() }
    static var capacity: Int { 64 }
    static var isWord: Bool { true }
    @inline(__always) var count: Int { bits.nonzeroBitCount }
    @inline(__always) var isEmpty: Bool { bits == 0 }
    @inline(__always) func contains(_ slot: Int) -> Bool { bits >> UInt64(slot) & 1 != 0 }
    @inline(__always) mutating func insert(_ slot: Int) { bits |= 1 << UInt64(slot) }
    @inline(__always) mutating func formUnion(_ other: Self) { bits |= other.bits }
    @inline(__always) func intersection(_ other: Self) -> Self { Self(bits: bits & other.bits) }
    @inline(__always) func isSubset(of other: Self) -> Bool { bits & ~other.bits == 0 }
    var firstAbsent: Int? { bits == .max ? nil : (~bits).trailingZeroBitCount }
    func next(from slot: Int) -> Int? {
        if slot >= 64 { return nil }
        let rest = bits & (UInt64.max << UInt64(slot))
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    private init(bits: UInt64 = 0) { self.bits = bits }
}

/// Up to 4,096 slots.
struct WideFacetMask: FacetMask {
    private var words = SIMD64<UInt64>()

    static var empty: Self { Self() }
    static var capacity: Int { 4096 }
    static var isWord: Bool { false }
    var count: Int { (0..<64).reduce(0) { $0 + words[$1].nonzeroBitCount } }
    var isEmpty: Bool { words == .zero }
    func contains(_ slot: Int) -> Bool { words[slot >> 6] >> UInt64(slot & 63) & 1 != 0 }
    mutating func insert(_ slot: Int) { words[slot >> 6] |= 1 << UInt64(slot & 63) }
    mutating func formUnion(_ other: Self) { words |= other.words }
    func intersection(_ other: Self) -> Self { Self(words: words & other.words) }
    func isSubset(of other: Self) -> Bool { words & ~other.words == .zero }
    var firstAbsent: Int? {
        (0..<64).first { words[$0] != .max }.map { $0 * 64 + (~words[$0]).trailingZeroBitCount }
    }
    func next(from slot: Int) -> Int? {
        var place = slot
        while place < Self.capacity {
            let rest = words[place >> 6] >> UInt64(place & 63)
            if rest != 0 { return place + rest.trailingZeroBitCount }
            place = (place >> 6 + 1) << 6
        }
        return nil
    }

    private init(words: SIMD64<UInt64> = .zero) { self.words = words }
}
