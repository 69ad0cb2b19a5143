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
    private(set) var forms: [UnsafeMutablePointer<Double>]
    /// Bounds for the evaluation of the forms: |value computed − value| ≤ 1.01 Σ bound_k |x_k|.
    private(set) var bounds: [UnsafeMutablePointer<Double>]
    /// 1 / ‖gradient‖, or 0 where the gradient may be 0 or is out of range.
    private(set) var inverseNorms: [UnsafeMutablePointer<Double>]
    private(set) var residues: [UnsafeMutablePointer<UInt64>]

    /// Slots of the forms of layer l, l ≥ 1: coefficients, errors, fingerprints; for l = `hiddenLayers` only one
    /// fingerprint, of the outputs.
    private var slots: [UnsafeMutablePointer<Double>]
    private var errorSlots: [UnsafeMutablePointer<Double>]
    private var residueSlots: [UnsafeMutablePointer<UInt64>]
    private let residueCounts: [Int]
    /// The fingerprint's coefficients of the last layer's units, and its constant.
    private let outputResidues: [UInt64]
    private let outputResidue: UInt64
    private let doubles: WordArena
    private let words: WordArena

    /// Words that the tables take; `nil` where that is no number.
    static func words(_ network: ProgramNetwork) -> Int? {
        let stride = (network.dimension + 4) / 4 * 4
        var total = 0
        for layer in 0..<network.hiddenLayers {
            let width = network.layers[layer].outputs
            let (own, o1) = width.multipliedReportingOverflow(by: 2 * stride + 2)
            let next = layer + 1 < network.hiddenLayers ? network.layers[layer + 1].outputs : 0
            let (square, o2) = (width + 1).multipliedReportingOverflow(by: next)
            let (slots, o3) = square.multipliedReportingOverflow(by: 2 * stride + 1)
            let (sum, o4) = total.addingReportingOverflow(own)
            let (all, o5) = sum.addingReportingOverflow(slots)
            if o1 || o2 || o3 || o4 || o5 { return nil }
            total = all + width + 1
        }
        return total
    }

    init(_ network: ProgramNetwork) {
        self.network = network
        let n = network.dimension
        let stride = (n + 4) / 4 * 4
        self.stride = stride
        evaluationError = Double(n + 6) * 0x1p-53
        let count = network.hiddenLayers
        var doubleCount = 0
        var wordCount = 0
        let widths = network.layers.map(\.outputs)
        for layer in 0..<count {
            let previous = layer > 0 ? widths[layer - 1] + 1 : 1
            doubleCount += widths[layer] * (stride + 1) + 2 * previous * widths[layer] * stride
            wordCount += previous * widths[layer]
        }
        wordCount += count > 0 ? widths[count - 1] + 1 : 1
        let doubles = WordArena(capacity: doubleCount, parts: 4 * count + 4)
        let words = WordArena(capacity: wordCount, parts: 2 * count + 4)
        self.doubles = doubles
        self.words = words
        forms = []
        bounds = []
        inverseNorms = []
        residues = []
        slots = []
        errorSlots = []
        residueSlots = []
        var residueCounts: [Int] = []
        for layer in 0..<count {
            let previous = layer > 0 ? widths[layer - 1] + 1 : 1
            slots.append(doubles.doubles(previous * widths[layer] * stride))
            errorSlots.append(doubles.doubles(previous * widths[layer] * stride))
            residueSlots.append(words.words(previous * widths[layer]))
            residueCounts.append(widths[layer])
            forms.append(slots[layer])
            bounds.append(doubles.doubles(widths[layer] * stride))
            inverseNorms.append(doubles.doubles(widths[layer]))
            residues.append(residueSlots[layer])
        }
        residueSlots.append(words.words(count > 0 ? widths[count - 1] + 1 : 1))
        residueCounts.append(1)
        self.residueCounts = residueCounts

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
        outputResidues = factors
        outputResidue = constant
        if count > 0 { fillFirstLayer() } else { residueSlots[0][0] = affineFingerprint(factors, constant) }
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
        guard next < network.hiddenLayers else {
            residueSlots[next][0] = outputResidue
            return
        }
        let target = network.layers[next]
        let n = network.dimension
        for unit in 0..<target.outputs {
            let form = slots[next] + unit * stride
            let error = errorSlots[next] + unit * stride
            for k in 0..<n { form[k] = 0 }
            form[n] = target.bias[unit]
            for k in 0..<n { error[k] = 0 }
            error[n] = target.isExact ? 0 : form[n].magnitude * 0x1p-52
            residueSlots[next][unit] = target.biasResidues[unit]
        }
    }

    /// Unit `unit` of `layer` is on: the partial sums of slot `slot` go on in slot `slot` + 1.
    func addUnit(_ layer: Int, _ unit: Int, slot: Int) {
        let next = layer + 1
        guard next < network.hiddenLayers else {
            residueSlots[next][slot + 1] = MersenneField.sum(
                residueSlots[next][slot],
                MersenneField.product(outputResidues[unit], residues[layer][unit]))
            return
        }
        let target = network.layers[next]
        let width = target.outputs
        let quads = stride / 4
        let size = width * stride
        let form = vectors(forms[layer] + unit * stride)
        let source = vectors(slots[next] + slot * size)
        let sum = vectors(slots[next] + (slot + 1) * size)
        let residue = residues[layer][unit]
        let residueSource = residueSlots[next] + slot * width
        let residueSum = residueSource + width
        target.columns.withUnsafeBufferPointer { columns in
            let column = columns.baseAddress.map { $0 + unit * width }
            guard let column else { return }
            for row in 0..<width {
                let weight = SIMD4(repeating: column[row])
                for quad in 0..<quads {
                    sum[row * quads + quad] = source[row * quads + quad] + weight * form[quad]
                }
            }
            if !target.isExact {
                let bound = vectors(bounds[layer] + unit * stride)
                let errorSource = vectors(errorSlots[next] + slot * size)
                let errorSum = vectors(errorSlots[next] + (slot + 1) * size)
                let unitRoundoff = SIMD4(repeating: 0x1.8p-53)
                for row in 0..<width {
                    let weight = SIMD4(repeating: column[row].magnitude)
                    for quad in 0..<quads {
                        let place = row * quads + quad
                        errorSum[place] =
                            errorSource[place] + weight * bound[quad]
                            + unitRoundoff * magnitude(sum[place])
                    }
                }
            }
        }
        target.columnResidues.withUnsafeBufferPointer { columns in
            let start = unit * width
            for row in 0..<width {
                residueSum[row] = MersenneField.sum(
                    residueSource[row], MersenneField.product(columns[start + row], residue))
            }
        }
    }

    /// Makes slot `slot` the forms of `layer`.
    func enter(_ layer: Int, slot: Int) {
        let width = network.layers[layer].outputs
        let isExact = network.layers[layer].isExact
        let quads = stride / 4
        let n = network.dimension
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
    func fingerprint(slot: Int) -> UInt64 { residueSlots[network.hiddenLayers][slot] }

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
