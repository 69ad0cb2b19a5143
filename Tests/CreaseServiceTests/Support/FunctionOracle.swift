import ExactArithmetic
import Foundation

/// The value of a function as it is posted, in rational arithmetic, straight from the meaning of its kind. `nil` where the
/// function is not given.
struct FunctionOracle {
    let function: [String: Any]

    init(_ text: String) throws {
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8))
        function = object as? [String: Any] ?? [:]
    }

    func callAsFunction(_ point: [Rational]) -> Rational? { Self.value(function, point) }

    private static func value(_ function: [String: Any], _ point: [Rational]) -> Rational? {
        let parts = function["functions"] as? [[String: Any]] ?? []
        let values = parts.compactMap { value($0, point) }
        guard values.count == parts.count else { return nil }
        switch function["kind"] as? String ?? "" {
        case "piecewise-linear": return table(function, point[0])
        case "max-affine": return pieces(function, point).max()
        case "signed-max":
            return (function["terms"] as? [[String: Any]] ?? []).reduce(Rational.zero) { sum, term in
                sum + number(term["sign"]) * (pieces(term, point).max() ?? .zero)
            }
        case "lattice":
            let values = pieces(function, point)
            return (function["selections"] as? [[Int]] ?? []).compactMap { $0.map { values[$0] }.min() }.max()
        case "sum":
            let coefficients = (function["coefficients"] as? [Any]).map { $0.map(number) }
            return values.enumerated().reduce(Rational.zero) {
                $0 + (coefficients?[$1.offset] ?? .one) * $1.element
            }
        case "maximum": return values.max()
        case "minimum": return values.min()
        case "scale": return inner(function, point).map { $0 * number(function["factor"]) }
        case "absolute": return inner(function, point)?.magnitude
        case "composition":
            let inner = function["inner"] as? [[String: Any]] ?? []
            let arguments = inner.compactMap { value($0, point) }
            guard arguments.count == inner.count else { return nil }
            return value(function["outer"] as? [String: Any] ?? [:], arguments)
        case "network": return network(function["network"] as? [String: Any] ?? [:], point)
        case "simplicial": return simplicial(function, point)
        case "grid": return grid(function, point)
        case "regions":
            for region in function["regions"] as? [[String: Any]] ?? [] {
                let rows = (region["a"] as? [[Any]] ?? []).map { $0.map(number) }
                let offsets = (region["b"] as? [Any] ?? []).map(number)
                guard zip(rows, offsets).allSatisfy({ product($0, point) <= $1 }) else { continue }
                return affine(region, point)
            }
            return nil
        default: return nil
        }
    }

    static func number(_ value: Any?) -> Rational {
        if let text = value as? String { return (try? Rational(parsing: text)) ?? .zero }
        if let number = value as? NSNumber { return (try? Rational(parsing: "\(number)")) ?? .zero }
        return .zero
    }

    private static func product(_ a: [Rational], _ b: [Rational]) -> Rational {
        zip(a, b).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
    }

    private static func affine(_ piece: [String: Any], _ point: [Rational]) -> Rational {
        product((piece["gradient"] as? [Any] ?? []).map(number), point) + number(piece["intercept"])
    }

    private static func pieces(_ function: [String: Any], _ point: [Rational]) -> [Rational] {
        (function["pieces"] as? [[String: Any]] ?? []).map { affine($0, point) }
    }

    private static func inner(_ function: [String: Any], _ point: [Rational]) -> Rational? {
        (function["function"] as? [String: Any]).flatMap { value($0, point) }
    }

    private static func table(_ function: [String: Any], _ x: Rational) -> Rational? {
        let points = (function["points"] as? [[Any]] ?? []).map { $0.map(number) }
        guard let first = points.first, let last = points.last else { return nil }
        if x <= first[0] { return first[1] + number(function["leftSlope"]) * (x - first[0]) }
        for (a, b) in zip(points, points.dropFirst()) where x <= b[0] {
            return a[1] + (b[1] - a[1]) * (x - a[0]) / (b[0] - a[0])
        }
        return last[1] + number(function["rightSlope"]) * (x - last[0])
    }

    private static func network(_ network: [String: Any], _ point: [Rational]) -> Rational? {
        let layers = network["layers"] as? [[String: Any]] ?? []
        var values = point
        for (index, layer) in layers.enumerated() {
            let rows = (layer["weights"] as? [[Any]] ?? []).map { $0.map(number) }
            let bias = (layer["bias"] as? [Any] ?? []).map(number)
            values = zip(rows, bias).map { product($0, values) + $1 }
            if index + 1 < layers.count { values = values.map { max($0, .zero) } }
        }
        return values.first
    }

    private static func simplicial(_ function: [String: Any], _ point: [Rational]) -> Rational? {
        let vertices = (function["vertices"] as? [[Any]] ?? []).map { $0.map(number) }
        let values = (function["values"] as? [Any] ?? []).map(number)
        for simplex in function["simplices"] as? [[Int]] ?? [] {
            let rows = point.indices.map { axis in simplex.map { vertices[$0][axis] } }
            let weights = RationalMatrix(rows + [simplex.map { _ in Rational.one }]).solve(point + [.one]) ?? []
            guard weights.count == simplex.count, weights.allSatisfy({ $0.sign >= 0 }) else { continue }
            return product(weights, simplex.map { values[$0] })
        }
        return nil
    }

    /// By the order of the coordinates within the cell: from the lowest corner along the axis of the largest one first.
    private static func grid(_ function: [String: Any], _ point: [Rational]) -> Rational? {
        let axes = (function["axes"] as? [[Any]] ?? []).map { $0.map(number) }
        var cell: [Int] = []
        var shares: [Rational] = []
        for (axis, x) in zip(axes, point) {
            guard let next = axis.dropFirst().firstIndex(where: { x <= $0 }), x >= axis[0] else { return nil }
            cell.append(next - 1)
            shares.append((x - axis[next - 1]) / (axis[next] - axis[next - 1]))
        }
        func corner() -> Rational {
            number(cell.reduce(function["values"] as Any) { ($0 as? [Any] ?? [])[$1] })
        }
        var value = corner()
        for axis in shares.indices.sorted(by: { shares[$0] > shares[$1] }) {
            let before = corner()
            cell[axis] += 1
            value += shares[axis] * (corner() - before)
        }
        return value
    }
}
