import ExactArithmetic
@testable import PieceCounting
import ReLUNetworks
import Testing

/// Networks on which rounding cannot tell the signs: the filtered count against exact arithmetic throughout.
@Suite struct CellFilterTests {
    private func same(_ network: Network<Rational>, _ box: InputBox? = nil, _ what: Comment) throws -> Int {
        let filtered = try #require(try SpacePieceCounting.countByRays(network, on: box))
        let exact = try #require(
            try SpacePieceCounting.countByRays(network, on: box, isFiltered: false))
        #expect(filtered.count.counts == exact.count.counts, what)
        return filtered.statistics.exactSigns
    }

    /// Hyperplanes that differ by a few units in the last place.
    @Test(arguments: 2...4)
    func nearlyParallel(_ n: Int) throws {
        var exactSigns = 0
        for seed in 0..<4 {
            var generator = SeededGenerator(seed * 8 + n)
            var rows: [[Rational]] = []
            var bias: [Rational] = []
            for group in 0..<2 {
                let row = (0..<n).map { _ in Double.random(in: -1...1, using: &generator) }
                let constant = Double.random(in: -1...1, using: &generator)
                for _ in 0..<(group == 0 ? 4 : n) {
                    func near(_ value: Double) -> Rational {
                        let steps = Double(Int.random(in: -2...2, using: &generator))
                        return Rational(exactly: value + steps * value.ulp) ?? .zero
                    }
                    rows.append(row.map(near))
                    bias.append(near(constant))
                }
            }
            let second = (0..<3).map { _ in
                rows.map { _ in Rational(exactly: Double.random(in: -1...1, using: &generator)) ?? .zero }
            }
            let network = Network(layers: [
                layer(rows, bias), layer(second, [0, Rational(1, 3), -1]), layer([[1, -1, 2]], [0]),
            ])
            exactSigns += try same(network, nil, "n \(n) seed \(seed)")
            exactSigns += try same(network, cube(n, 3), "n \(n) seed \(seed), box")
        }
        #expect(exactSigns > 0)
    }

    @Test(arguments: [-150, -20, 20, 150])
    func scales(_ exponent: Int) throws {
        for (n, seed) in [(2, 1), (2, 2), (3, 1), (4, 1)] {
            var generator = SeededGenerator(seed * 8 + n)
            func entry() -> Rational {
                let value = Rational(exactly: Double.random(in: -1...1, using: &generator)) ?? .zero
                return Bool.random(using: &generator) ? value : value * Rational.powerOfTen(exponent)
            }
            let widths = [n, 5, 3, 1]
            let network = Network(
                layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
                    AffineLayer(
                        inputs: inputs, outputs: outputs,
                        weights: (0..<inputs * outputs).map { _ in entry() },
                        bias: (0..<outputs).map { _ in entry() })
                })
            _ = try same(network, nil, "10^\(exponent) n \(n)")
            _ = try same(network, cube(n, 1), "10^\(exponent) n \(n), box")
        }
    }

    @Test(arguments: RandomCellNetwork.allCases)
    func ordinary(_ kind: RandomCellNetwork) throws {
        for n in 2...4 {
            for seed in 100..<106 {
                let network = kind.make(seed: seed, inputs: n, maximumWidth: 6, maximumLayers: 3)
                _ = try same(network, seed % 2 == 0 ? nil : cube(n, 2), "\(kind) n \(n) seed \(seed)")
            }
        }
    }

    @Test func radixSort() {
        var generator = SeededGenerator(5)
        for count in [0, 1, 255, 256, 5000] {
            var values = (0..<count).map { _ in Double.random(in: -3...3, using: &generator) }
            values += [0, -0.0, .infinity, -.infinity, 0x1p-1070, -1e300]
            let sorted = values.sorted()
            sortAscending(&values)
            #expect(values == sorted)
        }
    }
}
