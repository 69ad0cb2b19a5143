import ExactArithmetic
import PieceCounting
import PiecewiseLinear
import ReLUNetworks
import Testing

/// The laws of network algebra on the line, by counting and listing: the pieces of a result are those of the same
/// operation on the functions.
@Suite struct AlgebraCountTests {
    private let algebra = NetworkAlgebra()

    private func network(_ seed: Int) -> Network<Rational>? {
        let kinds = RandomLineNetwork.allCases
        let network = kinds[seed % kinds.count].make(seed: seed)
        return network.outputs == 1 ? network : nil
    }

    private func function(_ network: Network<Rational>) throws -> PiecewiseLinearFunction {
        try LinePieceCounting.list(network).function()
    }

    private func check(
        _ result: Network<Rational>, _ expected: PiecewiseLinearFunction, _ detail: String
    ) throws {
        #expect(try function(result) == expected, "\(detail)")
        let count = try LinePieceCounting.countWithoutListing(result)[.level]
        #expect(count == BigInteger(expected.pieces), "\(detail)")
    }

    @Test func piecesOfResultsAreThoseOfTheFunctions() throws {
        for seed in 0..<90 {
            guard let a = network(seed), let b = network(3 * seed + 1000) else { continue }
            let (f, g) = (try function(a), try function(b))
            let factors = [Rational(seed % 5 - 2), Rational(3, 1 + seed % 4)]
            try check(
                algebra.sum([a, b], coefficients: factors),
                .sum([f.scaled(by: factors[0]), g.scaled(by: factors[1])]), "sum, seed \(seed)")
            try check(algebra.difference([a, b]), .sum([f, -g]), "difference, seed \(seed)")
            try check(algebra.maximum([a, b]), .maximum([f, g]), "maximum, seed \(seed)")
            try check(algebra.minimum([a, b]), .minimum([f, g]), "minimum, seed \(seed)")
            try check(
                algebra.compose([a, b]), .composition(outer: f, inner: g), "composition, seed \(seed)")
            try check(algebra.simplify(a), f, "simplify, seed \(seed)")
            try check(algebra.simplify(a, .fewerLayers), f, "fewer layers, seed \(seed)")
            // The bounds of the lemmas on the pieces.
            #expect(try function(algebra.sum([a, b])).pieces <= f.pieces + g.pieces - 1, "seed \(seed)")
            #expect(
                try function(algebra.compose([a, b])).pieces <= f.pieces * g.pieces, "seed \(seed)")
        }
    }

    private func level(_ network: Network<Rational>) throws -> BigInteger? {
        try ProgramCounting.count(network, options: SpaceCountingOptions(definitions: [.level])).counts[
            .level]
    }

    /// A network of one variable as one of two that looks at a linear form of them.
    private func along(_ form: [Rational], _ network: Network<Rational>) throws -> Network<Rational> {
        let first = AffineLayer(inputs: 2, outputs: 1, weights: form, bias: [Rational.zero])
        return try algebra.compose([network, Network(layers: [first])])
    }

    /// On the plane: sums and maxima of functions of different variables, changes of coordinates, restrictions.
    @Test func piecesOnThePlane() throws {
        for seed in 0..<40 {
            guard let a = network(seed), let b = network(3 * seed + 500) else { continue }
            let (f, g) = (try function(a), try function(b))
            // Pieces are products of intervals, no two of which have one gradient unless slopes come again.
            let sum = try algebra.sum([along([1, 0], a), along([0, 1], b)])
            if Set(f.slopes).count == f.pieces, Set(g.slopes).count == g.pieces {
                #expect(try level(sum) == BigInteger(f.pieces * g.pieces), "seed \(seed)")
            }
            let count = try level(sum)
            #expect(try level(algebra.simplify(sum)) == count, "simplify, seed \(seed)")
            #expect(try level(algebra.sum([sum], coefficients: [Rational(-3, 7)])) == count, "seed \(seed)")
            let turn = Network(layers: [
                AffineLayer(inputs: 2, outputs: 2, weights: [2, 1, 1, 1], bias: [Rational(seed), 5])
            ])
            #expect(try level(algebra.compose([sum, turn])) == count, "seed \(seed)")
            let maximum = try algebra.maximum([along([1, 0], a), along([0, 1], b)])
            let minimum = try algebra.minimum([along([-1, 0], a), along([0, -1], b)])
            #expect(try level(maximum) != nil && level(minimum) != nil, "seed \(seed)")
            // max(f(s), g(t)) for s = t is max(f, g).
            let diagonal = try algebra.restrict(
                maximum, to: AffineSubspace(origin: [0, 0], directions: [[1, 1]]))
            try check(diagonal, .maximum([f, g]), "diagonal, seed \(seed)")
        }
    }
}
