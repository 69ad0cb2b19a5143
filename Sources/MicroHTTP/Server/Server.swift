internal import CMicroHTTPD
internal import Glibc
internal import Synchronization
internal import Threads

/// An HTTP/1.1 server over libmicrohttpd.
///
/// Starts once and stops once.
public final class Server: Sendable {
    private enum State: Sendable {
        case fresh
        case running(daemon: Daemon, listener: Listener, watchdog: JoinableThread)
        case stopped
    }

    let context: ServerContext
    private let state = Mutex(State.fresh)

    public init(configuration: ServerConfiguration, application: any HTTPApplication) {
        context = ServerContext(configuration: configuration, application: application)
    }

    public var statistics: ServerStatistics {
        context.counters.statistics(bodyBytesHeld: context.budget.used)
    }

    /// Whether the server has been told to stop: readiness answers 503 from here on.
    public var isDraining: Bool { context.isDraining.load(ordering: .relaxed) }

    /// Listens and serves, on threads of its own. Ignores `SIGPIPE` in the whole process.
    /// - Returns: the port bound.
    @discardableResult
    public func start() throws(ServerError) -> UInt16 {
        let result: Result<UInt16, ServerError> = state.withLock { state in
            guard case .fresh = state else { return .failure(.alreadyStarted) }
            signal(SIGPIPE, SIG_IGN)
            do throws(ServerError) {
                let listener = try Listener(context.configuration)
                guard let daemon = Daemon(context: context, listener: listener) else {
                    listener.close()
                    throw .cannotStart
                }
                let context = context
                guard let watchdog = JoinableThread({ Watchdog(context: context).run() }) else {
                    daemon.stopListening(listener)
                    daemon.stop()
                    throw .cannotStart
                }
                state = .running(daemon: daemon, listener: listener, watchdog: watchdog)
                return .success(listener.port)
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    /// Stops: no new connections, idle ones closed, streams ended, running requests answered. After the deadline
    /// (the configuration's `drainDeadline` by default) what still waits is answered 503. Blocks until all threads
    /// have ended; a second call has no effect.
    public func stop(deadline: Duration? = nil) {
        let running: State = state.withLock { state in
            let before = state
            state = .stopped
            return before
        }
        guard case .running(let daemon, let listener, let watchdog) = running else { return }
        context.isDraining.store(true, ordering: .sequentiallyConsistent)
        daemon.stopListening(listener)
        let end = monotonicNanoseconds() + nanoseconds(deadline ?? context.configuration.drainDeadline)
        while context.counters.openConnections.load(ordering: .relaxed) > 0, monotonicNanoseconds() < end {
            context.connections.drain()
            pause(milliseconds: 5)
        }
        context.isForced.store(true, ordering: .sequentiallyConsistent)
        // The daemon must not be stopped while a connection is suspended: it would abort the process.
        repeat {
            context.connections.answerSuspended()
        } while context.counters.suspended.load(ordering: .sequentiallyConsistent) > 0
            && pause(milliseconds: 1)
        let grace = monotonicNanoseconds() + 500_000_000
        while context.counters.requestsInFlight.load(ordering: .relaxed) > 0, monotonicNanoseconds() < grace {
            context.connections.answerSuspended()
            pause(milliseconds: 2)
        }
        while context.counters.suspended.load(ordering: .sequentiallyConsistent) > 0 {
            context.connections.answerSuspended()
            pause(milliseconds: 1)
        }
        daemon.stop()
        context.isStopped.store(true, ordering: .sequentiallyConsistent)
        watchdog.join()
    }
}

@discardableResult
func pause(milliseconds: UInt32) -> Bool {
    usleep(milliseconds * 1000)
    return true
}
