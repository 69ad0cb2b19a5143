internal import Synchronization

/// Identifies a request in logs and answers: a number drawn once for the process and a counter.
struct RequestIdentifier: Sendable {
    var sequence: UInt64 = 0

    private static let process = UInt64.random(in: .min ... .max)
    private static let counter = Atomic<UInt64>(0)

    static func next() -> RequestIdentifier {
        RequestIdentifier(sequence: counter.wrappingAdd(1, ordering: .relaxed).newValue)
    }

    /// 32 lower-case hexadecimal digits.
    var text: String {
        String(unsafeUninitializedCapacity: 32) { buffer in
            writeHexadecimal(RequestIdentifier.process, to: buffer, at: 0)
            writeHexadecimal(sequence, to: buffer, at: 16)
            return 32
        }
    }

    static func isSane(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
        guard (1...128).contains(bytes.count) else { return false }
        return bytes.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"), UInt8(ascii: "~"), UInt8(ascii: ":"):
                true
            default: false
            }
        }
    }
}

private func writeHexadecimal(_ value: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at offset: Int) {
    for position in 0..<16 {
        let digit = UInt8(truncatingIfNeeded: value >> UInt64(60 - 4 * position)) & 15
        buffer[offset + position] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}

/// The `traceparent` field of W3C Trace Context.
public struct TraceParent: Sendable, Equatable {
    /// 32 lower-case hexadecimal digits, not all zero.
    public let traceID: String
    /// 16 lower-case hexadecimal digits, not all zero.
    public let parentID: String
    public let isSampled: Bool

    /// Reads version 00 and, by its first 55 characters, any later version but `ff`.
    init?(_ bytes: UnsafeBufferPointer<UInt8>) {
        guard bytes.count >= 55, bytes[2] == 0x2D, bytes[35] == 0x2D, bytes[52] == 0x2D,
            bytes.count == 55 || bytes[55] == 0x2D
        else { return nil }
        func digits(_ range: Range<Int>) -> String? {
            let part = bytes[range]
            guard part.allSatisfy({ hexDigit($0) != nil && !(0x41...0x46).contains($0) }) else { return nil }
            return String(decoding: part, as: UTF8.self)
        }
        guard let version = digits(0..<2), version != "ff", version != "00" || bytes.count == 55,
            let trace = digits(3..<35), let parent = digits(36..<52), let flags = digits(53..<55),
            trace.utf8.contains(where: { $0 != 0x30 }), parent.utf8.contains(where: { $0 != 0x30 })
        else { return nil }
        traceID = trace
        parentID = parent
        isSampled = (UInt8(flags, radix: 16) ?? 0) & 1 == 1
    }
}
