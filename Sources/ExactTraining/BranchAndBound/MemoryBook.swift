internal import Synchronization

/// Bytes in use by cones and open nodes.
final class MemoryBook: Sendable {
    private let bytes = Atomic<Int>(0)

    func add(_ change: Int) { bytes.add(change, ordering: .relaxed) }

    var used: Int { bytes.load(ordering: .relaxed) }
}
