internal import CMicroHTTPD
internal import Glibc
internal import Synchronization

/// The open connections of a server, and closed ones that linger.
///
/// A connection leaves the table, under its lock, before libmicrohttpd closes its socket: what is done to a socket
/// under the lock is done to the right one.
final class ConnectionTable: Sendable {
    private struct Content {
        var connections: [Connection] = []
        var lingering: [Lingering] = []
    }
    private let content = Mutex(Content())

    func insert(_ connection: Connection) {
        content.withLock { content in
            connection.tableIndex = content.connections.count
            content.connections.append(connection)
        }
    }

    func remove(_ connection: Connection) {
        content.withLock { content in
            let index = connection.tableIndex
            guard content.connections.indices.contains(index) else { return }
            let last = content.connections.removeLast()
            if last !== connection {
                content.connections[index] = last
                last.tableIndex = index
            }
            connection.tableIndex = -1
            // What the client still sends is read and dropped for a while: were the socket closed with unread
            // bytes, the system would reset the connection and the client might never see the answer.
            if connection.lingers || connection.phase.load(ordering: .relaxed) == .dead,
                content.lingering.count < ConnectionTable.maximumLingering
            {
                let copy = fcntl(connection.socket, F_DUPFD_CLOEXEC, 0)
                if copy >= 0 {
                    content.lingering.append(
                        Lingering(socket: copy, until: monotonicNanoseconds() + 2_000_000_000))
                }
            }
        }
    }

    private static let maximumLingering = 256

    /// Ends streams and idle connections, while the server drains.
    func drain() {
        content.withLock { content in
            for connection in content.connections {
                connection.endStream(.serverStopping)
                // What has arrived already is still read.
                if connection.phase.load(ordering: .acquiring) == .idle {
                    shutdown(connection.socket, Int32(SHUT_RD))
                }
            }
        }
    }

    /// Answers every suspended request and ends every stream.
    func answerSuspended() {
        content.withLock { content in
            for connection in content.connections { connection.answerStopping() }
        }
    }

    /// One round of the watchdog.
    func check(now: UInt64) {
        var handlers: [@Sendable () -> Void] = []
        content.withLock { content in
            for connection in content.connections { connection.check(now: now, aborted: &handlers) }
            content.lingering.removeAll { $0.isOver(now: now) }
        }
        for handler in handlers { handler() }
    }

    func closeLingering() {
        content.withLock { content in
            for lingering in content.lingering { close(lingering.socket) }
            content.lingering = []
        }
    }
}

/// A socket whose answer is sent and whose sending side is closed.
private struct Lingering {
    let socket: Int32
    let until: UInt64

    /// Drops what has arrived; closes the socket and answers `true` when nothing more is worth waiting for.
    func isOver(now: UInt64) -> Bool {
        let isDone = withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 16) { space in
            // At most 16 MiB a round.
            for _ in 0..<256 {
                let count = recv(socket, space.baseAddress, space.count, Int32(MSG_DONTWAIT))
                if count == 0 { return true }
                if count < 0 { return errno != EAGAIN && errno != EINTR }
            }
            return false
        }
        guard isDone || now >= until else { return false }
        close(socket)
        return true
    }
}
