/// A zonotope of the plane on its axes, or one of space as it looks from above its corner of three positive coordinates.
public struct ZonotopePicture: Sendable {
    /// A point of space; in the plane the third coordinate is 0.
    public struct Corner: Sendable {
        public let x: Double
        public let y: Double
        public let z: Double

        public init(x: Double, y: Double, z: Double = 0) {
            self.x = x
            self.y = y
            self.z = z
        }
    }

    public struct Face: Sendable {
        /// In order around the face; two where the zonotope is a segment.
        public let corners: [Corner]
        /// Outwards, of any length.
        public let normal: Corner

        public init(corners: [Corner], normal: Corner) {
            self.corners = corners
            self.normal = normal
        }
    }

    public var title: String
    public var faces: [Face]
    public var vertices: [Corner]
    public var isPlanar: Bool

    public init(title: String, faces: [Face], vertices: [Corner], isPlanar: Bool) {
        self.title = title
        self.faces = faces
        self.vertices = vertices
        self.isPlanar = isPlanar
    }

    public func svg() -> [UInt8] {
        var document = SVGDocument(width: 700, height: 706, title: title)
        document.text(title, at: PicturePoint(x: 70, y: 22), fill: "#0f172a", size: 15)
        // It is its own mirror image in the origin.
        let farthest = vertices.reduce(0) {
            let point = place($1)
            return max($0, point.x.magnitude, point.y.magnitude)
        }
        let reach = farthest > 1e-300 ? farthest * 1.1 : 1
        let range = -reach...reach
        let axes = Axes(frame: Frame(left: 70, top: 56, right: 670, bottom: 656), x: range, y: range)
        if isPlanar { axes.draw(into: &document, xLabel: "x₁", yLabel: "x₂") }
        for face in faces where isPlanar || facing(face.normal) > 0 {
            let corners = face.corners.map { axes.pixel(place($0)) }
            if corners.count == 2 { document.line(corners[0], corners[1], stroke: Self.edge, width: 2) }
            document.polygon(
                corners, fill: isPlanar ? "#93c5fd" : shade(face.normal), stroke: Self.edge, width: 1.2,
                opacity: isPlanar ? 0.6 : 1)
        }
        if vertices.count <= 200 {
            for vertex in vertices where isVisible(vertex) {
                document.circle(axes.pixel(place(vertex)), radius: 3, fill: Self.edge)
            }
        }
        if !isPlanar { drawDirections(into: &document) }
        return document.finished()
    }

    private static let edge = "#1e3a8a"
    /// Towards the eye.
    private static let view = Corner(x: 0.62, y: 0.5, z: 0.6)

    private func facing(_ normal: Corner) -> Double {
        normal.x * Self.view.x + normal.y * Self.view.y + normal.z * Self.view.z
    }

    /// A vertex of a solid is seen where it belongs to a face that is.
    private func isVisible(_ vertex: Corner) -> Bool {
        if isPlanar || faces.count < 3 { return true }
        return faces.contains { face in
            facing(face.normal) > 0
                && face.corners.contains { $0.x == vertex.x && $0.y == vertex.y && $0.z == vertex.z }
        }
    }

    /// Parallel projection along the view; the third coordinate is upright.
    private func place(_ corner: Corner) -> PicturePoint {
        if isPlanar { return PicturePoint(x: corner.x, y: corner.y) }
        let view = Self.view
        let ground = (view.x * view.x + view.y * view.y).squareRoot()
        let length = (ground * ground + view.z * view.z).squareRoot()
        return PicturePoint(
            x: (view.x * corner.y - view.y * corner.x) / ground,
            y: (corner.z * ground - (view.x * corner.x + view.y * corner.y) / ground * view.z) / length)
    }

    /// Light comes from above and a little from the left.
    private func shade(_ normal: Corner) -> String {
        let length = (normal.x * normal.x + normal.y * normal.y + normal.z * normal.z).squareRoot()
        let light = (0.45 * normal.x + 0.2 * normal.y + 0.87 * normal.z) / length
        // Squares that overflow or vanish leave no length to divide by.
        return "hsl(213,80%,\(Int(68 + 18 * (light.isFinite ? light : 0)))%)"
    }

    private func drawDirections(into document: inout SVGDocument) {
        let origin = PicturePoint(x: 80, y: 640)
        let ends = [Corner(x: 1, y: 0), Corner(x: 0, y: 1), Corner(x: 0, y: 0, z: 1)]
        for (end, label) in zip(ends, ["x₁", "x₂", "x₃"]) {
            let step = place(end)
            let tip = PicturePoint(x: origin.x + 40 * step.x, y: origin.y - 40 * step.y)
            document.line(origin, tip, stroke: "#334155", width: 1.2)
            document.text(
                label, at: PicturePoint(x: origin.x + 54 * step.x, y: origin.y - 54 * step.y + 4),
                anchor: .middle)
        }
    }
}
