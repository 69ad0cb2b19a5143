internal import Synchronization

/// A server's counters at one moment.
public struct ServerStatistics: Sendable, Equatable {
    public var openConnections = 0
    public var acceptedConnections: UInt64 = 0
    public var requestsInFlight = 0
    public var requests: UInt64 = 0
    /// Requests that wait for an answer from another thread, and streams that wait for something to send.
    public var suspended = 0
    public var bodyBytesReceived: UInt64 = 0
    public var bodyBytesSent: UInt64 = 0
    /// Memory that request bodies hold.
    public var bodyBytesHeld = 0
    /// Connections that a deadline ended.
    public var deadlinesMissed: UInt64 = 0
}

/// The live counters, one word each.
final class ServerCounters: Sendable {
    let openConnections = Atomic<Int>(0)
    let acceptedConnections = Atomic<UInt64>(0)
    let requestsInFlight = Atomic<Int>(0)
    let requests = Atomic<UInt64>(0)
    let suspended = Atomic<Int>(0)
    let bodyBytesReceived = Atomic<UInt64>(0)
    let bodyBytesSent = Atomic<UInt64>(0)
    let deadlinesMissed = Atomic<UInt64>(0)

    func statistics(bodyBytesHeld: Int) -> ServerStatistics {
        ServerStatistics(
            openConnections: openConnections.load(ordering: .relaxed),
            acceptedConnections: acceptedConnections.load(ordering: .relaxed),
            requestsInFlight: requestsInFlight.load(ordering: .relaxed),
            requests: requests.load(ordering: .relaxed), suspended: suspended.load(ordering: .relaxed),
            bodyBytesReceived: bodyBytesReceived.load(ordering: .relaxed),
            bodyBytesSent: bodyBytesSent.load(ordering: .relaxed), bodyBytesHeld: bodyBytesHeld,
            deadlinesMissed: deadlinesMissed.load(ordering: .relaxed))
    }
}
