internal import Synchronization

/// What `body` returns for 0 ..< `count`, in this order, computed on several threads, the caller's among them.
///
/// Results and errors do not depend on the number of threads: elements are begun in order, and the error thrown is that of
/// the least element that fails.
///
/// - Parameters:
///   - threads: at most so many.
///   - perThread: a thread is started only for at least so many elements.
///   - progress: told, on the caller's thread, how much is done, from 0 to 1.
///   - body: called once an element, up to the first that fails.
public func parallelMap<Result: Sendable, Failure: Error>(
    _ count: Int, threads: Int, perThread: Int = 4, progress: (Double) -> Void = { _ in },
    _ body: @escaping @Sendable (Int) throws(Failure) -> Result
) throws(Failure) -> [Result] {
    let workers = max(1, min(threads, count / max(1, perThread)))
    if workers == 1 {
        var results: [Result] = []
        results.reserveCapacity(count)
        for index in 0..<count {
            results.append(try body(index))
            progress(Double(index + 1) / Double(count))
        }
        return results
    }
    let shared = SharedMap<Result, Failure>(count, body)
    // Where the system has fewer threads to give, these do more.
    let others = (1..<workers).compactMap { _ in JoinableThread { shared.work { _ in } } }
    shared.work(progress)
    for thread in others { thread.join() }
    return try shared.results()
}

/// One map while its threads are at work.
private final class SharedMap<Result: Sendable, Failure: Error>: Sendable {
    private let count: Int
    private let body: @Sendable (Int) throws(Failure) -> Result
    private let next = Atomic<Int>(0)
    private let done = Atomic<Int>(0)
    /// The least element that failed so far.
    private let leastFailure = Atomic<Int>(.max)
    private let failures = Mutex<[Int: Failure]>([:])
    private let found: Mutex<[Result?]>

    init(_ count: Int, _ body: @escaping @Sendable (Int) throws(Failure) -> Result) {
        self.count = count
        self.body = body
        found = Mutex([Result?](repeating: nil, count: count))
    }

    /// Takes elements until none is left or one before the next has failed.
    func work(_ progress: (Double) -> Void) {
        while true {
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count, index < leastFailure.load(ordering: .relaxed) else { return }
            do throws(Failure) {
                let result = try body(index)
                found.withLock { $0[index] = result }
            } catch {
                failures.withLock { $0[index] = error }
                leastFailure.min(index, ordering: .relaxed)
                return
            }
            progress(Double(done.wrappingAdd(1, ordering: .relaxed).newValue) / Double(count))
        }
    }

    func results() throws(Failure) -> [Result] {
        let failures = failures.withLock { $0 }
        if let first = failures.keys.min(), let failure = failures[first] { throw failure }
        return found.withLock { $0.compactMap(\.self) }
    }
}
