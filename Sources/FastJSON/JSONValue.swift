internal import CSimdJSON

/// A value of a document: a cheap handle.
public struct JSONValue: Sendable {
    public enum Kind: String, Sendable {
        case null, boolean, number, string, array, object
    }

    let document: JSONDocument
    let node: Int
    /// A row of a matrix node, or −1.
    var row = -1
    /// An element of a numbers node or of a matrix row, or −1.
    var element = -1

    init(document: JSONDocument, node: Int) {
        self.document = document
        self.node = node
    }

    private init(document: JSONDocument, node: Int, row: Int, element: Int) {
        self.document = document
        self.node = node
        self.row = row
        self.element = element
    }

    private var raw: crease_json_node { document.raw.nodes[node] }

    public var kind: Kind {
        if element >= 0 { return document.raw.numbers[poolIndex].isNaN ? .string : .number }
        if row >= 0 { return .array }
        switch crease_json_kind(raw.kind) {
        case CREASE_JSON_NULL: return .null
        case CREASE_JSON_FALSE, CREASE_JSON_TRUE: return .boolean
        case CREASE_JSON_NUMBER: return .number
        case CREASE_JSON_STRING: return .string
        case CREASE_JSON_OBJECT: return .object
        default: return .array
        }
    }

    /// The index of this number in the document's pool.
    private var poolIndex: Int {
        let raw = raw
        return Int(raw.first) + max(0, row) * Int(raw.columns) + max(0, element)
    }

    /// Where the value is, as a JSON Pointer in URI-fragment form.
    ///
    /// Complexity: O(depth).
    public var pointer: String {
        var tokens: [String] = []
        if element >= 0 { tokens.append(String(element)) }
        if row >= 0 { tokens.append(String(row)) }
        var current = node
        while current != 0 {
            let raw = document.raw.nodes[current]
            let parent = document.raw.nodes[Int(raw.parent)]
            if crease_json_kind(parent.kind) == CREASE_JSON_OBJECT {
                tokens.append(JSONPointer.escape(document.string(Int(raw.position), Int(raw.name_length))))
            } else {
                tokens.append(String(raw.position))
            }
            current = Int(raw.parent)
        }
        return "#" + tokens.reversed().map { "/" + $0 }.joined()
    }

    public func wrongType(_ expected: String) -> JSONFault {
        JSONFault(
            code: "wrong-type", pointer: pointer, detail: "\(expected) is expected here, not \(kind.article)."
        )
    }

    // MARK: Scalars

    public func string() throws(JSONFault) -> String {
        guard kind == .string else { throw wrongType("a string") }
        if element >= 0 {
            return document.withTokenText(poolIndex) { String(decoding: $0, as: UTF8.self) }
        }
        return document.string(Int(raw.first), Int(raw.count))
    }

    public func boolean() throws(JSONFault) -> Bool {
        guard kind == .boolean else { throw wrongType("true or false") }
        return crease_json_kind(raw.kind) == CREASE_JSON_TRUE
    }

    /// A JSON number that is whole and in the range, by its exact text: neither 9007199254740993 nor
    /// 1.00000000000000000001 is rounded first. Digits that do not fit 63 bits are refused.
    public func integer(in range: ClosedRange<Int>) throws(JSONFault) -> Int {
        guard kind == .number else { throw wrongType("a whole number") }
        guard let integer = exactInteger, range.contains(integer) else {
            throw JSONFault(
                code: "out-of-range", pointer: pointer,
                detail: "A whole number from \(range.lowerBound) to \(range.upperBound) is expected here.")
        }
        return integer
    }

