internal import Synchronization

/// What is counted of the requests of one route template.
final class RequestMetrics: Sendable {
    /// Never the raw path: the number of series stays bounded.
    let route: String

    struct Outcome: Hashable {
        let method: String
        let code: Int
    }

    struct Figures {
        var requests: [Outcome: Int] = [:]
        var durations = Histogram()
    }

    private let figures = Mutex(Figures())

    init(route: String) { self.route = route }

    func record(method: String, code: Int, seconds: Double) {
        figures.withLock { figures in
            figures.requests[Outcome(method: method, code: code), default: 0] += 1
            figures.durations.observe(seconds)
        }
    }

    var current: Figures { figures.withLock { $0 } }
}
