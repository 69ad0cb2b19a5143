internal import ExactArithmetic
internal import ReLUNetworks

/// Affine forms with rational coefficients: the choice where a layer's weights have so many different denominators
/// that a common one would be far longer than the coefficients themselves.
final class RationalForms: LineForms {
    private let network: Network<Rational>
    private var slopes: [[Rational]]
    private var intercepts: [[Rational]]
    private var selected = Rational.zero

    /// - Precondition: the network has one input.
    init(_ network: Network<Rational>) {
        self.network = network
        slopes = network.layers.map { [Rational](repeating: .zero, count: $0.outputs) }
        intercepts = slopes
    }

    func form(unit: Int, layer: Int, active: [Bool]) {
        let map = network.layers[layer]
        guard layer > 0 else {
            slopes[0][unit] = map.weights[unit]
            intercepts[0][unit] = map.bias[unit]
            return
        }
        var slope = Rational.zero
        var intercept = map.bias[unit]
        let start = unit * map.inputs
        for source in 0..<map.inputs where active[source] && !map.weights[start + source].isZero {
            slope += map.weights[start + source] * slopes[layer - 1][source]
            intercept += map.weights[start + source] * intercepts[layer - 1][source]
        }
        slopes[layer][unit] = slope
        intercepts[layer][unit] = intercept
    }

    func toggle(unit: Int, beforeLayer layer: Int, on: Bool) {
        let map = network.layers[layer]
        for target in 0..<map.outputs {
            let weight = map.weights[target * map.inputs + unit]
            if weight.isZero { continue }
            let signed = on ? weight : -weight
            slopes[layer][target] += signed * slopes[layer - 1][unit]
            intercepts[layer][target] += signed * intercepts[layer - 1][unit]
        }
    }

    func slopeSign(unit: Int, layer: Int) -> Int { slopes[layer][unit].sign }
    func interceptSign(unit: Int, layer: Int) -> Int { intercepts[layer][unit].sign }

    func selectRoot(unit: Int, layer: Int) {
        selected = -intercepts[layer][unit] / slopes[layer][unit]
    }

    func compareRoot(to point: Rational) -> Int { selected < point ? -1 : (selected == point ? 0 : 1) }
    func root() -> Rational { selected }
    func isLess(_ a: Rational, _ b: Rational) -> Bool { a < b }
    func areEqual(_ a: Rational, _ b: Rational) -> Bool { a == b }
    func point(_ value: Rational) -> Rational { value }
    func outputMap() -> [Rational] { slopes[slopes.count - 1] + intercepts[intercepts.count - 1] }
    func outputEquals(_ map: [Rational]) -> Bool { outputMap() == map }
    func coefficients(of map: [Rational]) -> [Rational] { map }
    func value(of point: Rational) -> Rational { point }

    var bytesPerPiece: Int { 64 * (1 + 2 * network.outputs) }
}
