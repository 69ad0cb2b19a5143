import ExactArithmetic
import PiecewiseLinear

/// Values of functions by their definitions, apart from everything that is tested.
enum FunctionOracle {
    /// `nil` where the function is not given at the point.
    static func value(_ function: FunctionExpression, _ point: [Rational]) -> Rational? {
        switch function {
        case .maxAffine(let pieces): return pieces.map { $0(point) }.max()
        case .signedMax(let terms):
            return terms.reduce(Rational.zero) { sum, term in
                let value = term.pieces.map { $0(point) }.max() ?? .zero
                return term.isNegative ? sum - value : sum + value
            }
        case .lattice(let pieces, let selections):
            return selections.compactMap { $0.map { pieces[$0](point) }.min() }.max()
        case .oneDimensional(let function): return function(point[0])
        case .simplicial(let function): return value(function, point)
        case .regions(let function):
            return function.regions.first { region in
                region.halfSpaces.allSatisfy {
                    AffineFunction(gradient: $0.normal, intercept: -$0.offset)(point).sign <= 0
                }
            }?.function(point)
        case .sum(let terms):
            var sum = Rational.zero
            for term in terms {
                guard let value = value(term.function, point) else { return nil }
                sum += term.coefficient * value
            }
            return sum
        case .maximum(let functions): return values(functions, point)?.max()
        case .minimum(let functions): return values(functions, point)?.min()
        case .absolute(let function): return value(function, point)?.magnitude
        case .composition(let outer, let inner): return values(inner, point).flatMap { value(outer, $0) }
        case .network(let layers):
            var values = point
            for (index, layer) in layers.enumerated() {
                values = zip(layer.weights, layer.bias).map { row, bias in
                    let sum = AffineFunction(gradient: row, intercept: bias)(values)
                    return index < layers.count - 1 ? max(.zero, sum) : sum
                }
            }
            return values[0]
        }
    }

    private static func values(_ functions: [FunctionExpression], _ point: [Rational]) -> [Rational]? {
        let found = functions.compactMap { value($0, point) }
        return found.count == functions.count ? found : nil
    }

    /// By barycentric coordinates.
    private static func value(_ function: SimplicialFunction, _ point: [Rational]) -> Rational? {
        for simplex in function.simplices {
            guard let weights = barycentric(simplex.map { function.vertices[$0] }, point) else { continue }
            return zip(weights, simplex).reduce(Rational.zero) { $0 + $1.0 * function.values[$1.1] }
        }
        return nil
    }

    private static func barycentric(_ corners: [[Rational]], _ point: [Rational]) -> [Rational]? {
        let rows =
            point.indices.map { axis in corners.map { $0[axis] } } + [corners.map { _ in Rational.one }]
        guard let weights = RationalMatrix(rows).solve(point + [.one]), weights.allSatisfy({ $0.sign >= 0 })
        else {
            return nil
        }
        return weights
    }
}
