internal import ExactArithmetic
internal import Synchronization

/// Hyperplanes, by equal keys for equal half-spaces, that several threads have found to support a union of regions.
final class SupportingHyperplanes: Sendable {
    private let keys = Mutex<Set<[Rational]>>([])

    func contains(_ key: [Rational]) -> Bool { keys.withLock { $0.contains(key) } }

    func insert(_ key: [Rational]) { keys.withLock { _ = $0.insert(key) } }
}
