internal import Dispatch
internal import Foundation

/// Runs `body` for 0 ..< `count` at the same time, each on a thread of its own, the first on the caller's, and returns
/// when all have ended. (Dispatch would take fewer threads than asked for where it thinks the machine busy.)
func runOnThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    let group = DispatchGroup()
    for index in 1..<max(1, count) {
        group.enter()
        let thread = Thread {
            body(index)
            group.leave()
        }
        thread.stackSize = 4 << 20
        thread.start()
    }
    body(0)
    group.wait()
}
