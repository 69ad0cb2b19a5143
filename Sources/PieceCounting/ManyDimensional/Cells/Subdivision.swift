internal import CCellKernels
internal import ExactArithmetic

/// A step of the depth-first walk: a cell that is about to be cut by the first of its candidates.
struct SubdivisionNode {
    var layer: Int32
    /// 0 before the cut, 1 while the positive side is visited, 2 while the negative one is.
    var stage: Int32 = 0
    /// The cell's rays, in `cells`.
    var cellStart: Int
    var cellCount: Int
    /// The candidates' forms, in `blocks`, and units, in `blockUnits`.
    var block: Int
    var units: Int
    var candidates: Int
    var stride: Int
    /// The two sides' rays, in `cells`.
    var positiveStart = 0
    var positiveCount = 0
    var negativeStart = 0
    var negativeCount = 0
    /// What to give back when the node is left.
    var rayMark: Int
    var cellMark: Int
    /// See `Subdivision.leafSum`; of the units known so far.
    var sum: SIMD2<Double>
    var slot: Int32 = -1
    var savedConstraint: Int32 = 0
}

/// The state of a depth-first subdivision of the domain into activation cells, of one thread.
///
/// A cell is a pointed cone of homogeneous points, given by its extreme rays; each ray knows, as a set of slots,
/// which of the cell's constraints it lies on. The units of the first layer whose forms change sign on the cell cut
/// it one after the other, then those of the second layer, and so on. A cut keeps the rays of either side and makes a
/// new one on each two-dimensional face between a ray of one side and a ray of the other. Only units that still
/// change sign on a cell are looked at further down.
///
/// Signs are those of binary64 values beyond their error bounds, else exact. All buffers grow and are given back in
/// stack order.
struct Subdivision<Mask: FacetMask> {
    let network: CellNetwork
    let kernels: crease_cell_kernels
    /// d + 1.
    let width: Int
    /// `false` for exact arithmetic throughout.
    let isFiltered: Bool
    let exact: ExactCellForms

    // Rays: d + 1 coordinates and an error bound each, the mask, and the exact ray where it was needed.
    var rays = Buffer<Double>(capacity: 4096)
    var masks = Buffer<Mask>(capacity: 512)
    var hasExactRay = Buffer<UInt8>(capacity: 512)
    var exactRays: [IntegerVector?] = []
    var rayCount = 0

    // Numbers of the rays of cells.
    var cells = Buffer<Int32>(capacity: 4096)
    var cellTop = 0

    // Candidates.
    var blocks = Buffer<Double>(capacity: 1 << 14)
    var blockTop = 0
    var blockUnits = Buffer<Int32>(capacity: 1 << 12)
    var blockUnitTop = 0

    var nodes = Buffer<SubdivisionNode>(capacity: 64)
    var nodeCount = 0
    /// For each node the form that its slot had before.
    var savedForms = Buffer<Double>(capacity: 256)

    // Of the slots: which constraint, and its form scaled to entries of at most 1, with an error bound.
    var slotConstraints: UnsafeMutablePointer<Int32>
    var slotForms: UnsafeMutablePointer<Double>

    /// Which units are on, by their numbers in all layers.
    let states: UnsafeMutablePointer<UInt8>
    /// Of each hidden layer the forms on the current cell; see CCellKernels.
    let frames: [UnsafeMutablePointer<Double>]
    /// How each layer's forms were composed.
    var compositions: [LayerComposition]
    /// Whether no unit of the layer before is on, so that the layer's forms are constants.
    var isConstant: [Bool]
    var isPreset: [Bool]

    // Scratch.
    var flags: UnsafeMutablePointer<UInt8>
    var activeUnits: UnsafeMutablePointer<Int32>
    var keptPlaces: UnsafeMutablePointer<Int32>
    var activeInputs: UnsafeMutablePointer<Double>
    var split = SplitScratch()
    let product: IntegerVector
    /// On all of R^n the rays of the positive start cone.
    let startRays: [IntegerVector]

    /// Whether a cell had more constraints than the masks have slots: the walk ended early.
    var isOutOfSlots = false
    /// Signs of forms at rays, and those that the error bounds left open.
    var signs = 0
    var exactSigns = 0

    /// The current cell, when a visitor sees it.
    var leafStart = 0
    var leafCount = 0
    /// Two numbers for each unit of the last hidden layer, set by a visitor, and their sums over the units of the
    /// current cell that are on, to which a visitor gives the start in `lastLayer`.
    let lastValues: UnsafeMutablePointer<SIMD2<Double>>
    var leafSum = SIMD2<Double>()

