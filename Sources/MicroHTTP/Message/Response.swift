internal import CMicroHTTPD

/// Bytes in memory that an answer hands to the server without a copy. Released once, when nothing refers to them.
///
/// `@unchecked Sendable`: the bytes are never written after the value was made.
public final class OwnedBuffer: @unchecked Sendable {
    public let start: UnsafeMutableRawPointer
    public let count: Int
    private let release: @Sendable (UnsafeMutableRawPointer) -> Void

    /// - Parameter release: frees `start`; called once, on any thread.
    public init(
        start: UnsafeMutableRawPointer, count: Int,
        release: @escaping @Sendable (UnsafeMutableRawPointer) -> Void
    ) {
        self.start = start
        self.count = count
        self.release = release
    }

    deinit { release(start) }
}

/// What an application answers.
///
/// The server adds `Date`, `Content-Length`, `Connection`, `X-Request-Id` where the application has none, the fields
/// of CORS, and `Content-Encoding` and `Vary` where it compresses. Statuses 204 and 304 go without a body, `HEAD`
/// answers without the body but with its length.
public struct Response: Sendable {
    public enum Body: Sendable {
        case empty
        case bytes([UInt8])
        /// Sent without a copy.
        case buffer(OwnedBuffer)
        /// Sent in chunks as it comes.
        case stream(ResponseStream)
        /// One of the process's constants, sent without building anything; status and fields are its own.
        case prepared(PreparedResponse)
    }

    public var status: Int
    /// Names and values; fields with a line break or other control characters in them are left out.
    public var headers: [(name: String, value: String)]
    public var body: Body
    /// Whether the connection closes after this answer.
    public var closesConnection = false
    /// Whether the body may be compressed; leave `false` for what is compressed already.
    public var mayCompress = true

    public init(status: Int, headers: [(name: String, value: String)] = [], body: Body = .empty) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public init(_ prepared: PreparedResponse) {
        self.init(status: prepared.response.status, body: .prepared(prepared))
    }

    /// A text of the given type.
    public init(status: Int, contentType: String, text: String) {
        self.init(status: status, headers: [("Content-Type", contentType)], body: .bytes(Array(text.utf8)))
    }
}

/// An answer built once and sent any number of times, for constants such as health probes. It carries no
/// `X-Request-Id` and is not compressed.
///
/// `@unchecked Sendable`: libmicrohttpd counts references to its response objects under their own lock, and nothing
/// here changes after `init`.
public final class PreparedResponse: @unchecked Sendable {
    let response: Response
    let kept: OpaquePointer?
    let closing: OpaquePointer?

    /// - Parameter response: with a body that is `.empty`, `.bytes` or `.buffer`.
    public init(_ response: Response) {
        self.response = response
        kept = makeResponse(response, extra: [])
        closing = makeResponse(response, extra: [("Connection", "close")])
    }

    deinit {
        if let kept { MHD_destroy_response(kept) }
        if let closing { MHD_destroy_response(closing) }
    }
}
