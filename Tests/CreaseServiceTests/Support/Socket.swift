import Foundation
import Glibc

/// A connection of a test to a server on this machine, blocking, with a deadline on every read.
final class Socket {
    private let descriptor: Int32
    private var buffer: [UInt8] = []

    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    init(port: Int, timeoutSeconds: Int = 20) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(description: "no socket: \(errno)") }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else {
            close(descriptor)
            throw Failure(description: "cannot connect: \(errno)")
        }
        var timeout = timeval(tv_sec: timeoutSeconds, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var offset = 0
        while offset < bytes.count {
            let sent = bytes.withUnsafeBytes { raw in
                Glibc.send(
                    descriptor, raw.baseAddress.map { $0 + offset }, bytes.count - offset,
                    Int32(MSG_NOSIGNAL))
            }
            guard sent > 0 else { throw Failure(description: "cannot send: \(errno)") }
            offset += sent
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// `nil` at the end of the stream.
    private func receive() throws -> [UInt8]? {
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        if count == 0 { return nil }
        guard count > 0 else { throw Failure(description: "cannot receive: \(errno)") }
        return Array(chunk.prefix(count))
    }

    /// Whether the peer closes without sending more.
    func isClosedByPeer() throws -> Bool {
        if !buffer.isEmpty { return false }
        guard let more = try receive() else { return true }
        buffer += more
        return false
    }

    /// Reads one answer; `isHead` where it has no body whatever its length says.
    func answer(isHead: Bool = false) throws -> HTTPAnswer {
        while true {
            let head = try readHead()
            guard head.status != 100 else { continue }
            var answer = head
            if isHead || answer.status == 204 || answer.status == 304 { return answer }
            if let length = answer.header("content-length").flatMap({ Int($0) }) {
                while buffer.count < length { try more() }
                answer.body = Array(buffer.prefix(length))
                buffer.removeFirst(length)
            } else if answer.header("transfer-encoding") == "chunked" {
                answer.body = try chunks()
            } else {
                while let more = try receive() { buffer += more }
                answer.body = buffer
                buffer = []
            }
            return answer
        }
    }

    private func more() throws {
        guard let bytes = try receive() else { throw Failure(description: "the stream ended early") }
        buffer += bytes
    }

    private func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = buffer[..<end]
                buffer.removeFirst(end + 1)
                return String(decoding: line.last == 13 ? line.dropLast() : line, as: UTF8.self)
            }
            try more()
        }
    }

    private func readHead() throws -> HTTPAnswer {
        let parts = try line().split(separator: " ")
        guard parts.count >= 2, let status = Int(parts[1]) else {
            throw Failure(description: "no status line")
        }
        var answer = HTTPAnswer(status: status)
        while true {
            let field = try line()
            if field.isEmpty { return answer }
            let pair = field.split(separator: ":", maxSplits: 1)
            answer.headers.append(
                (pair[0].lowercased(), pair.count > 1 ? pair[1].trimmingCharacters(in: .whitespaces) : ""))
        }
    }

    private func chunks() throws -> [UInt8] {
        var body: [UInt8] = []
        while true {
            guard let size = Int(try line(), radix: 16) else { throw Failure(description: "no chunk size") }
            while buffer.count < size + 2 { try more() }
            body += buffer.prefix(size)
            buffer.removeFirst(size + 2)
            if size == 0 { return body }
        }
    }
}

struct HTTPAnswer {
    let status: Int
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    init(status: Int) { self.status = status }

    func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
    var text: String { String(decoding: body, as: UTF8.self) }

    /// The body as Foundation's JSON objects: a parser that shares nothing with the service's.
    var json: [String: Any] {
        get throws {
            guard let object = try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any] else {
                throw Socket.Failure(description: "not a JSON object: \(text.prefix(200))")
            }
            return object
        }
    }
}
