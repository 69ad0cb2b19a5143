internal import CCellKernels
internal import ExactArithmetic

/// The faces of one cell, as far as joining needs them: the signs of all units and sides of the domain at its rays.
struct CellFaces<Mask: FacetMask> {
    let layout: SignKeyLayout
    private let plane: Int
    /// For each ray the signs that are zero there, `plane` words.
    private(set) var zeros: [UInt64] = []
    /// Which units are on, and which sides of the domain there are.
    private var positive: [UInt64]
    private(set) var masks: [Mask] = []
    /// Whether the ray is a direction and no point.
    private(set) var isInfinite: [Bool] = []
    private var used = Mask.empty
    private var isSimple = true

    static func layout(_ network: CellNetwork) -> SignKeyLayout {
        SignKeyLayout(signs: network.units + (network.isBounded ? network.domain.count : 0))
    }

    init(_ network: CellNetwork) {
        layout = Self.layout(network)
        plane = layout.wordsPerPlane
        positive = [UInt64](repeating: 0, count: plane)
    }

    var rayCount: Int { masks.count }

    /// Reads the current cell of a walk.
    mutating func read(_ walk: inout Subdivision<Mask>) {
        let network = walk.network
        let count = walk.leafCount
        masks.removeAll(keepingCapacity: true)
        isInfinite.removeAll(keepingCapacity: true)
        zeros = [UInt64](repeating: 0, count: plane * count)
        used = .empty
        isSimple = true
        for word in 0..<plane { positive[word] = 0 }
        for unit in 0..<network.units where walk.states[unit] != 0 {
            positive[unit >> 6] |= 1 << UInt64(unit & 63)
        }
        for sign in network.units..<max(network.units, layout.signs) {
            positive[sign >> 6] |= 1 << UInt64(sign & 63)
        }
        for place in 0..<count {
            let id = Int(walk.cells.base[walk.leafStart + place])
            let mask = walk.masks.base[id]
            masks.append(mask)
            used.formUnion(mask)
            if mask.count != walk.width - 1 { isSimple = false }
            var infinite = false
            var slot = mask.next(from: 0)
            while let constraint = slot {
                let number = Int(walk.slotConstraints[constraint])
                if number >= 0 {
                    setZero(place, number)
                } else if network.isBounded {
                    setZero(place, network.units - 1 - number)
                } else {
                    infinite = true
                }
                slot = mask.next(from: constraint + 1)
            }
            isInfinite.append(infinite)
            readSigns(&walk, place, id)
        }
    }

    private mutating func setZero(_ ray: Int, _ sign: Int) {
        zeros[ray * plane + sign >> 6] |= 1 << UInt64(sign & 63)
    }

    /// Finds the units that are zero at a ray without cutting the cell there.
    private mutating func readSigns(_ walk: inout Subdivision<Mask>, _ place: Int, _ id: Int) {
        for index in walk.network.hidden.indices {
            let layer = walk.network.hidden[index]
            let first = walk.network.firstUnits[index]
            walk.kernels.classify(
                walk.frames[index], layer.stride, layer.outputs, walk.width, walk.rays.base,
                walk.cells.base + walk.leafStart + place, 1, walk.flags)
            for unit in 0..<layer.outputs where walk.flags[unit] & 4 != 0 {
                let sign = first + unit
                if zeros[place * plane + sign >> 6] >> UInt64(sign & 63) & 1 != 0 { continue }
                if walk.exactSign(index, unit, id) == 0 { setZero(place, sign) }
            }
        }
    }

    // MARK: Keys

    /// The key of the face on whose relative interior the given signs, a plane of words, are zero.
    func appendKey(zeros: UnsafePointer<UInt64>, to keys: inout [UInt64]) {
        for word in 0..<plane { keys.append(positive[word] & ~zeros[word]) }
        for word in 0..<plane { keys.append(zeros[word]) }
    }

    func vertexKeys() -> [UInt64] {
        var keys: [UInt64] = []
        zeros.withUnsafeBufferPointer { zeros in
            guard let base = zeros.baseAddress else { return }
            for ray in 0..<rayCount where !isInfinite[ray] { appendKey(zeros: base + ray * plane, to: &keys) }
        }
        return keys
    }

    /// The slots whose constraints hold on a facet of the cell, one for each facet.
    func facetSlots() -> [Int] {
        var slots: [Int] = []
        var slot = used.next(from: 0)
        while let next = slot {
            slots.append(next)
            slot = used.next(from: next + 1)
        }
        if isSimple { return slots }
        // A face that no other contains; of equal ones the first.
        let faces = slots.map { slot in masks.map { $0.contains(slot) } }
        return slots.indices.filter { place in
            slots.indices.allSatisfy { other in
                if other == place { return true }
                var isContained = true
                var isEqual = true
                for ray in 0..<rayCount where faces[place][ray] != faces[other][ray] {
                    isEqual = false
                    if faces[place][ray] { isContained = false }
                }
                return isEqual ? place < other : !isContained
            }
        }.map { slots[$0] }
    }

    /// The keys of the facets that are not on the domain's boundary.
    func facetKeys(_ walk: borrowing Subdivision<Mask>) -> [UInt64] {
        var keys: [UInt64] = []
        for slot in facetSlots() where walk.slotConstraints[slot] >= 0 {
            var common = [UInt64](repeating: .max, count: plane)
            for ray in 0..<rayCount where masks[ray].contains(slot) {
                for word in 0..<plane { common[word] &= zeros[ray * plane + word] }
            }
            common.withUnsafeBufferPointer { common in
                if let base = common.baseAddress { appendKey(zeros: base, to: &keys) }
            }
        }
        return keys
    }
}