    private var exactInteger: Int? {
        guard let offsets = document.raw.number_offsets else { return nil }
        var mantissa: Int64 = 0
        var exponent: Int16 = 0
        var least = Int32.max
        guard
            crease_json_decimals(
                document.text, document.text + document.length, offsets + poolIndex, 1, 1, &mantissa,
                &exponent,
                &least)
        else { return nil }
        // At most 400 steps: larger exponents are not read.
        while exponent < 0 {
            guard mantissa % 10 == 0 else { return nil }
            mantissa /= 10
            exponent += 1
        }
        while exponent > 0 {
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: 10)
            guard !overflow else { return nil }
            mantissa = product
            exponent -= 1
        }
        return Int(mantissa)
    }

    /// A JSON number as the nearest binary64.
    public func double() throws(JSONFault) -> Double {
        guard kind == .number else { throw wrongType("a number") }
        let value = document.raw.numbers[poolIndex]
        guard value.isFinite else {
            throw JSONFault(
                code: "out-of-range", pointer: pointer, detail: "The number is beyond the range of binary64.")
        }
        return value
    }

    /// The exact text of a JSON number, or of a string that is to hold one. The bytes live during the call.
    public func withNumberText<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        switch kind {
        case .number: return try document.withTokenText(poolIndex, body)
        case .string:
            if element >= 0 { return try document.withTokenText(poolIndex, body) }
            guard let strings = document.raw.strings else {
                return try body(UnsafeBufferPointer(start: nil, count: 0))
            }
            let start = UnsafeRawPointer(strings + Int(raw.first)).assumingMemoryBound(to: UInt8.self)
            return try body(UnsafeBufferPointer(start: start, count: Int(raw.count)))
        default: return nil
        }
    }

    // MARK: Arrays

    /// The number of elements of an array or members of an object; 0 for others.
    public var count: Int {
        if element >= 0 { return 0 }
        if row >= 0 { return Int(raw.columns) }
        switch kind {
        case .array, .object: return Int(raw.count)
        default: return 0
        }
    }

    /// The elements in order.
    public func elements() throws(JSONFault) -> [JSONValue] {
        guard kind == .array else { throw wrongType("an array") }
        if row >= 0 {
            return (0..<count).map { JSONValue(document: document, node: node, row: row, element: $0) }
        }
        switch crease_json_kind(raw.kind) {
        case CREASE_JSON_NUMBERS:
            return (0..<count).map { JSONValue(document: document, node: node, row: -1, element: $0) }
        case CREASE_JSON_MATRIX:
            return (0..<count).map { JSONValue(document: document, node: node, row: $0, element: -1) }
        default:
            var values: [JSONValue] = []
            values.reserveCapacity(count)
            var child = node + 1
            for _ in 0..<count {
                values.append(JSONValue(document: document, node: child))
                child = Int(document.raw.nodes[child].next)
            }
            return values
        }
    }

    /// An array of numbers and exact-number strings, without a copy.
    public func numbers() throws(JSONFault) -> JSONNumbers {
        guard kind == .array else { throw wrongType("an array of numbers") }
        if row < 0 {
            switch crease_json_kind(raw.kind) {
            case CREASE_JSON_NUMBERS: break
            case CREASE_JSON_MATRIX:
                throw JSONValue(document: document, node: node, row: 0, element: -1).wrongType("a number")
            default:
                for value in try elements() where value.kind != .number { throw value.wrongType("a number") }
                guard count == 0 else { throw wrongType("an array of numbers") }
                return JSONNumbers(value: self, first: 0, rows: 0, columns: 1, isMatrix: false)
            }
        }
        return JSONNumbers(value: self, first: poolIndex, rows: count, columns: 1, isMatrix: false)
    }

    /// An array of arrays of numbers, all of one length, at least 1, row-major without a copy. An empty array has no
    /// rows and no columns.
    public func matrix() throws(JSONFault) -> JSONNumbers {
        guard kind == .array else { throw wrongType("an array of rows of numbers") }
        if row >= 0 || crease_json_kind(raw.kind) == CREASE_JSON_NUMBERS {
            throw (try elements())[0].wrongType("a row of numbers")
        }
        if crease_json_kind(raw.kind) == CREASE_JSON_MATRIX {
            return JSONNumbers(
                value: self, first: Int(raw.first), rows: Int(raw.count), columns: Int(raw.columns),
                isMatrix: true)
        }
        if count == 0 { return JSONNumbers(value: self, first: 0, rows: 0, columns: 0, isMatrix: true) }
        var columns: Int?
        for value in try elements() {
            let found = try value.numbers().count
            guard found > 0 else {
                throw JSONFault(
                    code: "ragged-rows", pointer: value.pointer, detail: "A row has at least one number.")
            }
            if let columns, found != columns {
                throw JSONFault(
                    code: "ragged-rows", pointer: value.pointer,
                    detail: "The row has \(found) numbers where the rows before have \(columns).")
            }
            columns = found
        }
        // Rows that follow each other in the text do so in the pool.
        let start = try elements()[0].numbers().first
        return JSONNumbers(value: self, first: start, rows: count, columns: columns ?? 0, isMatrix: true)
    }

    // MARK: Objects

    /// The member of that name; `nil` where there is none or this is no object.
    public func member(_ name: StaticString) -> JSONValue? {
        guard element < 0, row < 0, crease_json_kind(raw.kind) == CREASE_JSON_OBJECT else { return nil }
        var child = node + 1
        for _ in 0..<raw.count {
            let member = document.raw.nodes[child]
            if document.nameEquals(member, name) { return JSONValue(document: document, node: child) }
            child = Int(member.next)
        }
        return nil
    }

    /// The members in order.
    public func members() throws(JSONFault) -> [(name: String, value: JSONValue)] {
        guard kind == .object else { throw wrongType("an object") }
        var members: [(name: String, value: JSONValue)] = []
        var child = node + 1
        for _ in 0..<raw.count {
            let member = document.raw.nodes[child]
            members.append(
                (
                    document.string(Int(member.position), Int(member.name_length)),
                    JSONValue(document: document, node: child)
                ))
            child = Int(member.next)
        }
        return members
    }
}

