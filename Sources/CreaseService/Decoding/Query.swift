internal import MicroHTTP

/// The query of a request: known items only, each at most once.
struct Query {
    private let items: [String: String]

    init(_ head: RequestHead, known: Set<String>) throws {
        var items: [String: String] = [:]
        for (name, value) in head.queryItems {
            guard known.contains(name) else {
                throw Problem(
                    status: 400, code: "unknown-parameter",
                    detail: "The query parameter '\(name)' is not known here; known are "
                        + known.sorted().joined(separator: ", ") + ".")
            }
            guard items.updateValue(value, forKey: name) == nil else {
                throw Problem(
                    status: 400, code: "duplicate-parameter",
                    detail: "The query parameter '\(name)' comes twice.")
            }
        }
        self.items = items
    }

    subscript(_ name: String) -> String? { items[name] }

    /// 0 or absent is the default, larger sizes are cut.
    func pageSize(default fallback: Int, maximum: Int) throws -> Int {
        guard let text = items["pageSize"] else { return fallback }
        guard let size = Int(text), size >= 0 else {
            throw Problem(
                status: 400, code: "invalid-parameter", detail: "pageSize is not a whole number from 0.")
        }
        return size == 0 ? fallback : min(size, maximum)
    }

    static let badToken = Problem(
        status: 400, code: "invalid-parameter",
        detail: "pageToken is not one that this server gave for these parameters.")
}

/// If-Match and If-None-Match (RFC 9110, section 13).
enum Preconditions {
    static let failed = Problem(
        status: 412, code: "precondition-failed",
        detail: "The stored network is not the one that the request names.")

    static func of(_ head: RequestHead) throws -> NetworkStore.Precondition {
        if let field = head.headerList("if-match") { return .matches(tags(field)) }
        guard let field = head.headerList("if-none-match") else { return .none }
        guard tags(field) == ["*"] else {
            throw Problem(
                status: 400, code: "unsupported-precondition",
                detail: "A change takes 'If-None-Match: *' or If-Match with entity tags.")
        }
        return .absent
    }

    /// Entity tags hold no commas of this service's making: a plain split is enough.
    static func tags(_ field: String) -> [String] {
        field.split(separator: ",").map { tag in
            String(
                tag.drop { $0 == " " || $0 == "\t" }.reversed().drop { $0 == " " || $0 == "\t" }.reversed())
        }
    }
}
