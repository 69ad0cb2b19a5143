internal import Glibc
internal import Synchronization

/// One thread that runs what it is given, in order.
final class LaterThread: Sendable {
    static let shared = LaterThread()

    private let waiting = Mutex<[@Sendable () -> Void]>([])
    private let wake: Int32

    private init() {
        wake = eventfd(0, 0)
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self).toOpaque()
        pthread_create(&thread, nil, runLaterThread, own)
    }

    func answer(_ body: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(body) }
        var one: UInt64 = 1
        write(wake, &one, 8)
    }

    fileprivate func run() {
        var count: UInt64 = 0
        while read(wake, &count, 8) == 8 {
            let all = waiting.withLock { waiting in
                defer { waiting = [] }
                return waiting
            }
            for body in all { body() }
        }
    }
}

private func runLaterThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    if let argument { Unmanaged<LaterThread>.fromOpaque(argument).takeUnretainedValue().run() }
    return nil
}