extension JSONValue.Kind {
    /// With its article, for messages.
    public var article: String {
        switch self {
        case .null: "null"
        case .boolean: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// Reads the members of an object and refuses the ones that nobody asked for.
public struct ObjectReader {
    public let value: JSONValue
    private var known: [StaticString] = []
    /// How many members of the object are among the known.
    private var found = 0

    public init(_ value: JSONValue) throws(JSONFault) {
        guard value.kind == .object else { throw value.wrongType("an object") }
        self.value = value
        known.reserveCapacity(8)
    }

    /// The member; `nil` where it is absent.
    public mutating func optional(_ name: StaticString) -> JSONValue? {
        let member = value.member(name)
        if member != nil, !known.contains(where: { Self.isSame($0, name) }) { found += 1 }
        known.append(name)
        return member
    }

    public mutating func required(_ name: StaticString) throws(JSONFault) -> JSONValue {
        if let member = optional(name) { return member }
        throw JSONFault(
            code: "missing-member", pointer: "\(value.pointer)/\(name)",
            detail: "The member '\(name)' is missing.")
    }

    /// The pointer that a member of that name has or would have.
    public func pointer(_ name: StaticString) -> String { "\(value.pointer)/\(name)" }

    private static func isSame(_ left: StaticString, _ right: StaticString) -> Bool {
        guard left.utf8CodeUnitCount == right.utf8CodeUnitCount else { return false }
        return (0..<left.utf8CodeUnitCount).allSatisfy { left.utf8Start[$0] == right.utf8Start[$0] }
    }

    /// - Throws: one fault that points to every member which was not asked for, up to twenty.
    public func finish() throws(JSONFault) {
        // No name stands twice in an object.
        if found == value.count { return }
        var places: [JSONFault.Place] = []
        for (name, member) in try value.members() where places.count < 20 {
            if known.contains(where: { "\($0)" == name }) { continue }
            places.append(
                JSONFault.Place(
                    pointer: member.pointer,
                    detail: "The member '\(name)' is not known here; known are "
                        + known.map { "'\($0)'" }.joined(separator: ", ") + "."))
        }
        guard let first = places.first else { return }
        throw JSONFault(code: "unknown-member", detail: first.detail, places: places)
    }
}
