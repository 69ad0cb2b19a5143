internal import Threads

/// Runs closures at given moments on one thread of its own. The closures must be short.
public final class DeadlineTimer: Sendable {
    private struct Entry {
        let moment: Moment
        let ticket: UInt64
        let action: @Sendable () -> Void
    }

    private struct State {
        /// A binary heap, the earliest first.
        var heap: [Entry] = []
        var nextTicket: UInt64 = 0
        var stopping = false
    }

    /// Names a scheduled closure, to cancel it.
    public struct Ticket: Sendable, Hashable {
        fileprivate let number: UInt64
    }

    private let state: Monitor<State>
    private let thread: JoinableThread?

    public init(name: String = "timer") {
        let state = Monitor(State())
        self.state = state
        thread = JoinableThread(name: name) { Self.work(state) }
    }

    /// Complexity: O(log m) for m scheduled closures.
    @discardableResult
    public func schedule(at moment: Moment, _ action: @escaping @Sendable () -> Void) -> Ticket {
        let ticket = state.withLock { state in
            let ticket = state.nextTicket
            state.nextTicket += 1
            Self.push(Entry(moment: moment, ticket: ticket, action: action), &state.heap)
            return ticket
        }
        state.signal()
        return Ticket(number: ticket)
    }

    /// The closure will not start any more; it may be running already.
    public func cancel(_ ticket: Ticket) {
        state.withLock { state in
            if let index = state.heap.firstIndex(where: { $0.ticket == ticket.number }) {
                // Left in place without its closure's effect: the heap's order stays, its captures go when due.
                state.heap[index] = Entry(moment: state.heap[index].moment, ticket: ticket.number, action: {})
            }
        }
    }

    /// Drops what is scheduled and joins the thread.
    public func stop() {
        state.withLock {
            $0.stopping = true
            $0.heap = []
        }
        state.broadcast()
        if let thread, !thread.isCurrent { thread.join() }
    }

    private static func work(_ state: Monitor<State>) {
        while true {
            let due: (@Sendable () -> Void)? = state.waitUntil { state in
                if state.stopping { return .done(nil) }
                guard let first = state.heap.first else { return .forSignal }
                guard first.moment <= .now else { return .until(first.moment) }
                return .done(popFirst(&state.heap).action)
            }
            guard let due else { return }
            due()
        }
    }

    private static func push(_ entry: Entry, _ heap: inout [Entry]) {
        heap.append(entry)
        var child = heap.count - 1
        while child > 0 {
            let parent = (child - 1) / 2
            guard heap[child].moment < heap[parent].moment else { return }
            heap.swapAt(child, parent)
            child = parent
        }
    }

    /// - Precondition: the heap is not empty.
    private static func popFirst(_ heap: inout [Entry]) -> Entry {
        heap.swapAt(0, heap.count - 1)
        let first = heap.removeLast()
        var parent = 0
        while true {
            var least = parent
            for child in [2 * parent + 1, 2 * parent + 2] where child < heap.count {
                if heap[child].moment < heap[least].moment { least = child }
            }
            guard least != parent else { return first }
            heap.swapAt(parent, least)
            parent = least
        }
    }
}
