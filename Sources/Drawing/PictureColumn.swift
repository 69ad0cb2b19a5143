/// Pictures one below the other in one document.
public struct PictureColumn: Sendable {
    public var pictures: [[UInt8]]

    /// - Parameter pictures: SVG documents of this module.
    public init(_ pictures: [[UInt8]]) { self.pictures = pictures }

    /// The SVG document in UTF-8.
    public func svg() -> [UInt8] {
        let sizes = pictures.map(Self.size)
        let width = sizes.reduce(0) { max($0, $1.width) }
        let height = sizes.reduce(0) { $0 + $1.height }
        var body = Array(
            ("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(SVGDocument.number(width)) "
                + "\(SVGDocument.number(height))\" width=\"\(SVGDocument.number(width))\" "
                + "height=\"\(SVGDocument.number(height))\" role=\"img\">\n").utf8)
        var top = 0.0
        for (picture, size) in zip(pictures, sizes) {
            body += Array("<g transform=\"translate(0 \(SVGDocument.number(top)))\">\n".utf8)
            body += picture
            body += Array("</g>\n".utf8)
            top += size.height
        }
        return body + Array("</svg>\n".utf8)
    }

    /// The width and height that the document's first line states.
    private static func size(_ picture: [UInt8]) -> (width: Double, height: Double) {
        let head = String(decoding: picture.prefix(400), as: UTF8.self)
        return (attribute("width", head), attribute("height", head))
    }

    private static func attribute(_ name: String, _ head: String) -> Double {
        guard let range = head.firstRange(of: " \(name)=\"") else { return 0 }
        return Double(head[range.upperBound...].prefix { $0 != "\"" }) ?? 0
    }
}
