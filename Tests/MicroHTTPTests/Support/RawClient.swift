internal import CMicroHTTPD
internal import Glibc

/// One answer as it came over the wire.
struct RawAnswer {
    var status = 0
    var headers: [(name: String, value: String)] = []
    var body: [UInt8] = []

    var text: String { String(decoding: body, as: UTF8.self) }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }
    func all(_ name: String) -> [String] {
        headers.filter { $0.name.lowercased() == name.lowercased() }.map(\.value)
    }
}

enum RawClientError: Error {
    case cannotConnect(Int32)
    case timedOut
    case closed(after: [UInt8])
    case unreadable(String)
}

/// A client that says exactly what it is told, over a blocking socket of the loopback interface.
final class RawClient {
    private(set) var socket: Int32
    private var buffer: [UInt8] = []
    private let patience: Double

    init(port: UInt16, patience: Double = 20) throws {
        self.patience = patience
        socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard status == 0 else {
            let reason = errno
            Glibc.close(socket)
            socket = -1
            throw RawClientError.cannotConnect(reason)
        }
    }

    deinit { close() }

    func close() {
        if socket >= 0 { Glibc.close(socket) }
        socket = -1
    }

    /// Closes by a reset.
    func reset() {
        var option = linger(l_onoff: 1, l_linger: 0)
        setsockopt(socket, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
        close()
    }

    func finishSending() { shutdown(socket, Int32(SHUT_WR)) }

    /// Answers how many bytes the system took; fewer than all where the server has closed.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Int {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.send(socket, $0.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count <= 0 { return sent }
            sent += count
        }
        return sent
    }

    @discardableResult
    func send(_ text: String) -> Int { send(Array(text.utf8)) }

    /// Reads more; `false` at the end of the connection.
    private func fill(within seconds: Double) throws -> Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        guard poll(&entry, 1, Int32(seconds * 1000)) > 0 else { throw RawClientError.timedOut }
        var space = [UInt8](repeating: 0, count: 64 << 10)
        let count = recv(socket, &space, space.count, 0)
        guard count > 0 else { return false }
        buffer += space[..<count]
        return true
    }

    /// Whether something arrives within that time.
    func hasInput(within seconds: Double) -> Bool {
        var entry = pollfd(fd: socket, events: Int16(POLLIN), revents: 0)
        return !buffer.isEmpty || poll(&entry, 1, Int32(seconds * 1000)) > 0
    }

    /// Everything until the server closes.
    func readToEnd() throws -> [UInt8] {
        while try fill(within: patience) {}
        defer { buffer = [] }
        return buffer
    }

    /// Whether the server closes without another byte.
    func isClosedByServer() throws -> Bool { try readToEnd().isEmpty }

    func line() throws -> String {
        while true {
            if let end = buffer.firstIndex(of: 10) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line.hasSuffix("\r") ? String(line.dropLast()) : line
            }
            guard try fill(within: patience) else { throw RawClientError.closed(after: buffer) }
        }
    }

    private func exactly(_ count: Int) throws -> [UInt8] {
        while buffer.count < count {
            guard try fill(within: patience) else { throw RawClientError.closed(after: buffer) }
        }
        defer { buffer.removeSubrange(..<count) }
        return Array(buffer[..<count])
    }

    /// Status line and fields; interim answers are given as they come.
    func head() throws -> RawAnswer {
        var answer = RawAnswer()
        let status = try line().split(separator: "\r\n").first.map(String.init) ?? ""
        let parts = status.split(separator: " ", maxSplits: 2)
        guard parts.count >= 2, parts[0].hasPrefix("HTTP/1."), let code = Int(parts[1]) else {
            throw RawClientError.unreadable(status)
        }
        answer.status = code
        while true {
            let field = try line()
            if field.isEmpty { return answer }
            let pair = field.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { throw RawClientError.unreadable(field) }
            answer.headers.append((String(pair[0]), String(pair[1].drop { $0 == " " })))
        }
    }

    /// One whole answer.
    func answer(toHead: Bool = false) throws -> RawAnswer {
        var answer = try head()
        if toHead || answer.status < 200 || answer.status == 204 || answer.status == 304 { return answer }
        if answer.header("transfer-encoding")?.lowercased() == "chunked" {
            while let chunk = try chunk() { answer.body += chunk }
        } else if let length = answer.header("content-length").flatMap({ Int($0) }) {
            answer.body = try exactly(length)
        } else {
            answer.body = try readToEnd()
        }
        return answer
    }

    /// One chunk of a chunked body; `nil` at its end.
    func chunk() throws -> [UInt8]? {
        let size = try line()
        guard let count = Int(size, radix: 16) else { throw RawClientError.unreadable(size) }
        let bytes = try exactly(count)
        _ = try line()
        return count == 0 ? nil : bytes
    }

    func ask(_ text: String, toHead: Bool = false) throws -> RawAnswer {
        send(text)
        return try answer(toHead: toHead)
    }
}

func get(_ path: String, _ fields: String = "") -> String {
    "GET \(path) HTTP/1.1\r\nHost: test\r\n\(fields)\r\n"
}

func post(_ path: String, _ body: String, _ fields: String = "") -> String {
    "POST \(path) HTTP/1.1\r\nHost: test\r\nContent-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
}
