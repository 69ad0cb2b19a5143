internal import ExactArithmetic
internal import PiecewiseLinear
internal import ReLUNetworks

/// A convex polygon in the plane that holds no line but may be unbounded: its corners in cyclic order, those at
/// infinity as directions.
struct PlanarPolygon {
    /// (x/w, y/w) for w > 0, the direction (x, y) for w = 0; scaled so that w is 1, or the largest magnitude is.
    struct Corner: Hashable {
        var x: Rational
        var y: Rational
        var w: Rational

        init(x: Rational, y: Rational, w: Rational) {
            let scale = w.isZero ? max(x.magnitude, y.magnitude) : w
            self.x = x / scale
            self.y = y / scale
            self.w = w.isZero ? .zero : .one
        }

        /// The value of the form at a point; its growth in a direction.
        func value(_ form: AffineForm) -> Rational {
            form.terms.reduce(form.constant * w) { $0 + $1.coefficient * ($1.unit == 0 ? x : y) }
        }
    }

    var corners: [Corner]

    /// The plane as its four quadrants: polygons with a corner that is no direction are told by their corners.
    static var quadrants: [PlanarPolygon] {
        [(1, 1), (-1, 1), (-1, -1), (1, -1)].map { x, y in
            PlanarPolygon(corners: [
                Corner(x: .zero, y: .zero, w: .one), Corner(x: Rational(x), y: .zero, w: .zero),
                Corner(x: .zero, y: Rational(y), w: .zero),
            ])
        }
    }

    init(corners: [Corner]) {
        self.corners = corners
    }

    init(box: [ClosedRange<Rational>]) {
        let (x, y) = (box[0], box[1])
        corners = [
            Corner(x: x.lowerBound, y: y.lowerBound, w: .one),
            Corner(x: x.upperBound, y: y.lowerBound, w: .one),
            Corner(x: x.upperBound, y: y.upperBound, w: .one),
            Corner(x: x.lowerBound, y: y.upperBound, w: .one),
        ]
    }

    /// The sides of the form's line on which the polygon has points.
    func sides(of form: AffineForm) -> (below: Bool, above: Bool) {
        var result = (below: false, above: false)
        for corner in corners {
            let sign = corner.value(form).sign
            if sign < 0 { result.below = true }
            if sign > 0 { result.above = true }
        }
        return result
    }

    /// The part where form ≤ 0; `nil` where that has no interior.
    func part(below form: AffineForm) -> PlanarPolygon? {
        let values = corners.map { $0.value(form) }
        guard values.contains(where: { $0.sign < 0 }) else { return nil }
        var kept: [Corner] = []
        for (index, corner) in corners.enumerated() {
            let next = (index + 1) % corners.count
            if values[index].sign <= 0 { kept.append(corner) }
            if values[index].sign * values[next].sign < 0 {
                let (a, b) = (values[next].magnitude, values[index].magnitude)
                let other = corners[next]
                kept.append(
                    Corner(
                        x: a * corner.x + b * other.x, y: a * corner.y + b * other.y,
                        w: a * corner.w + b * other.w))
            }
        }
        return PlanarPolygon(corners: kept)
    }
}

/// A function on the plane or a convex part of it, given on convex polygons.
struct PlanarFunction {
    typealias Cell = (polygon: PlanarPolygon, function: AffineForm)
    var cells: [Cell]

    init(cells: [Cell]) {
        self.cells = cells
    }

    /// The regions' polygons.
    init(
        _ function: RegionFunction, within parts: [PlanarPolygon] = PlanarPolygon.quadrants,
        isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) {
        cells = []
        let circuit = ReLUCircuit(inputs: 2)
        for region in function.regions {
            if isCancelled() { throw .cancelled }
            let value = circuit.affine(
                gradient: region.function.gradient, intercept: region.function.intercept)
            for part in parts {
                var polygon: PlanarPolygon? = part
                for halfSpace in region.halfSpaces {
                    polygon = polygon?.part(
                        below: circuit.affine(gradient: halfSpace.normal, intercept: -halfSpace.offset))
                }
                if let polygon { cells.append((polygon, value)) }
            }
        }
    }

    /// The cells in which no unit of the circuit changes its sign.
    init(
        _ circuit: ReLUCircuit, _ output: AffineForm, box: [ClosedRange<Rational>]?, maximumCells: Int,
        isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) {
        try self.init(
            circuit, output, within: box.map { [PlanarPolygon(box: $0)] } ?? PlanarPolygon.quadrants,
            maximumCells: maximumCells, isCancelled: isCancelled)
    }

    /// The cells within some polygons.
    init(
        _ circuit: ReLUCircuit, _ output: AffineForm, within parts: [PlanarPolygon], maximumCells: Int,
        isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) {
        cells = []
        struct Task {
            var polygon: PlanarPolygon
            /// The variables' affine functions, as far as they are known.
            var values: [AffineForm]
        }
        let coordinates = (0..<2).map { axis in
            circuit.affine(
                gradient: axis == 0 ? [.one, .zero] : [.zero, .one], intercept: .zero)
        }
        var tasks = parts.map { Task(polygon: $0, values: coordinates) }
        while var task = tasks.popLast() {
            if isCancelled() { throw .cancelled }
            while task.values.count < circuit.inputs + circuit.units {
                let form = circuit.preactivations[task.values.count - circuit.inputs].substituting(
                    task.values)
                let sides = task.polygon.sides(of: form)
                if sides == (true, true), let below = task.polygon.part(below: form),
                    let above = task.polygon.part(below: -form)
                {
                    tasks.append(Task(polygon: below, values: task.values + [AffineForm(constant: .zero)]))
                    task.polygon = above
                    task.values.append(form)
                    let found = cells.count + tasks.count + 1
                    guard found <= maximumCells else {
                        throw .tooManyCells(limit: maximumCells, reached: found)
                    }
                } else {
                    task.values.append(sides.above ? form : AffineForm(constant: .zero))
                }
            }
            cells.append((task.polygon, output.substituting(task.values)))
        }
    }
}

extension AffineForm {
    /// The form with its variables replaced by forms.
    func substituting(_ values: [AffineForm]) -> AffineForm {
        if terms.count == 1 {
            return terms[0].coefficient * values[terms[0].unit] + AffineForm(constant: constant)
        }
        var sum = FormSum()
        sum.add(AffineForm(constant: constant), times: .one)
        for term in terms { sum.add(values[term.unit], times: term.coefficient) }
        return sum.form
    }
}
