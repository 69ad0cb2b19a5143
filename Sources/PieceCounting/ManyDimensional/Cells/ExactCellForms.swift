internal import ExactArithmetic

/// The exact affine forms of units on the current cell, as integers up to a positive factor, computed when asked for
/// and kept while they hold. One for each thread.
final class ExactCellForms {
    private struct Layer {
        var forms: [IntegerVector?]
        var stamps: [Int]
        /// For each coordinate the values of the layer before, and the constant's factor behind them.
        var inputs: [IntegerVector]
        var inputsStamp = -1
        let integers: IntegerVector
        /// The factor by which the layer's forms are multiplied.
        let scale: BigInteger
    }

    private let network: CellNetwork
    /// Which units are on, by their numbers in all layers.
    private let states: UnsafeMutablePointer<UInt8>
    private var layers: [Layer] = []
    /// For each layer a number that changes whenever its forms do.
    private var stamps: [Int]

    init(_ network: CellNetwork, states: UnsafeMutablePointer<UInt8>) {
        self.network = network
        self.states = states
        stamps = [Int](repeating: 0, count: network.hidden.count + 1)
    }

    /// What is made at the first question: most walks ask none.
    private func prepare() {
        var scale = BigInteger.one
        for layer in network.hidden + [network.output] {
            let integers = layer.integers()
            scale *= integers.denominator
            layers.append(
                Layer(
                    forms: [IntegerVector?](repeating: nil, count: layer.outputs),
                    stamps: [Int](repeating: -1, count: layer.outputs),
                    inputs: (0...network.dimension).map { _ in IntegerVector(count: layer.inputs + 1) },
                    integers: integers.entries, scale: scale))
        }
    }

    /// Says that the forms of `layer` have changed, because a unit before it has.
    func invalidate(layer: Int) { stamps[layer] += 1 }

    /// The form of a unit, d + 1 coefficients.
    func form(layer: Int, unit: Int) -> IntegerVector {
        if layers.isEmpty { prepare() }
        let stamp = stamps[layer]
        if layers[layer].stamps[unit] == stamp, let known = layers[layer].forms[unit] { return known }
        if layers[layer].inputsStamp != stamp {
            fillInputs(layer)
            layers[layer].inputsStamp = stamp
        }
        let terms = layers[layer].inputs[0].count
        let form = IntegerVector(count: network.dimension + 1)
        for coordinate in 0...network.dimension {
            form.setDotProduct(
                at: coordinate, layers[layer].integers, start: unit * terms, layers[layer].inputs[coordinate],
                terms: terms)
        }
        layers[layer].forms[unit] = form
        layers[layer].stamps[unit] = stamp
        return form
    }

    private func fillInputs(_ layer: Int) {
        let count = layers[layer].inputs[0].count - 1
        let inputs = layers[layer].inputs
        if layer == 0 {
            for coordinate in 0...network.dimension {
                for place in 0...count { inputs[coordinate].setZero(place) }
                inputs[coordinate][coordinate == 0 ? count : coordinate - 1] = .one
            }
            return
        }
        inputs[0][count] = layers[layer - 1].scale
        for coordinate in 1..<max(1, network.dimension + 1) { inputs[coordinate].setZero(count) }
        let first = network.firstUnits[layer - 1]
        for unit in 0..<count {
            if states[first + unit] == 0 {
                for coordinate in 0...network.dimension { inputs[coordinate].setZero(unit) }
            } else {
                let form = form(layer: layer - 1, unit: unit)
                for coordinate in 0...network.dimension {
                    inputs[coordinate].copy(form, coordinate, to: unit)
                }
            }
        }
    }

    /// The affine map on the current cell: for each output d + 1 coefficients. Equal for two cells exactly where the
    /// maps are.
    func outputMap() -> [IntegerVector] {
        let layer = network.hidden.count
        invalidate(layer: layer)
        return (0..<network.output.outputs).map { form(layer: layer, unit: $0) }
    }
}
