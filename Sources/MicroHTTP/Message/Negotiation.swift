/// A media type with its parameters; type, subtype and parameter names are lower case.
public struct MediaType: Sendable, Equatable {
    public let type: String
    public let subtype: String
    public let parameters: [String: String]

    /// `type/subtype`, without parameters.
    public var essence: String { "\(type)/\(subtype)" }

    /// Reads `type/subtype; name=value; name="quoted"`. `nil` where type and subtype are no tokens.
    public init?(_ text: String) {
        var parts = splitOutsideQuotes(text, at: ";").makeIterator()
        guard let essence = parts.next() else { return nil }
        let names = trimmed(essence).lowercased().split(
            separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard names.count == 2, isToken(names[0]), isToken(names[1]) else { return nil }
        type = String(names[0])
        subtype = String(names[1])
        var parameters: [String: String] = [:]
        while let part = parts.next() {
            let pair = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard pair.count == 2 else { continue }
            let name = trimmed(pair[0]).lowercased()
            if parameters[name] == nil { parameters[name] = unquoted(trimmed(pair[1])) }
        }
        self.parameters = parameters
    }
}

/// One member of a weighted list (`Accept`, `Accept-Encoding`), its weight in thousandths.
struct WeightedItem {
    let value: String
    let quality: Int
}

func weightedItems(_ field: String) -> [WeightedItem] {
    splitOutsideQuotes(field, at: ",").compactMap { member in
        var parts = splitOutsideQuotes(member, at: ";").map { trimmed($0) }
        let value = parts.removeFirst().lowercased()
        guard !value.isEmpty else { return nil }
        var quality = 1000
        for part in parts {
            let pair = part.split(separator: "=", maxSplits: 1)
            if pair.count == 2, trimmed(pair[0]).lowercased() == "q" {
                guard let weight = Double(trimmed(pair[1])), (0...1).contains(weight) else { return nil }
                quality = Int((weight * 1000).rounded())
            }
        }
        return WeightedItem(value: value, quality: quality)
    }
}

func chooseMediaType(offers: [String], accept: String) -> String? {
    let items = weightedItems(accept)
    var best: (offer: String, quality: Int)?
    for offer in offers {
        guard let type = MediaType(offer) else { continue }
        // The most specific range that matches gives the quality (RFC 9110, 12.5.1).
        var specificity = -1
        var quality = 0
        for item in items {
            let rank =
                switch item.value {
                case type.essence: 2
                case "\(type.type)/*": 1
                case "*/*": 0
                default: -1
                }
            if rank > specificity { (specificity, quality) = (rank, item.quality) }
        }
        if quality > 0, quality > best?.quality ?? 0 { best = (offer, quality) }
    }
    return best?.offer
}

/// Whether `Accept-Encoding` lets an answer be sent in gzip. The absence of the field does not.
func acceptsGzip(_ field: String) -> Bool {
    var any: Int?
    for item in weightedItems(field) {
        if item.value == "gzip" || item.value == "x-gzip" { return item.quality > 0 }
        if item.value == "*" { any = item.quality }
    }
    return (any ?? 0) > 0
}

func trimmed(_ text: some StringProtocol) -> String {
    var slice = Substring(text)
    while slice.first == " " || slice.first == "\t" { slice.removeFirst() }
    while slice.last == " " || slice.last == "\t" { slice.removeLast() }
    return String(slice)
}

private func unquoted(_ text: String) -> String {
    guard text.count >= 2, text.first == "\"", text.last == "\"" else { return text }
    var result = ""
    var escaped = false
    for character in text.dropFirst().dropLast() {
        if !escaped, character == "\\" { escaped = true; continue }
        result.append(character)
        escaped = false
    }
    return result
}

private func splitOutsideQuotes(_ text: String, at separator: Character) -> [String] {
    var parts = [""]
    var quoted = false
    var escaped = false
    for character in text {
        if character == separator, !quoted {
            parts.append("")
            continue
        }
        if escaped {
            escaped = false
        } else if character == "\\", quoted {
            escaped = true
        } else if character == "\"" {
            quoted.toggle()
        }
        parts[parts.count - 1].append(character)
    }
    return parts
}

private func isToken(_ text: Substring) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy(isTokenByte)
}

/// The characters of a token (RFC 9110, 5.6.2).
func isTokenByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "a")...UInt8(ascii: "z"):
        true
    case UInt8(ascii: "!"), UInt8(ascii: "#"), UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"),
        UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."),
        UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"), UInt8(ascii: "|"), UInt8(ascii: "~"):
        true
    default: false
    }
}
