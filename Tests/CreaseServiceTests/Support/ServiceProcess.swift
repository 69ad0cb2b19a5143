import Foundation
import Glibc
import Synchronization

/// The real executable, serving on a free port of this machine.
final class ServiceProcess: Sendable {
    private let process: SendableProcess
    private let log: LogReader
    let port: Int

    /// One process that all tests without special flags share.
    static let shared: Result<ServiceProcess, any Error> = Result { try ServiceProcess() }

    /// - Parameter arguments: beside `serve --port 0`.
    init(_ arguments: [String] = [], environment: [String: String] = [:]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: try Self.executable())
        process.arguments = ["serve", "--port", "0"] + arguments
        process.environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("CREASE_") }
            .merging(environment) { $1 }
        let pipe = Pipe()
        process.standardError = pipe
        process.standardOutput = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        self.process = SendableProcess(process)
        log = LogReader(pipe)
        guard let line = log.wait(for: "\"message\":\"listening\""),
            let port = Self.field("port", of: line).flatMap({ Int($0) })
        else {
            process.terminate()
            throw Socket.Failure(description: "the service did not start: \(log.text)")
        }
        self.port = port
        // Whatever a failing test forgets: no process outlives the tests.
        Self.running.withLock { $0.append(process.processIdentifier) }
        _ = Self.killAtExit
    }

    deinit { kill(process.value.processIdentifier, SIGKILL) }

    var identifier: Int32 { process.value.processIdentifier }
    var logText: String { log.text }

    func signal(_ signal: Int32) { kill(identifier, signal) }

    /// The exit status, or `nil` where the process still runs after `seconds`.
    func exitStatus(within seconds: Double) -> Int32? {
        let end = Date().addingTimeInterval(seconds)
        while process.value.isRunning {
            if Date() > end { return nil }
            usleep(10_000)
        }
        return process.value.terminationReason == .exit
            ? process.value.terminationStatus : -process.value.terminationStatus
    }

    var isRunning: Bool { process.value.isRunning }

    // MARK: Requests

    func connect() throws -> Socket { try Socket(port: port) }

    func request(
        _ method: String, _ target: String, headers: [(String, String)] = [], body: [UInt8]? = nil,
        on socket: Socket? = nil
    ) throws -> HTTPAnswer {
        let socket = try socket ?? connect()
        var text = "\(method) \(target) HTTP/1.1\r\nHost: test\r\n"
        for (name, value) in headers { text += "\(name): \(value)\r\n" }
        if let body { text += "Content-Length: \(body.count)\r\n" }
        try socket.send(Array((text + "\r\n").utf8) + (body ?? []))
        return try socket.answer(isHead: method == "HEAD")
    }

    func get(_ target: String, headers: [(String, String)] = []) throws -> HTTPAnswer {
        try request("GET", target, headers: headers)
    }

    func post(_ target: String, _ json: String, headers: [(String, String)] = [], on socket: Socket? = nil)
        throws
        -> HTTPAnswer
    {
        try request(
            "POST", target, headers: [("Content-Type", "application/json")] + headers, body: Array(json.utf8),
            on: socket)
    }

    // MARK: Finding things

    /// From the environment as `make test` sets it, else beside the test bundle.
    static func executable() throws -> String {
        if let path = ProcessInfo.processInfo.environment["CREASE_EXECUTABLE"] { return path }
        let bundle = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for folder in [bundle.path, ".build/debug", ".build/release"] {
            let path = "\(folder)/crease"
            if FileManager.default.isExecutableFile(atPath: path) { return path }
        }
        throw Socket.Failure(description: "the executable 'crease' is not built")
    }

    /// A string member of a line of JSON.
    static func field(_ name: String, of line: String) -> String? {
        let object = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return object?[name] as? String
    }

    private static let running = Mutex<[Int32]>([])
    private static let killAtExit: Void = {
        atexit { ServiceProcess.killAll() }
    }()

    private static func killAll() { running.withLock { $0.forEach { kill($0, SIGKILL) } } }
}

/// `@unchecked Sendable`: Foundation's process object is used for its state only after it was started.
private final class SendableProcess: @unchecked Sendable {
    let value: Process
    init(_ value: Process) { self.value = value }
}

/// Collects what a process logs.
private final class LogReader: Sendable {
    private let lines = Mutex<[String]>([])
    private let partial = Mutex<[UInt8]>([])

    init(_ pipe: Pipe) {
        pipe.fileHandleForReading.readabilityHandler = { [weak self] handle in
            let data = handle.availableData
            guard !data.isEmpty, let self else {
                handle.readabilityHandler = nil
                return
            }
            self.partial.withLock { partial in
                partial += [UInt8](data)
                while let end = partial.firstIndex(of: 10) {
                    let line = String(decoding: partial[..<end], as: UTF8.self)
                    self.lines.withLock { $0.append(line) }
                    partial.removeFirst(end + 1)
                }
            }
        }
    }

    var text: String { lines.withLock { $0.joined(separator: "\n") } }

    func wait(for part: String) -> String? {
        for _ in 0..<2000 {
            if let line = lines.withLock({ $0.first { $0.contains(part) } }) { return line }
            usleep(5000)
        }
        return nil
    }
}
