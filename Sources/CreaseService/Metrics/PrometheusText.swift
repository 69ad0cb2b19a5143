/// Writes metric families in Prometheus' text format 0.0.4.
struct PrometheusText {
    enum Kind: String { case counter, gauge, histogram }

    private(set) var text = ""

    /// Starts a family; its samples must follow directly.
    mutating func family(_ name: String, _ kind: Kind, _ help: String) {
        text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Double) {
        text += name
        append(labels)
        if value == value.rounded(), value.magnitude < 1e15 {
            text += " \(Int(value))\n"
        } else {
            text += " \(value)\n"
        }
    }

    mutating func sample(_ name: String, _ labels: [(String, String)], _ value: Int) {
        text += name
        append(labels)
        text += " \(value)\n"
    }

    mutating func sample(_ name: String, _ value: Int) { sample(name, [], value) }
    mutating func sample(_ name: String, _ value: Double) { sample(name, [], value) }

    mutating func histogram(_ name: String, _ labels: [(String, String)], _ histogram: Histogram) {
        var cumulative = 0
        for (bound, count) in zip(Histogram.bounds, histogram.counts) {
            cumulative += count
            sample("\(name)_bucket", labels + [("le", "\(bound)")], cumulative)
        }
        cumulative += histogram.counts[Histogram.bounds.count]
        sample("\(name)_bucket", labels + [("le", "+Inf")], cumulative)
        sample("\(name)_sum", labels, histogram.sum)
        sample("\(name)_count", labels, cumulative)
    }

    private mutating func append(_ labels: [(String, String)]) {
        guard !labels.isEmpty else { return }
        text += "{"
        for (index, (name, value)) in labels.enumerated() {
            if index > 0 { text += "," }
            text += "\(name)=\""
            for character in value {
                switch character {
                case "\\": text += "\\\\"
                case "\"": text += "\\\""
                case "\n": text += "\\n"
                default: text.append(character)
                }
            }
            text += "\""
        }
        text += "}"
    }
}
