internal import MicroHTTP

/// What a client prefers of `Prefer` (RFC 7240): `respond-async` and `wait=N`. Other preferences, and values that are
/// no whole number of seconds, are ignored, as the RFC has it.
struct Preference: Equatable {
    var respondsAsync = false
    /// Seconds.
    var wait: Int?

    /// Whether the client lets the answer be a job.
    var allowsJob: Bool { respondsAsync || wait != nil }

    init(_ head: RequestHead) { self.init(field: head.headerList("prefer")) }

    init(field: String?) {
        guard let field else { return }
        for item in field.split(separator: ",") {
            // Parameters of a preference follow a semicolon; these two have none.
            let text =
                item.split(separator: ";", omittingEmptySubsequences: false).first.map(Self.trimmed) ?? ""
            let pair = text.split(separator: "=", maxSplits: 1).map(Self.trimmed)
            guard let name = pair.first?.lowercased() else { continue }
            // The first of two equal names counts.
            if name == "respond-async", pair.count == 1 {
                respondsAsync = true
            } else if name == "wait", pair.count == 2, wait == nil {
                let digits = pair[1].filter { $0 != "\"" }
                if let seconds = Int(digits), seconds >= 0 { wait = seconds }
            }
        }
    }

    /// The value of `Preference-Applied`.
    var applied: String {
        [respondsAsync ? "respond-async" : nil, wait.map { "wait=\($0)" }].compactMap { $0 }.joined(
            separator: ", ")
    }

    private static func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
