/// The affine forms of all hidden layers under the activation pattern at hand: unit i of layer l is, on the cell,
/// x ↦ Σ c_k x_k + c_n, with bounds on the rounding errors of the c_k, and a fingerprint modulo 2^61 − 1.
///
/// While the units of layer l are decided one by one, the forms of layer l + 1 grow as partial sums, one slot for each
/// unit that is on, so going back to an earlier unit costs nothing.
///
/// Memory: Σ_l (w_l + 1) w_{l+1} (2 n + 2) words or so.
final class FormTables {
    let network: ProgramNetwork
    /// Entries from one form to the next: n + 1, filled with zeros to a multiple of 4.
    let stride: Int
    /// What Σ c_k x_k can lose by rounding, relative to Σ |c_k x_k|.
    private let evaluationError: Double

    /// Of layer l, unit after unit.
    let forms: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    /// Bounds for the evaluation of the forms: |value computed − value| ≤ 1.01 Σ bound_k |x_k|.
    let bounds: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    /// 1 / ‖gradient‖, or 0 where the gradient may be 0 or is out of range.
    let inverseNorms: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    let residues: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>

    /// Slots of the forms of layer l, l ≥ 1: coefficients, errors, fingerprints; for l = `hiddenLayers` only one
    /// fingerprint, of the outputs.
    private let slots: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    private let errorSlots: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    private let residueSlots: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
    /// The layers' entries, where they are read without counting references.
    let columns: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    let biases: UnsafeMutablePointer<UnsafeMutablePointer<Double>>
    private let columnResidues: UnsafeMutablePointer<UnsafeMutablePointer<UInt64>>
    /// Outputs of each layer.
    let widths: UnsafeMutablePointer<Int>
    let hasDoubles: UnsafeMutablePointer<Bool>
    private let isExact: UnsafeMutablePointer<Bool>
    private let hiddenLayers: Int
    private let dimension: Int
    /// The fingerprint's coefficients of the last layer's units, and its constant.
    private let outputResidues: UnsafeMutablePointer<UInt64>
    private let outputResidue: UInt64
    private let doubles: WordArena
    private let words: WordArena

    init(_ network: ProgramNetwork) {
        self.network = network
        let n = network.dimension
        let stride = (n + 4) / 4 * 4
        self.stride = stride
        evaluationError = Double(n + 6) * 0x1p-53
        let count = network.hiddenLayers
        hiddenLayers = count
        dimension = n
        var doubleCount = 0
        var wordCount = 0
        let widths = network.layers.map(\.outputs)
        for layer in 0..<count {
            let previous = layer > 0 ? widths[layer - 1] + 1 : 1
            doubleCount += widths[layer] * (stride + 1) + 2 * previous * widths[layer] * stride
            wordCount += previous * widths[layer]
        }
        wordCount += count > 0 ? widths[count - 1] + 1 : 1
        wordCount += network.layers[count].inputs
        for layer in network.layers {
            doubleCount += layer.columns.count + layer.outputs
            wordCount += layer.columns.count
        }
        let doubles = WordArena(capacity: doubleCount, parts: 6 * count + 8)
        let words = WordArena(capacity: wordCount, parts: 3 * count + 8)
        self.doubles = doubles
        self.words = words
        var forms: [UnsafeMutablePointer<Double>] = []
        var bounds: [UnsafeMutablePointer<Double>] = []
        var inverseNorms: [UnsafeMutablePointer<Double>] = []
        var errorSlots: [UnsafeMutablePointer<Double>] = []
        var residueSlots: [UnsafeMutablePointer<UInt64>] = []
        for layer in 0..<count {
            let previous = layer > 0 ? widths[layer - 1] + 1 : 1
            forms.append(doubles.doubles(previous * widths[layer] * stride))
            errorSlots.append(doubles.doubles(previous * widths[layer] * stride))
            residueSlots.append(words.words(previous * widths[layer]))
            bounds.append(doubles.doubles(widths[layer] * stride))
            inverseNorms.append(doubles.doubles(widths[layer]))
        }
        residueSlots.append(words.words(count > 0 ? widths[count - 1] + 1 : 1))
        self.forms = Self.stored(forms)
        self.bounds = Self.stored(bounds)
        self.inverseNorms = Self.stored(inverseNorms)
        residues = Self.stored(residueSlots)
        slots = Self.stored(forms)
        self.errorSlots = Self.stored(errorSlots)
        self.residueSlots = Self.stored(residueSlots)
        columns = Self.stored(
            network.layers.map { layer in
                let target = doubles.doubles(layer.columns.count)
                for (index, entry) in layer.columns.enumerated() { target[index] = entry }
                return target
            })
        biases = Self.stored(
            network.layers.map { layer in
                let target = doubles.doubles(layer.bias.count)
                for (index, entry) in layer.bias.enumerated() { target[index] = entry }
                return target
            })
        columnResidues = Self.stored(
            network.layers.map { layer in
                let target = words.words(layer.columnResidues.count)
                for (index, entry) in layer.columnResidues.enumerated() { target[index] = entry }
                return target
            })
        self.widths = Self.stored(widths)
        hasDoubles = Self.stored(network.layers.map(\.hasDoubles))
        isExact = Self.stored(network.layers.map(\.isExact))

        let last = network.layers[count]
        var constant: UInt64 = 0
        var factors = [UInt64](repeating: 0, count: last.inputs)
        for output in 0..<last.outputs {
            let weight = MersenneField.scattered(1000 + output)
            constant = MersenneField.sum(
                constant, MersenneField.product(weight, last.biasResidues[output]))
            for input in 0..<last.inputs {
                factors[input] = MersenneField.sum(
                    factors[input],
                    MersenneField.product(weight, last.columnResidues[input * last.outputs + output]))
            }
        }
        outputResidues = words.words(factors.count)
        for (index, factor) in factors.enumerated() { outputResidues[index] = factor }
        outputResidue = constant
        if count > 0 { fillFirstLayer() } else { residueSlots[0][0] = affineFingerprint(factors, constant) }
    }

