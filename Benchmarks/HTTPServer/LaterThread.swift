internal import Glibc
internal import Synchronization

/// One thread that runs what it is given, in order.
final class LaterThread: Sendable {
    static let shared = LaterThread()

    private let waiting = Mutex<[@Sendable () -> Void]>([])
    /// A pipe whose bytes say that something waits: its reading and its writing end.
    private let wake: (read: Int32, write: Int32)

    private init() {
        var ends: [Int32] = [-1, -1]
        pipe(&ends)
        wake = (ends[0], ends[1])
        var thread = pthread_t()
        let own = Unmanaged.passRetained(self).toOpaque()
        pthread_create(&thread, nil, runLaterThread, own)
    }

    func answer(_ body: @escaping @Sendable () -> Void) {
        waiting.withLock { $0.append(body) }
        var one: UInt8 = 1
        write(wake.write, &one, 1)
    }

    fileprivate func run() {
        var bytes: UInt64 = 0
        while read(wake.read, &bytes, 8) > 0 {
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
