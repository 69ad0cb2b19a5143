internal import CCellKernels
internal import ExactArithmetic

/// What looks at the cells of a subdivision. The walk is depth first; what lies below each path's first cuts is a
/// part, and parts are numbered in the order of the walk.
protocol CellVisitor<Mask> {
    associatedtype Mask: FacetMask

    /// A part starts; it has at least one cell.
    mutating func begin(part: Int)
    /// All units but the candidates of the last hidden layer are known. The cells that follow until the next such
    /// call, or the end of the part, differ in these alone.
    /// - Parameter isWhole: whether all of them are in the current part.
    /// - Returns: `false` to leave them out, where `isWhole`.
    mutating func lastLayer(
        _ walk: inout Subdivision<Mask>, candidates: UnsafeBufferPointer<Int32>, isWhole: Bool
    ) -> Bool
    /// A cell of the whole network: `walk.leafStart`, `walk.leafCount`.
    mutating func cell(_ walk: inout Subdivision<Mask>)
    /// Asked once a cut; `true` ends the walk.
    mutating func isStopped(_ walk: borrowing Subdivision<Mask>) -> Bool
}

/// Which parts of a subdivision a thread works on.
struct SubdivisionParts {
    /// The number of cuts above a part.
    let depth: Int
    /// The part that the walk is in or comes to next.
    var current = 0
    /// The next part that is this thread's.
    var claimed: Int
    let claim: () -> Int
}

extension Subdivision {
    /// Visits the parts that `claim` hands out, in ascending order. Every thread makes the first `depth` cuts of every
    /// path itself.
    mutating func run(_ visitor: inout some CellVisitor<Mask>, depth: Int, claim: @escaping () -> Int) {
        var parts = SubdivisionParts(depth: depth, claimed: claim(), claim: claim)
        for start in 0..<startCount {
            setStart(start)
            enter(layer: 0, cellStart: 0, cellCount: cellTop, &visitor, &parts)
            while nodeCount > 0 {
                if isOutOfSlots || visitor.isStopped(self) {
                    nodeCount = 0
                    return
                }
                step(&visitor, &parts)
            }
        }
    }

    private mutating func step(_ visitor: inout some CellVisitor<Mask>, _ parts: inout SubdivisionParts) {
        let index = nodeCount - 1
        switch nodes.base[index].stage {
        case 0:
            guard cut(index) else {
                isOutOfSlots = true
                return
            }
            nodes.base[index].stage = 1
            descend(index, isOn: true, &visitor, &parts)
        case 1:
            nodes.base[index].stage = 2
            descend(index, isOn: false, &visitor, &parts)
        default:
            let node = nodes.base[index]
            nodeCount = index
            let slot = Int(node.slot)
            slotConstraints[slot] = node.savedConstraint
            (slotForms + slot * (width + 1)).update(
                from: savedForms.base + index * (width + 1), count: width + 1)
            rayCount = node.rayMark
            cellTop = node.cellMark
            blockTop = node.block
            blockUnitTop = node.units
            if nodeCount == parts.depth { endPart(&parts) }
        }
    }

