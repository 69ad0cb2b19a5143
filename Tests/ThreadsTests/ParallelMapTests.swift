import Foundation
import Threads
import Synchronization
import Testing

/// Results in order and errors as from one thread.
struct ParallelMapTests {
    private struct Failure: Error, Equatable {
        var index: Int
    }

    @Test(arguments: [1, 2, 3, 8])
    func resultsAreInOrder(threads: Int) {
        for count in [0, 1, 2, 7, 100, 1000] {
            let squares = parallelMap(count, threads: threads, perThread: 1) { $0 * $0 }
            #expect(squares == (0..<count).map { $0 * $0 })
        }
    }

    @Test(arguments: [1, 2, 8])
    func theLeastFailureIsThrown(threads: Int) {
        for repetition in 0..<50 {
            let first = 3 + repetition
            #expect(throws: Failure(index: first)) {
                try parallelMap(200, threads: threads, perThread: 1) { (index) throws(Failure) -> Int in
                    if index >= first, (index - first) % 2 == 0 { throw Failure(index: index) }
                    return index
                }
            }
        }
    }

    @Test func nothingIsBegunLongAfterAFailure() {
        let calls = Atomic<Int>(0)
        _ = try? parallelMap(100_000, threads: 4, perThread: 1) { (index) throws(Failure) -> Int in
            calls.wrappingAdd(1, ordering: .relaxed)
            throw Failure(index: index)
        }
        #expect(calls.load(ordering: .relaxed) <= 4)
    }

    @Test(arguments: [1, 4])
    func progressGrowsToOne(threads: Int) {
        var last = 0.0
        var calls = 0
        _ = parallelMap(
            64, threads: threads, perThread: 1,
            progress: { progress in
                #expect(progress > last && progress <= 1)
                last = progress
                calls += 1
            }
        ) { $0 }
        // Others may have done all before the caller begins.
        #expect(calls <= 64)
        if threads == 1 { #expect(calls == 64 && last == 1) }
    }

    @Test func fewElementsStayOnTheCallersThread() {
        let caller = ObjectIdentifier(Thread.current)
        let threads = parallelMap(7, threads: 8, perThread: 4) { _ in ObjectIdentifier(Thread.current) }
        #expect(threads.allSatisfy { $0 == caller })
    }

    @Test func everyThreadRuns() {
        let seen = Mutex<Set<Int>>([])
        runOnThreads(5) { index in seen.withLock { _ = $0.insert(index) } }
        #expect(seen.withLock { $0 } == [0, 1, 2, 3, 4])
    }
}
