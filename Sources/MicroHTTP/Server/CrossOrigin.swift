/// Calls from web pages of other origins, by an allow-list of exact origins (the CORS protocol of the Fetch standard).
struct CrossOrigin: Sendable {
    private let origins: Set<String>
    private let exposed: String
    private let allowed: String

    init(_ configuration: ServerConfiguration) {
        origins = configuration.corsOrigins
        exposed = configuration.corsExposedHeaders.joined(separator: ", ")
        allowed = configuration.corsAllowedHeaders.joined(separator: ", ")
    }

    /// The answer to a preflight request from an allowed origin; `nil` for every other request.
    func preflight(_ head: RequestHead) -> Response? {
        guard head.method == .options, let origin = head.header("origin"), origins.contains(origin),
            head.header("access-control-request-method") != nil
        else { return nil }
        return Response(
            status: 204,
            headers: [
                ("Access-Control-Allow-Methods", "GET, HEAD, POST, PUT, PATCH, DELETE"),
                ("Access-Control-Allow-Headers", allowed), ("Access-Control-Max-Age", "7200"),
                ("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers"),
            ])
    }

    /// What every answer carries, the origin allowed or not.
    func fields(for head: RequestHead) -> [(name: String, value: String)] {
        var fields = [(name: "Vary", value: "Origin")]
        if let origin = head.header("origin"), origins.contains(origin) {
            fields.append(("Access-Control-Allow-Origin", origin))
            if !exposed.isEmpty { fields.append(("Access-Control-Expose-Headers", exposed)) }
        }
        return fields
    }
}
