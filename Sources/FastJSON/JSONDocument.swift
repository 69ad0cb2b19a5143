internal import CSimdJSON

/// A parsed JSON text (RFC 8259, strictly): flat arrays of nodes and numbers, made in one pass.
///
/// The whole text is visited. A byte order mark, a member that comes twice, a lone surrogate, text after the document
/// and nesting beyond the limit are refused. Memory: about 12 bytes a number in arrays of numbers, 32 a node besides.
///
/// `@unchecked Sendable`: everything is written by `init` and only read from then on.
public final class JSONDocument: @unchecked Sendable {
    var raw = crease_json_document()
    let text: UnsafePointer<CChar>
    let length: Int
    /// Keeps the text in memory.
    private let owner: AnyObject

    /// Bytes that must be readable after the end of a text.
    public static let padding = 64
    public static let defaultMaximumDepth = 64

    /// - Parameters:
    ///   - text: the bytes; `JSONDocument.padding` more are readable behind them.
    ///   - owner: keeps the bytes alive and unchanged for as long as it is referred to.
    public init(
        padded text: UnsafeRawBufferPointer, owner: AnyObject, maximumDepth: Int = defaultMaximumDepth
    ) throws(JSONFault) {
        self.owner = owner
        length = text.count
        guard let base = text.baseAddress, length > 0 else {
            self.text = UnsafePointer(bitPattern: 1).unsafelyUnwrapped
            throw JSONFault(syntax: "The body is empty; a JSON document is expected.")
        }
        self.text = base.assumingMemoryBound(to: CChar.self)
        crease_json_parse(
            self.text, length, length + Self.padding, UInt32(clamping: maximumDepth), &raw)
        guard raw.error == CREASE_JSON_OK else { throw fault(maximumDepth) }
    }

    /// Parses a copy of `bytes`.
    public convenience init(_ bytes: [UInt8], maximumDepth: Int = defaultMaximumDepth) throws(JSONFault) {
        let copy = PaddedCopy(bytes)
        try self.init(padded: copy.bytes, owner: copy, maximumDepth: maximumDepth)
    }

    deinit { crease_json_free(&raw) }

    public var root: JSONValue { JSONValue(document: self, node: 0) }

    private func fault(_ maximumDepth: Int) -> JSONFault {
        let reason = raw.error_text.map { String(cString: $0) } ?? "it is broken"
        switch raw.error {
        case CREASE_JSON_DUPLICATE:
            let name = string(Int(raw.error_name_offset), Int(raw.error_name_length))
            let parent = JSONValue(document: self, node: Int(raw.error_node)).pointer
            return JSONFault(
                code: "duplicate-member", pointer: "\(parent)/\(JSONPointer.escape(name))",
                detail: "The member '\(name)' comes twice.")
        case CREASE_JSON_TOO_DEEP:
            return JSONFault(
                syntax:
                    "The document is nested more than \(maximumDepth) levels deep, near byte \(raw.error_offset).",
                code: "too-deep")
        case CREASE_JSON_UTF8: return JSONFault(syntax: "The document is not UTF-8.")
        case CREASE_JSON_EMPTY: return JSONFault(syntax: "The body is empty; a JSON document is expected.")
        case CREASE_JSON_BOM: return JSONFault(syntax: "The document begins with a byte order mark.")
        case CREASE_JSON_TOO_LARGE, CREASE_JSON_MEMORY:
            return JSONFault(syntax: "The document is too large: \(reason).", code: "too-large")
        default:
            return JSONFault(syntax: "The document is not JSON, near byte \(raw.error_offset): \(reason)")
        }
    }

    func string(_ start: Int, _ count: Int) -> String {
        guard let strings = raw.strings, count > 0 else { return "" }
        return String(
            decoding: UnsafeRawBufferPointer(start: strings + start, count: count), as: UTF8.self)
    }

    func nameEquals(_ node: crease_json_node, _ name: StaticString) -> Bool {
        guard Int(node.name_length) == name.utf8CodeUnitCount, let strings = raw.strings else { return false }
        let bytes = UnsafeRawBufferPointer(start: strings + Int(node.position), count: Int(node.name_length))
        return bytes.elementsEqual(UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }

    /// Calls `body` with the text of a number, or of a string that may hold one: without quotes and escapes.
    func withTokenText<Result, Failure: Error>(
        _ number: Int, _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let text = tokenText(number)
        let escape = UInt8(ascii: "\\")
        guard text.contains(escape) else { return try body(text) }
        let plain = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        defer { plain.deallocate() }
        // The only escape in such a string is that of the slash.
        let end = plain.update(fromContentsOf: text.filter { $0 != escape })
        return try body(UnsafeBufferPointer(rebasing: plain[..<end]))
    }

    private func tokenText(_ number: Int) -> UnsafeBufferPointer<UInt8> {
        let start = text + Int(raw.number_offsets[number])
        let count = crease_json_token_length(start, text + length)
        let quoted = start.pointee == CChar(bitPattern: UInt8(ascii: "\""))
        let bytes = UnsafeRawPointer(start).assumingMemoryBound(to: UInt8.self)
        return quoted
            ? UnsafeBufferPointer(start: bytes + 1, count: max(0, count - 2))
            : UnsafeBufferPointer(start: bytes, count: count)
    }
}

private final class PaddedCopy {
    let bytes: UnsafeRawBufferPointer

    init(_ source: [UInt8]) {
        let copy = UnsafeMutableRawBufferPointer.allocate(
            byteCount: source.count + JSONDocument.padding, alignment: 16)
        copy.initializeMemory(as: UInt8.self, repeating: 0)
        copy.copyBytes(from: source)
        bytes = UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(copy)[..<source.count])
    }

    deinit { bytes.baseAddress?.deallocate() }
}

/// JSON Pointer (RFC 6901) in URI-fragment form.
public enum JSONPointer {
    /// One reference token: `~` and `/` escaped, then percent-encoded where a fragment needs it.
    public static func escape(_ token: String) -> String {
        var escaped = ""
        for byte in token.utf8 {
            switch byte {
            case UInt8(ascii: "~"): escaped += "~0"
            case UInt8(ascii: "/"): escaped += "~1"
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."),
                UInt8(ascii: "_"),
                UInt8(ascii: "!"), UInt8(ascii: "$"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "("),
                UInt8(ascii: ")"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: ","), UInt8(ascii: ";"),
                UInt8(ascii: "="), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "?"):
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = Array("0123456789ABCDEF")
                escaped += "%\(digits[Int(byte >> 4)])\(digits[Int(byte & 15)])"
            }
        }
        return escaped
    }
}
