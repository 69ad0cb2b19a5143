// The life of a record inside the store: run, report, end, tell, expire.

/// When a waiter is told.
public enum WaitCondition: Sendable {
    /// As soon as the job has a version beyond this one.
    case changed(since: Int)
    /// As soon as the job has ended.
    case ended
}

typealias Notice = @Sendable () -> Void

extension JobStore {
    /// Calls `notify` once: when the condition holds, when `deadline` passes, or with `nil` when the job is
    /// forgotten. It may be called on this thread before the function returns, or on any other.
    public func wait(
        for id: String, until condition: WaitCondition, deadline: Moment,
        notify: @escaping @Sendable (JobSnapshot?) -> Void
    ) {
        enum Step {
            case now(JobSnapshot?)
            case later(UInt64)
        }
        let step: Step = state.withLock { state in
            guard let record = state.records[id] else { return .now(nil) }
            if Self.holds(condition, record) || deadline <= .now {
                return .now(Self.snapshot(record, limits))
            }
            let number = state.nextWaiter
            state.nextWaiter += 1
            record.waiters[number] = Waiter(condition: condition, notify: notify)
            return .later(number)
        }
        switch step {
        case .now(let snapshot): notify(snapshot)
        case .later(let number):
            timer.schedule(at: deadline) { [weak self] in self?.expireWaiter(number, of: id) }
        }
    }

    private func expireWaiter(_ number: UInt64, of id: String) {
        let notice: Notice? = state.withLock { state in
            guard let record = state.records[id], let waiter = record.waiters.removeValue(forKey: number)
            else {
                return nil
            }
            let snapshot = Self.snapshot(record, limits)
            return { waiter.notify(snapshot) }
        }
        notice?()
    }

    func report(_ progress: [UInt8], id: String) {
        let notices: [Notice] = state.withLock { state in
            guard let record = state.records[id], record.status == .running else { return [] }
            record.progress = progress
            record.version += 1
            return Self.collectNotices(record, limits)
        }
        for notice in notices { notice() }
    }

    func scheduleExpiry(of id: String) { Self.scheduleExpiry(of: id, state, limits, timer) }

    static func scheduleExpiry(
        of id: String, _ state: Monitor<State>, _ limits: JobLimits, _ timer: DeadlineTimer
    ) {
        timer.schedule(at: Moment.now.advanced(bySeconds: limits.timeToLive)) { [weak state] in
            guard let state else { return }
            let notices: [Notice] = state.withLock { state in
                guard let record = state.records[id] else { return [] }
                let notices: [Notice] = record.waiters.values.map { waiter in { waiter.notify(nil) } }
                record.waiters = [:]
                forget(record, &state)
                return notices
            }
            for notice in notices { notice() }
        }
    }

    /// The loop of a job thread.
    static func work(_ state: Monitor<State>, _ limits: JobLimits, _ timer: DeadlineTimer) {
        while true {
            let started: (id: String, work: Work, context: JobContext, notices: [Notice])? = state.waitUntil {
                state in
                while let id = state.queue.popFirst() {
                    state.queued -= 1
                    guard let record = state.records[id], let work = record.work else { continue }
                    record.work = nil
                    record.status = .running
                    record.startedAt = wallClock()
                    record.version += 1
                    record.context.start()
                    state.running += 1
                    return .done((id, work, record.context, collectNotices(record, limits)))
                }
                return state.stopping ? .done(nil) : .forSignal
            }
            guard let (id, work, context, notices) = started else { return }
            for notice in notices { notice() }
            let outcome = work(context)
            let endNotices: [Notice] = state.withLock { state in
                state.running -= 1
                // The record is gone when the job was deleted while it ran.
                guard let record = state.records[id] else { return [] }
                end(record, outcome, &state, limits)
                return collectNotices(record, limits)
            }
            for notice in endNotices { notice() }
            scheduleExpiry(of: id, state, limits, timer)
        }
    }

    static func end(_ record: Record, _ outcome: JobOutcome, _ state: inout State, _ limits: JobLimits) {
        record.outcome = outcome
        switch outcome {
        case .succeeded: record.status = .succeeded
        case .failed: record.status = .failed
        case .cancelled: record.status = .cancelled
        }
        record.work = nil
        record.finishedAt = wallClock()
        record.version += 1
        let bytes: Int =
            switch outcome {
            case .succeeded(let result): result.count
            case .failed(let problem): problem.count
            case .cancelled(let result): result?.count ?? 0
            }
        state.bytes -= record.bytes
        record.bytes = bytes + (record.attachment?.byteCount ?? 0)
        state.bytes += record.bytes
    }

    static func forget(_ record: Record, _ state: inout State) {
        state.records[record.id] = nil
        state.bytes -= record.bytes
        if let key = record.idempotencyKey { state.idempotent[key] = nil }
        if let index = state.order.firstIndex(where: { $0.sequence == record.sequence }) {
            state.order.remove(at: index)
        }
    }

    /// Takes the waiters whose condition holds off the record; they are called once the lock is released.
    static func collectNotices(_ record: Record, _ limits: JobLimits) -> [Notice] {
        let due = record.waiters.filter { holds($0.value.condition, record) }
        guard !due.isEmpty else { return [] }
        let snapshot = snapshot(record, limits)
        return due.map { number, waiter in
            record.waiters[number] = nil
            return { waiter.notify(snapshot) }
        }
    }

    private static func holds(_ condition: WaitCondition, _ record: Record) -> Bool {
        switch condition {
        case .changed(let version): record.version > version || record.status.isEnd
        case .ended: record.status.isEnd
        }
    }

    static func snapshot(_ record: Record, _ limits: JobLimits) -> JobSnapshot {
        JobSnapshot(
            id: record.id, kind: record.kind, status: record.status, createdAt: record.createdAt,
            startedAt: record.startedAt, finishedAt: record.finishedAt,
            expiresAt: record.finishedAt.map { $0 + limits.timeToLive }, progress: record.progress,
            outcome: record.outcome, version: record.version, attachment: record.attachment)
    }
}
