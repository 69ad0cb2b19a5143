internal import FastJSON
internal import Jobs
internal import MicroHTTP

/// One request on its way through an operation.
struct Call: Sendable {
    let service: CreaseApplication
    let head: RequestHead
    /// The path's parameters, in order.
    let parameters: [String]
    let body: RequestBody
    let cancellation: Cancellation

    /// The media type to answer in, out of the operation's.
    let answers: String

    /// Whether a job runs the request, which has the time of jobs.
    var isJob = false
    /// Publishes the progress of a job, an encoded document; of a direct request nobody asks.
    var report: @Sendable ([UInt8]) -> Void = { _ in }

    /// The same request with some seconds to write down what a computation reached that was told to stop.
    func concluding() -> Call {
        Call(
            service: service, head: head, parameters: parameters, body: body,
            cancellation: Cancellation(deadline: Moment.now.advanced(bySeconds: 5)), answers: answers,
            isJob: isJob, report: report)
    }

    /// The body as JSON.
    func document() throws(JSONFault) -> JSONDocument {
        var text = UnsafeRawBufferPointer(start: nil, count: 0)
        // The body keeps its bytes at one place for as long as it lives, and the document keeps the body.
        body.withUnsafeBytes { text = $0 }
        return try JSONDocument(padded: text, owner: body)
    }
}

/// Texts of numbers, times and answers that several operations share.
enum Answer {
    static func json(_ bytes: JSONBytes, status: Int = 200, headers: [(name: String, value: String)] = [])
        -> Response
    {
        Response(
            status: status, headers: [("Content-Type", "application/json")] + headers,
            body: .buffer(
                OwnedBuffer(start: bytes.start, count: bytes.count) { [bytes] _ in
                    withExtendedLifetime(bytes) {}
                }))
    }

    static func svg(_ picture: [UInt8]) -> Response {
        Response(status: 200, headers: [("Content-Type", "image/svg+xml")], body: .bytes(picture))
    }

    static func problem(_ problem: Problem, requestID: String?) -> Response {
        var writer = JSONWriter()
        writer.problem(problem, requestID: requestID)
        let bytes = writer.array()
        return Response(
            status: problem.status, headers: [("Content-Type", "application/problem+json")] + problem.headers,
            body: .bytes(bytes))
    }
}

extension JSONWriter {
    mutating func problem(_ problem: Problem, requestID: String?) {
        beginObject()
        member("type", "urn:crease:problem:\(problem.code)")
        member("title", reasonPhrase(problem.status))
        member("status", problem.status)
        member("detail", problem.detail)
        member("code", problem.code)
        if let requestID { member("requestId", requestID) }
        if !problem.faults.isEmpty {
            key("errors")
            beginArray()
            for fault in problem.faults {
                beginObject()
                member("pointer", fault.pointer)
                member("detail", fault.detail)
                endObject()
            }
            endArray()
        }
        endObject()
    }
}
