internal import ExactArithmetic

/// A set of points by their indices.
struct PointSet: Hashable, Sendable {
    private(set) var words: [UInt64]

    init(capacity: Int) { words = [UInt64](repeating: 0, count: (capacity + 63) / 64) }

    func contains(_ index: Int) -> Bool { words[index >> 6] >> UInt64(index & 63) & 1 == 1 }
    mutating func insert(_ index: Int) { words[index >> 6] |= 1 << UInt64(index & 63) }
}

/// Every distinct dichotomy of points by an affine hyperplane, points on it counted on either side: the
/// full-dimensional cells of the central arrangement {θ : θ·x̃_i = 0}, each with the extreme rays of its closed cone.
///
/// Exact: the data are doubles, rays are found in rational arithmetic, signs are filtered. Works for points of any
/// rank. A cell's cone is pointed once parameter space is reduced to coordinates on which the points have full rank,
/// so that each cell has a ray; the cells at a ray are those of the hyperplanes through it, an arrangement of smaller
/// rank.
///
/// - Complexity: O(D^(r−1)) rays of D signs each for D points of rank r, and 2^(r−1) cells at each.
struct Dichotomies: Sendable {
    struct Ray: Sendable {
        /// Parameters over `coordinates`, scaled so that the largest value at a point is about 1.
        let exact: [Rational]
        /// `features(of:)`, empty where that is computed each time to save memory.
        fileprivate let features: [Double]
        /// `exact` as parameters over all n + 1 coordinates, rounded.
        let parameters: [Double]
        /// Whether no point is on the positive side.
        let isZero: Bool
    }

    struct Cell: Sendable {
        /// The points on the positive side.
        let active: PointSet
        /// Indices into `rays`.
        var rays: [Int32]
    }

    /// The homogeneous points' coordinates that are kept, ascending; the others depend on them linearly.
    let coordinates: [Int]
    /// Homogeneous points over `coordinates`.
    let points: [[Rational]]
    private(set) var rays: [Ray] = []
    private(set) var cells: [Cell] = []

    /// - Parameters:
    ///   - points: distinct; each gets a coordinate 1 appended.
    ///   - memoryLimit: bytes that rays and cells may take.
    /// - Returns: `nil` when cancelled or out of memory.
    init?(_ points: [[Double]], memoryLimit: Int = .max, cancelled: () -> Bool) {
        let homogeneous = points.map { ($0 + [1]).map { Rational(exactly: $0) ?? .zero } }
        let coordinates = Self.independentCoordinates(homogeneous)
        self.coordinates = coordinates
        self.points = homogeneous.map { point in coordinates.map { point[$0] } }
        let columns = (points.first?.count ?? 0) + 1
        let arrangement = Arrangement(self.points)
        var indexOfCell: [PointSet: Int] = [:]
        let rayCount = DichotomyCount.lines(points: points.count, rank: coordinates.count)
        let keepsFeatures = 2 * rayCount * Double(points.count) < 4e6
        let rayBytes = 200 * coordinates.count + (keepsFeatures ? 8 * points.count : 0)
        let cellBytes = 200 + points.count / 4
        var counter = 0
        let isComplete = arrangement.forEachRay(Array(points.indices)) { ray in
            counter += 1
            if counter & 63 == 0 {
                if cancelled() || rays.count * rayBytes + cells.count * cellBytes > memoryLimit {
                    return false
                }
            }
            let number = Int32(rays.count)
            rays.append(Self.ray(ray, self.points, coordinates, columns, keepsFeatures))
            for local in arrangement.positiveSets(ray.tight, cancelled: cancelled) {
                var active = local
                for index in ray.positive { active.insert(index) }
                if let index = indexOfCell[active] {
                    cells[index].rays.append(number)
                } else {
                    indexOfCell[active] = cells.count
                    cells.append(Cell(active: active, rays: [number]))
                }
            }
            return true
        }
        guard isComplete, !cancelled() else { return nil }
    }

    /// max(0, x̃_i·v) at every point, correctly rounded: zeros are exact.
    func features(of ray: Int) -> [Double] {
        rays[ray].features.isEmpty ? Self.features(points, rays[ray].exact) : rays[ray].features
    }

    private static func features(_ points: [[Rational]], _ direction: [Rational]) -> [Double] {
        points.map { point in
            let value = zip(point, direction).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
            return value.sign > 0 ? value.nearestDouble : 0
        }
    }

    private static func ray(
        _ ray: Arrangement.Ray, _ points: [[Rational]], _ coordinates: [Int], _ columns: Int,
        _ keepsFeatures: Bool
    ) -> Ray {
        let exponent = ray.size > 0 && ray.size.isFinite ? Int(ray.size.exponent) : 0
        let scale = powerOfTwo(-exponent)
        let exact = ray.direction.map { $0 * scale }
        var parameters = [Double](repeating: 0, count: columns)
        for (coordinate, value) in zip(coordinates, exact) {
            parameters[coordinate] = value.nearestDouble
        }
        return Ray(
            exact: exact, features: keepsFeatures ? features(points, exact) : [], parameters: parameters,
            isZero: ray.positive.isEmpty)
    }

    private static func powerOfTwo(_ exponent: Int) -> Rational {
        let power = Rational(BigInteger(2).power(abs(exponent)))
        return exponent >= 0 ? power : 1 / power
    }

    /// Greedy, the constant first: coordinates on which the points have the rank that they have on all.
    private static func independentCoordinates(_ points: [[Rational]]) -> [Int] {
        let columns = points.first?.count ?? 0
        var kept: [Int] = []
        for column in [columns - 1] + Array(0..<max(0, columns - 1)) {
            let candidate = kept + [column]
            let matrix = RationalMatrix(points.map { point in candidate.map { point[$0] } })
            if matrix.rank == candidate.count { kept.append(column) }
        }
        return kept.sorted()
    }
}

