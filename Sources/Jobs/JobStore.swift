internal import Glibc
public import Signatures
internal import Threads

/// Bounded in-memory jobs and the threads that run them, first in first out.
///
/// Every accepted job reaches an end: its work is asked to stop at the limit on its time, at `cancel` and at
/// `stop`, and whatever the work returns ends it. Ended jobs are kept for `timeToLive` seconds.
public final class JobStore: Sendable {
    public typealias Work = @Sendable (JobContext) -> JobOutcome

    final class Record {
        let sequence: UInt64
        let id: String
        let kind: String
        let createdAt: Double
        let context: JobContext
        let requestBytes: Int
        let attachment: (any JobAttachment)?
        var work: Work?
        var status = JobStatus.queued
        var startedAt: Double?
        var finishedAt: Double?
        var endMoment: Moment?
        var progress: [UInt8]?
        var outcome: JobOutcome?
        var version = 0
        var waiters: [UInt64: Waiter] = [:]
        var idempotencyKey: String?
        var bytes: Int

        init(
            sequence: UInt64, id: String, kind: String, createdAt: Double, context: JobContext,
            requestBytes: Int, attachment: (any JobAttachment)?, work: @escaping Work
        ) {
            self.sequence = sequence
            self.id = id
            self.kind = kind
            self.createdAt = createdAt
            self.context = context
            self.requestBytes = requestBytes
            self.attachment = attachment
            self.work = work
            bytes = requestBytes
        }
    }

    struct Waiter {
        let condition: WaitCondition
        let notify: @Sendable (JobSnapshot?) -> Void
    }

    struct Idempotent {
        let fingerprint: String
        let id: String
    }

    struct State {
        var records: [String: Record] = [:]
        /// Ids by sequence number, ascending: the order of listings.
        var order: [(sequence: UInt64, id: String)] = []
        var queue = FirstInFirstOut<String>()
        var queued = 0
        var running = 0
        var bytes = 0
        var idempotent: [String: Idempotent] = [:]
        var nextSequence: UInt64 = 1
        var nextWaiter: UInt64 = 1
        var stopping = false
    }

    let state: Monitor<State>
    let timer: DeadlineTimer
    public let limits: JobLimits
    private let signer: TokenSigner
    private let threads: [JoinableThread]

    /// - Parameters:
    ///   - threads: how many jobs run at once.
    ///   - niceness: system priority of the jobs' threads, 0 (normal) to 19 (lowest).
    ///   - signer: signs ids and page tokens.
    public init(
        threads: Int, limits: JobLimits = JobLimits(), signer: TokenSigner = TokenSigner(),
        timer: DeadlineTimer = DeadlineTimer(), niceness: Int32 = 10
    ) {
        let state = Monitor(State())
        self.state = state
        self.timer = timer
        self.limits = limits
        self.signer = signer
        self.threads = (0..<max(1, threads)).compactMap { index in
            JoinableThread(name: "job-\(index)", niceness: niceness) { Self.work(state, limits, timer) }
        }
    }

    // MARK: Creating

    public enum Creation: Sendable {
        case created(JobSnapshot)
        /// The same idempotency key and the same body came before: that job.
        case existing(JobSnapshot)
        /// The idempotency key came before with another body.
        case keyReused
        /// A limit of the store is reached; its name.
        case full(limit: String)
    }

    /// A client's idempotency key (with what scopes it) and the digest of its request.
    public struct IdempotencyKey: Sendable {
        public let key: String
        public let fingerprint: String

        public init(key: String, fingerprint: String) {
            self.key = key
            self.fingerprint = fingerprint
        }
    }

    /// Queues a job.
    ///
    /// - Parameters:
    ///   - kind: what it is, for listings.
    ///   - requestBytes: memory that the work holds, counted against `maximumBytes`.
    public func create(
        kind: String, requestBytes: Int, idempotency: IdempotencyKey? = nil,
        attachment: (any JobAttachment)? = nil, work: @escaping Work
    ) -> Creation {
        let now = Self.wallClock()
        let creation: Creation = state.withLock { state in
            if let idempotency, let earlier = state.idempotent[idempotency.key],
                let record = state.records[earlier.id]
            {
                return earlier.fingerprint == idempotency.fingerprint
                    ? .existing(Self.snapshot(record, limits)) : .keyReused
            }
            // Without a thread to run it a job would wait for ever.
            guard !state.stopping, !threads.isEmpty else { return .full(limit: "stopping") }
            guard state.queued < limits.maximumQueued else { return .full(limit: "maximumQueued") }
            guard state.records.count < limits.maximumKept else { return .full(limit: "maximumKept") }
            let (bytes, overflow) = state.bytes.addingReportingOverflow(requestBytes)
            guard !overflow, bytes <= limits.maximumBytes else { return .full(limit: "maximumBytes") }
            let sequence = state.nextSequence
            state.nextSequence += 1
            let id = Self.makeID(sequence: sequence, signer: signer)
            let reporting: @Sendable ([UInt8]) -> Void = { [weak self] progress in
                self?.report(progress, id: id)
            }
            let record = Record(
                sequence: sequence, id: id, kind: kind, createdAt: now,
                context: JobContext(maximumSeconds: limits.maximumRunSeconds, reporting: reporting),
                requestBytes: requestBytes, attachment: attachment, work: work)
            record.idempotencyKey = idempotency?.key
            if let idempotency {
                state.idempotent[idempotency.key] = Idempotent(fingerprint: idempotency.fingerprint, id: id)
            }
            state.records[id] = record
            state.order.append((sequence, id))
            state.queue.append(id)
            state.queued += 1
            state.bytes = bytes
            return .created(Self.snapshot(record, limits))
        }
        if case .created = creation { state.signal() }
        return creation
    }

