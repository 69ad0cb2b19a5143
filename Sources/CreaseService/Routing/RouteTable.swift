internal import MicroHTTP

/// One path template and what its methods do.
struct Route: Sendable {
    enum Segment: Sendable, Equatable {
        case literal(String)
        /// A parameter, with the custom verb that must follow its colon, if any.
        case parameter(String, verb: String?)
    }

    /// As in `openapi.json`: `/v1/jobs/{id}:cancel`.
    let template: String
    let segments: [Segment]
    let operations: [HTTPMethod: Operation]
    let metrics: RequestMetrics

    init(_ template: String, _ operations: [HTTPMethod: Operation]) {
        self.template = template
        self.operations = operations
        metrics = RequestMetrics(route: template)
        segments = template.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map {
            segment in
            guard segment.first == "{", let close = segment.firstIndex(of: "}") else {
                return .literal(String(segment))
            }
            let name = String(segment[segment.index(after: segment.startIndex)..<close])
            let rest = segment[segment.index(after: close)...]
            return .parameter(name, verb: rest.isEmpty ? nil : String(rest.dropFirst()))
        }
    }

    /// `Allow`'s value: the operations, HEAD beside GET, and OPTIONS.
    var allow: String {
        var methods = Set(operations.keys.map(\.rawValue)).union(["OPTIONS"])
        if operations[.get] != nil { methods.insert("HEAD") }
        return methods.sorted().joined(separator: ", ")
    }

    func operation(for method: HTTPMethod) -> Operation? { operations[method == .head ? .get : method] }
}

/// What a method does on a route.
struct Operation: Sendable {
    /// Media types that it answers, the preferred one first; empty where it has no body.
    let produces: [String]
    /// Media types of the request's body.
    let consumes: [String]
    let run: Action

    enum Action: Sendable {
        /// Answered on the server's thread: never more than some microseconds of work.
        case immediate(@Sendable (Call) throws -> Response)
        /// Parsed on the server's thread where the body is small, and answered there where that is quick; else on a
        /// worker thread.
        case adaptive(@Sendable (Call) throws -> Adaptive)
        /// Answered on a worker thread.
        case computed(@Sendable (Call) throws -> Response)
        /// Answered on a worker thread, or by a job of this kind where the client prefers that.
        case preferably(kind: String, @Sendable (Call) throws -> Response)
        /// Answers for itself, now or later.
        case deferred(@Sendable (Call, Exchange) throws -> Void)
    }

    enum Adaptive {
        case now(Response)
        case later(@Sendable () throws -> Response)
    }

    init(produces: [String] = ["application/json"], consumes: [String] = [], _ run: Action) {
        self.produces = produces
        self.consumes = consumes
        self.run = run
    }
}

/// The routes, found by path.
struct RouteTable: Sendable {
    let routes: [Route]
    /// Templates without parameters, by path.
    private let literals: [(path: [UInt8], index: Int)]
    private let patterns: [Int]

    init(_ routes: [Route]) {
        self.routes = routes
        var literals: [(path: [UInt8], index: Int)] = []
        var patterns: [Int] = []
        for (index, route) in routes.enumerated() {
            if route.template.contains("{") {
                patterns.append(index)
            } else {
                literals.append((Array(route.template.utf8), index))
            }
        }
        self.literals = literals
        self.patterns = patterns
    }

    struct Match {
        let route: Route
        let parameters: [String]
    }

    /// The route of a path; its parameters are percent-decoded after the path was split.
    func match(_ head: RequestHead) -> Match? {
        // A handful of short comparisons costs less than hashing the path.
        let literal = head.withRawPath { path in
            literals.first { $0.path.count == path.count && path.elementsEqual($0.path) }
        }
        if let literal { return Match(route: routes[literal.index], parameters: []) }
        let raw = head.rawSegments
        for index in patterns {
            if let parameters = Self.match(routes[index].segments, raw) {
                return Match(route: routes[index], parameters: parameters)
            }
        }
        return nil
    }

    private static func match(_ segments: [Route.Segment], _ raw: [Substring]) -> [String]? {
        guard segments.count == raw.count else { return nil }
        var parameters: [String] = []
        for (segment, text) in zip(segments, raw) {
            switch segment {
            case .literal(let literal):
                guard text == literal else { return nil }
            case .parameter(_, let verb):
                var value = text
                if let verb {
                    guard value.hasSuffix(":" + verb) else { return nil }
                    value = value.dropLast(verb.utf8.count + 1)
                } else if value.contains(":") {
                    return nil
                }
                guard !value.isEmpty, let decoded = percentDecoded(value, plusIsSpace: false) else {
                    return nil
                }
                parameters.append(decoded)
            }
        }
        return parameters
    }
}
