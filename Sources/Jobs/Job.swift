internal import Synchronization

/// Where a job stands. The last three are ends.
public enum JobStatus: String, Sendable, CaseIterable {
    case queued, running, succeeded, failed, cancelled

    public var isEnd: Bool {
        switch self {
        case .queued, .running: false
        case .succeeded, .failed, .cancelled: true
        }
    }
}

/// Something that belongs to a job for as long as it is kept: what its pictures and certificates are made of.
public protocol JobAttachment: AnyObject, Sendable {
    /// Bytes of memory held, counted against the store's limit.
    var byteCount: Int { get }
}

/// How a job's work ended. Results and problems are documents that the caller has encoded already.
public enum JobOutcome: Sendable {
    case succeeded([UInt8])
    case failed(problem: [UInt8])
    /// Cancelled, with what was reached by then.
    case cancelled([UInt8]?)
}

/// A job as it was at one moment.
public struct JobSnapshot: Sendable {
    public let id: String
    public let kind: String
    public let status: JobStatus
    /// Seconds since 1970.
    public let createdAt: Double
    public let startedAt: Double?
    public let finishedAt: Double?
    public let expiresAt: Double?
    /// The last reported progress, encoded by the work.
    public let progress: [UInt8]?
    public let outcome: JobOutcome?
    /// Grows with every change.
    public let version: Int
    public let attachment: (any JobAttachment)?
}

/// What a job's work sees of its job: whether to go on, and where to report.
public final class JobContext: Sendable {
    private let cancelled = Atomic<Bool>(false)
    /// Nanoseconds of the monotonic clock; set when the job starts to run.
    private let deadline = Atomic<UInt64>(.max)
    private let maximumSeconds: Double
    private let reporting: @Sendable ([UInt8]) -> Void

    init(maximumSeconds: Double, reporting: @escaping @Sendable ([UInt8]) -> Void) {
        self.maximumSeconds = maximumSeconds
        self.reporting = reporting
    }

    func start() {
        deadline.store(Moment.now.advanced(bySeconds: maximumSeconds).nanoseconds, ordering: .relaxed)
    }

    /// True once the job was cancelled, the store stops, or the server's limit on a job's time has passed. Work
    /// polls it at least every 50 milliseconds.
    public var shouldStop: Bool { isCancelled || Moment.now.nanoseconds >= deadline.load(ordering: .relaxed) }

    /// True when somebody cancelled the job (or the store stops), not when its time ran out.
    public var isCancelled: Bool { cancelled.load(ordering: .relaxed) }

    /// Publishes the progress, an encoded document.
    public func report(_ progress: [UInt8]) { reporting(progress) }

    func cancel() { cancelled.store(true, ordering: .relaxed) }
}

/// The bounds of a store. Sizes are in bytes, times in seconds.
public struct JobLimits: Sendable {
    public var maximumQueued: Int
    public var maximumKept: Int
    public var maximumBytes: Int
    public var maximumRunSeconds: Double
    public var timeToLive: Double

    public init(
        maximumQueued: Int = 64, maximumKept: Int = 1000, maximumBytes: Int = 512 << 20,
        maximumRunSeconds: Double = 3600, timeToLive: Double = 3600
    ) {
        self.maximumQueued = maximumQueued
        self.maximumKept = maximumKept
        self.maximumBytes = maximumBytes
        self.maximumRunSeconds = maximumRunSeconds
        self.timeToLive = timeToLive
    }
}
