internal import CreaseService
internal import Glibc
internal import Logging
internal import MicroHTTP

/// The life of a serving process: start, wait for a signal, stop.
struct Serving {
    let server: ServerConfiguration
    let service: ServiceConfiguration
    let logger: Logger
    let logsRequests: Bool
    /// Seconds between not being ready and closing the listener.
    let drainDelay: Double

    /// Returns after a graceful stop.
    /// - Throws: `ServerError` where the server cannot start.
    func run() throws {
        // Blocked before any thread starts, so that the signals come to `sigwait` here and nowhere else.
        var signals = sigset_t()
        sigemptyset(&signals)
        sigaddset(&signals, SIGTERM)
        sigaddset(&signals, SIGINT)
        pthread_sigmask(SIG_BLOCK, &signals, nil)

        var memory = MemoryKeeper()
        let application = CreaseApplication(
            configuration: service, logger: logger, logsRequests: logsRequests)
        let server = Server(configuration: server, application: application)
        let port = try server.start()
        application.becomeReady { [weak server] in server?.statistics }
        logger.notice(
            "listening",
            metadata: [
                "host": "\(self.server.host)", "port": "\(port)", "version": "\(ServiceVersion.version)",
            ])

        var signal: Int32 = 0
        while signal == 0 {
            var second = timespec(tv_sec: 1, tv_nsec: 0)
            signal = max(0, sigtimedwait(&signals, nil, &second))
            let statistics = server.statistics
            memory.look(requests: statistics.requests, inFlight: statistics.requestsInFlight)
        }
        logger.notice("stopping", metadata: ["signal": "\(signal == SIGTERM ? "SIGTERM" : "SIGINT")"])
        // A second signal ends the process at once.
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
        application.becomeUnready()
        if drainDelay > 0 { usleep(UInt32(min(drainDelay * 1e6, 4e9))) }
        application.stopJobs()
        server.stop()
        application.stop()
        logger.notice("stopped")
    }
}