    /// Goes to one side of the node's cut: drops the candidates that do not change sign there.
    private mutating func descend(
        _ index: Int, isOn: Bool, _ visitor: inout some CellVisitor<Mask>, _ parts: inout SubdivisionParts
    ) {
        let node = nodes.base[index]
        let layer = Int(node.layer)
        states[network.firstUnits[layer] + Int(blockUnits.base[node.units])] = isOn ? 1 : 0
        let cellStart = isOn ? node.positiveStart : node.negativeStart
        let cellCount = isOn ? node.positiveCount : node.negativeCount
        let rest = node.candidates - 1
        var kept = 0
        var sum = node.sum
        let isLast = layer == network.hidden.count - 1
        if isLast, isOn { sum += lastValues[Int(blockUnits.base[node.units])] }
        if rest > 0 {
            kernels.classify(
                blocks.base + node.block + 1, node.stride, rest, width, rays.base, cells.base + cellStart,
                cellCount, flags)
            signs += rest * cellCount
            blockUnits.reserve(blockUnitTop + rest)
            for place in 0..<rest {
                let unit = blockUnits.base[node.units + 1 + place]
                if decide(layer, Int(unit), flags[place], cellStart, cellCount) {
                    blockUnits.base[blockUnitTop + kept] = unit
                    keptPlaces[kept] = Int32(place + 1)
                    kept += 1
                } else if isLast, states[network.firstUnits[layer] + Int(unit)] != 0 {
                    sum += lastValues[Int(unit)]
                }
            }
        }
        if kept == 0 {
            leafSum = sum
            enter(layer: layer + 1, cellStart: cellStart, cellCount: cellCount, &visitor, &parts)
            return
        }
        let stride = (kept + 7) & ~7
        blocks.reserve(blockTop + stride * (width + 2) + 16)
        for row in 0..<width + 2 {
            let from = blocks.base + node.block + row * node.stride
            let to = blocks.base + blockTop + row * stride
            for place in 0..<kept { to[place] = from[Int(keptPlaces[place])] }
        }
        if nodeCount == parts.depth, !beginPart(&visitor, &parts) { return }
        push(
            layer: layer, cellStart: cellStart, cellCount: cellCount, candidates: kept, stride: stride,
            sum: sum)
    }

    /// Opens layers on a cell until one has a unit that cuts it.
    private mutating func enter(
        layer start: Int, cellStart: Int, cellCount: Int, _ visitor: inout some CellVisitor<Mask>,
        _ parts: inout SubdivisionParts
    ) {
        let last = network.hidden.count - 1
        var layer = start
        while layer <= last {
            if layer > 0 { compose(layer: layer) }
            let (candidates, stride) = classify(layer: layer, cellStart: cellStart, cellCount: cellCount)
            if candidates > 0 {
                if nodeCount == parts.depth, !beginPart(&visitor, &parts) { return }
                if layer == last {
                    let units = UnsafeBufferPointer(start: blockUnits.base + blockUnitTop, count: candidates)
                    let isWhole = nodeCount >= parts.depth
                    if !visitor.lastLayer(&self, candidates: units, isWhole: isWhole), isWhole {
                        if nodeCount == parts.depth { endPart(&parts) }
                        return
                    }
                }
                push(
                    layer: layer, cellStart: cellStart, cellCount: cellCount, candidates: candidates,
                    stride: stride, sum: leafSum)
                return
            }
            layer += 1
        }
        let isPart = nodeCount <= parts.depth
        if isPart, !beginPart(&visitor, &parts) { return }
        // A layer that was opened here has no candidates.
        if start > last
            || visitor.lastLayer(&self, candidates: UnsafeBufferPointer(start: nil, count: 0), isWhole: true)
        {
            leafStart = cellStart
            leafCount = cellCount
            visitor.cell(&self)
        }
        if isPart { endPart(&parts) }
    }

    /// Takes the block of candidates behind `blockTop` into a new node.
    private mutating func push(
        layer: Int, cellStart: Int, cellCount: Int, candidates: Int, stride: Int, sum: SIMD2<Double>
    ) {
        nodes.reserve(nodeCount + 1)
        nodes.base[nodeCount] = SubdivisionNode(
            layer: Int32(layer), cellStart: cellStart, cellCount: cellCount, block: blockTop,
            units: blockUnitTop, candidates: candidates, stride: stride, rayMark: rayCount,
            cellMark: cellTop, sum: sum)
        nodeCount += 1
        blockTop += stride * (width + 2)
        blockUnitTop += candidates
    }

    /// Whether the part that starts here is this thread's; passes over it if not.
    private func beginPart(_ visitor: inout some CellVisitor<Mask>, _ parts: inout SubdivisionParts) -> Bool {
        guard parts.current == parts.claimed else {
            parts.current += 1
            return false
        }
        visitor.begin(part: parts.current)
        return true
    }

    private func endPart(_ parts: inout SubdivisionParts) {
        parts.current += 1
        parts.claimed = parts.claim()
    }
}