    init(_ network: CellNetwork, isFiltered: Bool = true) {
        self.network = network
        self.isFiltered = isFiltered
        kernels = crease_best_cell_kernels().pointee
        width = network.dimension + 1
        states = .allocate(capacity: max(1, network.units))
        states.initialize(repeating: 0, count: max(1, network.units))
        exact = ExactCellForms(network, states: states)
        slotConstraints = .allocate(capacity: Mask.capacity)
        slotConstraints.initialize(repeating: 0, count: Mask.capacity)
        slotForms = .allocate(capacity: Mask.capacity * (width + 1))
        slotForms.initialize(repeating: 0, count: Mask.capacity * (width + 1))
        let rows = width + 3
        frames = network.hidden.map { layer in
            let count = layer.stride * rows + 8
            let frame = UnsafeMutablePointer<Double>.allocate(capacity: count)
            frame.initialize(repeating: 0, count: count)
            return frame
        }
        compositions = network.hidden.indices.map { LayerComposition(network, layer: $0) }
        isConstant = network.hidden.map { _ in false }
        isPreset = [Bool](repeating: false, count: network.hidden.first?.outputs ?? 0)
        let widest = (network.hidden.map(\.stride) + [network.dimension]).max() ?? 1
        flags = .allocate(capacity: widest + 16)
        flags.initialize(repeating: 0, count: widest + 16)
        activeUnits = .allocate(capacity: widest + 1)
        keptPlaces = .allocate(capacity: widest + 1)
        activeInputs = .allocate(capacity: (widest + 1) * (width + 1))
        product = IntegerVector(count: 2)
        let last = max(1, network.hidden.last?.outputs ?? 0)
        lastValues = .allocate(capacity: last)
        lastValues.initialize(repeating: .zero, count: last)
        startRays = Self.startRays(network, exact)
        composeFirstLayer()
    }

    func deallocate() {
        rays.deallocate()
        masks.deallocate()
        hasExactRay.deallocate()
        cells.deallocate()
        blocks.deallocate()
        blockUnits.deallocate()
        savedForms.deallocate()
        nodes.deallocate()
        slotConstraints.deallocate()
        slotForms.deallocate()
        states.deallocate()
        for frame in frames { frame.deallocate() }
        for composition in compositions { composition.states.deallocate() }
        lastValues.deallocate()
        flags.deallocate()
        activeUnits.deallocate()
        keptPlaces.deallocate()
        activeInputs.deallocate()
        split.deallocate()
    }

    var rayStride: Int { width + 1 }

    // MARK: Layers

    private func composeFirstLayer() {
        guard let layer = network.hidden.first else { return }
        let count = collectInputs()
        kernels.compose(
            layer.weights, layer.bias, layer.stride, layer.outputs, activeUnits, activeInputs, count, width,
            0x1p-52, frames[0])
    }

    /// Packs the input's coordinates as forms.
    private func collectInputs() -> Int {
        for input in 0..<network.dimension {
            activeUnits[input] = Int32(input)
            let entry = activeInputs + input * (width + 1)
            for coordinate in 0..<width { entry[coordinate] = coordinate == input + 1 ? 1 : 0 }
            entry[width] = 0x1p-52
        }
        return network.dimension
    }

    /// Computes the forms of hidden layer `index` on the current cell, of which all units of the layer before are
    /// known: from those of the last cell where few units have changed since, else anew.
    mutating func compose(layer index: Int) {
        let layer = network.hidden[index]
        exact.invalidate(layer: index)
        compositions[index].stamp += 1
        if let count = collectChanges(before: index) {
            kernels.update(
                layer.weights, layer.stride, layer.outputs, activeUnits, activeInputs, count, width,
                Double(count + 1) * 0x1p-53, frames[index])
            return
        }
        let count = collectActive(before: index)
        isConstant[index] = count == 0
        kernels.compose(
            layer.weights, layer.bias, layer.stride, layer.outputs, activeUnits, activeInputs, count, width,
            rounding(count), frames[index])
        let before = network.hidden[index - 1]
        let state = states + network.firstUnits[index - 1]
        compositions[index].states.update(from: state, count: before.outputs)
        compositions[index].source = compositions[index - 1].stamp
        compositions[index].budget = count / 2
    }

