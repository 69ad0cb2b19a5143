internal import Glibc

/// A value behind a mutex with a condition variable: threads change the value, and wait until it has changed.
///
/// `@unchecked Sendable`: every access to `value` happens between lock and unlock of `mutex`.
final class Monitor<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    private var value: Value

    init(_ value: sending Value) {
        self.value = value
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        // Deadlines must not move when somebody sets the clock.
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    func withLock<Result>(_ body: (inout Value) -> Result) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return body(&value)
    }

    /// Waits until `body` returns a result. It is called under the lock at first, after every signal, and at
    /// the moment that it asks for.
    func waitUntil<Result>(_ body: (inout Value) -> Waiting<Result>) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            switch body(&value) {
            case .done(let result): return result
            case .forSignal: pthread_cond_wait(condition, mutex)
            case .until(let moment):
                var deadline = timespec(
                    tv_sec: Int(moment.nanoseconds / 1_000_000_000),
                    tv_nsec: Int(moment.nanoseconds % 1_000_000_000))
                pthread_cond_timedwait(condition, mutex, &deadline)
            }
        }
    }

    func signal() { pthread_cond_signal(condition) }
    func broadcast() { pthread_cond_broadcast(condition) }

    enum Waiting<Result> {
        case done(Result)
        case forSignal
        case until(Moment)
    }
}

/// A point of the system's monotonic clock.
public struct Moment: Sendable, Comparable, Hashable {
    /// Since an arbitrary but fixed start.
    public let nanoseconds: UInt64

    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    public static var now: Moment {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Moment(nanoseconds: UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec))
    }

    public static func < (a: Moment, b: Moment) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The moment `seconds` later; the last one of all where that overflows.
    public func advanced(bySeconds seconds: Double) -> Moment {
        let step = max(0, seconds) * 1e9
        guard step < 9e18 else { return Moment(nanoseconds: .max) }
        let (sum, overflow) = nanoseconds.addingReportingOverflow(UInt64(step))
        return Moment(nanoseconds: overflow ? .max : sum)
    }

    public func seconds(since earlier: Moment) -> Double {
        nanoseconds >= earlier.nanoseconds
            ? Double(nanoseconds - earlier.nanoseconds) / 1e9
            : -Double(earlier.nanoseconds - nanoseconds) / 1e9
    }
}
