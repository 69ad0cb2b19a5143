internal import CTrainingKernels
internal import ExactArithmetic
internal import Synchronization

/// A closed pointed cone of full dimension in the parameter space of a unit, cut out by hyperplanes of the data.
///
/// `@unchecked Sendable`: the memory behind the pointers is written in `init` and only read from then on; the children
/// are behind a lock.
final class Cone: @unchecked Sendable {
    /// Of a row: bit 0 where some ray has a positive product, bit 1 where some ray has a negative one.
    enum Side {
        static let active: UInt8 = 1
        static let inactive: UInt8 = 2
        /// The unit is on in one part of the cone and off in another.
        static let undecided: UInt8 = 3
    }

    let rays: [Ray]
    /// `stride` entries of `Side`; 0 past the data.
    let sides: UnsafeMutablePointer<UInt8>
    /// The products of each ray.
    let products: UnsafeMutablePointer<UnsafePointer<Double>?>
    let undecidedCount: Int
    private let data: DataArrangement
    /// Rows whose hyperplanes bound the cone, one for each facet.
    private let facets: [Int]
    /// For each ray the facets that it lies on, `words` words a ray.
    private let incidence: [UInt64]
    private let words: Int
    private let children = Mutex<[Int: (plus: Cone, minus: Cone)]>([:])

    init(_ data: DataArrangement, rays: [Ray], facets candidates: [Int]) {
        self.data = data
        self.rays = rays
        // A hyperplane that meets the cone in less than a facet bounds nothing.
        let facets = candidates.filter { row in
            rays.count { $0.products[row] == 0 } >= data.dimension - 1
        }
        self.facets = facets
        words = (facets.count + 63) / 64
        var incidence = [UInt64](repeating: 0, count: rays.count * words)
        for (index, ray) in rays.enumerated() {
            for (position, row) in facets.enumerated() where ray.products[row] == 0 {
                incidence[index * words + position >> 6] |= 1 << UInt64(position & 63)
            }
        }
        self.incidence = incidence
        products = .allocate(capacity: rays.count)
        for (index, ray) in rays.enumerated() {
            (products + index).initialize(to: UnsafePointer(ray.products))
        }
        sides = .allocate(capacity: data.stride)
        crease_training_states(products, rays.count, data.stride, sides)
        var undecided = 0
        for row in 0..<data.count where sides[row] == Side.undecided { undecided += 1 }
        undecidedCount = undecided
        data.memory.add(footprint)
    }

    deinit {
        data.memory.add(-footprint)
        sides.deallocate()
        products.deallocate()
    }

    private var footprint: Int { data.stride + 64 * rays.count + 512 }

    /// {θ : ±θ·x̃_b ≥ 0 for the base's rows b}, the sign being plus where bit k of `cell` is set.
    static func root(_ cell: Int, _ data: DataArrangement) -> Cone {
        let rays = data.baseRows.indices.map {
            Ray(data, base: $0, isPositive: cell >> $0 & 1 == 1)
        }
        return Cone(data, rays: rays, facets: data.baseRows)
    }

    /// The parts on the two sides of an undecided row's hyperplane: one step of double description. They are made once.
    ///
    /// Complexity: O(rays³ + new rays · rows · d).
    func cut(_ row: Int) -> (plus: Cone, minus: Cone) {
        if let known = children.withLock({ $0[row] }) { return known }
        let made = makeCut(row)
        return children.withLock {
            if let known = $0[row] { return known }
            $0[row] = made
            return made
        }
    }

    /// Forgets the parts, and theirs: those that a node holds live on.
    func forgetParts() {
        let parts = children.withLock { table in
            let parts = Array(table.values)
            table = [:]
            return parts
        }
        for (plus, minus) in parts {
            plus.forgetParts()
            minus.forgetParts()
        }
    }

    private func makeCut(_ row: Int) -> (plus: Cone, minus: Cone) {
        var plus: [Ray] = []
        var minus: [Ray] = []
        var above: [Int] = []
        var below: [Int] = []
        for (index, ray) in rays.enumerated() {
            let product = ray.products[row]
            if product >= 0 { plus.append(ray) }
            if product <= 0 { minus.append(ray) }
            if product > 0 { above.append(index) }
            if product < 0 { below.append(index) }
        }
        for a in above {
            for b in below {
                guard let common = commonFacets(a, b) else { continue }
                let ray = Ray(above: rays[a], below: rays[b], row: row, common: independent(common))
                plus.append(ray)
                minus.append(ray)
            }
        }
        let facets = facets + [row]
        return (
            Cone(data, rays: plus, facets: facets),
            Cone(data, rays: minus, facets: facets)
        )
    }

    /// The facets that two rays share if they are adjacent: if no third ray lies on all of them.
    private func commonFacets(_ a: Int, _ b: Int) -> [Int]? {
        var size = 0
        for word in 0..<words {
            size += (incidence[a * words + word] & incidence[b * words + word]).nonzeroBitCount
        }
        guard size >= data.dimension - 2 else { return nil }
        for other in rays.indices where other != a && other != b {
            var contains = true
            for word in 0..<words where contains {
                let common = incidence[a * words + word] & incidence[b * words + word]
                contains = common & ~incidence[other * words + word] == 0
            }
            if contains { return nil }
        }
        return facets.indices.filter {
            let shared = incidence[a * words + $0 >> 6] & incidence[b * words + $0 >> 6]
            return shared >> UInt64($0 & 63) & 1 == 1
        }.map { facets[$0] }
    }

    /// d − 2 of the rows whose points are independent.
    private func independent(_ rows: [Int]) -> [Int] {
        let wanted = data.dimension - 2
        // Adjacent rays have rows of rank d − 2 in common; no point is 0.
        if rows.count == wanted || wanted <= 1 { return Array(rows.prefix(wanted)) }
        var chosen: [Int] = []
        for row in rows where chosen.count < wanted {
            let matrix = RationalMatrix((chosen + [row]).map { data.integers($0).map { Rational($0) } })
            if matrix.rank == chosen.count + 1 { chosen.append(row) }
        }
        return chosen
    }
}

extension [Cone] {
    /// The different rays of all cones, each with the units that have it, in increasing order.
    var distinctRays: [(ray: Ray, units: [Int])] {
        var rays: [(ray: Ray, units: [Int])] = []
        for (unit, cone) in enumerated() {
            for ray in cone.rays {
                if let index = rays.firstIndex(where: { $0.ray.isParallel(to: ray) }) {
                    rays[index].units.append(unit)
                } else {
                    rays.append((ray, [unit]))
                }
            }
        }
        return rays
    }
}
