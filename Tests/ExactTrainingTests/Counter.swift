import Synchronization

/// A count that callbacks on other threads add to.
final class Counter: Sendable {
    private let state = Mutex((count: 0, hasFailed: false))
    var value: Int { state.withLock { $0.count } }
    var hasFailed: Bool { state.withLock { $0.hasFailed } }
    func add() { state.withLock { $0.count += 1 } }
    func fail() { state.withLock { $0.hasFailed = true } }
}
