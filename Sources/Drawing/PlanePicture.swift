/// A picture of the pieces of a function of two variables: polygons, coloured by piece, with the data if any.
public struct PlanePicture: Sendable {
    public struct Cell: Sendable {
        /// Corners in order.
        public let corners: [PicturePoint]
        /// Cells of one piece have one number and one colour.
        public let piece: Int
        /// The function's values at the corners, for level lines; none where these are not drawn.
        public let values: [Double]

        public init(corners: [PicturePoint], piece: Int, values: [Double] = []) {
            self.corners = corners
            self.piece = piece
            self.values = values
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
        let axes = Axes(frame: Frame(left: 70, top: 56, right: 670, bottom: 656), x: x, y: y)
        var document = SVGDocument(width: 700, height: 706, title: title)
        document.text(title, at: PicturePoint(x: 70, y: 22), fill: "#0f172a", size: 15)
        document.beginClip(axes.frame, identifier: "frame")
        for cell in cells {
            document.polygon(
                cell.corners.map(axes.pixel), fill: Self.color(cell.piece), stroke: "#ffffff", width: 0.4)
        }
        drawLevels(axes, into: &document)
        for point in data {
            document.circle(axes.pixel(point), radius: 2.5, fill: "#0f172a", stroke: "#ffffff")
        }
        document.endClip()
        axes.draw(into: &document, xLabel: "x₁", yLabel: "x₂")
        return document.finished()
    }

    /// Lines of equal values, at about twelve round numbers.
    private func drawLevels(_ axes: Axes, into document: inout SVGDocument) {
        let values = cells.flatMap(\.values)
        guard !values.isEmpty else { return }
        let levels = Axes.ticks(Axes.range(values, margin: 0), about: 12)
        for cell in cells where cell.values.count == cell.corners.count {
            guard let least = cell.values.min(), let most = cell.values.max() else { continue }
            for level in levels where least < level && level <= most {
                let ends = crossings(of: level, cell)
                guard ends.count == 2 else { continue }
                document.line(axes.pixel(ends[0]), axes.pixel(ends[1]), stroke: "#0f172a", width: 0.7)
            }
        }
        guard levels.count > 1 else { return }
        document.text(
            "level lines every \(Axes.label(levels[1] - levels[0]))", at: PicturePoint(x: 670, y: 22),
            anchor: .end)
    }

    /// Where a level line enters and leaves a cell: on its edges from a lower value to one at least the level, or back.
    private func crossings(of level: Double, _ cell: Cell) -> [PicturePoint] {
        var ends: [PicturePoint] = []
        for (index, value) in cell.values.enumerated() {
            let next = (index + 1) % cell.values.count
            guard (value < level) != (cell.values[next] < level) else { continue }
            let share = (level - value) / (cell.values[next] - value)
            let (a, b) = (cell.corners[index], cell.corners[next])
            ends.append(PicturePoint(x: a.x + share * (b.x - a.x), y: a.y + share * (b.y - a.y)))
        }
        return ends
    }

    /// Hues a golden angle apart, so that numbers close together look different.
    static func color(_ piece: Int) -> String {
        let hue = (Double(piece.magnitude % 1_000_003) * 137.507_764).truncatingRemainder(dividingBy: 360)
        return "hsl(\(Int(hue)),62%,\(58 + (piece.magnitude % 3) * 8)%)"
    }
}
