internal import Jobs
internal import Synchronization

/// Tells a computation when to stop: at its deadline, or when nobody waits for it any more.
final class Cancellation: Sendable {
    private let flag = Atomic<Bool>(false)
    private let deadline: Moment
    private let outer: (@Sendable () -> Bool)?

    /// - Parameter outer: another reason to stop, asked as well.
    init(deadline: Moment, outer: (@Sendable () -> Bool)? = nil) {
        self.deadline = deadline
        self.outer = outer
    }

    /// Until the deadline; 0 where it has passed.
    var remainingSeconds: Double {
        let now = Moment.now
        return now < deadline ? deadline.seconds(since: now) : 0
    }

    func cancel() { flag.store(true, ordering: .relaxed) }

    /// About 30 nanoseconds.
    var isCancelled: Bool {
        flag.load(ordering: .relaxed) || Moment.now >= deadline || (outer?() ?? false)
    }

    /// For the mathematics, which poll it.
    var closure: @Sendable () -> Bool { { [self] in isCancelled } }
}
