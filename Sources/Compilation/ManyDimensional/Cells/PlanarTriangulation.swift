internal import ExactArithmetic
internal import ReLUNetworks

/// Polygons cut into triangles that meet in whole faces.
///
/// Unbounded polygons are cut off at a box that holds all corners and meets all edges. Gluing makes a function on all
/// of the plane of it that continues what is on the box's boundary along rays, and so is the function beyond the box
/// as well.
struct PlanarTriangulation {
    private(set) var vertices: [[Rational]] = []
    private(set) var values: [Rational] = []
    private(set) var triangles: [[Int]] = []
    /// Whether no polygon was cut off.
    let isWhole: Bool
    private var places: [[Rational]: Int] = [:]

    init(_ function: PlanarFunction, isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        isWhole = !function.cells.contains { $0.polygon.corners.contains(where: \.w.isZero) }
        let cells = try Self.bounded(function, isCancelled)
        // The corners on each line, so that a corner in the middle of another polygon's edge is one of its too.
        var onLine: [AffineForm: Set<[Rational]>] = [:]
        let outlines = cells.map { cell in cell.polygon.corners.map { [$0.x, $0.y] } }
        for outline in outlines {
            for (index, corner) in outline.enumerated() {
                let next = outline[(index + 1) % outline.count]
                onLine[Self.line(corner, next), default: []].formUnion([corner, next])
            }
        }
        let sorted = onLine.mapValues { points in points.sorted { $0.lexicographicallyPrecedes($1) } }
        for (cell, outline) in zip(cells, outlines) {
            if isCancelled() { throw .cancelled }
            var points: [[Rational]] = []
            for (index, corner) in outline.enumerated() {
                let next = outline[(index + 1) % outline.count]
                let all = sorted[Self.line(corner, next)] ?? []
                guard let from = Self.position(of: corner, in: all), let to = Self.position(of: next, in: all)
                else { continue }
                points += from < to ? Array(all[from..<to]) : Array(all[(to + 1)...from].reversed())
            }
            add(points, cell.function)
        }
    }

    private mutating func add(_ outline: [[Rational]], _ function: AffineForm) {
        let corners = outline.map { vertex($0, function) }
        if corners.count == 3 {
            triangles.append(corners)
            return
        }
        let share = Rational(1, max(1, outline.count))
        let centre = (0..<2).map { axis in outline.reduce(Rational.zero) { $0 + $1[axis] } * share }
        let middle = vertex(centre, function)
        for index in corners.indices {
            triangles.append([middle, corners[index], corners[(index + 1) % corners.count]])
        }
    }

    private mutating func vertex(_ point: [Rational], _ function: AffineForm) -> Int {
        if let known = places[point] { return known }
        places[point] = vertices.count
        vertices.append(point)
        values.append(function.terms.reduce(function.constant) { $0 + $1.coefficient * point[$1.unit] })
        return vertices.count - 1
    }

    /// The form whose zeros are the line through two points, first coefficient 1.
    private static func line(_ a: [Rational], _ b: [Rational]) -> AffineForm {
        let normal = [b[1] - a[1], a[0] - b[0]]
        let form = ReLUCircuit(inputs: 2).affine(
            gradient: normal, intercept: -(normal[0] * a[0] + normal[1] * a[1]))
        return (.one / (form.terms.first?.coefficient ?? .one)) * form
    }

    private static func position(of point: [Rational], in sorted: [[Rational]]) -> Int? {
        var (low, high) = (0, sorted.count)
        while low < high {
            let middle = (low + high) / 2
            if sorted[middle].lexicographicallyPrecedes(point) { low = middle + 1 } else { high = middle }
        }
        return low < sorted.count && sorted[low] == point ? low : nil
    }

    /// The cells without their corners at infinity.
    private static func bounded(_ function: PlanarFunction, _ isCancelled: () -> Bool)
        throws(ManyDimensionalFault) -> [PlanarFunction.Cell]
    {
        let corners = function.cells.flatMap(\.polygon.corners)
        let isUnbounded = corners.contains { $0.w.isZero }
        // Every edge has a corner that is no direction, so the box meets all of them.
        let reach = corners.reduce(Rational.one) { reach, corner in
            corner.w.isZero ? reach : max(reach, corner.x.magnitude, corner.y.magnitude)
        }
        guard isUnbounded else { return function.cells }
        let limit = reach + .one
        let sides = (0..<2).flatMap { axis in
            [Rational.one, Rational(-1)].map { sign in
                ReLUCircuit(inputs: 2).affine(
                    gradient: axis == 0 ? [sign, .zero] : [.zero, sign], intercept: -limit)
            }
        }
        if isCancelled() { throw .cancelled }
        return function.cells.compactMap { cell in
            var polygon: PlanarPolygon? = cell.polygon
            for side in sides { polygon = polygon?.part(below: side) }
            return polygon.map { ($0, cell.function) }
        }
    }
}
