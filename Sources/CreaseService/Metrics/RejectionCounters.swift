internal import Synchronization

/// Requests that were turned away, by reason.
final class RejectionCounters: Sendable {
    enum Reason: String, CaseIterable {
        case queueFull = "queue_full"
        case jobsFull = "jobs_full"
        case networksFull = "networks_full"
        case `protocol`
    }

    private let counts = Mutex<[Reason: Int]>([:])

    func count(_ reason: Reason) { counts.withLock { $0[reason, default: 0] += 1 } }

    var current: [Reason: Int] { counts.withLock { $0 } }
}
