/// Lower bound and incumbent of a minimisation over time.
public struct BoundsPicture: Sendable {
    public struct Sample: Sendable {
        public let seconds: Double
        public let lowerBound: Double
        public let upperBound: Double

        public init(seconds: Double, lowerBound: Double, upperBound: Double) {
            self.seconds = seconds
            self.lowerBound = lowerBound
            self.upperBound = upperBound
        }
    }

    public var title: String
    public var samples: [Sample]

    public init(title: String, samples: [Sample]) {
        self.title = title
        self.samples = samples
    }

    public func svg() -> [UInt8] {
        let finite = samples.filter { $0.lowerBound.isFinite && $0.upperBound.isFinite }
        let axes = Axes(
            frame: Frame(left: 80, top: 56, right: 784, bottom: 436),
            x: Axes.range(finite.map(\.seconds) + [0], margin: 0.02),
            y: Axes.range(finite.flatMap { [$0.lowerBound, $0.upperBound] }, margin: 0.06))
        var document = SVGDocument(width: 800, height: 480, title: title)
        document.text(title, at: PicturePoint(x: 80, y: 22), fill: "#0f172a", size: 15)
        axes.draw(into: &document, xLabel: "seconds", yLabel: "loss")
        document.beginClip(axes.frame, identifier: "bounds")
        Self.draw(finite.map { PicturePoint(x: $0.seconds, y: $0.upperBound) }, axes, "#dc2626", &document)
        Self.draw(finite.map { PicturePoint(x: $0.seconds, y: $0.lowerBound) }, axes, "#2563eb", &document)
        document.endClip()
        document.text("incumbent", at: PicturePoint(x: 784, y: 30), anchor: .end, fill: "#dc2626")
        document.text("lower bound", at: PicturePoint(x: 784, y: 46), anchor: .end, fill: "#2563eb")
        return document.finished()
    }

    /// Bounds hold until they improve: steps, with a mark at the end.
    private static func draw(
        _ points: [PicturePoint], _ axes: Axes, _ color: String, _ document: inout SVGDocument
    ) {
        var steps: [PicturePoint] = []
        for point in points {
            if let last = steps.last, last.y != point.y { steps.append(PicturePoint(x: point.x, y: last.y)) }
            steps.append(point)
        }
        document.polyline(steps.map(axes.pixel), stroke: color, width: 2)
        if let last = points.last { document.circle(axes.pixel(last), radius: 3, fill: color) }
    }
}
