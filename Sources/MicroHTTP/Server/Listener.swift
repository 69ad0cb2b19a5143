internal import CMicroHTTPD
internal import Glibc

/// The socket that connections come in by.
struct Listener: Sendable {
    /// Belongs to the daemon once that has started.
    let socket: Int32
    let port: UInt16
    init(_ configuration: ServerConfiguration) throws(ServerError) {
        if let given = configuration.listenSocket {
            // The daemon closes its socket; the one that was handed over stays open and listening.
            socket = fcntl(given, F_DUPFD_CLOEXEC, 0)
            guard socket >= 0 else { throw .cannotListen(host: "", port: 0, errno: errno) }
            _ = fcntl(given, F_SETFL, fcntl(given, F_GETFL) | O_NONBLOCK)
        } else {
            socket = try Listener.bind(configuration.host, configuration.port)
        }
        port = Listener.boundPort(socket)
    }

    private static func bind(_ host: String, _ port: UInt16) throws(ServerError) -> Int32 {
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host.isEmpty ? nil : host, String(port), &hints, &list)
        guard status == 0, let first = list else { throw .unknownHost(host) }
        defer { freeaddrinfo(first) }
        var candidates: [addrinfo] = []
        var entry: UnsafeMutablePointer<addrinfo>? = first
        while let current = entry {
            candidates.append(current.pointee)
            entry = current.pointee.ai_next
        }
        // With no host given, a socket of IPv6 serves both families.
        if host.isEmpty { candidates.sort { $0.ai_family == AF_INET6 && $1.ai_family != AF_INET6 } }
        var lastError: Int32 = 0
        for candidate in candidates {
            let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
            let socket = Glibc.socket(candidate.ai_family, type, 0)
            guard socket >= 0 else {
                lastError = errno
                continue
            }
            set(socket, SOL_SOCKET, SO_REUSEADDR, 1)
            if candidate.ai_family == AF_INET6 {
                set(socket, Int32(IPPROTO_IPV6), IPV6_V6ONLY, host.isEmpty ? 0 : 1)
            }
            if Glibc.bind(socket, candidate.ai_addr, candidate.ai_addrlen) == 0, listen(socket, 1024) == 0 {
                return socket
            }
            lastError = errno
            Glibc.close(socket)
        }
        throw .cannotListen(host: host, port: port, errno: lastError)
    }

    private static func set(_ socket: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        setsockopt(socket, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    private static func boundPort(_ socket: Int32) -> UInt16 {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutableBytes(of: &storage) { bytes in
            let address = bytes.baseAddress!.assumingMemoryBound(to: sockaddr.self)
            guard getsockname(socket, address, &size) == 0 else { return 0 }
            // The port stands at the same place in addresses of both families, in network order.
            return UInt16(bytes[2]) << 8 | UInt16(bytes[3])
        }
    }

    /// Puts a socket that nobody can connect to in the place of this one, which closes with that: new connections are
    /// refused at once. A socket that was handed over goes on queueing them for its owner.
    func withdraw() {
        let type = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let silent = Glibc.socket(AF_UNIX, type, 0)
        guard silent >= 0 else {
            shutdown(socket, Int32(SHUT_RDWR))
            return
        }
        // An address of the family alone lets the system choose an abstract one; to accept from it is no error then.
        var address = sockaddr()
        address.sa_family = sa_family_t(AF_UNIX)
        _ = Glibc.bind(silent, &address, socklen_t(MemoryLayout<sa_family_t>.size))
        listen(silent, 0)
        dup2(silent, socket)
        _ = fcntl(socket, F_SETFD, FD_CLOEXEC)
        Glibc.close(silent)
    }

    /// For a socket that no daemon has taken.
    func close() { Glibc.close(socket) }
}

/// Sockets handed over by a service manager, in the manner of systemd's `sd_listen_fds(3)`.
public enum SocketActivation {
    /// The first listening socket handed to this process, or `nil`. Marks it close-on-exec.
    public static func listenSocket() -> Int32? {
        guard let identifier = getenv("LISTEN_PID").flatMap({ Int32(String(cString: $0)) }),
            identifier == getpid(),
            let count = getenv("LISTEN_FDS").flatMap({ Int32(String(cString: $0)) }), count >= 1
        else { return nil }
        _ = fcntl(3, F_SETFD, FD_CLOEXEC)
        return 3
    }
}
