/// Writes an SVG 1.1 document element by element.
struct SVGDocument {
    private var body: [UInt8] = []
    let width: Double
    let height: Double

    init(width: Double, height: Double, title: String) {
        self.width = width
        self.height = height
        append(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(Self.number(width)) "
                + "\(Self.number(height))\" width=\"\(Self.number(width))\" height=\"\(Self.number(height))\" "
                + "role=\"img\" font-family=\"system-ui, sans-serif\" font-size=\"12\">\n")
        append("<title>\(Self.escape(title))</title>\n")
        append("<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n")
    }

    mutating func line(
        _ from: PicturePoint, _ to: PicturePoint, stroke: String, width: Double = 1, dashes: String? = nil
    ) {
        append(
            "<line x1=\"\(Self.number(from.x))\" y1=\"\(Self.number(from.y))\" x2=\"\(Self.number(to.x))\" "
                + "y2=\"\(Self.number(to.y))\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\"")
        if let dashes { append(" stroke-dasharray=\"\(dashes)\"") }
        append("/>\n")
    }

    mutating func polyline(_ points: [PicturePoint], stroke: String, width: Double) {
        guard !points.isEmpty else { return }
        append("<polyline fill=\"none\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\" ")
        append("stroke-linejoin=\"round\" points=\"")
        appendCoordinates(points)
        append("\"/>\n")
    }

    mutating func polygon(
        _ points: [PicturePoint], fill: String, stroke: String, width: Double, opacity: Double = 1
    ) {
        guard points.count >= 3 else { return }
        append("<polygon fill=\"\(fill)\" stroke=\"\(stroke)\" stroke-width=\"\(Self.number(width))\" ")
        if opacity < 1 { append("fill-opacity=\"\(Self.number(opacity))\" ") }
        append("points=\"")
        appendCoordinates(points)
        append("\"/>\n")
    }

    mutating func circle(_ center: PicturePoint, radius: Double, fill: String, stroke: String = "none") {
        append(
            "<circle cx=\"\(Self.number(center.x))\" cy=\"\(Self.number(center.y))\" "
                + "r=\"\(Self.number(radius))\" fill=\"\(fill)\" stroke=\"\(stroke)\"/>\n")
    }

    enum Anchor: String { case start, middle, end }

    mutating func text(
        _ text: String, at point: PicturePoint, anchor: Anchor = .start, fill: String = "#334155",
        size: Double = 12
    ) {
        append(
            "<text x=\"\(Self.number(point.x))\" y=\"\(Self.number(point.y))\" "
                + "text-anchor=\"\(anchor.rawValue)\" fill=\"\(fill)\" font-size=\"\(Self.number(size))\">"
                + "\(Self.escape(text))</text>\n")
    }

    /// Everything until `endClip` shows inside the frame only.
    mutating func beginClip(_ frame: Frame, identifier: String) {
        append(
            "<clipPath id=\"\(identifier)\"><rect x=\"\(Self.number(frame.left))\" y=\"\(Self.number(frame.top))\" "
                + "width=\"\(Self.number(frame.width))\" height=\"\(Self.number(frame.height))\"/></clipPath>\n"
                + "<g clip-path=\"url(#\(identifier))\">\n")
    }

    mutating func endClip() { append("</g>\n") }

    /// The finished document in UTF-8.
    func finished() -> [UInt8] { body + Array("</svg>\n".utf8) }

    private mutating func append(_ text: String) { body.append(contentsOf: text.utf8) }

    private mutating func appendCoordinates(_ points: [PicturePoint]) {
        for (index, point) in points.enumerated() {
            if index > 0 { body.append(UInt8(ascii: " ")) }
            append("\(Self.number(point.x)),\(Self.number(point.y))")
        }
    }

    /// Hundredths of a pixel are enough; what is far outside the picture is cut to keep the text short.
    static func number(_ value: Double) -> String {
        let bounded = min(max(value.isNaN ? 0 : value, -1e6), 1e6)
        let hundredths = Int((bounded * 100).rounded())
        let sign = hundredths < 0 ? "-" : ""
        let (whole, rest) = hundredths.magnitude.quotientAndRemainder(dividingBy: 100)
        if rest == 0 { return "\(sign)\(whole)" }
        return rest % 10 == 0
            ? "\(sign)\(whole).\(rest / 10)" : "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    static func escape(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "&": escaped += "&amp;"
            case "<": escaped += "&lt;"
            case ">": escaped += "&gt;"
            case "\"": escaped += "&quot;"
            default: escaped.append(character)
            }
        }
        return escaped
    }
}

/// A point, in the picture's pixels or in the coordinates of the data.
public struct PicturePoint: Sendable, Equatable {
    public var x: Double
    public var y: Double

    public init(x: Double, y: Double) {
        self.x = x
        self.y = y
    }
}

/// A rectangle of pixels.
struct Frame {
    let left: Double
    let top: Double
    let right: Double
    let bottom: Double

    var width: Double { right - left }
    var height: Double { bottom - top }
}
