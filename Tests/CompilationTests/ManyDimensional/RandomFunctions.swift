import ExactArithmetic
@testable import PiecewiseLinear

/// Functions of all kinds, small numbers so that coincidences are common.
struct RandomFunctions: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func rational(_ bound: Int = 4) -> Rational {
        Rational(integer(-bound...bound), integer(0...2) == 0 ? integer(1...3) : 1)
    }

    mutating func point(_ dimension: Int, _ bound: Int = 6) -> [Rational] {
        (0..<dimension).map { _ in Rational(integer(-bound * 60...bound * 60), integer(1...60)) }
    }

    mutating func affine(_ dimension: Int) -> AffineFunction {
        AffineFunction(gradient: (0..<dimension).map { _ in rational(2) }, intercept: rational())
    }

    mutating func pieces(_ dimension: Int, _ count: ClosedRange<Int>) -> [AffineFunction] {
        var pieces = (0..<integer(count)).map { _ in affine(dimension) }
        // Now and then a piece twice, or one that differs by a constant.
        if integer(0...3) == 0, let first = pieces.first { pieces.append(first) }
        if integer(0...3) == 0, let first = pieces.first {
            pieces.append(AffineFunction(gradient: first.gradient, intercept: first.intercept + rational()))
        }
        return pieces
    }

    mutating func network(_ dimension: Int) -> FunctionExpression {
        var widths = [dimension] + (0..<integer(1...3)).map { _ in integer(1...4) } + [1]
        if integer(0...5) == 0 { widths = [dimension, 1] }
        return .network(
            layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
                .init(
                    weights: (0..<outputs).map { _ in (0..<inputs).map { _ in rational(2) } },
                    bias: (0..<outputs).map { _ in rational() })
            })
    }

    mutating func leaf(_ dimension: Int) -> FunctionExpression {
        switch integer(0...3) {
        case 0: return .maxAffine(pieces(dimension, 1...6))
        case 1:
            return .signedMax(
                (0..<integer(1...3)).map { _ in
                    .init(isNegative: integer(0...1) == 0, pieces: pieces(dimension, 1...4))
                })
        case 2:
            let pieces = pieces(dimension, 2...5)
            return .lattice(
                pieces: pieces,
                selections: (0..<integer(1...4)).map { _ in
                    (0..<integer(1...4)).map { _ in integer(0...pieces.count - 1) }
                })
        default: return network(dimension)
        }
    }

    mutating func expression(_ dimension: Int, depth: Int) -> FunctionExpression {
        guard depth > 0 else { return leaf(dimension) }
        switch integer(0...5) {
        case 0:
            return .sum(
                (0..<integer(1...3)).map { _ in (rational(2), expression(dimension, depth: depth - 1)) })
        case 1: return .maximum((0..<integer(1...3)).map { _ in expression(dimension, depth: depth - 1) })
        case 2: return .minimum((0..<integer(1...3)).map { _ in expression(dimension, depth: depth - 1) })
        case 3: return .absolute(expression(dimension, depth: depth - 1))
        case 4:
            let inner = integer(1...2)
            return .composition(
                outer: expression(inner, depth: 0),
                inner: (0..<inner).map { _ in expression(dimension, depth: 0) })
        default:
            return .composition(
                outer: .oneDimensional(
                    PiecewiseLinearFunction(
                        breakpoints: [Rational(-1), Rational(1, 2), Rational(2)],
                        slopes: [rational(), rational(3), Rational(5), rational()], anchorValue: rational())),
                inner: [expression(dimension, depth: 0)])
        }
    }

    /// A simplex cut into smaller ones by points put into its interior or onto its faces, one after the other.
    mutating func mesh(_ dimension: Int, points: Int, isFlat: Bool = false) -> SimplicialFunction {
        var vertices: [[Rational]] = [[Rational](repeating: .zero, count: dimension)]
        for axis in 0..<dimension {
            var corner = [Rational](repeating: .zero, count: dimension)
            corner[axis] = Rational(6)
            vertices.append(corner)
        }
        var simplices = [Array(0...dimension)]
        for _ in 0..<points {
            // The barycentre, weighted, of a face of a simplex; it replaces the face in all simplices that have it.
            let simplex = simplices[integer(0...simplices.count - 1)]
            let face = Array(simplex.shuffled(using: &self).prefix(integer(2...dimension + 1)))
            let weights = face.map { _ in Rational(integer(1...3)) }
            let total = weights.reduce(Rational.zero, +)
            let point = (0..<dimension).map { axis in
                zip(face, weights).reduce(Rational.zero) { $0 + vertices[$1.0][axis] * $1.1 } / total
            }
            vertices.append(point)
            let new = vertices.count - 1
            simplices = simplices.flatMap { corners -> [[Int]] in
                guard face.allSatisfy(corners.contains) else { return [corners] }
                return face.map { removed in corners.map { $0 == removed ? new : $0 } }
            }
        }
        let slope = affine(dimension)
        let values = vertices.map { vertex in
            isFlat && integer(0...3) > 0 ? slope(vertex) : rational(5)
        }
        return SimplicialFunction(
            uncheckedDimension: dimension, vertices: vertices, simplices: simplices, values: values)
    }

    /// A point of the domain: a combination of a simplex's corners.
    mutating func point(in function: SimplicialFunction) -> [Rational] {
        let simplex = function.simplices[integer(0...function.simplices.count - 1)]
        var weights = simplex.map { _ in Rational(integer(0...5)) }
        if weights.allSatisfy(\.isZero) { weights[0] = .one }
        let total = weights.reduce(Rational.zero, +)
        return (0..<function.dimension).map { axis in
            zip(simplex, weights).reduce(Rational.zero) { $0 + function.vertices[$1.0][axis] * $1.1 } / total
        }
    }
}
