internal import Glibc

/// A running thread, to be joined once.
struct JoinableThread: Sendable {
    fileprivate let thread: pthread_t

    func join() { pthread_join(thread, nil) }
}

/// Starts an operating-system thread; `nil` where the system has none to give.
func startThread(_ body: @escaping @Sendable () -> Void) -> JoinableThread? {
    let start = Unmanaged.passRetained(ThreadStart(body))
    var thread = pthread_t()
    guard pthread_create(&thread, nil, runThread, start.toOpaque()) == 0 else {
        start.release()
        return nil
    }
    return JoinableThread(thread: thread)
}

private final class ThreadStart: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue().body() }
    return nil
}
