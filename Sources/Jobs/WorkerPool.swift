internal import Threads

/// A fixed number of threads that take closures off a bounded queue, first in first out.
///
/// Requests have one pool and jobs another, whose threads have a lower system priority: a request never waits
/// for a job to give up its thread, and the scheduler gives a request the core that a job was using.
public final class WorkerPool: Sendable {
    private struct State {
        var queue = FirstInFirstOut<@Sendable () -> Void>()
        var running = 0
        var stopping = false
    }

    private let state: Monitor<State>
    private let threads: [JoinableThread]
    /// How many closures may wait.
    public let capacity: Int
    /// The number of threads.
    public var count: Int { threads.count }

    /// - Parameters:
    ///   - name: of the threads.
    ///   - threads: at least 1.
    ///   - capacity: how many closures may wait while all threads are busy.
    ///   - niceness: 0 for normal, up to 19 for the lowest priority.
    public init(name: String, threads: Int, capacity: Int, niceness: Int32 = 0) {
        let state = Monitor(State())
        self.state = state
        self.capacity = capacity
        self.threads = (0..<max(1, threads)).compactMap { index in
            JoinableThread(name: "\(name)-\(index)", niceness: niceness) { Self.work(state) }
        }
    }

    /// Queues `work`. `false`, and nothing is queued, when the queue is full or the pool is stopping.
    public func submit(_ work: @escaping @Sendable () -> Void) -> Bool {
        let accepted = state.withLock { state in
            guard !state.stopping, !threads.isEmpty, state.queue.count < capacity else { return false }
            state.queue.append(work)
            return true
        }
        if accepted { state.signal() }
        return accepted
    }

    /// Closures waiting and closures running.
    public var load: (queued: Int, running: Int) {
        state.withLock { ($0.queue.count, $0.running) }
    }

    /// Takes no more work, lets what is queued and running end, and joins the threads.
    public func stop() {
        state.withLock { $0.stopping = true }
        state.broadcast()
        for thread in threads where !thread.isCurrent { thread.join() }
    }

    private static func work(_ state: Monitor<State>) {
        var finishedOne = false
        while true {
            let next: (@Sendable () -> Void)? = state.waitUntil { state in
                if finishedOne {
                    state.running -= 1
                    finishedOne = false
                }
                if let next = state.queue.popFirst() {
                    state.running += 1
                    return .done(next)
                }
                return state.stopping ? .done(nil) : .forSignal
            }
            guard let next else { return }
            next()
            finishedOne = true
        }
    }
}

/// A queue with O(1) amortised operations.
struct FirstInFirstOut<Element> {
    private var front: [Element] = []
    private var back: [Element] = []

    var count: Int { front.count + back.count }

    mutating func append(_ element: Element) { back.append(element) }

    mutating func popFirst() -> Element? {
        if front.isEmpty {
            front = back.reversed()
            back.removeAll(keepingCapacity: true)
        }
        return front.popLast()
    }

    mutating func removeAll(where predicate: (Element) -> Bool) {
        front.removeAll(where: predicate)
        back.removeAll(where: predicate)
    }
}
