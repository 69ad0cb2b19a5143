internal import ExactArithmetic
internal import ReLUNetworks

/// A layer as the search reads it: column-major, entry j · outputs + i is the weight from unit j to unit i.
struct ProgramLayer: Sendable {
    let inputs: Int
    let outputs: Int
    /// Nearest binary64.
    let columns: [Double]
    let bias: [Double]
    /// Whether every entry is a binary64.
    let hasDoubles: Bool
    /// Whether every form of this layer, as a function of the input, is computed without rounding, whatever the
    /// pattern.
    let isExact: Bool
    /// Entries times the layer's common denominator, modulo 2^61 − 1.
    let columnResidues: [UInt64]
    /// Biases times the common denominators of this layer and of all before it, modulo 2^61 − 1.
    let biasResidues: [UInt64]
}

/// A network on the coordinates that its first layer does not confuse, with units and coordinates scaled by powers
/// of two so that products stay within binary64's range; the cells of R^n or of a box keep their activation patterns.
struct ProgramNetwork: Sendable {
    /// The number of coordinates kept, at least 1.
    let dimension: Int
    /// Which of the network's inputs they are, increasing.
    let coordinates: [Int]
    /// Coordinate k of the search is input `coordinates[k]` times this.
    let coordinateScales: [Rational]
    /// The scaled network on the kept coordinates.
    let exact: Network<Rational>
    let layers: [ProgramLayer]
    /// Bounds of the scaled coordinates; none on all of R^n.
    let bounds: [CoordinateBound]
    /// The first unit of each hidden layer in the order of all hidden units, then their number.
    let firstUnits: [Int]

    /// sign · (x_k − bound) ≥ 0.
    struct CoordinateBound: Sendable {
        let coordinate: Int
        let value: Rational
        let sign: Int
    }

    /// - Parameters:
    ///   - lower, upper: a box's corners, or both `nil` for R^n.
    ///   - maximumBytes: the most memory for the layers, and for one cell's forms, as integers over common denominators.
    /// - Throws: `limitReached`.
    init(
        _ network: Network<Rational>, lower: [Rational]?, upper: [Rational]?, maximumBytes: Int
    ) throws(PieceCountingFault) {
        let isBounded = lower != nil || upper != nil
        let kept = isBounded ? Array(0..<network.inputs) : Self.distinguished(network.layers[0])
        coordinates = kept
        dimension = kept.count
        let first = network.layers[0]
        var scaled = Network(
            layers: [
                AffineLayer(
                    inputs: kept.count, outputs: first.outputs,
                    weights: (0..<first.outputs).flatMap { row in
                        kept.map { first.weights[row * first.inputs + $0] }
                    }, bias: first.bias)
            ] + network.layers.dropFirst())
        coordinateScales = Self.scale(&scaled)
        exact = scaled
        var bounds: [CoordinateBound] = []
        for (place, coordinate) in kept.enumerated() {
            if let lower {
                bounds.append(
                    CoordinateBound(
                        coordinate: place, value: lower[coordinate] * coordinateScales[place], sign: 1))
            }
            if let upper {
                bounds.append(
                    CoordinateBound(
                        coordinate: place, value: upper[coordinate] * coordinateScales[place], sign: -1))
            }
        }
        self.bounds = bounds
        var firstUnits = [0]
        for width in network.hiddenWidths { firstUnits.append(firstUnits[firstUnits.count - 1] + width) }
        self.firstUnits = firstUnits
        guard let layers = Self.programLayers(scaled, maximumBytes) else {
            throw .limitReached(.bytes, limit: maximumBytes, reached: [:])
        }
        self.layers = layers
    }

    var hiddenLayers: Int { layers.count - 1 }
    /// The number of hidden units.
    var size: Int { firstUnits[firstUnits.count - 1] }

    /// Inputs whose columns of the first layer's matrix are a basis of its column space: the network factors through
    /// the matrix, so setting the other inputs to 0 keeps every cell's pattern. All inputs where that is not certain.
    private static func distinguished(_ layer: AffineLayer<Rational>) -> [Int] {
        let all = Array(0..<layer.inputs)
        let work = Double(layer.inputs) * Double(layer.outputs) * Double(min(layer.inputs, layer.outputs))
        guard work < 1e9, let pivots = pivotColumns(layer), pivots.count < layer.inputs else { return all }
        if pivots.isEmpty { return layer.weights.allSatisfy(\.isZero) ? [0] : all }
        // Independent modulo a prime is independent; that there are not more is certain when every row is needed.
        if pivots.count < layer.outputs {
            guard work < 1e6 else { return all }
            let matrix = RationalMatrix(
                rows: layer.outputs, columns: layer.inputs, entries: layer.weights)
            guard matrix.rank == pivots.count else { return all }
        }
        return pivots
    }

