internal import CMicroHTTPD
internal import Synchronization
internal import Glibc

/// The running libmicrohttpd daemon.
///
/// `@unchecked Sendable`: used by the thread that starts and the one that stops the server, one after the other.
final class Daemon: @unchecked Sendable {
    private let daemon: OpaquePointer
    private let context: Unmanaged<ServerContext>

    init?(context: ServerContext, listener: Listener) {
        let configuration = context.configuration
        raiseDescriptorLimit(to: configuration.connectionLimit + 64)
        self.context = .passRetained(context)
        var settings = microhttpd_settings()
        settings.listen_socket = listener.socket
        settings.threads = UInt32(clamping: max(1, configuration.threads))
        settings.connection_limit = UInt32(
            clamping: max(configuration.threads, configuration.connectionLimit))
        settings.connection_limit_per_address = UInt32(clamping: configuration.connectionLimitPerAddress)
        // A net under the watchdog's deadlines.
        settings.inactivity_seconds = UInt32(
            clamping: nanoseconds(max(configuration.idleDeadline, configuration.sendGrace)) / 1_000_000_000
                + 5)
        // The longest head that passes the limits, with what libmicrohttpd keeps of each field; all of it is cleared for
        // every request.
        settings.memory_per_connection = 36 << 10
        settings.context = self.context.toOpaque()
        settings.handler = handleRequest
        settings.target = beginRequest
        settings.completed = endRequest
        settings.connection = notifyConnection
        settings.log = logLine
        guard let daemon = microhttpd_start(&settings) else {
            self.context.release()
            return nil
        }
        self.daemon = daemon
    }

    /// New connections are refused from here on; those that are open are served.
    ///
    /// Not by `MHD_quiesce_daemon`: it and the daemon's threads race for taking the socket out of their epoll sets, and
    /// whoever comes second aborts the process.
    func stopListening(_ listener: Listener) { listener.withdraw() }

    /// Joins the daemon's threads, and closes the listener's socket. No connection may be suspended.
    func stop() {
        MHD_stop_daemon(daemon)
        context.release()
    }
}

/// Every connection costs a descriptor; the system's soft limit is often lower than its hard one.
private func raiseDescriptorLimit(to wanted: Int) {
    var limits = rlimit()
    guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else { return }
    let needed = rlim_t(max(0, wanted))
    guard limits.rlim_cur < needed else { return }
    limits.rlim_cur = min(needed, limits.rlim_max)
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits)
}

// Callbacks of libmicrohttpd. Global functions of an ordinary file: a closure in an isolated scope would trap on the
// library's threads.

private func notifyConnection(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ slot: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ event: UInt32
) {
    guard let context, let handle, let slot else { return }
    let server = Unmanaged<ServerContext>.fromOpaque(context).takeUnretainedValue()
    if event == 0 {
        let connection = Connection(context: server, handle: handle)
        slot.pointee = Unmanaged.passRetained(connection).toOpaque()
        server.counters.openConnections.wrappingAdd(1, ordering: .relaxed)
        server.counters.acceptedConnections.wrappingAdd(1, ordering: .relaxed)
        server.connections.insert(connection)
    } else if let stored = slot.pointee {
        let connection = Unmanaged<Connection>.fromOpaque(stored).takeRetainedValue()
        slot.pointee = nil
        server.connections.remove(connection)
        server.counters.openConnections.wrappingSubtract(1, ordering: .relaxed)
    }
}

/// The request line is read; what this answers is the request's context.
private func beginRequest(
    _ context: UnsafeMutableRawPointer?, _ target: UnsafePointer<CChar>?, _ handle: OpaquePointer?
) -> UnsafeMutableRawPointer? {
    guard let handle, let target, let stored = microhttpd_connection_context(handle) else { return nil }
    Unmanaged<Connection>.fromOpaque(stored)._withUnsafeGuaranteedRef { $0.begin(target: target) }
    return stored
}

private func handleRequest(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?, _ url: UnsafePointer<CChar>?,
    _ method: UnsafePointer<CChar>?, _ version: UnsafePointer<CChar>?, _ upload: UnsafePointer<CChar>?,
    _ uploadSize: UnsafeMutablePointer<Int>?,
    _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
    guard let handle, let method, let version, let uploadSize, let stored = requestContext?.pointee else {
        return .NO
    }
    return Unmanaged<Connection>.fromOpaque(stored)._withUnsafeGuaranteedRef { connection in
        if !connection.hasSeenHead {
            return connection.takeHead(handle: handle, method: method, version: version)
        }
        if uploadSize.pointee > 0 {
            guard let upload else { return .NO }
            let count = uploadSize.pointee
            uploadSize.pointee = 0
            return connection.takeBody(UnsafeRawBufferPointer(start: upload, count: count))
        }
        return connection.takeEnd()
    }
}

private func endRequest(
    _ context: UnsafeMutableRawPointer?, _ handle: OpaquePointer?,
    _ requestContext: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, _ termination: UInt32
) {
    guard let stored = requestContext?.pointee else { return }
    requestContext?.pointee = nil
    Unmanaged<Connection>.fromOpaque(stored)._withUnsafeGuaranteedRef { $0.end(termination: termination) }
}

private func logLine(
    _ context: UnsafeMutableRawPointer?, _ format: UnsafePointer<CChar>?, _ arguments: CVaListPointer?
) {
    guard let context, let format, let arguments else { return }
    let server = Unmanaged<ServerContext>.fromOpaque(context).takeUnretainedValue()
    guard let log = server.configuration.log else { return }
    var line = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { buffer in
        let count = microhttpd_format(buffer.baseAddress, buffer.count, format, arguments)
        return String(
            decoding: UnsafeRawBufferPointer(start: buffer.baseAddress, count: count), as: UTF8.self)
    }
    // A client's bytes may stand in it.
    line = String(
        String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? " " : $0 }))
    log(line)
}
