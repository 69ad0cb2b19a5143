internal import Synchronization

/// What all connections of a server share.
final class ServerContext: Sendable {
    let configuration: ServerConfiguration
    let application: any HTTPApplication
    let counters = ServerCounters()
    let budget: ByteBudget
    let connections = ConnectionTable()
    let crossOrigin: CrossOrigin?
    /// Set when the server begins to stop: every answer closes its connection.
    let isDraining = Atomic<Bool>(false)
    /// Set when the time to drain is over: nothing may be suspended any more.
    let isForced = Atomic<Bool>(false)
    let isStopped = Atomic<Bool>(false)

    init(configuration: ServerConfiguration, application: any HTTPApplication) {
        self.configuration = configuration
        self.application = application
        budget = ByteBudget(limit: configuration.bodyBudgetBytes)
        crossOrigin = configuration.corsOrigins.isEmpty ? nil : CrossOrigin(configuration)
    }

    func problem(_ status: Int, _ code: String, _ detail: String, head: RequestHead?) -> Response {
        application.problem(status: status, code: code, detail: detail, head: head)
    }
}
