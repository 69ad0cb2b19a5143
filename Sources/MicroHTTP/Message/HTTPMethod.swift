/// The registered request methods that a server may meet; any other token is answered 501.
public enum HTTPMethod: String, Sendable, CaseIterable {
    case get = "GET"
    case head = "HEAD"
    case post = "POST"
    case put = "PUT"
    case delete = "DELETE"
    case connect = "CONNECT"
    case options = "OPTIONS"
    case trace = "TRACE"
    case patch = "PATCH"

    /// The method with exactly these bytes; method tokens are case-sensitive (RFC 9110, 9.1).
    init?(bytes: UnsafeBufferPointer<UInt8>) {
        switch bytes.count {
        case 3:
            if bytes.elementsEqual("GET".utf8) { self = .get; return }
            if bytes.elementsEqual("PUT".utf8) { self = .put; return }
        case 4:
            if bytes.elementsEqual("POST".utf8) { self = .post; return }
            if bytes.elementsEqual("HEAD".utf8) { self = .head; return }
        case 5:
            if bytes.elementsEqual("PATCH".utf8) { self = .patch; return }
            if bytes.elementsEqual("TRACE".utf8) { self = .trace; return }
        case 6:
            if bytes.elementsEqual("DELETE".utf8) { self = .delete; return }
        case 7:
            if bytes.elementsEqual("OPTIONS".utf8) { self = .options; return }
            if bytes.elementsEqual("CONNECT".utf8) { self = .connect; return }
        default: break
        }
        return nil
    }

    /// Whether a body means something: without a length such a request is answered 411 where one is needed.
    var takesBody: Bool { self == .post || self == .put || self == .patch }
    /// Whether a body is refused: it has no meaning, and intermediaries disagree on its framing.
    var refusesBody: Bool { self == .get || self == .head || self == .delete || self == .trace }
}
