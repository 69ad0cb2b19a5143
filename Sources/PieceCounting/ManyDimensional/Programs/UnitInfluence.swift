internal import ExactArithmetic
internal import ReLUNetworks

/// Which units can reach an output through weights other than 0. Cells with the same units on, of those that reach an
/// output through units that are on, have the same affine map: it is the same sum of products.
struct UnitInfluence {
    private let firstUnits: [Int]
    private let hiddenLayers: Int
    private let words: Int
    /// For each hidden unit the units of the next layer that read it, in the order of all hidden units; all bits set
    /// where an output reads it.
    private let readers: [UInt64]

    init(_ network: ProgramNetwork) {
        firstUnits = network.firstUnits
        hiddenLayers = network.hiddenLayers
        words = max(1, (network.size + 63) / 64)
        var readers = [UInt64](repeating: 0, count: network.size * words)
        for layer in 0..<network.hiddenLayers {
            let next = network.exact.layers[layer + 1]
            for row in 0..<next.outputs {
                for (unit, weight) in next.row(row).enumerated() where !weight.isZero {
                    let start = (network.firstUnits[layer] + unit) * words
                    if layer + 1 == network.hiddenLayers {
                        for word in 0..<words { readers[start + word] = .max }
                    } else {
                        let place = network.firstUnits[layer + 1] + row
                        readers[start + (place >> 6)] |= 1 << UInt64(place & 63)
                    }
                }
            }
        }
        self.readers = readers
    }

    /// The units that are on and reach an output through units that are on.
    func pattern(_ pattern: ArraySlice<UInt64>) -> [UInt64] {
        var result = [UInt64](repeating: 0, count: words)
        for layer in (0..<hiddenLayers).reversed() {
            let isLast = layer + 1 == hiddenLayers
            for place in firstUnits[layer]..<firstUnits[layer + 1] {
                let isOn = (pattern[pattern.startIndex + (place >> 6)] >> UInt64(place & 63)) & 1 == 1
                guard isOn else { continue }
                let start = place * words
                let reaches =
                    isLast
                    ? readers[start] != 0
                    : (0..<words).contains { readers[start + $0] & result[$0] != 0 }
                if reaches { result[place >> 6] |= 1 << UInt64(place & 63) }
            }
        }
        return result
    }
}
