/// What a server serves.
public protocol HTTPApplication: Sendable {
    /// Looks at a request before its body is read; the answer, if any, is sent instead of calling `respond`.
    ///
    /// Called on a server thread; for what needs no body: unknown routes (404), methods (405), types (415),
    /// saturation (503). A small body of a refused request is read and dropped and the connection kept; a large one
    /// closes it.
    func gate(_ head: RequestHead) -> Response?

    /// Whether a POST, PUT or PATCH request without a Content-Length and without chunks is refused (411), because its
    /// body was most likely forgotten; else its body is empty. Called on a server thread, before `gate`.
    func needsBody(_ head: RequestHead) -> Bool

    /// Answers a request, by `exchange.respond(_:)`, once: before this returns, or later from any thread. Called on
    /// a server thread: work of more than about a millisecond belongs elsewhere.
    func respond(to request: Request, on exchange: Exchange)

    /// The server's own refusals in the application's form.
    ///
    /// - Parameters:
    ///   - code: a stable word for the reason, such as `body-too-large`.
    ///   - head: `nil` where there is no readable head.
    func problem(status: Int, code: String, detail: String, head: RequestHead?) -> Response

    /// A request is over, whether answered or broken off. Called on a server thread.
    func finished(_ summary: RequestSummary)
}

extension HTTPApplication {
    public func gate(_ head: RequestHead) -> Response? { nil }
    public func needsBody(_ head: RequestHead) -> Bool { true }
    public func finished(_ summary: RequestSummary) {}

    /// A problem of RFC 9457 without a type.
    public func problem(status: Int, code: String, detail: String, head: RequestHead?) -> Response {
        Response(
            status: status, contentType: "application/problem+json",
            text: """
                {"type":"about:blank","title":"\(reasonPhrase(status))","status":\(status),\
                "code":"\(code)","detail":"\(detail)"}
                """)
    }
}

/// What is known of a request when it is over.
public struct RequestSummary: Sendable {
    public let head: RequestHead
    /// The status that was answered; `nil` where the request got no answer of this server's (the client left or was
    /// too slow, or its framing was refused by libmicrohttpd).
    public let status: Int?
    /// From the request line to the end of the answer.
    public let duration: Duration
    /// From the end of the request to its answer.
    public let handling: Duration
    /// Bytes of the body as they came.
    public let bytesIn: Int
    /// Bytes of the answer's body (of streams: those handed to the connection).
    public let bytesOut: Int
    /// Whether the client left before the answer was sent whole.
    public let clientAborted: Bool
    /// Whether a deadline ended the request.
    public let timedOut: Bool

    public var method: HTTPMethod { head.method }
    public var rawTarget: String { head.rawTarget }
    public var requestID: String { head.requestID }
    public var traceParent: TraceParent? { head.traceParent }
}

/// The registered phrase of a status.
public func reasonPhrase(_ status: Int) -> String {
    switch status {
    case 200: "OK"
    case 201: "Created"
    case 202: "Accepted"
    case 204: "No Content"
    case 303: "See Other"
    case 304: "Not Modified"
    case 400: "Bad Request"
    case 401: "Unauthorized"
    case 403: "Forbidden"
    case 404: "Not Found"
    case 405: "Method Not Allowed"
    case 406: "Not Acceptable"
    case 408: "Request Timeout"
    case 409: "Conflict"
    case 410: "Gone"
    case 411: "Length Required"
    case 412: "Precondition Failed"
    case 413: "Content Too Large"
    case 414: "URI Too Long"
    case 415: "Unsupported Media Type"
    case 417: "Expectation Failed"
    case 421: "Misdirected Request"
    case 422: "Unprocessable Content"
    case 426: "Upgrade Required"
    case 428: "Precondition Required"
    case 429: "Too Many Requests"
    case 431: "Request Header Fields Too Large"
    case 500: "Internal Server Error"
    case 501: "Not Implemented"
    case 503: "Service Unavailable"
    case 504: "Gateway Timeout"
    case 505: "HTTP Version Not Supported"
    default: "Status \(status)"
    }
}
