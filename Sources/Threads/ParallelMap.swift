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
    let shares = ElementShares(count)
    let found = (0..<workers).map { _ in FoundElements(body) }
    // Where the system has fewer threads to give, these do more.
    let others = found.dropFirst().compactMap { part in JoinableThread { part.take(from: shares) { _ in } } }
    found[0].take(from: shares, progress)
    for thread in others { thread.join() }
    let failures = found.compactMap(\.failure)
    if let first = failures.min(by: { $0.index < $1.index }) { throw first.error }
    var results = [Result?](repeating: nil, count: count)
    for part in found { for (index, result) in part.results { results[index] = result } }
    return results.compactMap(\.self)
}

/// The elements of one map, handed out in order.
private final class ElementShares: Sendable {
    let count: Int
    private let next = Atomic<Int>(0)
    private let done = Atomic<Int>(0)
    /// The least element that failed so far.
    private let leastFailure = Atomic<Int>(.max)

    init(_ count: Int) { self.count = count }

    /// `nil` where none is left or one before the next has failed.
    func take() -> Int? {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        return index < count && index < leastFailure.load(ordering: .relaxed) ? index : nil
    }

    /// How much is done with one more element.
    func finish() -> Double {
        Double(done.wrappingAdd(1, ordering: .relaxed).newValue) / Double(count)
    }

    func fail(at index: Int) { leastFailure.min(index, ordering: .relaxed) }
}

/// What one thread made.
///
/// `@unchecked Sendable`: the thread alone writes it, and it is read after the thread was joined.
private final class FoundElements<Result: Sendable, Failure: Error>: @unchecked Sendable {
    private(set) var results: [(index: Int, result: Result)] = []
    private(set) var failure: (index: Int, error: Failure)?
    private let body: @Sendable (Int) throws(Failure) -> Result

    init(_ body: @escaping @Sendable (Int) throws(Failure) -> Result) { self.body = body }

    func take(from shares: ElementShares, _ progress: (Double) -> Void) {
        while let index = shares.take() {
            do throws(Failure) {
                results.append((index, try body(index)))
            } catch {
                failure = (index, error)
                shares.fail(at: index)
                return
            }
            progress(shares.finish())
        }
    }
}
