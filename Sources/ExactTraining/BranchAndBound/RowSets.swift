internal import CTrainingKernels

/// A growing list of sets of rows, as bits, of one thread.
final class RowSets {
    /// Words of 64 rows that a set takes.
    let words: Int
    private var sets: [UnsafeMutablePointer<UInt64>] = []

    /// - Parameter stride: a bound of the rows.
    init(stride: Int) { words = (stride + 63) / 64 }

    deinit { for set in sets { set.deallocate() } }

    func reserve(_ count: Int) {
        while sets.count < count {
            let set = UnsafeMutablePointer<UInt64>.allocate(capacity: words)
            set.initialize(repeating: 0, count: words)
            sets.append(set)
        }
    }

    subscript(index: Int) -> UnsafeMutablePointer<UInt64> { sets[index] }

    /// Whether two sets have a row in common.
    func meet(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>) -> Bool {
        for word in 0..<words where a[word] & b[word] != 0 { return true }
        return false
    }

    func areEqual(_ a: UnsafePointer<UInt64>, _ b: UnsafePointer<UInt64>) -> Bool {
        for word in 0..<words where a[word] != b[word] { return false }
        return true
    }

    func add(_ a: UnsafePointer<UInt64>, to sum: UnsafeMutablePointer<UInt64>) {
        for word in 0..<words { sum[word] |= a[word] }
    }

    /// Calls with each row of a set, ascending.
    func forEach(_ set: UnsafePointer<UInt64>, _ body: (Int) -> Void) {
        for word in 0..<words {
            var rest = set[word]
            while rest != 0 {
                body(word << 6 + rest.trailingZeroBitCount)
                rest &= rest - 1
            }
        }
    }

    static func contains(_ set: UnsafePointer<UInt64>, _ row: Int) -> Bool {
        set[row >> 6] >> UInt64(row & 63) & 1 == 1
    }
}