    deinit {
        forms.deallocate()
        bounds.deallocate()
        inverseNorms.deallocate()
        residues.deallocate()
        slots.deallocate()
        errorSlots.deallocate()
        residueSlots.deallocate()
        columns.deallocate()
        biases.deallocate()
        columnResidues.deallocate()
        widths.deallocate()
        hasDoubles.deallocate()
        isExact.deallocate()
    }

    private static func stored<Element>(_ array: [Element]) -> UnsafeMutablePointer<Element> {
        let pointer = UnsafeMutablePointer<Element>.allocate(capacity: max(1, array.count))
        pointer.initialize(from: array, count: array.count)
        return pointer
    }

    private func fillFirstLayer() {
        let layer = network.layers[0]
        let n = network.dimension
        for unit in 0..<layer.outputs {
            let form = slots[0] + unit * stride
            let error = errorSlots[0] + unit * stride
            var residue = layer.biasResidues[unit]
            for k in 0..<n {
                form[k] = layer.columns[k * layer.outputs + unit]
                residue = MersenneField.sum(
                    residue,
                    MersenneField.product(
                        layer.columnResidues[k * layer.outputs + unit], MersenneField.scattered(k)))
            }
            form[n] = layer.bias[unit]
            if !layer.isExact { for k in 0...n { error[k] = form[k].magnitude * 0x1p-52 } }
            residueSlots[0][unit] = residue
        }
        enter(0, slot: 0)
    }

    private func affineFingerprint(_ factors: [UInt64], _ constant: UInt64) -> UInt64 {
        var sum = constant
        for (k, factor) in factors.enumerated() {
            sum = MersenneField.sum(sum, MersenneField.product(factor, MersenneField.scattered(k)))
        }
        return sum
    }

    /// The sum before any unit of layer `layer` is on: the biases of the next layer.
    func start(_ layer: Int) {
        let next = layer + 1
        guard next < hiddenLayers else {
            residueSlots[next][0] = outputResidue
            return
        }
        let bias = biases[next]
        let isExact = isExact[next]
        for unit in 0..<widths[next] {
            let form = slots[next] + unit * stride
            let error = errorSlots[next] + unit * stride
            for k in 0..<dimension {
                form[k] = 0
                error[k] = 0
            }
            form[dimension] = bias[unit]
            error[dimension] = isExact ? 0 : bias[unit].magnitude * 0x1p-52
        }
        network.layers[next].biasResidues.withUnsafeBufferPointer { residues in
            for (unit, residue) in residues.enumerated() { residueSlots[next][unit] = residue }
        }
    }

