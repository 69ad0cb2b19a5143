/// Method, target and header fields of a request that passed the server's gate.
///
/// A value of two words; the texts are made when they are asked for.
public struct RequestHead: Sendable {
    let storage: HeadStorage
    private static let anything = Array("*/*".utf8)

    public var method: HTTPMethod { storage.method }
    /// `HEAD` asks for the fields of the answer to `GET`: route by this.
    public var isHeadOrGet: Bool { storage.method == .get || storage.method == .head }
    /// The target as sent: origin form, absolute form or `*`.
    public var rawTarget: String { storage.string(storage.target) }
    /// The target's path as sent, percent-encoded, without the query; `*` for an `OPTIONS *`.
    public var rawPath: String { storage.string(storage.path) }
    /// The path's segments as sent: split at `/`, still percent-encoded. A custom verb's colon is looked for here,
    /// before decoding. The path `/` has one empty segment.
    public var rawSegments: [Substring] {
        rawPath.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
    }
    /// The path's segments, split at `/` first and percent-decoded then, so that `%2F` stays inside its segment.
    /// The gate has refused whatever does not decode to UTF-8 without NUL.
    public var segments: [String] {
        rawSegments.map { percentDecoded($0, plusIsSpace: false) ?? String($0) }
    }
    /// The target's query as sent, or `nil` without a `?`.
    public var rawQuery: String? { storage.query.map(storage.string) }
    /// The query's items in their order, decoded as a form; an item without `=` has an empty value.
    public var queryItems: [(name: String, value: String)] {
        guard let rawQuery else { return [] }
        return rawQuery.split(separator: "&").map { item in
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let name = percentDecoded(parts[0], plusIsSpace: true) ?? String(parts[0])
            guard parts.count == 2 else { return (name, "") }
            return (name, percentDecoded(parts[1], plusIsSpace: true) ?? String(parts[1]))
        }
    }

    public var isHTTP10: Bool { storage.isHTTP10 }
    /// The length of the body as declared; 0 without a body, `nil` where it comes in chunks.
    public var contentLength: UInt64? { storage.isChunked ? nil : storage.contentLength ?? 0 }

    /// The first field of that name, whatever its case.
    public func header(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { storage.firstValue(named: $0) }.map(storage.string)
    }

    /// All fields of that name joined by commas, as RFC 9110, 5.3 lets list fields be.
    public func headerList(_ name: String) -> String? {
        var name = name
        return name.withUTF8 { wanted in
            var joined: String?
            for index in 0..<storage.fieldCount
            where isSameToken(storage.buffer(storage.fields[index].name), wanted) {
                let value = storage.string(storage.fields[index].value)
                joined = joined.map { $0 + ", " + value } ?? value
            }
            return joined
        }
    }

    /// All header fields in their order.
    public var headers: [(name: String, value: String)] {
        (0..<storage.fieldCount).map {
            (storage.string(storage.fields[$0].name), storage.string(storage.fields[$0].value))
        }
    }

    /// Whether the path is exactly these bytes; makes no text.
    public func hasPath(_ path: StaticString) -> Bool {
        let bytes = storage.buffer(storage.path)
        return bytes.count == path.utf8CodeUnitCount
            && bytes.elementsEqual(UnsafeBufferPointer(start: path.utf8Start, count: path.utf8CodeUnitCount))
    }

    /// Calls `body` with the path as sent; makes no text. The bytes live only during the call.
    public func withRawPath<R>(_ body: (UnsafeBufferPointer<UInt8>) throws -> R) rethrows -> R {
        try body(storage.buffer(storage.path))
    }

    /// The request's identifier: the client's `X-Request-Id` where that is 1 to 128 characters of letters, digits
    /// and `-._~:`; otherwise one of this server's. Echoed as `X-Request-Id`.
    public var requestID: String {
        if let range = storage.firstValue(named: "x-request-id") {
            let bytes = storage.buffer(range)
            if RequestIdentifier.isSane(bytes) { return String(decoding: bytes, as: UTF8.self) }
        }
        return storage.identifier.text
    }

    /// The trace context that came with the request, or `nil` without a valid one.
    public var traceParent: TraceParent? {
        storage.firstValue(named: "traceparent").flatMap { TraceParent(storage.buffer($0)) }
    }

    /// The body's media type, or `nil` without a readable `Content-Type`.
    public var contentType: MediaType? { header("content-type").flatMap(MediaType.init) }

    /// Whether the body is of one of these media types, given in lower case; parameters do not matter. A body without
    /// `Content-Type` is taken for the first of them.
    public func isContent(ofOneOf types: [String]) -> Bool {
        guard let range = storage.firstValue(named: "content-type") else { return true }
        let bytes = storage.buffer(range)
        // Nearly every client writes the type alone; no text is made for it.
        if types.contains(where: { isSame($0, bytes) }) { return true }
        return MediaType(storage.string(range)).map { types.contains($0.essence) } ?? false
    }

    /// Which of `offers` (in the server's order of preference) the client likes best, by its `Accept`: highest
    /// quality, then the earliest offer. Without the field the first offer; `nil` where none is accepted (406).
    public func accepts(_ offers: [String]) -> String? {
        guard let range = storage.firstValue(named: "accept") else { return offers.first }
        if storage.buffer(range).elementsEqual(Self.anything), storage.isOnlyField(named: "accept") {
            return offers.first
        }
        guard let field = headerList("accept"), !field.allSatisfy(\.isWhitespace) else { return offers.first }
        return chooseMediaType(offers: offers, accept: field)
    }
}

/// Whether a text consists of these bytes.
func isSame(_ text: String, _ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard text.utf8.count == bytes.count else { return false }
    return text.utf8.withContiguousStorageIfAvailable { $0.elementsEqual(bytes) }
        ?? text.utf8.elementsEqual(bytes)
}

/// Decodes percent escapes once. `nil` for a broken escape, a NUL, or bytes that are not UTF-8.
/// - Complexity: O(n).
public func percentDecoded(_ text: some StringProtocol, plusIsSpace: Bool) -> String? {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(text.utf8.count)
    var iterator = text.utf8.makeIterator()
    while let byte = iterator.next() {
        switch byte {
        case UInt8(ascii: "%"):
            guard let high = iterator.next().flatMap(hexDigit), let low = iterator.next().flatMap(hexDigit),
                high | low != 0
            else { return nil }
            bytes.append(high << 4 | low)
        case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
        default: bytes.append(byte)
        }
    }
    return String(validating: bytes, as: UTF8.self)
}

func hexDigit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
}
