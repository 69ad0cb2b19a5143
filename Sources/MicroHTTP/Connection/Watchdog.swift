internal import CMicroHTTPD
internal import Synchronization
internal import Glibc

/// Keeps the deadlines that libmicrohttpd does not know: its own timeout only counts silence.
struct Watchdog {
    let context: ServerContext

    func run() {
        let configuration = context.configuration
        let shortest =
            [
                configuration.headerDeadline, configuration.bodyGrace, configuration.idleDeadline,
                configuration.sendGrace,
            ].map(nanoseconds).min() ?? 0
        let period = UInt32(min(max(shortest / 4, 10_000_000), 250_000_000) / 1_000_000)
        while !context.isStopped.load(ordering: .sequentiallyConsistent) {
            context.connections.check(now: monotonicNanoseconds())
            // In small steps, so that a stop need not wait.
            var slept: UInt32 = 0
            while slept < period, !context.isStopped.load(ordering: .relaxed) {
                pause(milliseconds: min(25, period - slept))
                slept += 25
            }
        }
        context.connections.closeLingering()
    }
}

/// What the watchdog remembers of a connection between its rounds.
struct Observation {
    var since: UInt64 = 0
    var phase = Phase.idle
    var received: UInt64 = 0
    /// At the beginning of the window in which sending must progress.
    var acknowledged: UInt64 = 0
    var windowStart: UInt64 = 0
    /// Whether the peer's closing has been dealt with.
    var hasClosed = false
}

extension Connection {
    /// Looks at the deadlines. Called under the connection table's lock.
    func check(now: UInt64, aborted: inout [@Sendable () -> Void]) {
        let phase = self.phase.load(ordering: .acquiring)
        let since = self.since.load(ordering: .relaxed)
        let age = now > since ? now - since : 0
        let configuration = context.configuration
        var progress = microhttpd_progress()
        let isKnown = phase != .dead && microhttpd_progress_of(socket, &progress) != 0
        if observation.since != since || observation.phase != phase {
            // A fresh connection has received nothing; one between requests has received what it has.
            let isFresh = observation.since == 0 && phase == .idle
            observation = Observation(
                since: since, phase: phase, received: isFresh ? 0 : progress.bytes_received,
                acknowledged: progress.bytes_acknowledged, windowStart: now)
        }
        let closesNow = isKnown && progress.closed_by_peer != 0 && !observation.hasClosed
        if closesNow { observation.hasClosed = true }
        // libmicrohttpd's epoll loop loses the end of a connection that comes together with its last bytes. This wakes
        // it, each round anew since one wake-up can be lost like the other; what has arrived stays readable.
        if isKnown, progress.closed_by_peer != 0, phase == .idle || phase == .head || phase == .body {
            shutdown(socket, Int32(SHUT_RD))
        }
        switch phase {
        case .idle:
            if isKnown, progress.bytes_received > observation.received {
                let (_, partial) = partialSince.compareExchange(
                    expected: 0, desired: now, ordering: .relaxed)
                if partial != 0, now > partial, now - partial > nanoseconds(configuration.headerDeadline) {
                    timeOut(.idle, "The request's header fields did not arrive in time.")
                    return
                }
            }
            if age > nanoseconds(configuration.idleDeadline) { timeOut(.idle, nil) }
        case .head:
            if age > nanoseconds(configuration.headerDeadline) {
                timeOut(.head, "The request's header fields did not arrive in time.")
            }
        case .body:
            let needed = Double(age) * 1e-9 * Double(configuration.minimumBodyRate)
            if age > nanoseconds(configuration.bodyGrace), Double(received.load(ordering: .relaxed)) < needed
            {
                timeOut(.body, "The request's body arrived too slowly.")
            }
        case .handling:
            if closesNow { aborted += abort() }
        case .sending:
            if let stream {
                if isKnown, progress.closed_by_peer != 0 {
                    stream.terminate(.clientGone)
                } else {
                    stream.tick(now: now)
                }
            } else if isKnown {
                checkSending(now: now, acknowledged: progress.bytes_acknowledged)
            }
        case .dead:
            // The client has had time to read its 408.
            if now > observation.windowStart, now - observation.windowStart > 1_000_000_000 {
                shutdown(socket, Int32(SHUT_RDWR))
            }
        }
    }

    /// In every window of `sendGrace` the client must take what the rate asks for.
    private func checkSending(now: UInt64, acknowledged: UInt64) {
        let window = nanoseconds(context.configuration.sendGrace)
        guard now > observation.windowStart, now - observation.windowStart > window else { return }
        let needed = Double(window) * 1e-9 * Double(context.configuration.minimumBodyRate)
        if Double(acknowledged &- observation.acknowledged) < needed {
            timeOut(.sending, nil)
        } else {
            observation.acknowledged = acknowledged
            observation.windowStart = now
        }
    }

    /// Ends the connection, with a 408 where a request was on its way.
    private func timeOut(_ phase: Phase, _ detail: String?) {
        guard advance(from: phase, to: .dead) else { return }
        context.counters.deadlinesMissed.wrappingAdd(1, ordering: .relaxed)
        guard let detail else {
            shutdown(socket, Int32(SHUT_RDWR))
            return
        }
        sendRaw(context.problem(408, "too-slow", detail, head: nil))
        // Were the receiving side closed at once, what the client still sends would reset the connection and the
        // answer might never be seen.
        shutdown(socket, Int32(SHUT_WR))
    }
}
