/// A picture of the pieces of a function of two variables: polygons, coloured by piece, with the data if any.
public struct PlanePicture: Sendable {
    public struct Cell: Sendable {
        /// Corners in order.
        public let corners: [PicturePoint]
        /// Cells of one piece have one number and one colour.
        public let piece: Int

        public init(corners: [PicturePoint], piece: Int) {
            self.corners = corners
            self.piece = piece
        }
    }

    public var title: String
    public var cells: [Cell]
    public var data: [PicturePoint]
    public var x: ClosedRange<Double>
    public var y: ClosedRange<Double>

    public init(
        title: String, cells: [Cell], data: [PicturePoint] = [], x: ClosedRange<Double>,
        y: ClosedRange<Double>
    ) {
        self.title = title
        self.cells = cells
        self.data = data
        self.x = x
        self.y = y
    }

    public func svg() -> [UInt8] {
        let axes = Axes(frame: Frame(left: 70, top: 40, right: 670, bottom: 640), x: x, y: y)
        var document = SVGDocument(width: 700, height: 690, title: title)
        document.text(title, at: PicturePoint(x: 70, y: 22), fill: "#0f172a", size: 15)
        document.beginClip(axes.frame, identifier: "frame")
        for cell in cells {
            document.polygon(
                cell.corners.map(axes.pixel), fill: Self.color(cell.piece), stroke: "#ffffff", width: 0.4)
        }
        for point in data {
            document.circle(axes.pixel(point), radius: 2.5, fill: "#0f172a", stroke: "#ffffff")
        }
        document.endClip()
        axes.draw(into: &document, xLabel: "x₁", yLabel: "x₂")
        return document.finished()
    }

    /// Hues a golden angle apart, so that numbers close together look different.
    static func color(_ piece: Int) -> String {
        let hue = (Double(piece.magnitude % 1_000_003) * 137.507_764).truncatingRemainder(dividingBy: 360)
        return "hsl(\(Int(hue)),62%,\(58 + (piece.magnitude % 3) * 8)%)"
    }
}
