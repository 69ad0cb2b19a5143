/// A picture of one or more piecewise-linear functions of one variable, with their breakpoints and any data.
public struct FunctionPicture: Sendable {
    /// One function: its breakpoints from left to right and the slopes outside.
    public struct Curve: Sendable {
        public let label: String
        /// The breakpoints; for an affine function one point on it.
        public let points: [PicturePoint]
        public let leftSlope: Double
        public let rightSlope: Double
        public let showsBreakpoints: Bool

        public init(
            label: String, points: [PicturePoint], leftSlope: Double, rightSlope: Double,
            showsBreakpoints: Bool = true
        ) {
            self.label = label
            self.points = points
            self.leftSlope = leftSlope
            self.rightSlope = rightSlope
            self.showsBreakpoints = showsBreakpoints
        }
    }

    /// A strip between two curves over increasing x, such as a tolerance.
    public struct Band: Sendable {
        public let lower: [PicturePoint]
        public let upper: [PicturePoint]

        public init(lower: [PicturePoint], upper: [PicturePoint]) {
            self.lower = lower
            self.upper = upper
        }
    }

    public var title: String
    public var curves: [Curve]
    public var data: [PicturePoint]
    public var band: Band?
    /// What part of the line is shown; around the breakpoints and data where `nil`.
    public var window: ClosedRange<Double>?

    public init(
        title: String, curves: [Curve], data: [PicturePoint] = [], band: Band? = nil,
        window: ClosedRange<Double>? = nil
    ) {
        self.title = title
        self.curves = curves
        self.data = data
        self.band = band
        self.window = window
    }

    /// Beyond this many points a picture of 800 pixels shows no more.
    public static let maximumPoints = 20_000
    static let colors = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"]

    /// The SVG document in UTF-8. Curves and data beyond `maximumPoints` are thinned.
    public func svg() -> [UInt8] {
        let data = Self.thinned(data)
        let xs =
            curves.flatMap { Self.thinned($0.points).map(\.x) } + data.map(\.x)
            + (band.map { $0.lower.map(\.x) } ?? [])
        let x = window ?? Axes.range(xs, margin: 0.1)
        let drawn = curves.map { Self.extended($0, over: x) }
        let ys =
            drawn.flatMap { $0.filter { x.contains($0.x) }.map(\.y) } + data.map(\.y)
            + (band.map { ($0.lower + $0.upper).map(\.y) } ?? [])
        let axes = Axes(
            frame: Frame(left: 70, top: 56, right: 784, bottom: 436), x: x, y: Axes.range(ys, margin: 0.06))
        var document = SVGDocument(width: 800, height: 480, title: title)
        document.text(title, at: PicturePoint(x: 70, y: 22), fill: "#0f172a", size: 15)
        axes.draw(into: &document, xLabel: "x", yLabel: "f(x)")
        document.beginClip(axes.frame, identifier: "frame")
        if let band {
            let outline = Self.thinned(band.lower) + Self.thinned(band.upper).reversed()
            document.polygon(outline.map(axes.pixel), fill: "#93c5fd", stroke: "none", width: 0, opacity: 0.4)
        }
        for point in data { document.circle(axes.pixel(point), radius: 2.5, fill: "#64748b") }
        for (index, curve) in curves.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            document.polyline(drawn[index].map(axes.pixel), stroke: color, width: 2)
            if curve.showsBreakpoints && curve.points.count <= 400 {
                for point in curve.points { document.circle(axes.pixel(point), radius: 3.5, fill: color) }
            }
        }
        document.endClip()
        for (index, curve) in curves.enumerated() where !curve.label.isEmpty {
            let x = 784 - 180 * Double(curves.count - 1 - index)
            document.text(
                curve.label, at: PicturePoint(x: x, y: 44), anchor: .end,
                fill: Self.colors[index % Self.colors.count])
        }
        return document.finished()
    }

    /// The curve's points within and next to the window, with the two ends of the window added.
    private static func extended(_ curve: Curve, over window: ClosedRange<Double>) -> [PicturePoint] {
        let points = thinned(curve.points)
        guard let first = points.first, let last = points.last else { return [] }
        var result: [PicturePoint] = []
        if window.lowerBound < first.x {
            result.append(
                PicturePoint(
                    x: window.lowerBound, y: first.y + curve.leftSlope * (window.lowerBound - first.x)))
        }
        result += points
        if window.upperBound > last.x {
            result.append(
                PicturePoint(
                    x: window.upperBound, y: last.y + curve.rightSlope * (window.upperBound - last.x)))
        }
        return result
    }

    private static func thinned(_ points: [PicturePoint]) -> [PicturePoint] {
        guard points.count > maximumPoints else { return points }
        let step = Double(points.count - 1) / Double(maximumPoints - 1)
        return (0..<maximumPoints).map { points[min(points.count - 1, Int(Double($0) * step))] }
    }
}
