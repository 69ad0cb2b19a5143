/// The cells that one thread has counted.
struct CountedCells {
    /// A part of the walk and where its cells start.
    struct Part {
        let number: Int
        let start: Int
        /// The first of its entries in `groupSizes`.
        let firstGroup: Int
    }

    var parts: [Part] = []
    /// For each cell two values of its map.
    var firstValues: [Double] = []
    var secondValues: [Double] = []
    /// What the values may differ from the true ones.
    var error = 0.0
    /// The number of cells after each `lastLayer` that was whole, in order.
    var groupSizes: [UInt32] = []
}

/// Counts cells, and keeps for each two values of its affine map with an error bound: cells with the same map have
/// values within twice the bound.
///
/// The values are those of a combination of the outputs at two points in general position, summed over the units of
/// the last hidden layer that are on.
struct CountVisitor<Mask: FacetMask>: CellVisitor {
    private let control: CountingControl
    /// Of each unit of the last hidden layer: its factor, and the sum of the magnitudes that it is made of.
    private let factors: [Double]
    private let magnitudes: [Double]
    private let constant: Double
    private let constantMagnitude: Double
    private let points: [SIMD2<Double>]
    /// Bounds the relative error of the sums.
    private let rounding: Double

    private(set) var found = CountedCells()
    private var isInGroup = false

    private var ticks = 0
    private var reported = 0

    init(_ network: CellNetwork, _ control: CountingControl, isFiltered: Bool) {
        found.error = isFiltered ? 0 : .infinity
        self.control = control
        let output = network.output
        let combination = (0..<output.outputs).map { Self.general($0, 0.618_033_988_749_894_9) }
        var factors: [Double] = []
        var magnitudes: [Double] = []
        func combined(_ entry: (Int) -> Double) -> (Double, Double) {
            var sum = 0.0
            var magnitude = 0.0
            for (place, factor) in combination.enumerated() {
                sum += factor * entry(place)
                magnitude += (factor * entry(place)).magnitude
            }
            return (sum, magnitude)
        }
        for input in 0..<output.inputs {
            let (sum, magnitude) = combined { output.weights[input * output.stride + $0] }
            factors.append(sum)
            magnitudes.append(magnitude)
        }
        self.factors = factors
        self.magnitudes = magnitudes
        (constant, constantMagnitude) = combined { output.bias[$0] }
        points =
            [SIMD2(1, 1)]
            + (0..<network.dimension).map {
                SIMD2(Self.general($0, 0.414_213_562_373_095_1), -Self.general($0, 0.732_050_807_568_877_2))
            }
        rounding = Double(output.inputs + output.outputs + network.dimension + 12) * 0x1p-53
    }

    /// Numbers between 1/4 and 1 without simple relations.
    private static func general(_ place: Int, _ seed: Double) -> Double {
        let value = seed * Double(place + 1) * 1.324_717_957_244_746
        return 0.25 + 0.75 * (value - value.rounded(.down))
    }

    mutating func begin(part: Int) {
        found.parts.append(
            CountedCells.Part(
                number: part, start: found.firstValues.count, firstGroup: found.groupSizes.count))
        isInGroup = false
    }

    mutating func lastLayer(
        _ walk: inout Subdivision<Mask>, candidates units: UnsafeBufferPointer<Int32>, isWhole: Bool
    ) -> Bool {
        let index = walk.network.hidden.count - 1
        let layer = walk.network.hidden[index]
        let frame = walk.frames[index]
        let state = walk.states + walk.network.firstUnits[index]
        for unit in units { state[Int(unit)] = 0 }
        var sum = SIMD2(constant, constant)
        var bound = constantMagnitude * rounding
        let width = walk.width
        func value(_ unit: Int) -> SIMD2<Double> {
            var value = SIMD2<Double>()
            for coordinate in 0..<width {
                value += frame[coordinate * layer.stride + unit] * points[coordinate]
            }
            // Row B bounds the error of a value at coordinates of at most 1.
            bound +=
                magnitudes[unit]
                * (frame[(width + 1) * layer.stride + unit]
                    + rounding * max(value.x.magnitude, value.y.magnitude))
            return factors[unit] * value
        }
        for unit in 0..<layer.outputs where state[unit] != 0 { sum += value(unit) }
        for unit in units { walk.lastValues[Int(unit)] = value(Int(unit)) }
        walk.leafSum = sum
        // Partial sums are at most the sum of the terms' magnitudes.
        bound *= 1.001
        // Also for what is not a number.
        if !(bound <= found.error) { found.error = bound.isNaN ? .infinity : bound }
        isInGroup = isWhole
        if isWhole { found.groupSizes.append(0) }
        return true
    }

    mutating func cell(_ walk: inout Subdivision<Mask>) {
        found.firstValues.append(walk.leafSum.x)
        found.secondValues.append(walk.leafSum.y)
        if isInGroup { found.groupSizes[found.groupSizes.count - 1] += 1 }
    }

    mutating func isStopped(_ walk: borrowing Subdivision<Mask>) -> Bool {
        ticks += 1
        return ticks & 255 == 0 && report()
    }

    /// Tells of the cells found since the last time.
    mutating func report() -> Bool {
        let new = found.firstValues.count - reported
        reported = found.firstValues.count
        return control.poll(newCells: new)
    }
}
