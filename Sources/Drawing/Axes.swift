internal import Glibc

/// Maps the data's coordinates onto a frame of pixels and draws the frame with its ticks.
struct Axes {
    let frame: Frame
    let x: ClosedRange<Double>
    let y: ClosedRange<Double>

    func pixel(_ point: PicturePoint) -> PicturePoint {
        PicturePoint(
            x: frame.left + (point.x - x.lowerBound) / (x.upperBound - x.lowerBound) * frame.width,
            y: frame.bottom - (point.y - y.lowerBound) / (y.upperBound - y.lowerBound) * frame.height)
    }

    /// The points' pixels in order; of many in one pixel's column the first, the lowest, the highest and the last.
    func pixels(_ points: [PicturePoint]) -> [PicturePoint] {
        guard points.count > 4000 else { return points.map(pixel) }
        var result: [PicturePoint] = []
        var start = 0
        while start < points.count {
            let column = pixel(points[start]).x.rounded(.down)
            var (end, low, high) = (start + 1, start, start)
            while end < points.count, pixel(points[end]).x.rounded(.down) == column {
                if points[end].y < points[low].y { low = end }
                if points[end].y > points[high].y { high = end }
                end += 1
            }
            for index in Set([start, low, high, end - 1]).sorted() { result.append(pixel(points[index])) }
            start = end
        }
        return result
    }

    func draw(into document: inout SVGDocument, xLabel: String, yLabel: String) {
        for tick in Self.ticks(x, about: 8) {
            let bottom = pixel(PicturePoint(x: tick, y: y.lowerBound))
            document.line(
                bottom, PicturePoint(x: bottom.x, y: frame.top), stroke: tick == 0 ? "#94a3b8" : "#e2e8f0")
            document.text(
                Self.label(tick), at: PicturePoint(x: bottom.x, y: frame.bottom + 16), anchor: .middle)
        }
        for tick in Self.ticks(y, about: 6) {
            let left = pixel(PicturePoint(x: x.lowerBound, y: tick))
            document.line(
                left, PicturePoint(x: frame.right, y: left.y), stroke: tick == 0 ? "#94a3b8" : "#e2e8f0")
            document.text(Self.label(tick), at: PicturePoint(x: frame.left - 6, y: left.y + 4), anchor: .end)
        }
        document.text(
            xLabel, at: PicturePoint(x: (frame.left + frame.right) / 2, y: frame.bottom + 34), anchor: .middle
        )
        document.text(yLabel, at: PicturePoint(x: frame.left, y: frame.top - 8))
    }

    /// The interval around all `values` with a margin; never empty, always finite.
    static func range(_ values: some Sequence<Double>, margin: Double) -> ClosedRange<Double> {
        var low = Double.infinity
        var high = -Double.infinity
        for value in values where value.isFinite {
            low = min(low, value)
            high = max(high, value)
        }
        guard low <= high else { return -1...1 }
        // Halved first: the difference of two finite numbers can overflow.
        let bound = Double.greatestFiniteMagnitude / 8
        var half = min((high / 2 - low / 2) * (1 + 2 * margin), bound)
        let middle = min(max(low / 2 + high / 2, -bound), bound)
        if half <= middle.magnitude * 1e-12 { half = max(middle.magnitude * 0.1, 1) }
        return max(middle - half, -bound)...min(middle + half, bound)
    }

    /// About `count` round numbers in the range: multiples of 1, 2 or 5 times a power of ten.
    static func ticks(_ range: ClosedRange<Double>, about count: Int) -> [Double] {
        let span = range.upperBound - range.lowerBound
        guard span > 0, span.isFinite else { return [] }
        let power = pow(10, floor(log10(span / Double(count))))
        guard power > 0, power.isFinite else { return [] }
        let ratio = span / Double(count) / power
        let step = (ratio < 1.5 ? 1 : ratio < 3.5 ? 2 : ratio < 7.5 ? 5 : 10) * power
        let first = ceil(range.lowerBound / step)
        let last = floor(range.upperBound / step)
        guard last - first < 100 else { return [] }
        return stride(from: first, through: last, by: 1).map { $0 * step }
    }

    /// At most six significant digits.
    static func label(_ value: Double) -> String {
        if value == 0 { return "0" }
        let magnitude = value.magnitude
        if magnitude >= 1e6 || magnitude < 1e-4 {
            let exponent = floor(log10(magnitude))
            let mantissa = value / pow(10, exponent)
            return "\((mantissa * 100).rounded() / 100)e\(Int(exponent))".replacing(".0e", with: "e")
        }
        let scale = pow(10, 5 - floor(log10(magnitude)))
        let text = "\((value * scale).rounded() / scale)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
