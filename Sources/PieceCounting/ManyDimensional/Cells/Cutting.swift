internal import CCellKernels

extension Subdivision {
    /// Cuts the cell of the node `index` by its first candidate: makes the rays of both sides.
    ///
    /// - Returns: `false` where the masks have no slot left.
    mutating func cut(_ index: Int) -> Bool {
        let node = nodes.base[index]
        let layer = Int(node.layer)
        let unit = Int(blockUnits.base[node.units])
        let count = node.cellCount
        split.reserve(count)
        signs += count
        let found = Mask.isWord ? measureWords(node) : measure(node)
        var positives = found.positives
        var negatives = found.negatives
        for place in 0..<count {
            split.isDecided.base[place] = split.signs.base[place] == 0 ? 0 : 1
        }
        if found.undecided > 0 {
            for place in 0..<count where split.signs.base[place] == 0 {
                let sign = exactSign(layer, unit, Int(cells.base[node.cellStart + place]))
                split.signs.base[place] = Int8(sign)
                if sign > 0 { positives += 1 } else if sign < 0 { negatives += 1 }
            }
        }
        guard let slot = found.used.firstAbsent else { return false }
        claimSlot(slot, index, layer, unit)
        let made = makeRays(node, slot: slot, isSimple: found.isSimple, layer: layer, unit: unit)
        let common = count - positives - negatives + made
        cells.reserve(cellTop + positives + negatives + 2 * common)
        nodes.base[index].slot = Int32(slot)
        nodes.base[index].positiveStart = cellTop
        nodes.base[index].positiveCount = positives + common
        nodes.base[index].negativeStart = cellTop + positives + common
        nodes.base[index].negativeCount = negatives + common
        var p = cellTop
        var n = nodes.base[index].negativeStart
        for place in 0..<count {
            let id = cells.base[node.cellStart + place]
            switch split.signs.base[place] {
            case 1:
                cells.base[p] = id
                p += 1
            case -1:
                cells.base[n] = id
                n += 1
            default: break
            }
        }
        for place in 0..<common {
            cells.base[p + place] = split.newRays.base[place]
            cells.base[n + place] = split.newRays.base[place]
        }
        cellTop += positives + negatives + 2 * common
        return true
    }

    private typealias Measured = (
        used: Mask, isSimple: Bool, positives: Int, negatives: Int, undecided: Int
    )

    /// The values of the node's first candidate at the cell's rays and their signs, as far as decided.
    private mutating func measureWords(_ node: SubdivisionNode) -> Measured {
        var cut = crease_cut()
        kernels.measure(
            blocks.base + node.block, node.stride, width, rays.base, maskWords,
            cells.base + node.cellStart, node.cellCount, split.values.base, split.bounds.base,
            split.signs.base, &cut)
        let used = withUnsafePointer(to: &cut.used) {
            UnsafeRawPointer($0).loadUnaligned(as: Mask.self)
        }
        return (used, cut.is_simple != 0, Int(cut.positives), Int(cut.negatives), Int(cut.undecided))
    }

    /// The masks where they are single words.
    private var maskWords: UnsafeMutablePointer<UInt64> {
        UnsafeMutableRawPointer(masks.base).assumingMemoryBound(to: UInt64.self)
    }

    private mutating func measure(_ node: SubdivisionNode) -> Measured {
        var found: Measured = (.empty, true, 0, 0, 0)
        for place in 0..<node.cellCount {
            let id = Int(cells.base[node.cellStart + place])
            let mask = masks.base[id]
            found.used.formUnion(mask)
            if mask.count != width - 1 { found.isSimple = false }
            let (value, bound) = value(of: blocks.base + node.block, node.stride, at: id)
            split.values.base[place] = value
            split.bounds.base[place] = bound
            split.signs.base[place] = value > bound ? 1 : value < -bound ? -1 : 0
            switch split.signs.base[place] {
            case 1: found.positives += 1
            case -1: found.negatives += 1
            default: found.undecided += 1
            }
        }
        return found
    }

    /// Puts the cutting form into a slot, scaled to entries of at most 1.
    private mutating func claimSlot(_ slot: Int, _ index: Int, _ layer: Int, _ unit: Int) {
        let row = slotForms + slot * (width + 1)
        savedForms.reserve((index + 1) * (width + 1))
        (savedForms.base + index * (width + 1)).update(from: row, count: width + 1)
        nodes.base[index].savedConstraint = slotConstraints[slot]
        slotConstraints[slot] = Int32(network.firstUnits[layer] + unit)
        let stride = network.hidden[layer].stride
        let form = frames[layer] + unit
        for coordinate in 0..<width { row[coordinate] = form[coordinate * stride] }
        row[width] = form[(width + 2) * stride]
        scaleSlot(row)
    }

