internal import CCellKernels
internal import ExactArithmetic
internal import Synchronization

/// A map of which the cells make several pieces as far as they touch: {f = g} may join them elsewhere.
struct OpenGroup: Sendable {
    let group: Int
    /// For each output d + 1 coefficients, times the scale of the output layer.
    let map: [BigInteger]
    /// The same, rounded and not scaled.
    let values: [Double]
}

/// Finds where {f = g} passes through cells on which f is not g.
///
/// In a cell it is a convex polyhedron. Two of these from different cells meet exactly if they have a vertex in
/// common, and a vertex is told by the face of the cell that has it in its interior; see `CellJoining.addBridge`.
struct BridgeVisitor<Mask: FacetMask>: CellVisitor {
    private let catalogue: CellCatalogue
    private let control: CountingControl
    private let joined: JoinedCells
    private let groups: [OpenGroup]
    /// The group of each joined cell.
    private let groupOfCell: [Int: Int]
    private var faces: CellFaces<Mask>
    private var cursor = CellCursor()
    private var ticks = 0
    /// The output's forms on the current cell, as a block.
    private let block: UnsafeMutablePointer<Double>
    private let stride: Int
    private var difference: [Double]

    init(
        _ network: CellNetwork, _ catalogue: CellCatalogue, _ joined: JoinedCells, _ control: CountingControl,
        groups: [OpenGroup], groupOfCell: [Int: Int]
    ) {
        self.catalogue = catalogue
        self.control = control
        self.joined = joined
        self.groups = groups
        self.groupOfCell = groupOfCell
        faces = CellFaces(network)
        stride = network.output.stride
        let count = stride * (network.dimension + 4) + 8
        block = .allocate(capacity: count)
        block.initialize(repeating: 0, count: count)
        difference = [Double](repeating: 0, count: network.dimension + 1)
    }

    func deallocate() { block.deallocate() }

    mutating func begin(part: Int) { cursor.begin(part, catalogue) }

    mutating func lastLayer(
        _ walk: inout Subdivision<Mask>, candidates: UnsafeBufferPointer<Int32>, isWhole: Bool
    ) -> Bool { true }

    mutating func cell(_ walk: inout Subdivision<Mask>) {
        let cell = cursor.cell
        cursor.cell += 1
        walk.composeOutput(block)
        let own = groupOfCell[cell]
        var isRead = false
        var map: [IntegerVector] = []
        for group in groups where group.group != own {
            if isApart(walk, group) { continue }
            if !isRead {
                faces.read(&walk)
                map = walk.exact.outputMap()
                isRead = true
            }
            let keys = vertices(&walk, map, group)
            if keys.count > faces.layout.words {
                joined.state.withLock { state in
                    keys.withUnsafeBufferPointer {
                        state.joining.addBridge(group: group.group, faces: $0)
                    }
                }
            }
        }
    }

    /// Whether some output of f − g has one strict sign on the whole cell, by its error bounds.
    private mutating func isApart(_ walk: borrowing Subdivision<Mask>, _ group: OpenGroup) -> Bool {
        let width = walk.width
        for output in 0..<walk.network.output.outputs {
            var norm = 0.0
            var magnitude = 0.0
            for coordinate in 0..<width {
                let value = block[coordinate * stride + output]
                let other = group.values[output * width + coordinate]
                difference[coordinate] = value - other
                norm += difference[coordinate].magnitude
                magnitude = max(magnitude, max(value.magnitude, other.magnitude))
            }
            let error = block[(width + 2) * stride + output] + magnitude * 0x1p-51
            let entries = Double(width)
            let slope = (norm + entries * error) * (1 + 0x1p-30)
            let rest = entries * error * (1 + 0x1p-30) + (entries + 2) * 0x1p-52 * norm
            var hasPositive = false
            var hasNegative = false
            for place in 0..<walk.leafCount {
                let ray = walk.rays.base + Int(walk.cells.base[walk.leafStart + place]) * walk.rayStride
                var value = 0.0
                for coordinate in 0..<width { value += difference[coordinate] * ray[coordinate] }
                let bound = slope * ray[width] + rest
                // What is not decided counts as both.
                if !(value < -bound) { hasPositive = true }
                if !(value > bound) { hasNegative = true }
                if hasPositive && hasNegative { break }
            }
            if hasPositive != hasNegative { return true }
        }
        return false
    }

    /// The keys of the faces that have the vertices of {f = g} in their relative interiors.
    private mutating func vertices(
        _ walk: inout Subdivision<Mask>, _ map: [IntegerVector], _ group: OpenGroup
    ) -> [UInt64] {
        let width = walk.width
        let plane = faces.layout.wordsPerPlane
        var rays = (0..<faces.rayCount).map { place in
            BridgeRay(
                ray: walk.exactRay(Int(walk.cells.base[walk.leafStart + place])), mask: faces.masks[place],
                zeros: Array(faces.zeros[place * plane..<(place + 1) * plane]),
                isInfinite: faces.isInfinite[place])
        }
        for output in map.indices {
            let form = IntegerVector(count: width)
            for coordinate in 0..<width {
                form[coordinate] = map[output][coordinate] - group.map[output * width + coordinate]
            }
            rays = BridgeRay.cut(rays, form, walk)
        }
        var keys: [UInt64] = []
        for ray in rays where !ray.isInfinite {
            ray.zeros.withUnsafeBufferPointer { zeros in
                if let base = zeros.baseAddress { faces.appendKey(zeros: base, to: &keys) }
            }
        }
        return keys
    }

    mutating func isStopped(_ walk: borrowing Subdivision<Mask>) -> Bool {
        ticks += 1
        return ticks & 63 == 0 && control.poll(newCells: 0)
    }
}

/// An extreme ray of a section of a cell.
private struct BridgeRay<Mask: FacetMask> {
    let ray: IntegerVector
    let mask: Mask
    let zeros: [UInt64]
    let isInfinite: Bool

    /// The extreme rays of the part of a cone on which a form vanishes.
    static func cut(_ rays: [Self], _ form: IntegerVector, _ walk: borrowing Subdivision<Mask>) -> [Self] {
        let value = IntegerVector(count: 1)
        let signs = rays.map { ray in
            value.setDotProduct(at: 0, form, start: 0, ray.ray, terms: walk.width)
            return value.sign(0)
        }
        var result = rays.indices.filter { signs[$0] == 0 }.map { rays[$0] }
        for p in rays.indices where signs[p] > 0 {
            for n in rays.indices where signs[n] < 0 {
                let shared = rays[p].mask.intersection(rays[n].mask)
                let isEdge = rays.indices.allSatisfy {
                    $0 == p || $0 == n || !shared.isSubset(of: rays[$0].mask)
                }
                if !isEdge { continue }
                result.append(
                    Self(
                        ray: walk.exactCombination(form, rays[p].ray, rays[n].ray), mask: shared,
                        zeros: zip(rays[p].zeros, rays[n].zeros).map { $0 & $1 },
                        isInfinite: rays[p].isInfinite && rays[n].isInfinite))
            }
        }
        return result
    }
}
