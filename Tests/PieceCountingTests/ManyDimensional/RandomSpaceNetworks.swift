import ExactArithmetic
import PieceCounting
import ReLUNetworks

/// Kinds of random networks on R^n, most of them degenerate on purpose.
enum RandomSpaceNetwork: Int, CaseIterable {
    case binary64, smallIntegers, fractions, repeatedUnits, deadLayer, sparse, symmetric, central, lowRank

    /// Two outputs now and then.
    func make(seed: Int, dimensions: ClosedRange<Int>, maximumWidth: Int, maximumLayers: Int)
        -> Network<Rational>
    {
        var generator = SeededGenerator(seed * RandomSpaceNetwork.allCases.count + rawValue)
        var widths = [Int.random(in: dimensions, using: &generator)]
        for _ in 0..<Int.random(in: 1...maximumLayers, using: &generator) {
            widths.append(Int.random(in: 1...maximumWidth, using: &generator))
        }
        widths.append(Int.random(in: 0...4, using: &generator) == 0 ? 2 : 1)
        let last = widths.count - 2
        var layers: [AffineLayer<Rational>] = []
        for (index, (inputs, outputs)) in zip(widths, widths.dropFirst()).enumerated() {
            var rows = (0..<outputs).map { _ in (0...inputs).map { _ in entry(&generator) } }
            switch self {
            case .repeatedUnits where outputs > 1: rows[outputs - 1] = rows[0]
            case .symmetric where outputs > 1: rows[outputs - 1] = rows[0].map { -$0 }
            case .central: for row in rows.indices { rows[row][inputs] = .zero }
            case .lowRank where index == 0 && outputs > 2:
                rows[outputs - 1] = zip(rows[0], rows[1]).map { $0 - $1 }
            case .deadLayer where index == last - 1 || (last == 1 && index == 0):
                // Off on much of the space.
                for row in rows.indices { rows[row] = rows[row].map { -$0.magnitude } }
                for row in rows.indices { rows[row][inputs] = rows[row][inputs].magnitude }
            default: break
            }
            layers.append(
                AffineLayer(
                    inputs: inputs, outputs: outputs, weights: rows.flatMap { $0.dropLast() },
                    bias: rows.map { $0[inputs] }))
        }
        return Network(layers: layers)
    }

    private func entry(_ generator: inout SeededGenerator) -> Rational {
        switch self {
        case .binary64: Rational(exactly: Double.random(in: -1...1, using: &generator)) ?? .zero
        case .fractions:
            Rational(Int.random(in: -9...9, using: &generator), Int.random(in: 1...7, using: &generator))
        case .sparse:
            Int.random(in: 0...2, using: &generator) == 0
                ? Rational(Int.random(in: -2...2, using: &generator)) : .zero
        default: Rational(Int.random(in: -2...2, using: &generator))
        }
    }
}