    /// Packs what has to be added to the forms of layer `index`; `nil` where it is too much, or the forms are not
    /// those of a cell with the same forms in the layer before.
    ///
    /// Every change adds to the error bounds, which are therefore at most about doubled before the forms are made
    /// anew.
    private mutating func collectChanges(before index: Int) -> Int? {
        guard compositions[index].source == compositions[index - 1].stamp else { return nil }
        let before = network.hidden[index - 1]
        let source = frames[index - 1]
        let state = states + network.firstUnits[index - 1]
        let old = compositions[index].states
        let budget = compositions[index].budget
        var count = 0
        for unit in 0..<before.outputs where state[unit] != old[unit] {
            if count == budget { return nil }
            activeUnits[count] = Int32(unit)
            count += 1
        }
        compositions[index].budget -= count
        let rounding = Double(2 * count + 4) * 0x1p-53
        for place in 0..<count {
            let unit = Int(activeUnits[place])
            old[unit] = state[unit]
            let sign = state[unit] != 0 ? 1.0 : -1.0
            let entry = activeInputs + place * (width + 1)
            var largest = 0.0
            for coordinate in 0..<width {
                let value = source[coordinate * before.stride + unit]
                entry[coordinate] = sign * value
                largest = max(largest, value.magnitude)
            }
            entry[width] = source[(width + 2) * before.stride + unit] + rounding * largest
        }
        return count
    }

    /// Computes the output's forms on the current cell into a block of the output layer's stride.
    mutating func composeOutput(_ block: UnsafeMutablePointer<Double>) {
        let index = network.hidden.count
        let count = index == 0 ? collectInputs() : collectActive(before: index)
        let layer = network.output
        kernels.compose(
            layer.weights, layer.bias, layer.stride, layer.outputs, activeUnits, activeInputs, count, width,
            rounding(count), block)
    }

    /// Bounds the relative error of a sum of `count` + 1 products, each with a rounded weight.
    private func rounding(_ count: Int) -> Double { Double(count + 4) * 0x1p-53 }

    /// Packs the forms of the units that are on in the hidden layer before `index`, with what a weight times them
    /// may err by.
    private mutating func collectActive(before index: Int) -> Int {
        let before = network.hidden[index - 1]
        let source = frames[index - 1]
        let state = states + network.firstUnits[index - 1]
        var count = 0
        for unit in 0..<before.outputs where state[unit] != 0 {
            activeUnits[count] = Int32(unit)
            count += 1
        }
        let rounding = rounding(count)
        for place in 0..<count {
            let unit = Int(activeUnits[place])
            let entry = activeInputs + place * (width + 1)
            var largest = 0.0
            for coordinate in 0..<width {
                let value = source[coordinate * before.stride + unit]
                entry[coordinate] = value
                largest = max(largest, value.magnitude)
            }
            entry[width] = source[(width + 2) * before.stride + unit] + rounding * largest
        }
        return count
    }

    /// Finds which units of `layer` change sign on the cell and notes the others' states.
    ///
    /// - Returns: how many candidates there are; their block and units are behind `blockTop` and `blockUnitTop`.
    mutating func classify(
        layer index: Int, cellStart: Int, cellCount: Int
    ) -> (candidates: Int, stride: Int) {
        let layer = network.hidden[index]
        let state = states + network.firstUnits[index]
        if isConstant[index] {
            for unit in 0..<layer.outputs { state[unit] = layer.biasSigns[unit] > 0 ? 1 : 0 }
            return (0, 0)
        }
        kernels.classify(
            frames[index], layer.stride, layer.outputs, width, rays.base, cells.base + cellStart, cellCount,
            flags)
        signs += layer.outputs * cellCount
        blockUnits.reserve(blockUnitTop + layer.outputs)
        var kept = 0
        for unit in 0..<layer.outputs {
            if index == 0, isPreset[unit] { continue }
            if decide(index, unit, flags[unit], cellStart, cellCount) {
                blockUnits.base[blockUnitTop + kept] = Int32(unit)
                kept += 1
            }
        }
        let stride = (kept + 7) & ~7
        if kept > 0 {
            blocks.reserve(blockTop + stride * (width + 2) + 16)
            for row in 0..<width + 2 {
                let from = frames[index] + row * layer.stride
                let to = blocks.base + blockTop + row * stride
                for place in 0..<kept { to[place] = from[Int(blockUnits.base[blockUnitTop + place])] }
            }
        }
        return (kept, stride)
    }

