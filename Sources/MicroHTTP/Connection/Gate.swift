internal import CMicroHTTPD

/// Why the gate refuses a request. The framing is in doubt: the connection closes with the answer.
struct Refusal: Error {
    let status: Int
    let code: String
    let detail: String

    init(_ status: Int, _ code: String, _ detail: String) {
        self.status = status
        self.code = code
        self.detail = detail
    }
}

/// What libmicrohttpd 0.9.75 lets through and RFC 9112 does not: run over every request when its head is complete.
enum Gate {
    /// Copies the header fields and judges the head; fills the storage's method, path, query and body length.
    static func admit(
        _ storage: HeadStorage, connection: OpaquePointer, method: UnsafePointer<CChar>,
        version: UnsafePointer<CChar>, configuration: ServerConfiguration
    ) throws(Refusal) {
        try readVersion(version, into: storage)
        try copyFields(connection, into: storage, configuration)
        let facts = try judgeFields(storage)
        let methodBytes = UnsafeRawBufferPointer(start: method, count: length(method))
            .assumingMemoryBound(to: UInt8.self)
        guard let known = HTTPMethod(bytes: methodBytes) else {
            throw Refusal(501, "unknown-method", "The request's method is not one that this server knows.")
        }
        storage.method = known
        try judgeFraming(storage, facts, known, configuration)
        try readTarget(storage, known, configuration)
    }

    private static func length(_ text: UnsafePointer<CChar>) -> Int {
        var count = 0
        while text[count] != 0 { count += 1 }
        return count
    }

    private static func readVersion(_ version: UnsafePointer<CChar>, into storage: HeadStorage)
        throws(Refusal)
    {
        let bytes = UnsafeRawBufferPointer(start: version, count: length(version))
            .assumingMemoryBound(to: UInt8.self)
        if bytes.elementsEqual("HTTP/1.1".utf8) {
            storage.isHTTP10 = false
        } else if bytes.elementsEqual("HTTP/1.0".utf8) {
            storage.isHTTP10 = true
        } else {
            throw Refusal(505, "unknown-version", "This server speaks HTTP/1.1 and HTTP/1.0.")
        }
    }

    private static func copyFields(
        _ connection: OpaquePointer, into storage: HeadStorage, _ configuration: ServerConfiguration
    ) throws(Refusal) {
        let limit = configuration.maximumHeaderFields
        let (count, bytes) = withUnsafeTemporaryAllocation(of: microhttpd_field.self, capacity: limit) {
            fields in
            let count = microhttpd_header_fields(connection, fields.baseAddress, limit)
            var bytes = 0
            for index in 0..<min(count, limit) {
                bytes += fields[index].name_size + fields[index].value_size
                if bytes > configuration.maximumHeaderBytes { break }
                storage.appendField(fields[index])
            }
            return (count, bytes)
        }
        if count > limit {
            throw Refusal(431, "too-many-headers", "A request may have \(limit) header fields.")
        }
        if bytes > configuration.maximumHeaderBytes {
            throw Refusal(
                431, "headers-too-large",
                "The header fields of a request may have \(configuration.maximumHeaderBytes) bytes.")
        }
    }

    private struct FieldFacts {
        var hosts = 0
        var contentLength: ByteRange?
        var transferEncoding: ByteRange?
        var expectation: ByteRange?
    }

