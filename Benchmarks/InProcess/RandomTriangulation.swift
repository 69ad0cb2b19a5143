/// The Delaunay triangulation of random points with whole coordinates.
///
/// The points are joined from left to right to the part of the hull that each sees; then edges are flipped until every
/// circle around a triangle is empty (Lawson 1977). Whole numbers below 2^14 keep every determinant within 64 bits.
struct RandomTriangulation {
    private(set) var points: [(x: Int, y: Int)] = []
    private(set) var triangles: [[Int]] = []

    private struct Edge: Hashable {
        let a: Int
        let b: Int

        init(_ a: Int, _ b: Int) {
            self.a = min(a, b)
            self.b = max(a, b)
        }
    }

    /// The triangles at each edge, by their places.
    private var sides: [Edge: [Int]] = [:]

    init(points count: Int, random: inout RandomNumbers) {
        var seen: Set<Int> = []
        while points.count < count {
            let (x, y) = (random.integer(8000), random.integer(8000))
            if seen.insert(x * 20_000 + y).inserted { points.append((x, y)) }
        }
        points.sort { ($0.x, $0.y) < ($1.x, $1.y) }
        sweep()
        flip()
    }

    /// Twice the signed area.
    private func turn(_ a: Int, _ b: Int, _ c: Int) -> Int {
        let (p, q, r) = (points[a], points[b], points[c])
        return (q.x - p.x) * (r.y - p.y) - (q.y - p.y) * (r.x - p.x)
    }

    private mutating func add(_ a: Int, _ b: Int, _ c: Int) {
        triangles.append(turn(a, b, c) > 0 ? [a, b, c] : [a, c, b])
        for edge in [Edge(a, b), Edge(b, c), Edge(c, a)] {
            sides[edge, default: []].append(triangles.count - 1)
        }
    }

    private mutating func sweep() {
        // The hull so far, counterclockwise. The first points may be in line.
        guard let third = (2..<points.count).first(where: { turn(0, 1, $0) != 0 }) else { return }
        for middle in 1..<third { add(middle - 1, middle, third) }
        var hull = Array(0..<third)
        if turn(0, 1, third) < 0 { hull.reverse() }
        hull.append(third)
        for point in (third + 1)..<max(points.count, third + 1) {
            let isSeen = hull.indices.map { turn(hull[$0], hull[($0 + 1) % hull.count], point) < 0 }
            // One run of edges is seen; turn the hull so that it is at the beginning.
            guard
                let start = isSeen.indices.first(where: {
                    isSeen[$0] && !isSeen[($0 + isSeen.count - 1) % isSeen.count]
                })
            else { continue }
            var length = 0
            while isSeen[(start + length) % isSeen.count] {
                add(hull[(start + length) % hull.count], hull[(start + length + 1) % hull.count], point)
                length += 1
            }
            let rest = (length...hull.count).map { hull[(start + $0) % hull.count] }
            hull = rest + [point]
        }
    }

    private mutating func flip() {
        // In an order that is the same in every run: four points on a circle have two triangulations.
        var open = sides.keys.sorted { ($0.a, $0.b) < ($1.a, $1.b) }
        while let edge = open.popLast() {
            guard let both = sides[edge], both.count == 2 else { continue }
            let ends = both.map { place in triangles[place].first { $0 != edge.a && $0 != edge.b } ?? 0 }
            guard isInCircle(triangles[both[0]], ends[1]) else { continue }
            for place in both {
                let corners = triangles[place]
                for index in 0..<3 {
                    sides[Edge(corners[index], corners[(index + 1) % 3])]?.removeAll { $0 == place }
                }
            }
            sides[edge] = nil
            for (place, end) in zip(both, [edge.a, edge.b]) {
                let corners = [ends[0], ends[1], end]
                triangles[place] =
                    turn(corners[0], corners[1], corners[2]) > 0
                    ? corners : [corners[0], corners[2], corners[1]]
                for index in 0..<3 {
                    let side = Edge(corners[index], corners[(index + 1) % 3])
                    sides[side, default: []].append(place)
                    if side != Edge(ends[0], ends[1]) { open.append(side) }
                }
            }
        }
    }

    private func isInCircle(_ triangle: [Int], _ point: Int) -> Bool {
        let origin = points[point]
        let rows = triangle.map { corner -> (x: Int, y: Int, z: Int) in
            let (x, y) = (points[corner].x - origin.x, points[corner].y - origin.y)
            return (x, y, x * x + y * y)
        }
        let (a, b, c) = (rows[0], rows[1], rows[2])
        return a.x * (b.y * c.z - c.y * b.z) - a.y * (b.x * c.z - c.x * b.z) + a.z * (b.x * c.y - c.x * b.y)
            > 0
    }
}
