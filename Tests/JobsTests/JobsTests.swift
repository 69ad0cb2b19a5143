import Dispatch
import Glibc
import Jobs
import Signatures
import Synchronization
import Testing

/// Blocks the calling thread until it is opened; for tests that hold a worker busy.
private final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func open() { semaphore.signal() }
    /// `false` when nobody opened it within ten seconds.
    @discardableResult func wait() -> Bool { semaphore.wait(timeout: .now() + 10) == .success }
}

/// Waits for the job's end, at most ten seconds.
private func ended(_ store: JobStore, _ id: String) -> JobSnapshot? {
    let gate = Gate()
    let result = Mutex<JobSnapshot?>(nil)
    store.wait(for: id, until: .ended, deadline: Moment.now.advanced(bySeconds: 10)) { snapshot in
        result.withLock { $0 = snapshot }
        gate.open()
    }
    gate.wait()
    return result.withLock { $0 }
}

private func created(_ creation: JobStore.Creation) throws -> JobSnapshot {
    guard case .created(let snapshot) = creation else {
        Issue.record("not created: \(creation)")
        throw CancellationError()
    }
    return snapshot
}

@Suite struct WorkerPoolTests {
    @Test func runsEverythingItAccepts() {
        let pool = WorkerPool(name: "test", threads: 3, capacity: 1000)
        let sum = Atomic<Int>(0)
        var accepted = 0
        for value in 1...1000 where pool.submit({ sum.add(value, ordering: .relaxed) }) { accepted += value }
        pool.stop()
        #expect(sum.load(ordering: .relaxed) == accepted)
        #expect(!pool.submit {})
    }

    @Test func refusesBeyondItsCapacity() {
        let pool = WorkerPool(name: "test", threads: 1, capacity: 2)
        let started = Gate()
        let release = Gate()
        #expect(
            pool.submit {
                started.open()
                release.wait()
            })
        #expect(started.wait())
        #expect(pool.submit {})
        #expect(pool.submit {})
        #expect(!pool.submit {})
        #expect(pool.load == (queued: 2, running: 1))
        release.open()
        pool.stop()
        #expect(pool.load == (queued: 0, running: 0))
    }
}

@Suite struct DeadlineTimerTests {
    @Test func runsInOrderOfTime() {
        let timer = DeadlineTimer()
        let order = Mutex<[Int]>([])
        let done = Gate()
        let now = Moment.now
        for index in [5, 1, 4, 2, 3] {
            timer.schedule(at: now.advanced(bySeconds: Double(index) * 0.01)) {
                order.withLock { $0.append(index) }
                if index == 5 { done.open() }
            }
        }
        let cancelled = timer.schedule(at: now.advanced(bySeconds: 0.025)) {
            order.withLock { $0.append(99) }
        }
        timer.cancel(cancelled)
        #expect(done.wait())
        timer.stop()
        #expect(order.withLock { $0 } == [1, 2, 3, 4, 5])
    }
}

@Suite struct JobStoreTests {
    @Test func succeedsWithItsResultAndProgress() throws {
        let store = JobStore(threads: 1)
        defer { store.stop() }
        let started = Gate()
        let release = Gate()
        let job = try created(
            store.create(kind: "train", requestBytes: 10) { context in
                context.report([1])
                started.open()
                release.wait()
                return .succeeded([7, 8])
            })
        #expect(job.status == .queued)
        #expect(started.wait())
        guard case .found(let running) = store.lookup(job.id) else {
            Issue.record("the job is gone")
            return
        }
        #expect(running.status == .running)
        #expect(running.progress == [1])
        #expect(running.startedAt != nil)
        release.open()
        let end = try #require(ended(store, job.id))
        #expect(end.status == .succeeded)
        #expect(end.version > running.version)
        guard case .succeeded(let result) = end.outcome else {
            Issue.record("no result")
            return
        }
        #expect(result == [7, 8])
        #expect(end.expiresAt == (end.finishedAt ?? 0) + store.limits.timeToLive)
    }

    @Test func cancelsQueuedJobsAtOnceAndRunningOnesSoon() throws {
        let store = JobStore(threads: 1)
        defer { store.stop() }
        let started = Gate()
        let running = try created(
            store.create(kind: "k", requestBytes: 0) { context in
                started.open()
                while !context.shouldStop { usleep(1000) }
                return .cancelled([9])
            })
        #expect(started.wait())
        let queued = try created(store.create(kind: "k", requestBytes: 0) { _ in .succeeded([]) })
        guard case .cancelling(let snapshot) = store.cancel(queued.id) else {
            Issue.record("not cancelled")
            return
        }
        #expect(snapshot.status == .cancelled)
        let before = Moment.now
        guard case .cancelling = store.cancel(running.id) else {
            Issue.record("not cancelled")
            return
        }
        let end = try #require(ended(store, running.id))
        #expect(end.status == .cancelled)
        #expect(Moment.now.seconds(since: before) < 5)
        guard case .alreadyEnded = store.cancel(running.id) else {
            Issue.record("cancelled twice")
            return
        }
    }

