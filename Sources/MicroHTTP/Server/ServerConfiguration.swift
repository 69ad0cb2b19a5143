/// The limits and deadlines of a server. Sizes are in bytes.
public struct ServerConfiguration: Sendable {
    /// An address or a name; an empty text means every address.
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port: UInt16 = 0
    /// A listening socket made by someone else (see `SocketActivation`), used instead of host and port. It is never
    /// shut down or closed by the server.
    public var listenSocket: Int32?
    /// Threads that serve connections.
    public var threads = 2
    public var connectionLimit = 4096
    /// Connections from one address; 0 for no limit. Means nothing behind a proxy.
    public var connectionLimitPerAddress = 0

    /// Longest request target, in bytes; 414 beyond it. Beyond 16 KiB or so libmicrohttpd answers in its own words.
    public var maximumTargetBytes = 8 << 10
    /// Largest sum of names and values of header fields; 431 beyond it.
    public var maximumHeaderBytes = 16 << 10
    public var maximumHeaderFields = 100
    /// Largest body as sent; 413 beyond it, before reading it where its length is declared.
    public var maximumBodyBytes = 64 << 20
    /// Largest body after `Content-Encoding` is undone; 413 beyond it.
    public var maximumInflatedBytes = 64 << 20
    /// Bytes that the bodies of all requests may hold together; 503 with `Retry-After` beyond it.
    public var bodyBudgetBytes = 1 << 30

    /// From a request's first byte (or its connection's opening, should a request come in pieces) to its last
    /// header field; 408 beyond it.
    public var headerDeadline = Duration.seconds(10)
    /// A body may take this long at any rate; afterwards it must come at `minimumBodyRate` on average.
    public var bodyGrace = Duration.seconds(10)
    /// Bytes a second.
    public var minimumBodyRate = 1 << 10
    /// Connections without a request are closed after this long.
    public var idleDeadline = Duration.seconds(30)
    /// In every such period that an answer is being sent, its client must take it at `minimumBodyRate`.
    public var sendGrace = Duration.seconds(30)
    /// For `stop()`: how long running requests may take before they are answered 503.
    public var drainDeadline = Duration.seconds(10)

    /// Exact origins that browsers may call from; empty turns CORS off.
    public var corsOrigins: Set<String> = []
    /// Response fields that such callers may read.
    public var corsExposedHeaders = [
        "Location", "Retry-After", "ETag", "RateLimit", "RateLimit-Policy", "X-Request-Id",
    ]
    /// Request fields that such callers may send.
    public var corsAllowedHeaders = [
        "Content-Type", "Authorization", "Prefer", "Idempotency-Key", "X-Request-Id",
    ]

    /// Bodies of at least this size are compressed for clients that accept it; `nil` turns compression off.
    public var compressionThreshold: Int? = 1 << 10
    /// 1 (fast) to 9 (small).
    public var compressionLevel: Int32 = 1
    /// Receives libmicrohttpd's own log, one line at a time.
    public var log: (@Sendable (String) -> Void)?

    public init() {}
}

/// Why a server did not start.
public enum ServerError: Error, Equatable {
    /// The host has no address.
    case unknownHost(String)
    /// No address of the host could be bound; `errno` of the last try.
    case cannotListen(host: String, port: UInt16, errno: Int32)
    /// libmicrohttpd refused to start; its log says why.
    case cannotStart
    /// `start()` was called twice.
    case alreadyStarted
}