    // MARK: Reading

    public enum Lookup: Sendable {
        case found(JobSnapshot)
        /// No id of this process.
        case unknown
        /// An id that was issued, of a job that is gone.
        case expired
    }

    public func lookup(_ id: String) -> Lookup {
        if let snapshot = state.withLock({ state in state.records[id].map { Self.snapshot($0, limits) } }) {
            return .found(snapshot)
        }
        return isIssued(id) ? .expired : .unknown
    }

    /// Up to `limit` jobs after the one with sequence number `after`, oldest first, and the number to go on from.
    public func list(after: UInt64, limit: Int, status: JobStatus?) -> (jobs: [JobSnapshot], next: UInt64?) {
        state.withLock { state in
            var low = 0
            var high = state.order.count
            while low < high {
                let middle = (low + high) / 2
                if state.order[middle].sequence <= after { low = middle + 1 } else { high = middle }
            }
            var jobs: [JobSnapshot] = []
            var last: UInt64 = after
            for (sequence, id) in state.order[low...] {
                guard let record = state.records[id], status == nil || record.status == status else {
                    continue
                }
                if jobs.count == limit { return (jobs, last) }
                jobs.append(Self.snapshot(record, limits))
                last = sequence
            }
            return (jobs, nil)
        }
    }

    /// How many jobs are in each state, and the bytes that they hold.
    public var counts: (byStatus: [JobStatus: Int], bytes: Int) {
        state.withLock { state in
            (Dictionary(state.records.values.map { ($0.status, 1) }, uniquingKeysWith: +), state.bytes)
        }
    }

    // MARK: Changing

    public enum Cancellation: Sendable {
        case cancelling(JobSnapshot)
        case alreadyEnded(JobSnapshot)
        case missing(Lookup)
    }

    /// Asks a job to stop. One that waits ends at once; one that runs ends as soon as its work returns.
    public func cancel(_ id: String) -> Cancellation {
        var notices: [Notice] = []
        let result: Cancellation? = state.withLock { state in
            guard let record = state.records[id] else { return nil }
            if record.status.isEnd { return .alreadyEnded(Self.snapshot(record, limits)) }
            record.context.cancel()
            if record.status == .queued {
                state.queue.removeAll { $0 == id }
                state.queued -= 1
                Self.end(record, .cancelled(nil), &state, limits)
                notices = Self.collectNotices(record, limits)
            }
            return .cancelling(Self.snapshot(record, limits))
        }
        for notice in notices { notice() }
        if case .cancelling(let snapshot) = result, snapshot.status.isEnd { scheduleExpiry(of: id) }
        return result ?? .missing(lookup(id))
    }

    /// Forgets a job; one that runs is cancelled first and forgotten at once.
    public func delete(_ id: String) -> Lookup {
        var notices: [Notice] = []
        let snapshot: JobSnapshot? = state.withLock { state in
            guard let record = state.records[id] else { return nil }
            record.context.cancel()
            if record.status == .queued {
                state.queue.removeAll { $0 == id }
                state.queued -= 1
            }
            let snapshot = Self.snapshot(record, limits)
            notices = record.waiters.values.map { waiter in { waiter.notify(nil) } }
            record.waiters = [:]
            Self.forget(record, &state)
            return snapshot
        }
        for notice in notices { notice() }
        return snapshot.map { .found($0) } ?? lookup(id)
    }

    /// Cancels every job, waits until their work has returned, and joins the threads.
    public func stop() {
        var notices: [Notice] = []
        state.withLock { state in
            state.stopping = true
            for record in state.records.values where !record.status.isEnd {
                record.context.cancel()
                if record.status == .queued {
                    Self.end(record, .cancelled(nil), &state, limits)
                    notices += Self.collectNotices(record, limits)
                }
            }
            state.queue = FirstInFirstOut()
            state.queued = 0
        }
        for notice in notices { notice() }
        state.broadcast()
        for thread in threads where !thread.isCurrent { thread.join() }
        timer.stop()
    }

    // MARK: Identifiers

    /// A random part keeps ids of one process apart from each other even where sequence numbers are known.
    private static func makeID(sequence: UInt64, signer: TokenSigner) -> String {
        signer.sign(bigEndianBytes(sequence) + randomBytes(8), purpose: TokenPurpose.job)
    }

    private func isIssued(_ id: String) -> Bool { signer.open(id, purpose: TokenPurpose.job) != nil }

    /// Seconds since 1970.
    static func wallClock() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

/// What a signed token was made for.
public enum TokenPurpose {
    public static let job: UInt8 = 1
    public static let jobPage: UInt8 = 2
    public static let networkPage: UInt8 = 3
}

/// Eight bytes, the most significant first.
public func bigEndianBytes(_ value: UInt64) -> [UInt8] {
    (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
}
