internal import Foundation
internal import Glibc
internal import Logging

/// Writes each log message as one line on standard error, as a JSON object or as text.
struct LineLogHandler: LogHandler {
    enum Format: Sendable { case json, text }

    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    let format: Format

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = metadata
        for (key, value) in event.metadata ?? [:] { fields[key] = value }
        let time = Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
        var line: String
        switch format {
        case .json:
            line =
                "{\"time\":\"\(time)\",\"level\":\"\(event.level)\",\"message\":\(Self.quoted("\(event.message)"))"
            for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
                line += ",\(Self.quoted(key)):\(Self.quoted("\(value)"))"
            }
            line += "}\n"
        case .text:
            line = "\(time) \(event.level) \(Self.singleLine("\(event.message)"))"
            for (key, value) in fields.sorted(by: { $0.key < $1.key }) {
                line += " \(key)=\(Self.singleLine("\(value)"))"
            }
            line += "\n"
        }
        // One call for one line: lines of several threads do not mix.
        line.withUTF8 { bytes in _ = write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
    }

    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20 || scalar.value == 0x7f:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }

    /// Control characters of a client's making must not forge lines.
    static func singleLine(_ text: String) -> String {
        text.unicodeScalars.contains { $0.value <= 0x20 || $0 == "\"" } ? quoted(text) : text
    }
}
