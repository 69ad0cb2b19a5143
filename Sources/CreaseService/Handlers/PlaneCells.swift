internal import Drawing
internal import ReLUNetworks

/// The part of the plane in a window, cut into convex polygons on each of which a network of two inputs is affine: for
/// pictures, in binary64.
struct PlaneCells {
    let network: Network<Double>
    let x: ClosedRange<Double>
    let y: ClosedRange<Double>

    /// The polygons, layer by layer; those with the same affine map, up to rounding, have the same number.
    ///
    /// Complexity: O(polygons · units) cuts, and the products of the layers' maps for each polygon.
    /// - Returns: `nil` where there are more than `limit`, or where cancelled.
    func cells(limit: Int, isCancelled: () -> Bool) -> [PlanePicture.Cell]? {
        guard network.inputs == 2 else { return nil }
        var polygons = [
            Polygon(
                corners: [
                    PicturePoint(x: x.lowerBound, y: y.lowerBound),
                    PicturePoint(x: x.upperBound, y: y.lowerBound),
                    PicturePoint(x: x.upperBound, y: y.upperBound),
                    PicturePoint(x: x.lowerBound, y: y.upperBound),
                ], forms: [Form(x: 1, y: 0, constant: 0), Form(x: 0, y: 1, constant: 0)])
        ]
        for (index, layer) in network.layers.enumerated() {
            let isLast = index == network.hiddenLayers
            var next: [Polygon] = []
            for polygon in polygons {
                if isCancelled() { return nil }
                let forms = polygon.forms(after: layer)
                var parts = [Polygon(corners: polygon.corners, forms: forms)]
                if !isLast {
                    for form in forms { parts = parts.flatMap { $0.cut(along: form) } }
                    parts = parts.map(\.rectified)
                }
                next += parts
                guard next.count <= limit else { return nil }
            }
            polygons = next
        }
        return numbered(polygons)
    }

    private func numbered(_ polygons: [Polygon]) -> [PlanePicture.Cell] {
        let scale = polygons.reduce(0) { largest, polygon in
            polygon.forms.reduce(largest) { max($0, $1.x.magnitude, $1.y.magnitude, $1.constant.magnitude) }
        }
        // Entries that rounding told apart fall together.
        let unit = max(scale * 0x1p-30, .leastNormalMagnitude)
        var numbers: [[Double]: Int] = [:]
        return polygons.map { polygon in
            let map = polygon.forms.flatMap { [$0.x, $0.y, $0.constant].map { ($0 / unit).rounded() } }
            let number = numbers[map] ?? numbers.count
            numbers[map] = number
            return PlanePicture.Cell(corners: polygon.corners, piece: number)
        }
    }

    /// x · (first input) + y · (second input) + constant.
    private struct Form {
        var x: Double
        var y: Double
        var constant: Double

        func callAsFunction(_ point: PicturePoint) -> Double { x * point.x + y * point.y + constant }
    }

    private struct Polygon {
        let corners: [PicturePoint]
        /// A layer's outputs, which are affine here.
        let forms: [Form]

        private var centre: PicturePoint {
            let count = Double(corners.count)
            return PicturePoint(
                x: corners.reduce(0) { $0 + $1.x / count }, y: corners.reduce(0) { $0 + $1.y / count })
        }

        func forms(after layer: AffineLayer<Double>) -> [Form] {
            (0..<layer.outputs).map { unit in
                var sum = Form(x: 0, y: 0, constant: layer.bias[unit])
                for (weight, form) in zip(layer.row(unit), forms) where weight != 0 {
                    sum.x += weight * form.x
                    sum.y += weight * form.y
                    sum.constant += weight * form.constant
                }
                return sum
            }
        }

        /// The units' values where they are on at the centre, 0 where they are off.
        var rectified: Polygon {
            let centre = centre
            return Polygon(
                corners: corners,
                forms: forms.map { $0(centre) > 0 ? $0 : Form(x: 0, y: 0, constant: 0) })
        }

        /// The parts where the form is positive and negative; the whole where one has no interior.
        func cut(along form: Form) -> [Polygon] {
            let values = corners.map { form($0) }
            let reach = values.reduce(0) { max($0, $1.magnitude) }
            let sides = [1.0, -1].map { side in
                // Slivers that are thinner than rounding are none.
                values.contains { side * $0 > reach * 1e-12 } ? part(values, side) : []
            }
            guard sides.allSatisfy({ $0.count >= 3 }) else { return [self] }
            return sides.map { Polygon(corners: $0, forms: forms) }
        }

        private func part(_ values: [Double], _ side: Double) -> [PicturePoint] {
            var result: [PicturePoint] = []
            for index in corners.indices {
                let next = (index + 1) % corners.count
                let (from, to) = (values[index], values[next])
                if side * from >= 0 { result.append(corners[index]) }
                if (from > 0 && to < 0) || (from < 0 && to > 0) {
                    let share = from / (from - to)
                    result.append(
                        PicturePoint(
                            x: corners[index].x + share * (corners[next].x - corners[index].x),
                            y: corners[index].y + share * (corners[next].y - corners[index].y)))
                }
            }
            return result
        }
    }
}
