internal import MicroHTTP

/// Why a request is not answered as asked, in the terms of RFC 9457.
struct Problem: Error, Sendable {
    /// One offending value of the body.
    struct Fault: Sendable, Equatable {
        /// A JSON Pointer in URI-fragment form.
        let pointer: String
        let detail: String
    }

    let status: Int
    /// A stable word for programs; the type is derived from it.
    let code: String
    let detail: String
    var faults: [Fault] = []
    /// Response fields beside the content type.
    var headers: [(name: String, value: String)] = []

    init(
        status: Int, code: String, detail: String, faults: [Fault] = [],
        headers: [(name: String, value: String)] = []
    ) {
        self.status = status
        self.code = code
        self.detail = detail
        self.faults = faults
        self.headers = headers
    }

    // MARK: The common ones

    /// 422 with one pointer.
    static func unprocessable(_ code: String, at pointer: String, _ detail: String) -> Problem {
        Problem(
            status: 422, code: code, detail: detail, faults: [Fault(pointer: pointer, detail: detail)])
    }

    /// 422: a limit of the service that the operator can change.
    static func limit(_ name: String, _ limit: Int, at pointer: String, _ what: String) -> Problem {
        unprocessable("limit-exceeded", at: pointer, "\(what): the limit \(name) is \(limit).")
    }

    static func saturated(_ detail: String) -> Problem {
        Problem(status: 503, code: "saturated", detail: detail, headers: [("Retry-After", "1")])
    }

    static let cancelled = Problem(
        status: 503, code: "time-limit",
        detail:
            "The computation passed the server's limit on synchronous requests, or the server is stopping.",
        headers: [("Retry-After", "5")])

    static let notFound = Problem(status: 404, code: "not-found", detail: "Nothing is at this path.")
}
