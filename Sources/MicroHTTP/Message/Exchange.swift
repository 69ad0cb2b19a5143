internal import Synchronization

/// The right and the duty to answer one request.
///
/// Answer by `respond(_:)`, from any thread, once. Dropped without an answer, the client gets a 500.
public final class Exchange: Sendable {
    public let head: RequestHead
    private let connection: Connection
    private let generation: UInt64

    init(head: RequestHead, connection: Connection, generation: UInt64) {
        self.head = head
        self.connection = connection
        self.generation = generation
    }

    deinit {
        guard connection.claim(generation: generation) else { return }
        connection.publish(
            connection.context.problem(
                500, "no-answer", "The server could not answer this request.", head: head))
    }

    /// Sends the answer; compression happens here, on the calling thread.
    /// - Returns: `false`, without effect, where the request has been answered before (also by the server itself,
    ///   which answers 503 when it stops and its deadline has passed).
    @discardableResult
    public func respond(_ response: Response) -> Bool {
        guard connection.claim(generation: generation) else { return false }
        connection.publish(response)
        return true
    }

    /// Whether the request has been answered.
    public var isAnswered: Bool { connection.isClaimed(generation: generation) }

    /// Whether the client closed its connection while the answer was being worked on. Noticed within the watchdog's
    /// period, a quarter of a second or less. Closing only the sending side counts too: libmicrohttpd drops the answer
    /// to such a client when it resumes its connection.
    public var isAborted: Bool { connection.isAborted(generation: generation) }

    /// Calls `body` once, on the watchdog's thread, when the client closes its connection before the answer; at
    /// once where it already has. `body` must not block.
    public func onAbort(_ body: @escaping @Sendable () -> Void) {
        connection.onAbort(generation: generation, body)
    }
}