/// Points as normals of hyperplanes through the origin.
private final class Arrangement {
    struct Ray {
        let direction: [Rational]
        let positive: [Int]
        /// The hyperplanes that contain the ray.
        let tight: [Int]
        /// The largest product of a point with the direction, roughly.
        let size: Double
    }

    private let points: [[Rational]]
    private let rounded: [[Double]]
    private var memory: [[Int]: [PointSet]] = [:]

    init(_ points: [[Rational]]) {
        self.points = points
        rounded = points.map { $0.map(\.nearestDouble) }
    }

    /// Calls `body` with every ray (both directions of every line) of the sub-arrangement, whose points span the
    /// space; stops when it answers `false`, and then answers `false`.
    func forEachRay(_ subset: [Int], _ body: (Ray) -> Bool) -> Bool {
        let coordinates = subset.first.map { Array(points[$0].indices) } ?? []
        return forEachRay(subset, coordinates, body)
    }

    private func forEachRay(_ subset: [Int], _ coordinates: [Int], _ body: (Ray) -> Bool) -> Bool {
        var seen: Set<[Int]> = []
        return forEachCombination(subset, coordinates.count - 1) { chosen in
            let matrix = RationalMatrix(
                rows: chosen.count, columns: coordinates.count,
                entries: chosen.flatMap { index in coordinates.map { points[index][$0] } })
            let kernel = matrix.nullspace
            guard kernel.count == 1, let direction = kernel.first else { return true }
            let approximate = direction.map(\.nearestDouble)
            var sides: [[Int]] = [[], [], []]
            var size = 0.0
            for index in subset {
                var product = 0.0
                for (position, coordinate) in coordinates.enumerated() {
                    product += rounded[index][coordinate] * approximate[position]
                }
                size = max(size, product.magnitude)
                sides[1 + sign(index, coordinates, direction, approximate)].append(index)
            }
            // A line with more hyperplanes than needed comes up once for each choice of them.
            if sides[1].count > chosen.count, !seen.insert(sides[1]).inserted { return true }
            return body(Ray(direction: direction, positive: sides[2], tight: sides[1], size: size))
                && body(
                    Ray(direction: direction.map { -$0 }, positive: sides[0], tight: sides[1], size: size))
        }
    }

    /// The positive sides of the cells of a sub-arrangement.
    func positiveSets(_ subset: [Int], cancelled: () -> Bool) -> [PointSet] {
        guard !subset.isEmpty else { return [PointSet(capacity: points.count)] }
        let coordinates = independentCoordinates(subset)
        if coordinates.count == subset.count {
            // Independent normals: every combination of sides.
            return (0..<1 << subset.count).map { bits in
                var set = PointSet(capacity: points.count)
                for (position, index) in subset.enumerated() where bits >> position & 1 == 1 {
                    set.insert(index)
                }
                return set
            }
        }
        if let known = memory[subset] { return known }
        var sets: Set<PointSet> = []
        _ = forEachRay(subset, coordinates) { ray in
            for local in positiveSets(ray.tight, cancelled: cancelled) {
                var set = local
                for index in ray.positive { set.insert(index) }
                sets.insert(set)
            }
            return !cancelled()
        }
        let result = sets.sorted { $0.words.lexicographicallyPrecedes($1.words) }
        memory[subset] = result
        return result
    }

    private func independentCoordinates(_ subset: [Int]) -> [Int] {
        var kept: [Int] = []
        for column in points[subset[0]].indices where kept.count < subset.count {
            let candidate = kept + [column]
            let matrix = RationalMatrix(subset.map { index in candidate.map { points[index][$0] } })
            if matrix.rank == candidate.count { kept.append(column) }
        }
        return kept
    }

    /// The sign of a point's product with a direction. Each factor is rounded once: an error of 2u a product, and that
    /// of the sum.
    private func sign(
        _ index: Int, _ coordinates: [Int], _ direction: [Rational], _ approximate: [Double]
    )
        -> Int
    {
        var sum = 0.0
        var magnitude = 0.0
        for (position, coordinate) in coordinates.enumerated() {
            let product = rounded[index][coordinate] * approximate[position]
            sum += product
            magnitude += product.magnitude
        }
        let terms = Double(coordinates.count + 6)
        let error = terms * 0x1p-52 * magnitude + terms * 0x1p-1000
        if error.isFinite, sum.magnitude > error, isSafe(approximate) { return sum > 0 ? 1 : -1 }
        var exact = Rational.zero
        for (position, coordinate) in coordinates.enumerated() {
            exact += points[index][coordinate] * direction[position]
        }
        return exact.sign
    }

    /// Rounding to a subnormal number has no relative error bound.
    private func isSafe(_ values: [Double]) -> Bool {
        values.allSatisfy { $0 == 0 || ($0.magnitude > 0x1p-400 && $0.magnitude < 0x1p400) }
    }
}

/// Calls `body` with every subset of `count` elements, in order, until it answers `false`; answers whether it never did.
private func forEachCombination(_ elements: [Int], _ count: Int, _ body: ([Int]) -> Bool) -> Bool {
    guard count <= elements.count else { return true }
    var positions = Array(0..<count)
    while true {
        guard body(positions.map { elements[$0] }) else { return false }
        guard let last = positions.indices.last(where: { positions[$0] < elements.count - count + $0 })
        else {
            return true
        }
        positions[last] += 1
        for next in last + 1..<max(last + 1, count) { positions[next] = positions[next - 1] + 1 }
    }
}
