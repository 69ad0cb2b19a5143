internal import Glibc

/// A running operating-system thread, to be joined once.
public struct JoinableThread: Sendable {
    private let thread: pthread_t

    /// Starts a thread that runs `body`.
    ///
    /// - Parameters:
    ///   - name: shown by debuggers and `top -H`; cut to 15 bytes. `nil`: as the caller's.
    ///   - niceness: up to 19 for threads that give way to all others; 0: as the caller's.
    /// - Returns: `nil` where the system has no thread to give.
    public init?(name: String? = nil, niceness: Int32 = 0, _ body: @escaping @Sendable () -> Void) {
        let start = Unmanaged.passRetained(ThreadStart(name: name, niceness: niceness, body: body))
        var thread = pthread_t()
        guard pthread_create(&thread, nil, runThread, start.toOpaque()) == 0 else {
            start.release()
            return nil
        }
        self.thread = thread
    }

    public func join() { pthread_join(thread, nil) }

    public var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }
}

private final class ThreadStart: Sendable {
    let name: String?
    let niceness: Int32
    let body: @Sendable () -> Void

    init(name: String?, niceness: Int32, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.niceness = niceness
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    // The calls that name a thread are not imported into Swift; Linux offers the same as a file.
    if var name = start.name {
        let comm = open("/proc/thread-self/comm", O_WRONLY)
        if comm >= 0 {
            _ = name.withUTF8 { write(comm, $0.baseAddress, min($0.count, 15)) }
            close(comm)
        }
    }
    if start.niceness != 0 {
        // On Linux a thread has a niceness of its own (0 means the caller); the threads that it starts inherit it.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, start.niceness)
    }
    start.body()
    return nil
}
