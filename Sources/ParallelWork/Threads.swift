internal import Dispatch
internal import Foundation

/// Runs `body` for 0 ..< `count` at the same time, each on a thread of its own, the first on the caller's, and returns
/// when all have ended. (Dispatch would take fewer threads than asked for where it thinks the machine busy.)
///
/// New threads take the caller's niceness.
public func runOnThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let others = startThreads(max(1, count) - 1) { body($0 + 1) }
    body(0)
    others.wait()
}

/// Starts threads that run `body` for 0 ..< `count`; to be waited for.
func startThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) -> DispatchGroup {
    let group = DispatchGroup()
    for index in 0..<max(0, count) {
        group.enter()
        let thread = Thread {
            body(index)
            group.leave()
        }
        thread.stackSize = 8 << 20
        thread.start()
    }
    return group
}