    /// From the signs that occur at a cell's rays: whether the unit cuts it. If not, notes the unit's state.
    @inline(__always)
    mutating func decide(
        _ layer: Int, _ unit: Int, _ flags: UInt8, _ cellStart: Int, _ cellCount: Int
    ) -> Bool {
        if flags & 3 == 3 { return true }
        var found = flags
        if flags & 4 != 0 { found = decideExactly(layer, unit, flags, cellStart, cellCount) }
        if found & 3 == 3 { return true }
        states[network.firstUnits[layer] + unit] = found & 1
        return false
    }

    @inline(never)
    private mutating func decideExactly(
        _ layer: Int, _ unit: Int, _ flags: UInt8, _ cellStart: Int, _ cellCount: Int
    ) -> UInt8 {
        var found = flags & 3
        let frame = frames[layer] + unit
        let stride = network.hidden[layer].stride
        for place in 0..<cellCount {
            let id = Int(cells.base[cellStart + place])
            let (value, bound) = value(of: frame, stride, at: id)
            if value.magnitude > bound { continue }
            switch exactSign(layer, unit, id) {
            case 1: found |= 1
            case -1: found |= 2
            default: break
            }
            if found == 3 { break }
        }
        return found
    }

    /// The value of a form at a ray and what it may differ from the true one.
    @inline(__always)
    func value(of form: UnsafeMutablePointer<Double>, _ stride: Int, at id: Int) -> (Double, Double) {
        let ray = rays.base + id * rayStride
        var value = form[0] * ray[0]
        for coordinate in 1..<max(1, width) { value += form[coordinate * stride] * ray[coordinate] }
        return (value, form[width * stride] * ray[width] + form[(width + 1) * stride])
    }

    @inline(never)
    mutating func exactSign(_ layer: Int, _ unit: Int, _ id: Int) -> Int {
        exactSigns += 1
        return exactSign(of: exact.form(layer: layer, unit: unit), at: id)
    }

    mutating func exactSign(of form: IntegerVector, at id: Int) -> Int {
        product.setDotProduct(at: 0, form, start: 0, exactRay(id), terms: width)
        return product.sign(0)
    }
}

/// How the forms of a layer were composed.
struct LayerComposition {
    /// Changes whenever the forms do.
    var stamp = 0
    /// The stamp of the layer before, and which of its units were on.
    var source = -1
    let states: UnsafeMutablePointer<UInt8>
    /// How many more units may change before the forms are composed anew.
    var budget = 0

    init(_ network: CellNetwork, layer: Int) {
        let count = layer > 0 ? network.hidden[layer - 1].outputs : 0
        states = .allocate(capacity: max(1, count))
        states.initialize(repeating: 0, count: max(1, count))
    }
}

/// Memory of trivial values that is reserved by hand.
struct Buffer<Element> {
    private(set) var base: UnsafeMutablePointer<Element>
    private(set) var capacity: Int

    init(capacity: Int) {
        self.capacity = capacity
        base = .allocate(capacity: capacity)
    }

    /// Makes room for `count` elements and keeps the old ones.
    @inline(__always)
    mutating func reserve(_ count: Int) {
        if count > capacity { grow(count) }
    }

    @inline(never)
    private mutating func grow(_ count: Int) {
        let size = max(count, 2 * capacity)
        let larger = UnsafeMutablePointer<Element>.allocate(capacity: size)
        larger.update(from: base, count: capacity)
        base.deallocate()
        base = larger
        capacity = size
    }

    func deallocate() { base.deallocate() }
}

/// What a cut computes of the rays of a cell.
struct SplitScratch {
    var values = Buffer<Double>(capacity: 256)
    var bounds = Buffer<Double>(capacity: 256)
    /// 1, 0, −1.
    var signs = Buffer<Int8>(capacity: 256)
    /// Whether the sign is that of the value.
    var isDecided = Buffer<UInt8>(capacity: 256)
    var newRays = Buffer<Int32>(capacity: 256)
    /// Places of adjacent rays on either side, pair after pair.
    var pairs = Buffer<Int32>(capacity: 512)
    /// Whether the pair's ray was made.
    var made = Buffer<UInt8>(capacity: 256)

    mutating func reserve(_ count: Int) {
        values.reserve(count)
        bounds.reserve(count)
        signs.reserve(count)
        isDecided.reserve(count)
    }

    func deallocate() {
        values.deallocate()
        bounds.deallocate()
        signs.deallocate()
        isDecided.deallocate()
        newRays.deallocate()
        pairs.deallocate()
        made.deallocate()
    }
}
