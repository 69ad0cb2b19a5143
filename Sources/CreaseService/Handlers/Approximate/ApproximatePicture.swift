internal import Approximation
internal import Drawing
internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import PiecewiseLinear

/// Data or formula, approximant, and the band that the approximant keeps to.
enum ApproximatePicture {
    static func of(_ found: some FoundApproximation, _ rows: PostedRows) -> Response {
        let x = (try? rows.doubles(0)) ?? []
        let first = (try? rows.doubles(1)) ?? []
        let isBand = rows.matrix.columns == 3
        let second = isBand ? ((try? rows.doubles(2)) ?? first) : first
        let order = x.indices.sorted { x[$0] < x[$1] }
        let width = isBand ? 0 : found.bandWidth
        let count = rows.matrix.rows
        let noun = isBand ? (count == 1 ? "band" : "bands") : (count == 1 ? "point" : "points")
        return Answer.svg(
            FunctionPicture(
                title: "\(pieces(found.function)) for \(count) \(noun)",
                curves: [curve(found.function, near: x.first ?? 0)],
                data: isBand ? [] : order.map { PicturePoint(x: x[$0], y: first[$0]) },
                band: width.map { width in
                    FunctionPicture.Band(
                        label: isBand ? "allowed" : "tolerance",
                        lower: order.map { PicturePoint(x: x[$0], y: first[$0] - width) },
                        upper: order.map { PicturePoint(x: x[$0], y: second[$0] + width) })
                }
            ).svg())
    }

    static func of(_ found: FormulaApproximation, tolerance: Double) -> Response {
        let samples = found.samples.map { PicturePoint(x: $0.x, y: $0.y) }
        let (first, last) = (samples[0].x, samples[samples.count - 1].x)
        return Answer.svg(
            FunctionPicture(
                title:
                    "\(pieces(found.function)), error at most \(FunctionPicture.upwards(found.errorBound))",
                curves: [
                    FunctionPicture.Curve(
                        label: "formula", points: samples, leftSlope: 0, rightSlope: 0, isReference: true),
                    curve(found.function, near: first),
                ],
                band: FunctionPicture.Band(
                    label: "tolerance",
                    lower: samples.map { PicturePoint(x: $0.x, y: $0.y - tolerance) },
                    upper: samples.map { PicturePoint(x: $0.x, y: $0.y + tolerance) }),
                window: first...last
            ).svg())
    }

    private static func pieces(_ function: PiecewiseLinearFunction) -> String {
        "\(function.pieces) piece\(function.pieces == 1 ? "" : "s")"
    }

    private static func curve(
        _ function: PiecewiseLinearFunction, near place: Double
    ) -> FunctionPicture.Curve {
        FunctionPicture.Curve(function, label: "approximant", near: place)
    }
}

extension FunctionPicture.Curve {
    /// - Parameter place: where an affine function, which has no breakpoint, is anchored.
    init(_ function: PiecewiseLinearFunction, label: String, near place: Double = 0) {
        let corners = zip(function.breakpoints, function.valuesAtBreakpoints()).map {
            PicturePoint(x: $0.nearestDouble, y: $1.nearestDouble)
        }
        let anchor = PicturePoint(
            x: place, y: function(Rational(exactly: place) ?? .zero).nearestDouble)
        self.init(
            label: label, points: corners.isEmpty ? [anchor] : corners,
            leftSlope: function.leftSlope.nearestDouble, rightSlope: function.rightSlope.nearestDouble,
            showsBreakpoints: !corners.isEmpty)
    }
}