    @Test func tellsExpiredFromUnknown() throws {
        let signer = TokenSigner()
        let store = JobStore(threads: 1, limits: JobLimits(timeToLive: 0.02), signer: signer)
        defer { store.stop() }
        let job = try created(store.create(kind: "k", requestBytes: 5) { _ in .succeeded([1, 2, 3]) })
        let gate = Gate()
        _ = ended(store, job.id)
        // A waiter for a change that never comes is told when the job is forgotten.
        store.wait(
            for: job.id, until: .changed(since: .max), deadline: Moment.now.advanced(bySeconds: 10)
        ) { _ in gate.open() }
        #expect(gate.wait())
        for _ in 0..<200 {
            if case .expired = store.lookup(job.id) { break }
            usleep(5000)
        }
        guard case .expired = store.lookup(job.id) else {
            Issue.record("the job did not expire")
            return
        }
        guard case .unknown = store.lookup(TokenSigner().sign([1], purpose: TokenPurpose.job)) else {
            Issue.record("a foreign id is known")
            return
        }
        #expect(store.counts.bytes == 0)
    }

    @Test func keepsItsLimits() throws {
        let store = JobStore(
            threads: 1, limits: JobLimits(maximumQueued: 2, maximumKept: 4, maximumBytes: 100))
        defer { store.stop() }
        let started = Gate()
        let release = Gate()
        defer { release.open() }
        _ = try created(
            store.create(kind: "k", requestBytes: 10) { _ in
                started.open()
                release.wait()
                return .succeeded([])
            })
        #expect(started.wait())
        guard
            case .full("maximumBytes") = store.create(
                kind: "k", requestBytes: 91, work: { _ in .succeeded([]) })
        else {
            Issue.record("too many bytes accepted")
            return
        }
        guard
            case .full("maximumBytes") = store.create(
                kind: "k", requestBytes: .max, work: { _ in .succeeded([]) })
        else {
            Issue.record("too many bytes accepted")
            return
        }
        _ = try created(store.create(kind: "k", requestBytes: 0) { _ in .succeeded([]) })
        _ = try created(store.create(kind: "k", requestBytes: 0) { _ in .succeeded([]) })
        guard
            case .full("maximumQueued") = store.create(
                kind: "k", requestBytes: 0, work: { _ in .succeeded([]) })
        else {
            Issue.record("too many queued jobs accepted")
            return
        }
    }

    @Test func sameIdempotencyKeyIsTheSameJob() throws {
        let store = JobStore(threads: 1)
        defer { store.stop() }
        let key = JobStore.IdempotencyKey(key: "POST /v1/train k1", fingerprint: "aa")
        let other = JobStore.IdempotencyKey(key: "POST /v1/train k1", fingerprint: "bb")
        let job = try created(
            store.create(kind: "k", requestBytes: 0, idempotency: key) { _ in .succeeded([]) })
        guard
            case .existing(let again) = store.create(
                kind: "k", requestBytes: 0, idempotency: key, work: { _ in .succeeded([]) })
        else {
            Issue.record("a second job was made")
            return
        }
        #expect(again.id == job.id)
        guard
            case .keyReused = store.create(
                kind: "k", requestBytes: 0, idempotency: other, work: { _ in .succeeded([]) })
        else {
            Issue.record("another body was accepted")
            return
        }
    }

    @Test func listsInPagesByStatus() throws {
        let store = JobStore(threads: 1)
        defer { store.stop() }
        var ids: [String] = []
        for index in 0..<7 {
            let job = try created(
                store.create(kind: "k", requestBytes: 0) { _ in
                    index % 2 == 0 ? .succeeded([]) : .failed(problem: [])
                })
            ids.append(job.id)
        }
        for id in ids { _ = ended(store, id) }
        var seen: [String] = []
        var after: UInt64 = 0
        while true {
            let page = store.list(after: after, limit: 3, status: nil)
            #expect(page.jobs.count <= 3)
            seen += page.jobs.map(\.id)
            guard let next = page.next else { break }
            after = next
        }
        #expect(seen == ids)
        #expect(store.list(after: 0, limit: 100, status: .failed).jobs.map(\.id) == [ids[1], ids[3], ids[5]])
        _ = store.delete(ids[3])
        #expect(store.list(after: 0, limit: 100, status: .failed).jobs.map(\.id) == [ids[1], ids[5]])
    }

    @Test func stopEndsEverything() throws {
        let store = JobStore(threads: 2)
        var ids: [String] = []
        for _ in 0..<6 {
            ids.append(
                try created(
                    store.create(kind: "k", requestBytes: 0) { context in
                        while !context.shouldStop { usleep(500) }
                        return .cancelled(nil)
                    }
                ).id)
        }
        store.stop()
        for id in ids {
            guard case .found(let snapshot) = store.lookup(id) else {
                Issue.record("a job is gone")
                continue
            }
            #expect(snapshot.status == .cancelled)
        }
        guard case .full = store.create(kind: "k", requestBytes: 0, work: { _ in .succeeded([]) }) else {
            Issue.record("a stopped store accepts jobs")
            return
        }
    }

    @Test func timeLimitAsksTheWorkToStop() throws {
        let store = JobStore(threads: 1, limits: JobLimits(maximumRunSeconds: 0.03))
        defer { store.stop() }
        let job = try created(
            store.create(kind: "k", requestBytes: 0) { context in
                while !context.shouldStop { usleep(500) }
                return context.isCancelled ? .cancelled(nil) : .succeeded([1])
            })
        #expect(try #require(ended(store, job.id)).status == .succeeded)
    }
}
