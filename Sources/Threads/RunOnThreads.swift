/// Runs `body` for 0 ..< `count` at the same time, each on a thread of its own, the first on the caller's, and returns
/// when all have ended. Where the system has no thread to give, the caller runs what is left, one after the other.
///
/// New threads have the caller's niceness, which those that Dispatch keeps for later do not.
public func runOnThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    var threads: [JoinableThread] = []
    var left: [Int] = []
    for index in 1..<max(1, count) {
        if let thread = JoinableThread({ body(index) }) { threads.append(thread) } else { left.append(index) }
    }
    body(0)
    for index in left { body(index) }
    for thread in threads { thread.join() }
}
