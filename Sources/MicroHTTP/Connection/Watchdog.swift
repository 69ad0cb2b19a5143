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
    var acknowledged: UInt64 = 0
    var hasAborted = false
}

extension Connection {
    /// Looks at the deadlines. Called under the connection table's lock.
    func check(now: UInt64, aborted: inout [@Sendable () -> Void]) {
        let phase = self.phase.load(ordering: .acquiring)
        let since = self.since.load(ordering: .relaxed)
        let age = now > since ? now - since : 0
        let configuration = context.configuration
        var progress = microhttpd_progress()
        var isKnown = false
        if phase == .idle || phase == .handling || phase == .sending {
            isKnown = microhttpd_progress_of(socket, &progress) != 0
        }
        if observation.since != since || observation.phase != phase {
            // A fresh connection has received nothing; one between requests has received what it has.
            let isFresh = observation.since == 0 && phase == .idle
            observation = Observation(
                since: since, phase: phase, received: isFresh ? 0 : progress.bytes_received,
                acknowledged: progress.bytes_acknowledged)
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
            if isKnown, progress.closed_by_peer != 0, !observation.hasAborted {
                observation.hasAborted = true
                aborted += abort()
            }
        case .sending:
            if let stream {
                if isKnown, progress.closed_by_peer != 0 {
                    stream.terminate(.clientGone)
                } else {
                    stream.tick(now: now)
                }
            } else if isKnown, age > nanoseconds(configuration.sendGrace) {
                let needed = Double(age) * 1e-9 * Double(configuration.minimumBodyRate)
                if Double(progress.bytes_acknowledged &- observation.acknowledged) < needed {
                    timeOut(.sending, nil)
                }
            }
        case .dead: break
        }
    }

    /// Ends the connection, with a 408 where a request was on its way.
    private func timeOut(_ phase: Phase, _ detail: String?) {
        guard advance(from: phase, to: .dead) else { return }
        context.counters.deadlinesMissed.wrappingAdd(1, ordering: .relaxed)
        if let detail { sendRaw(context.problem(408, "too-slow", detail, head: nil)) }
        shutdown(socket, Int32(SHUT_RDWR))
    }
}