    /// Independent columns modulo 2^61 − 1.
    private static func pivotColumns(_ layer: AffineLayer<Rational>) -> [Int]? {
        let (m, n) = (layer.outputs, layer.inputs)
        guard let denominator = commonDenominator(layer.weights, maximumBits: 1 << 16) else { return nil }
        var entries = layer.weights.map { MersenneField.residue($0.scaledInteger(denominator)) }
        var pivots: [Int] = []
        for column in 0..<n where pivots.count < m {
            let top = pivots.count
            guard let pivot = (top..<m).first(where: { entries[$0 * n + column] != 0 }) else { continue }
            for index in 0..<n { entries.swapAt(pivot * n + index, top * n + index) }
            let inverse = MersenneField.inverse(entries[top * n + column])
            for row in top + 1..<max(top + 1, m) where entries[row * n + column] != 0 {
                let factor = MersenneField.product(
                    MersenneField.modulus - entries[row * n + column], inverse)
                for index in column..<n {
                    entries[row * n + index] = MersenneField.sum(
                        entries[row * n + index], MersenneField.product(factor, entries[top * n + index]))
                }
            }
            pivots.append(column)
        }
        return pivots
    }

    // MARK: Scaling

    /// Exponents beyond this bring the scaling about.
    private static let unscaledExponents = -60...60

    /// Scales inputs and hidden units by powers of two where entries are far from 1; returns the inputs' scales.
    private static func scale(_ network: inout Network<Rational>) -> [Rational] {
        let ones = [Rational](repeating: .one, count: network.inputs)
        let isModerate = network.layers.allSatisfy { layer in
            (layer.weights + layer.bias).allSatisfy { entry in
                entry.isZero || unscaledExponents.contains(exponent(entry))
            }
        }
        if isModerate { return ones }
        // The column factors of the next layer: coordinate or value times its scale is what the search sees.
        var scales = [Int](repeating: 0, count: network.inputs)
        for column in 0..<network.inputs {
            scales[column] =
                (0..<network.layers[0].outputs)
                .compactMap { row -> Int? in
                    let entry = network.layers[0].weights[row * network.inputs + column]
                    return entry.isZero ? nil : exponent(entry)
                }.max() ?? 0
        }
        let inputScales = scales
        var layers: [AffineLayer<Rational>] = []
        for (index, layer) in network.layers.enumerated() {
            var weights = layer.weights
            var bias = layer.bias
            var outputScales = [Int](repeating: 0, count: layer.outputs)
            for row in 0..<layer.outputs {
                var largest: Int?
                for column in 0..<layer.inputs {
                    let place = row * layer.inputs + column
                    if weights[place].isZero { continue }
                    weights[place] = scaled(weights[place], -scales[column])
                    largest = max(largest ?? .min, exponent(weights[place]))
                }
                guard index < network.layers.count - 1 else { continue }
                if largest == nil, !bias[row].isZero { largest = exponent(bias[row]) }
                guard let largest else { continue }
                outputScales[row] = -largest
                for column in 0..<layer.inputs {
                    let place = row * layer.inputs + column
                    weights[place] = scaled(weights[place], -largest)
                }
                bias[row] = scaled(bias[row], -largest)
            }
            layers.append(
                AffineLayer(inputs: layer.inputs, outputs: layer.outputs, weights: weights, bias: bias))
            scales = outputScales
        }
        network = Network(layers: layers)
        return inputScales.map { scaled(.one, $0) }
    }

    /// About log2 |entry|.
    private static func exponent(_ entry: Rational) -> Int {
        let double = entry.magnitude.nearestDouble
        if double.isNormal { return Int(double.exponent) }
        let numerator = IntegerVector(count: 2)
        numerator[0] = entry.numerator
        numerator[1] = entry.denominator
        return numerator.bitCount(0) - numerator.bitCount(1)
    }

    private static func scaled(_ entry: Rational, _ exponent: Int) -> Rational {
        if exponent == 0 || entry.isZero { return entry }
        let power = Rational(BigInteger(2).power(abs(exponent)))
        return exponent > 0 ? entry * power : entry / power
    }

    // MARK: Layers