    func scaleSlot(_ row: UnsafeMutablePointer<Double>) {
        var largest = 0.0
        for coordinate in 0..<width { largest = max(largest, row[coordinate].magnitude) }
        guard largest > 0, largest < .infinity else { return }
        let factor = Double(sign: .plus, exponent: -(Int(largest.exponent) + 1), significand: 1)
        for coordinate in 0..<width + 1 { row[coordinate] *= factor }
        // What a product may lose below the least normal number.
        row[width] += 0x1p-1000
    }

    /// The rays that lie on the cut: copies of those on it, and a new one between each adjacent pair of both sides.
    private mutating func makeRays(
        _ node: SubdivisionNode, slot: Int, isSimple: Bool, layer: Int, unit: Int
    ) -> Int {
        let count = node.cellCount
        var common = 0
        var made = 0
        for place in 0..<count where split.signs.base[place] == 0 {
            split.newRays.reserve(common + 1)
            split.newRays.base[common] = Int32(
                addCopy(of: Int(cells.base[node.cellStart + place]), slot: slot))
            common += 1
        }
        let pairs = Mask.isWord ? findPairsOfWords(node) : findPairs(node)
        split.newRays.reserve(common + pairs)
        let first = rayCount
        for pair in 0..<pairs {
            let p = Int(split.pairs.base[2 * pair])
            let n = Int(split.pairs.base[2 * pair + 1])
            let mask = masks.base[Int(cells.base[node.cellStart + p])]
            let shared = mask.intersection(masks.base[Int(cells.base[node.cellStart + n])])
            if !isSimple, !areAdjacent(node, shared, p, n) { continue }
            split.pairs.base[2 * made] = Int32(p)
            split.pairs.base[2 * made + 1] = Int32(n)
            var full = shared
            full.insert(slot)
            split.newRays.base[common] = Int32(addRay(full))
            common += 1
            made += 1
        }
        split.made.reserve(made)
        if Mask.isWord {
            kernels.make_rays(
                slotForms, slot, width, split.pairs.base, made, cells.base + node.cellStart,
                split.values.base, split.bounds.base, split.isDecided.base, rays.base, maskWords, first,
                split.made.base)
        }
        for pair in 0..<made {
            if Mask.isWord, split.made.base[pair] != 0 { continue }
            finishRay(first + pair, pair, node, slot: slot, layer, unit)
        }
        return made
    }

    @inline(never)
    private mutating func finishRay(
        _ id: Int, _ pair: Int, _ node: SubdivisionNode, slot: Int, _ layer: Int, _ unit: Int
    ) {
        let p = Int(split.pairs.base[2 * pair])
        let n = Int(split.pairs.base[2 * pair + 1])
        let positive = Int(cells.base[node.cellStart + p])
        let negative = Int(cells.base[node.cellStart + n])
        let shared = masks.base[positive].intersection(masks.base[negative])
        if !Mask.isWord, setRay(id, between: (p, n), node, shared, slot: slot) { return }
        setExact(id, positive, negative, layer, unit)
    }

    /// The pairs of a positive and a negative ray that may be adjacent; answers their number.
    private mutating func findPairsOfWords(_ node: SubdivisionNode) -> Int {
        while true {
            let count = kernels.find_pairs(
                maskWords, cells.base + node.cellStart, split.signs.base, node.cellCount, max(0, width - 2),
                split.pairs.base, split.pairs.capacity / 2)
            if 2 * count <= split.pairs.capacity { return count }
            split.pairs.reserve(2 * count)
        }
    }

    private mutating func findPairs(_ node: SubdivisionNode) -> Int {
        var count = 0
        for p in 0..<node.cellCount where split.signs.base[p] > 0 {
            let mask = masks.base[Int(cells.base[node.cellStart + p])]
            for n in 0..<node.cellCount where split.signs.base[n] < 0 {
                let shared = mask.intersection(masks.base[Int(cells.base[node.cellStart + n])])
                if shared.count < width - 2 { continue }
                split.pairs.reserve(2 * count + 2)
                split.pairs.base[2 * count] = Int32(p)
                split.pairs.base[2 * count + 1] = Int32(n)
                count += 1
            }
        }
        return count
    }

    /// Two rays span a face of dimension 2 exactly where no third ray lies on all the constraints that they share
    /// (Fukuda, Prodon 1996).
    private func areAdjacent(_ node: SubdivisionNode, _ shared: Mask, _ p: Int, _ n: Int) -> Bool {
        for place in 0..<node.cellCount where place != p && place != n {
            if shared.isSubset(of: masks.base[Int(cells.base[node.cellStart + place])]) { return false }
        }
        return true
    }
}