    private static func judgeFields(_ storage: HeadStorage) throws(Refusal) -> FieldFacts {
        var facts = FieldFacts()
        for index in 0..<storage.fieldCount {
            let (nameRange, valueRange) = storage.fields[index]
            let name = storage.buffer(nameRange)
            guard !name.isEmpty, name.allSatisfy(isTokenByte) else {
                throw Refusal(400, "bad-header-name", "A header field's name is not a token.")
            }
            guard storage.buffer(valueRange).allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }) else {
                throw Refusal(400, "bad-header-value", "A header field's value has control characters.")
            }
            switch asciiLowercase(name[0]) {
            case UInt8(ascii: "h") where isSameToken(name, "host"):
                facts.hosts += 1
                guard storage.buffer(valueRange).allSatisfy(isHostByte) else {
                    throw Refusal(400, "bad-host", "The Host field is not a host.")
                }
            case UInt8(ascii: "c") where hasPrefix(name, "content-length"):
                guard name.count == 14, facts.contentLength == nil else {
                    throw Refusal(400, "bad-framing", "A request has one Content-Length at most.")
                }
                facts.contentLength = valueRange
            case UInt8(ascii: "t") where hasPrefix(name, "transfer-encoding"):
                guard name.count == 17, facts.transferEncoding == nil else {
                    throw Refusal(400, "bad-framing", "A request has one Transfer-Encoding at most.")
                }
                facts.transferEncoding = valueRange
            case UInt8(ascii: "e") where isSameToken(name, "expect"): facts.expectation = valueRange
            default: break
            }
        }
        return facts
    }

    private static func judgeFraming(
        _ storage: HeadStorage, _ facts: FieldFacts, _ method: HTTPMethod,
        _ configuration: ServerConfiguration
    ) throws(Refusal) {
        guard facts.hosts == 1 || storage.isHTTP10 && facts.hosts == 0 else {
            throw Refusal(400, "bad-host", "A request of HTTP/1.1 has one Host field.")
        }
        if let coding = facts.transferEncoding {
            guard facts.contentLength == nil, !storage.isHTTP10 else {
                throw Refusal(
                    400, "bad-framing",
                    "Transfer-Encoding goes neither with Content-Length nor with HTTP/1.0.")
            }
            guard isSameToken(storage.buffer(coding), "chunked") else {
                throw Refusal(501, "unknown-transfer-encoding", "The only transfer coding known is chunked.")
            }
            storage.isChunked = true
        }
        if let range = facts.contentLength {
            guard let length = decimal(storage.buffer(range)) else {
                throw Refusal(400, "bad-framing", "Content-Length is not a number.")
            }
            storage.contentLength = length
        }
        let hasBody = storage.isChunked || (storage.contentLength ?? 0) > 0
        if hasBody, method.refusesBody {
            throw Refusal(400, "unexpected-body", "A \(method.rawValue) request has no body.")
        }
        storage.lacksLength = method.takesBody && facts.contentLength == nil && facts.transferEncoding == nil
        if let length = storage.contentLength, length > UInt64(max(0, configuration.maximumBodyBytes)) {
            throw Refusal(
                413, "body-too-large",
                "The body of a request may have \(configuration.maximumBodyBytes) bytes.")
        }
        if let expectation = facts.expectation, !storage.isHTTP10,
            !isSameToken(storage.buffer(expectation), "100-continue")
        {
            throw Refusal(417, "unknown-expectation", "The only expectation known is 100-continue.")
        }
    }

    private static func readTarget(
        _ storage: HeadStorage, _ method: HTTPMethod, _ configuration: ServerConfiguration
    ) throws(Refusal) {
        let target = storage.buffer(storage.target)
        guard target.count <= configuration.maximumTargetBytes else {
            throw Refusal(
                414, "target-too-long",
                "The target of a request may have \(configuration.maximumTargetBytes) bytes.")
        }
        guard target.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "#") }) else {
            throw Refusal(
                400, "bad-target", "The request's target has characters that must be percent-encoded.")
        }
        if target.count == 1, target[0] == UInt8(ascii: "*"), method == .options {
            storage.path = storage.target
            return
        }
        var start = 0
        if target.first != UInt8(ascii: "/") {
            guard let authority = absoluteFormAuthority(target) else {
                throw Refusal(
                    400, "bad-target", "The request's target is neither a path nor an absolute URI.")
            }
            start = authority
        }
        let question = target[start...].firstIndex(of: UInt8(ascii: "?"))
        let end = question ?? target.count
        if start == end {
            // An absolute URI without a path means the root.
            storage.path = storage.append("/", count: 1)
        } else {
            storage.path = ByteRange(offset: storage.target.offset + Int32(start), count: Int32(end - start))
        }
        if let question {
            storage.query = ByteRange(
                offset: storage.target.offset + Int32(question + 1), count: Int32(target.count - question - 1)
            )
        }
        guard storage.buffer(storage.target).contains(UInt8(ascii: "%")) else { return }
        let head = RequestHead(storage: storage)
        let isReadable =
            head.rawSegments.allSatisfy { percentDecoded($0, plusIsSpace: false) != nil }
            && (head.rawQuery.map { percentDecoded($0, plusIsSpace: true) != nil } ?? true)
        guard isReadable else {
            throw Refusal(400, "bad-target", "The request's target does not decode to UTF-8 without NUL.")
        }
    }

    /// Where the path begins in `http://authority/path`; `nil` for anything else.
    private static func absoluteFormAuthority(_ target: UnsafeBufferPointer<UInt8>) -> Int? {
        for scheme: StaticString in ["http://", "https://"] where hasPrefix(target, scheme) {
            let start = scheme.utf8CodeUnitCount
            let rest = target[start...]
            let end = rest.firstIndex { $0 == UInt8(ascii: "/") || $0 == UInt8(ascii: "?") } ?? target.count
            guard end > start, target[start..<end].allSatisfy(isHostByte) else { return nil }
            return end
        }
        return nil
    }

    private static func hasPrefix(_ bytes: UnsafeBufferPointer<UInt8>, _ prefix: StaticString) -> Bool {
        let count = prefix.utf8CodeUnitCount
        return bytes.count >= count && isSameToken(UnsafeBufferPointer(rebasing: bytes[..<count]), prefix)
    }

    /// Letters and digits of a name, an address or a port. A user part is refused.
    private static func isHostByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "@"), UInt8(ascii: "/"), UInt8(ascii: "\\"), UInt8(ascii: "?"), UInt8(ascii: "#"),
            UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""), UInt8(ascii: "^"), UInt8(ascii: "`"),
            UInt8(ascii: "{"), UInt8(ascii: "|"), UInt8(ascii: "}"), UInt8(ascii: ","):
            false
        default: byte > 0x20 && byte < 0x7F
        }
    }

    private static func decimal(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64? {
        guard !bytes.isEmpty else { return nil }
        var value: UInt64 = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { return nil }
            value = sum
        }
        return value
    }
}
