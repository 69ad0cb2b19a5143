internal import Glibc

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
        /// What the others are held against: drawn thin and dark, on its points' part of the line only.
        public let isReference: Bool

        public init(
            label: String, points: [PicturePoint], leftSlope: Double, rightSlope: Double,
            showsBreakpoints: Bool = true, isReference: Bool = false
        ) {
            self.label = label
            self.points = points
            self.leftSlope = leftSlope
            self.rightSlope = rightSlope
            self.showsBreakpoints = showsBreakpoints && !isReference
            self.isReference = isReference
        }
    }

    /// A strip between two curves over increasing x, such as a tolerance.
    public struct Band: Sendable {
        public let label: String
        public let lower: [PicturePoint]
        public let upper: [PicturePoint]

        public init(label: String, lower: [PicturePoint], upper: [PicturePoint]) {
            self.label = label
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

    /// Functions of more breakpoints are not worth drawing as a line of 700 pixels.
    public static let maximumPoints = 20_000
    static let colors = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"]
    private static let referenceColor = "#0f172a"
    private static let dataColor = "#64748b"
    private static let bandColor = "#93c5fd"
    private static let frame = Frame(left: 70, top: 56, right: 784, bottom: 436)

    /// The SVG document in UTF-8. Where points are closer than pixels, the extremes of each pixel's column are drawn.
    public func svg() -> [UInt8] {
        let x = window ?? Axes.range(places, margin: 0.1)
        let curves = curves.map { (curve: $0, points: Self.extended($0, over: x)) }
        let axes = Axes(frame: Self.frame, x: x, y: heights(curves.map(\.points), over: x))
        var document = SVGDocument(width: 800, height: 480, title: title)
        document.text(title, at: PicturePoint(x: 70, y: 22), fill: "#0f172a", size: 15)
        axes.draw(into: &document, xLabel: "x", yLabel: "f(x)")
        document.beginClip(axes.frame, identifier: "frame")
        if let band {
            let outline = axes.pixels(band.lower) + axes.pixels(band.upper).reversed()
            document.polygon(
                outline, fill: Self.bandColor, stroke: Self.bandColor, width: 0.6, opacity: 0.4)
        }
        for point in axes.pixels(data) { document.circle(point, radius: 2.5, fill: Self.dataColor) }
        for (index, (curve, points)) in curves.enumerated() {
            let isThin = curve.isReference || curve.points.count > 200
            document.polyline(axes.pixels(points), stroke: color(index), width: isThin ? 1 : 2)
            guard curve.showsBreakpoints, curve.points.count <= 400 else { continue }
            for point in curve.points { document.circle(axes.pixel(point), radius: 3.5, fill: color(index)) }
        }
        document.endClip()
        drawLegend(into: &document)
        return document.finished()
    }

    /// All places that are to be seen.
    private var places: [Double] {
        var places = data.map(\.x)
        for curve in curves { places += curve.points.map(\.x) }
        if let band { places += band.lower.map(\.x) }
        return places
    }

    /// Everything within the window is seen, but the straight ends beyond the breakpoints only so far that they leave
    /// most of the height to what is between.
    private func heights(_ drawn: [[PicturePoint]], over x: ClosedRange<Double>) -> ClosedRange<Double> {
        func seen(_ points: [PicturePoint]) -> [Double] { points.filter { x.contains($0.x) }.map(\.y) }
        var inner = seen(data)
        for curve in curves { inner += seen(curve.points) }
        if let band { inner += seen(band.lower) + seen(band.upper) }
        var ends: [Double] = []
        for points in drawn { ends += seen([points.first, points.last].compactMap(\.self)) }
        guard let low = inner.min(), let high = inner.max(), low < high else {
            return Axes.range(inner + ends, margin: 0.06)
        }
        let reach = (high - low) * 0.2
        guard reach.isFinite else { return Axes.range(inner, margin: 0.06) }
        return Axes.range(inner + ends.map { min(max($0, low - reach), high + reach) }, margin: 0.06)
    }

    private func color(_ index: Int) -> String {
        if curves[index].isReference { return Self.referenceColor }
        let before = curves[..<index].reduce(0) { $0 + ($1.isReference ? 0 : 1) }
        return Self.colors[before % Self.colors.count]
    }

    /// One line of marks and names at the right, above the frame.
    private func drawLegend(into document: inout SVGDocument) {
        enum Mark { case line(String, Double), strip, dot }
        var entries: [(mark: Mark, label: String)] = []
        if let band, !band.label.isEmpty { entries.append((.strip, band.label)) }
        for (index, curve) in curves.enumerated() where !curve.label.isEmpty {
            entries.append((.line(color(index), curve.isReference ? 1 : 2), curve.label))
        }
        if !data.isEmpty, !entries.isEmpty { entries.append((.dot, "data")) }
        var right = Self.frame.right
        for (mark, label) in entries.reversed() {
            // Letters of 12 pixels are about 6.5 wide.
            let start = right - 6.5 * Double(label.count)
            document.text(label, at: PicturePoint(x: start, y: 48))
            let from = PicturePoint(x: start - 24, y: 44)
            let to = PicturePoint(x: start - 6, y: 44)
            switch mark {
            case .line(let color, let width): document.line(from, to, stroke: color, width: width)
            case .dot:
                document.circle(PicturePoint(x: start - 12, y: 44), radius: 2.5, fill: Self.dataColor)
            case .strip: document.line(from, to, stroke: Self.bandColor, width: 9)
            }
            right = start - 36
        }
    }

    /// The curve's points with the two ends of the window added.
    private static func extended(_ curve: Curve, over window: ClosedRange<Double>) -> [PicturePoint] {
        guard let first = curve.points.first, let last = curve.points.last, !curve.isReference else {
            return curve.points
        }
        var result: [PicturePoint] = []
        if window.lowerBound < first.x {
            result.append(
                PicturePoint(
                    x: window.lowerBound, y: first.y + curve.leftSlope * (window.lowerBound - first.x)))
        }
        result += curve.points
        if window.upperBound > last.x {
            result.append(
                PicturePoint(
                    x: window.upperBound, y: last.y + curve.rightSlope * (window.upperBound - last.x)))
        }
        return result
    }

    /// A positive number with four digits, rounded up, for titles that name a bound.
    public static func upwards(_ value: Double) -> String {
        guard value.isNormal, value.magnitude < 1e15, value.magnitude > 1e-15 else { return "\(value)" }
        let scale = pow(10, 3 - floor(log10(value.magnitude)))
        return Axes.label((value * scale).rounded(.up) / scale)
    }
}