    /// `nil` where common denominators are too long for `maximumBytes`.
    private static func programLayers(
        _ network: Network<Rational>, _ maximumBytes: Int
    ) -> [ProgramLayer]? {
        var denominator = BigInteger.one
        var grid = network.inputs <= 256 ? FormGrid(dimension: network.inputs) : nil
        let widest = network.layers.map(\.outputs).max() ?? 1
        var bits = 64
        var layers: [ProgramLayer] = []
        for (index, layer) in network.layers.enumerated() {
            let entries = layer.weights + layer.bias
            let most = min(1 << 20, maximumBytes / max(1, entries.count) * 8)
            guard let common = commonDenominator(entries, maximumBits: most) else { return nil }
            bits += commonBits(common) + 64
            // The forms of all units of a layer, n + 1 numbers each, of about as many bits as there are so far.
            guard
                Double(bits) * Double(widest) * Double(network.inputs + 1)
                    < 8 * Double(maximumBytes)
            else { return nil }
            denominator *= common
            let weights = layer.weights.map(\.nearestDouble)
            let bias = layer.bias.map(\.nearestDouble)
            let hasDoubles = entries.allSatisfy { $0.exactDouble != nil }
            grid = hasDoubles ? grid?.after(layer.inputs, layer.outputs, weights, bias) : nil
            let residues = layer.weights.map { MersenneField.residue($0.scaledInteger(common)) }
            func transposed<Entry>(_ entries: [Entry]) -> [Entry] {
                (0..<layer.inputs).flatMap { column in
                    (0..<layer.outputs).map { entries[$0 * layer.inputs + column] }
                }
            }
            layers.append(
                ProgramLayer(
                    inputs: layer.inputs, outputs: layer.outputs, columns: transposed(weights), bias: bias,
                    hasDoubles: hasDoubles, isExact: index == 0 ? hasDoubles : grid != nil,
                    columnResidues: transposed(residues),
                    biasResidues: layer.bias.map { entry in
                        MersenneField.residue((entry * Rational(denominator)).numerator)
                    }))
        }
        return layers
    }

    private static func commonBits(_ denominator: BigInteger) -> Int {
        let vector = IntegerVector(count: 1)
        vector[0] = denominator
        return vector.bitCount(0)
    }
}

extension MersenneField {
    /// a^(p − 2).
    static func inverse(_ a: UInt64) -> UInt64 {
        var result: UInt64 = 1
        var power = a
        var exponent = modulus - 2
        while exponent > 0 {
            if exponent & 1 == 1 { result = product(result, power) }
            power = product(power, power)
            exponent >>= 1
        }
        return result
    }
}

/// Whether the composed forms of a layer, whatever the pattern, are sums without rounding: all entries are
/// multiples of 2^`exponent` of bounded size.
private struct FormGrid {
    /// The least exponent of any coefficient of any unit.
    var exponent: Int
    /// For each unit, a bound on every |coefficient|, for each of the n + 1 coordinates.
    var bounds: [[Double]]
    let dimension: Int

    init(dimension: Int) {
        self.dimension = dimension
        exponent = 0
        bounds = (0..<dimension).map { k in (0...dimension).map { $0 == k ? 1 : 0 } }
    }

    func after(_ inputs: Int, _ outputs: Int, _ weights: [Double], _ bias: [Double]) -> FormGrid? {
        guard Double(inputs) * Double(outputs) * Double(dimension + 1) < 2e8 else { return nil }
        let least = weights.filter { $0 != 0 }.map(\.lowestBit).min() ?? 0
        var next = self
        next.exponent = exponent + least
        next.exponent = bias.filter { $0 != 0 }.map(\.lowestBit).reduce(next.exponent, min)
        guard next.exponent > -900 else { return nil }
        let limit = Double(sign: .plus, exponent: next.exponent + 52, significand: 1)
        next.bounds = (0..<outputs).map { unit in
            var sums = [Double](repeating: 0, count: dimension + 1)
            sums[dimension] = bias[unit].magnitude
            for input in 0..<inputs {
                let weight = weights[unit * inputs + input].magnitude
                if weight == 0 { continue }
                for k in 0...dimension { sums[k] += weight * bounds[input][k] }
            }
            return sums
        }
        return next.bounds.allSatisfy({ $0.allSatisfy { $0 <= limit } }) ? next : nil
    }
}

extension Double {
    /// For a finite value other than 0: the exponent e for which value = odd · 2^e.
    fileprivate var lowestBit: Int {
        Int(exponent) - (52 - significandBitPattern.trailingZeroBitCount.clamped(to: 52))
    }
}

extension Int {
    fileprivate func clamped(to most: Int) -> Int { Swift.min(self, most) }
}
