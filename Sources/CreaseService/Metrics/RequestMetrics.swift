internal import Synchronization

/// What is counted of the requests of one route template.
final class RequestMetrics: Sendable {
    /// Never the raw path: the number of series stays bounded.
    let route: String

    struct Outcome {
        let method: String
        let code: Int
        var count = 0
    }

    struct Figures {
        /// In the order of their first appearance; a route has a few.
        var requests: [Outcome] = []
        var durations = Histogram()
    }

    private let figures = Mutex(Figures())

    init(route: String) { self.route = route }

    func record(method: String, code: Int, seconds: Double) {
        figures.withLock { figures in
            if let index = figures.requests.firstIndex(where: { $0.code == code && $0.method == method }) {
                figures.requests[index].count += 1
            } else {
                figures.requests.append(Outcome(method: method, code: code, count: 1))
            }
            figures.durations.observe(seconds)
        }
    }

    var current: Figures { figures.withLock { $0 } }
}