    /// Unit `unit` of `layer` is on: the partial sums of slot `slot` go on in slot `slot` + 1.
    func addUnit(_ layer: Int, _ unit: Int, slot: Int) {
        let next = layer + 1
        guard next < hiddenLayers else {
            residueSlots[next][slot + 1] = MersenneField.sum(
                residueSlots[next][slot],
                MersenneField.product(outputResidues[unit], residues[layer][unit]))
            return
        }
        let width = widths[next]
        let quads = stride / 4
        let size = width * stride
        let form = vectors(forms[layer] + unit * stride)
        let source = vectors(slots[next] + slot * size)
        let sum = vectors(slots[next] + (slot + 1) * size)
        let column = columns[next] + unit * width
        for row in 0..<width {
            let weight = SIMD4(repeating: column[row])
            for quad in 0..<quads {
                sum[row * quads + quad] = source[row * quads + quad] + weight * form[quad]
            }
        }
        if !isExact[next] {
            let bound = vectors(bounds[layer] + unit * stride)
            let errorSource = vectors(errorSlots[next] + slot * size)
            let errorSum = vectors(errorSlots[next] + (slot + 1) * size)
            let unitRoundoff = SIMD4(repeating: 0x1.8p-53)
            for row in 0..<width {
                let weight = SIMD4(repeating: column[row].magnitude)
                for quad in 0..<quads {
                    let place = row * quads + quad
                    errorSum[place] =
                        errorSource[place] + weight * bound[quad] + unitRoundoff * magnitude(sum[place])
                }
            }
        }
        let residue = residues[layer][unit]
        let residueSource = residueSlots[next] + slot * width
        let residueSum = residueSource + width
        let residueColumn = columnResidues[next] + unit * width
        for row in 0..<width {
            residueSum[row] = MersenneField.sum(
                residueSource[row], MersenneField.product(residueColumn[row], residue))
        }
    }

    /// Makes slot `slot` the forms of `layer`.
    func enter(_ layer: Int, slot: Int) {
        let width = widths[layer]
        let isExact = self.isExact[layer]
        let quads = stride / 4
        let n = dimension
        forms[layer] = slots[layer] + slot * width * stride
        residues[layer] = residueSlots[layer] + slot * width
        let form = vectors(forms[layer])
        let error = vectors(errorSlots[layer] + slot * width * stride)
        let bound = vectors(bounds[layer])
        let relative = SIMD4(repeating: evaluationError)
        // Covers what products below the normal range lose.
        let absolute = SIMD4(repeating: isExact ? 0 : 0x1p-960)
        for index in 0..<width * quads {
            bound[index] = relative * magnitude(form[index]) + absolute
            if !isExact { bound[index] += error[index] }
        }
        for unit in 0..<width {
            let row = forms[layer] + unit * stride
            let rowBound = bounds[layer] + unit * stride
            // Padding says nothing, and a gradient entry counts where it is certainly not 0.
            for k in n + 1..<max(n + 1, stride) { rowBound[k] = 0 }
            var square = 0.0
            var isCertain = false
            for k in 0..<n {
                square += row[k] * row[k]
                if row[k].magnitude > 2 * rowBound[k] { isCertain = true }
            }
            inverseNorms[layer][unit] =
                isCertain && square > 1e-200 && square < 1e200 ? 1 / square.squareRoot() : 0
        }
    }

    /// The fingerprint of the outputs once all units of the last hidden layer are decided.
    func fingerprint(slot: Int) -> UInt64 { residueSlots[hiddenLayers][slot] }

    @inline(__always)
    private func vectors(_ pointer: UnsafeMutablePointer<Double>) -> UnsafeMutablePointer<SIMD4<Double>> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: SIMD4<Double>.self)
    }
}

@inline(__always)
func magnitude(_ vector: SIMD4<Double>) -> SIMD4<Double> {
    let mask = SIMD4<UInt64>(repeating: 0x7fff_ffff_ffff_ffff)
    return unsafeBitCast(unsafeBitCast(vector, to: SIMD4<UInt64>.self) & mask, to: SIMD4<Double>.self)
}

/// Zeroed words from one allocation, aligned to 32 bytes, which lives as long as the arena.
final class WordArena {
    private let base: UnsafeMutableRawPointer
    private var used = 0
    private let capacity: Int

    /// - Parameter capacity: in words; each part is rounded up to a multiple of 4.
    init(capacity: Int, parts: Int = 64) {
        self.capacity = (capacity + 4 * (parts + 4)) * 8
        base = .allocate(byteCount: self.capacity, alignment: 32)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: self.capacity)
    }

    deinit { base.deallocate() }

    private func take(_ count: Int) -> UnsafeMutableRawPointer {
        let start = used
        used += (count + 3) / 4 * 32
        precondition(used <= capacity, "the arena is too small")
        return base + start
    }

    func doubles(_ count: Int) -> UnsafeMutablePointer<Double> {
        take(count).bindMemory(to: Double.self, capacity: count)
    }

    func words(_ count: Int) -> UnsafeMutablePointer<UInt64> {
        take(count).bindMemory(to: UInt64.self, capacity: count)
    }

    func bytes(_ count: Int) -> UnsafeMutablePointer<Int8> {
        take((count + 7) / 8).bindMemory(to: Int8.self, capacity: count)
    }
}
