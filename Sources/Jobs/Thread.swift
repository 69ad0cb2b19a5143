internal import Glibc

/// Starts a joinable operating-system thread that runs `body`.
///
/// - Parameters:
///   - name: shown by debuggers and `top -H`; cut to 15 bytes.
///   - niceness: 0 for normal priority, up to 19 for threads that give way to all others.
/// - Returns: `nil` where the system has no thread to give.
func startThread(name: String, niceness: Int32, _ body: @escaping @Sendable () -> Void) -> JoinableThread? {
    let start = Unmanaged.passRetained(ThreadStart(name: name, niceness: niceness, body: body))
    var thread = pthread_t()
    guard pthread_create(&thread, nil, runThread, start.toOpaque()) == 0 else {
        start.release()
        return nil
    }
    return JoinableThread(thread: thread)
}

/// A running thread, to be joined once.
struct JoinableThread: Sendable {
    fileprivate let thread: pthread_t

    func join() { pthread_join(thread, nil) }
    var isCurrent: Bool { pthread_equal(thread, pthread_self()) != 0 }
}

private final class ThreadStart: Sendable {
    let name: String
    let niceness: Int32
    let body: @Sendable () -> Void

    init(name: String, niceness: Int32, body: @escaping @Sendable () -> Void) {
        self.name = name
        self.niceness = niceness
        self.body = body
    }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let argument else { return nil }
    let start = Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
    // The calls that name a thread are not imported into Swift; Linux offers the same as a file.
    let comm = open("/proc/thread-self/comm", O_WRONLY)
    if comm >= 0 {
        var name = start.name
        _ = name.withUTF8 { write(comm, $0.baseAddress, min($0.count, 15)) }
        close(comm)
    }
    if start.niceness != 0 {
        // On Linux a thread has a niceness of its own (0 means the caller); the threads that it starts inherit it.
        _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, start.niceness)
    }
    start.body()
    return nil
}
