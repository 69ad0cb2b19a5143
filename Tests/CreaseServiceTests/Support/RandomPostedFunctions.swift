import Foundation

/// Functions as JSON text, of small numbers, so that coincidences are common.
struct RandomPostedFunctions {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(state: seed) }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &generator) }

    /// A whole number, a decimal, or a fraction as a string.
    mutating func number() -> String {
        switch integer(0...3) {
        case 0: return "\"\(integer(-5...5))/\(integer(1...4))\""
        case 1: return "\(integer(-3...3)).\(integer(1...9))"
        default: return "\(integer(-3...3))"
        }
    }

    mutating func list(_ count: Int, _ element: (inout RandomPostedFunctions) -> String) -> String {
        "[" + (0..<count).map { _ in element(&self) }.joined(separator: ",") + "]"
    }

    mutating func numbers(_ count: Int) -> String { list(count) { $0.number() } }

    private mutating func pieces(_ variables: Int, _ count: Int) -> String {
        list(count) { "{\"gradient\":\($0.numbers(variables)),\"intercept\":\($0.number())}" }
    }

    /// A rational point, exactly.
    mutating func point(_ variables: Int, _ bound: Int = 5) -> [String] {
        (0..<variables).map { _ in
            let denominator = integer(1...60)
            return "\(integer(-bound * denominator...bound * denominator))/\(denominator)"
        }
    }

    static let plain = ["max-affine", "signed-max", "lattice", "network"]
    static let meshes = ["simplicial", "grid", "regions"]
    static let composed = ["sum", "maximum", "minimum", "scale", "absolute", "composition"]

    mutating func function(_ kind: String, _ variables: Int) -> String {
        switch kind {
        case "max-affine": return "{\"kind\":\"max-affine\",\"pieces\":\(pieces(variables, integer(1...6)))}"
        case "signed-max":
            let terms = list(integer(1...3)) {
                "{\"sign\":\($0.integer(0...1) * 2 - 1),\"pieces\":\($0.pieces(variables, $0.integer(1...4)))}"
            }
            return "{\"kind\":\"signed-max\",\"terms\":\(terms)}"
        case "lattice":
            let count = integer(2...5)
            let selections = list(integer(1...4)) {
                $0.list($0.integer(1...3)) { "\($0.integer(0...count - 1))" }
            }
            return "{\"kind\":\"lattice\",\"pieces\":\(pieces(variables, count)),\"selections\":\(selections)}"
        case "network":
            // Whole numbers: what a network's numbers mean does not depend on the reading.
            let (first, second) = (integer(1...4), integer(1...3))
            let layers = [(variables, first), (first, second), (second, 1)].map { inputs, outputs in
                let weights = list(outputs) { $0.list(inputs) { "\($0.integer(-2...2))" } }
                return "{\"weights\":\(weights),\"bias\":\(list(outputs) { "\($0.integer(-2...2))" })}"
            }
            return "{\"kind\":\"network\",\"network\":{\"layers\":[\(layers.joined(separator: ","))]}}"
        case "simplicial": return fan(variables)
        case "grid":
            let counts = (0..<variables).map { _ in variables > 2 ? 2 : integer(2...4) }
            let axes = counts.map { count in
                "[" + (0..<count).map { "\"\(7 * $0 - 7)/\(2)\"" }.joined(separator: ",") + "]"
            }
            return "{\"kind\":\"grid\",\"axes\":[\(axes.joined(separator: ","))],\"values\":"
                + nested(counts[...]) + ",\"triangulation\":\"freudenthal\"}"
        case "regions": return orthants(variables)
        case "scale":
            return "{\"kind\":\"scale\",\"function\":\(leaf(variables)),\"factor\":\(number())}"
        case "absolute": return "{\"kind\":\"absolute\",\"function\":\(leaf(variables))}"
        case "composition":
            let count = integer(1...2)
            let outer = count == 1 && integer(0...1) == 0 ? table() : leaf(count)
            return "{\"kind\":\"composition\",\"outer\":\(outer),\"inner\":\(list(count) { $0.leaf(variables) })}"
        default:
            let count = integer(1...3)
            let extra = kind == "sum" ? ",\"coefficients\":\(numbers(count))" : ""
            return "{\"kind\":\"\(kind)\",\"functions\":\(list(count) { $0.leaf(variables) })\(extra)}"
        }
    }

    private mutating func leaf(_ variables: Int) -> String {
        function(Self.plain[integer(0...Self.plain.count - 1)], variables)
    }

    private mutating func table() -> String {
        "{\"kind\":\"piecewise-linear\",\"points\":[[-1,\(number())],[\"1/3\",\(number())],[2,\(number())]],"
            + "\"leftSlope\":\(number()),\"rightSlope\":\(number())}"
    }

    private mutating func nested(_ counts: ArraySlice<Int>) -> String {
        guard let count = counts.first else { return number() }
        return list(count) { $0.nested(counts.dropFirst()) }
    }

    /// The cross-polytope around the origin, cut into the simplices of its orthants; a random value at each vertex.
    private mutating func fan(_ variables: Int) -> String {
        var vertices = [[String](repeating: "0", count: variables)]
        for axis in 0..<variables {
            for sign in [4, -4] {
                var vertex = vertices[0]
                vertex[axis] = "\(sign)"
                vertices.append(vertex)
            }
        }
        let simplices = (0..<1 << variables).map { mask in
            "[0," + (0..<variables).map { "\(1 + 2 * $0 + (mask >> $0 & 1))" }.joined(separator: ",") + "]"
        }
        return "{\"kind\":\"simplicial\",\"vertices\":["
            + vertices.map { "[\($0.joined(separator: ","))]" }.joined(separator: ",")
            + "],\"simplices\":[\(simplices.joined(separator: ","))],\"values\":\(numbers(vertices.count))}"
    }

    /// Σ c_i |x_i| + an affine function, orthant by orthant: on all of R^n, or in a box.
    private mutating func orthants(_ variables: Int) -> String {
        let (folds, slopes) = (
            (0..<variables).map { _ in integer(-3...3) }, (0..<variables).map { _ in integer(-3...3) }
        )
        let intercept = number()
        let isBounded = integer(0...1) == 0
        let regions = (0..<1 << variables).map { mask in
            var (rows, offsets, gradient): ([String], [String], [String]) = ([], [], [])
            for axis in 0..<variables {
                let sign = mask >> axis & 1 == 1 ? -1 : 1
                for bound in [0, isBounded ? 3 + axis : nil] {
                    guard let bound else { continue }
                    let entry = bound == 0 ? -sign : sign
                    rows.append(
                        "[" + (0..<variables).map { $0 == axis ? "\(entry)" : "0" }.joined(separator: ",") + "]")
                    offsets.append("\(bound)")
                }
                gradient.append("\(slopes[axis] + sign * folds[axis])")
            }
            return "{\"a\":[\(rows.joined(separator: ","))],\"b\":[\(offsets.joined(separator: ","))],"
                + "\"gradient\":[\(gradient.joined(separator: ","))],\"intercept\":\(intercept)}"
        }
        return "{\"kind\":\"regions\",\"regions\":[\(regions.joined(separator: ","))]}"
    }
}
