internal import Glibc
internal import MicroHTTP

/// Answers of the kinds that cost differently: `/prepared`, `/text`, `/echo` (POST), `/later` (answered by another
/// thread), `/large` (1 MiB).
struct LoadApplication: HTTPApplication {
    private let prepared = PreparedResponse(
        Response(status: 200, contentType: "text/plain", text: "Hello, world\n"))
    private let text = Array("Hello, world\n".utf8)
    private let large = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)

    func gate(_ head: RequestHead) -> Response? {
        for path: StaticString in ["/prepared", "/text", "/echo", "/later", "/large"] where head.hasPath(path)
        {
            return nil
        }
        return problem(status: 404, code: "not-found", detail: "There is nothing here.", head: head)
    }

    func respond(to request: Request, on exchange: Exchange) {
        let head = request.head
        if head.hasPath("/prepared") {
            exchange.respond(Response(prepared))
        } else if head.hasPath("/text") {
            exchange.respond(
                Response(status: 200, headers: [("Content-Type", "text/plain")], body: .bytes(text)))
        } else if head.hasPath("/echo") {
            exchange.respond(Response(status: 200, body: .bytes(request.body.withUnsafeBytes(Array.init))))
        } else if head.hasPath("/large") {
            exchange.respond(Response(status: 200, body: .bytes(large)))
        } else {
            let response = Response(
                status: 200, headers: [("Content-Type", "text/plain")], body: .bytes(text))
            LaterThread.shared.answer { exchange.respond(response) }
        }
    }
}
