import ExactArithmetic
import HardFamilies
import LinearProgramming
import PieceCounting
import PiecewiseLinear
import ReLUNetworks
import Testing

@Suite struct ProgramCountingTests {
    /// The five counts against every sign pattern and every pair of cells, on R^n and on boxes.
    @Test(arguments: RandomSpaceNetwork.allCases)
    func countsEqualTheOracle(kind: RandomSpaceNetwork) throws {
        var compared = 0
        for seed in 0..<24 {
            let network = kind.make(seed: seed, dimensions: 1...6, maximumWidth: 4, maximumLayers: 3)
            let isBox = seed % 3 == 0
            let lower = isBox ? [Rational](repeating: -1, count: network.inputs) : nil
            let upper = isBox ? [Rational](repeating: Rational(3, 2), count: network.inputs) : nil
            guard
                let oracle = try SignPatternOracle(network, lower: lower, upper: upper, maximumCells: 30)
            else { continue }
            let box = try lower.flatMap { l in try upper.map { try InputBox(lower: l, upper: $0) } }
            var options = SpaceCountingOptions(threads: 1 + seed % 2)
            options.listLimit = 50
            let count = try ProgramCounting.count(network, on: box, options: options)
            #expect(count.counts == oracle.counts, "\(kind) seed \(seed): \(network)")
            try verify(count, oracle, network, "\(kind) seed \(seed)")
            compared += 1
        }
        #expect(compared > 12)
    }

    /// The listed regions are the oracle's cells, with the same maps.
    private func verify(
        _ count: PieceCount, _ oracle: SignPatternOracle, _ network: Network<Rational>, _ name: String
    ) throws {
        let regions = try #require(count.regions)
        #expect(regions.count == oracle.cells.count, "\(name)")
        var expected: [Set<LinearInequality>: [[Rational]]] = [:]
        func canonical(_ inequalities: [LinearInequality]) -> Set<LinearInequality> {
            Set(
                inequalities.map { row in
                    let scale = row.normal.first { !$0.isZero }?.magnitude ?? .one
                    return LinearInequality(
                        normal: row.normal.map { $0 / scale }, offset: row.offset / scale)
                })
        }
        for cell in oracle.cells {
            expected[canonical(try cell.polyhedron.minimal().inequalities)] = cell.map
        }
        for region in regions {
            let facets = canonical(
                region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) })
            let map = zip(region.gradients, region.intercepts).map { $0 + [$1] }
            #expect(expected[facets] == map, "\(name)")
        }
        #expect(
            BigInteger(Set(regions.map(\.piece)).count) == count.counts[.paper], "\(name)")
    }

    @Test func orderAndCountsDoNotDependOnThreads() throws {
        let network = RandomSpaceNetwork.binary64.make(
            seed: 5, dimensions: 5...5, maximumWidth: 9, maximumLayers: 2)
        var lists: [[PieceRegion]] = []
        for threads in [1, 2, 3] {
            let options = SpaceCountingOptions(listLimit: 200, threads: threads)
            lists.append(try #require(try ProgramCounting.count(network, options: options).regions))
        }
        #expect(lists[0] == lists[1] && lists[1] == lists[2])
    }

    /// Pages of regions are parts of the whole list, with the same numbers of pieces.
    @Test func pages() throws {
        var tested = 0
        for seed in 0..<20 {
            let network = RandomSpaceNetwork.deadLayer.make(
                seed: seed, dimensions: 4...6, maximumWidth: 8, maximumLayers: 3)
            let cells = try ProgramCounting.count(
                network, options: SpaceCountingOptions(definitions: [.activation])
            ).counts[.activation]?.int
            guard let cells, (8...100).contains(cells) else { continue }
            let all = SpaceCountingOptions(listLimit: .max)
            let whole = try #require(try ProgramCounting.count(network, options: all).regions)
            var pages: [PieceRegion] = []
            while true {
                let options = SpaceCountingOptions(listLimit: whole.count / 3 + 1, listStart: pages.count)
                let page = try ProgramCounting.count(network, options: options)
                pages += try #require(page.regions)
                #expect(page.listTruncated == (pages.count < whole.count))
                if !page.listTruncated { break }
            }
            #expect(pages == whole)
            tested += 1
        }
        #expect(tested > 0)
    }

    /// Weights that no tolerance gets right: nearly parallel planes, 2^-52 apart, and scales of 1e±150.
    @Test func adversarialWeights() throws {
        let huge = Rational(BigInteger(10).power(150))
        let tiny = Rational(1) / huge
        let near = Rational(1) + Rational(1, 1 << 52)
        let nearer = Rational(1) + tiny
        var generator = SeededGenerator(7)
        for trial in 0..<16 {
            let n = 2 + trial % 4
            let widths = [n, 4, 2, 1]
            let pool: [Rational] =
                trial % 2 == 0 ? [1, near, nearer, -1, -near, 0, 2] : [huge, tiny, 1, -tiny, -huge, near]
            var layers: [AffineLayer<Rational>] = []
            for (inputs, outputs) in zip(widths, widths.dropFirst()) {
                func pick() -> Rational { pool[Int.random(in: 0..<pool.count, using: &generator)] }
                layers.append(
                    AffineLayer(
                        inputs: inputs, outputs: outputs, weights: (0..<inputs * outputs).map { _ in pick() },
                        bias: (0..<outputs).map { _ in pick() }))
            }
            let network = Network(layers: layers)
            guard
                let oracle = try SignPatternOracle(network, lower: nil, upper: nil, maximumCells: 30)
            else { continue }
            let count = try ProgramCounting.count(network)
            #expect(count.counts == oracle.counts, "trial \(trial)")
        }
    }

    /// Σ max(0, ⟨g, x⟩) with m generic directions in R^n: 2 Σ_{i < n} C(m − 1, i) cones, each with its own map.
    @Test(arguments: [(3, 7), (4, 7), (5, 8), (6, 8)])
    func supportFunctionsOfZonotopes(n: Int, m: Int) throws {
        // Points of the moment curve: any n of them are independent.
        let generators = (1...m).map { t in
            (0..<n).map { power in Rational(BigInteger(t - 4 == 0 ? 9 : t - 4).power(power)) }
        }
        let zonotope = try Zonotope(generators: generators)
        let network = Network(layers: [
            AffineLayer(
                inputs: n, outputs: m, weights: generators.flatMap { $0 },
                bias: [Rational](repeating: 0, count: m)),
            AffineLayer(
                inputs: m, outputs: 1, weights: [Rational](repeating: 1, count: m), bias: [0]),
        ])
        let count = try ProgramCounting.count(network)
        let vertices = BigInteger(try zonotope.vertexCount())
        for definition in PieceDefinition.allCases { #expect(count.counts[definition] == vertices) }
    }

    /// Sets on which a function is 0 that hang together by less than a facet, in a box of R^n: two wedges with a
    /// common edge, two with a bridge between them, and two apart.
    @Test(arguments: [(gap: 0, n: 2), (1, 2), (0, 3), (1, 3), (0, 5), (1, 5)])
    func facesAndBridges(gap: Int, n: Int) throws {
        func unit(_ k: Int, _ value: Rational) -> [Rational] { (0..<n).map { $0 == k ? value : 0 } }
        // σ(|y| − σ(|x| − gap)), which is 0 for |y| ≤ |x| − gap and for y = 0.
        let bridged = Network<Rational>(layers: [
            AffineLayer(
                inputs: n, outputs: 4, weights: unit(0, 1) + unit(0, -1) + unit(1, 1) + unit(1, -1),
                bias: [0, 0, 0, 0]),
            AffineLayer(
                inputs: 4, outputs: 2, weights: [1, 1, 0, 0, 0, 0, 1, 1], bias: [Rational(-gap), 0]),
            AffineLayer(inputs: 2, outputs: 1, weights: [-1, 1], bias: [0]),
            AffineLayer(inputs: 1, outputs: 1, weights: [1], bias: [0]),
        ])
        // σ(|y| − |x| + 1): no longer connected for a gap.
        let apart = Network<Rational>(layers: [
            bridged.layers[0],
            AffineLayer(inputs: 4, outputs: 1, weights: [-1, -1, 1, 1], bias: [Rational(gap)]),
            AffineLayer(inputs: 1, outputs: 1, weights: [1], bias: [0]),
        ])
        let (lower, upper) = ([Rational](repeating: -4, count: n), [Rational](repeating: 3, count: n))
        let box = try InputBox(lower: lower, upper: upper)
        for (network, definitions) in [
            (bridged, gap == 0 ? [PieceDefinition.open: 1] : [.open: 1, .closed: 1]),
            (apart, gap == 0 ? [.open: 1] : [.open: 1, .closed: 1, .level: 1]),
        ] {
            let count = try ProgramCounting.count(network, on: box).counts
            let oracle = try #require(
                try SignPatternOracle(network, lower: lower, upper: upper, maximumCells: 60))
            #expect(count == oracle.counts)
            let affine = try #require(count[.affine])
            for definition in [PieceDefinition.open, .closed, .level] {
                // Other maps have connected sets, so the zero set's extra components are the difference.
                #expect(count[definition] == affine + BigInteger(definitions[definition] ?? 0))
            }
        }
    }

    /// A network of several hidden layers of which few units are on, on many cells: the five counts with one thread and
    /// with two, and in exact arithmetic on integer weights.
    @Test func degenerateCountsAreStable() throws {
        for seed in 0..<6 {
            let network = RandomSpaceNetwork.smallIntegers.make(
                seed: seed, dimensions: 3...4, maximumWidth: 6, maximumLayers: 3)
            let one = try ProgramCounting.count(network, options: SpaceCountingOptions(threads: 1))
            let two = try ProgramCounting.count(network, options: SpaceCountingOptions(threads: 2))
            #expect(one.counts == two.counts)
            // Coordinates by another basis, and units in another order, change no count.
            let first = network.layers[0]
            let order = Array((0..<first.outputs).reversed())
            let turned = AffineLayer(
                inputs: first.inputs, outputs: first.outputs,
                weights: order.flatMap { row in
                    (0..<first.inputs).map { k in
                        let entry = first.weights[row * first.inputs + k]
                        return k + 1 < first.inputs
                            ? entry + first.weights[row * first.inputs + k + 1] * Rational(1, 3) : entry
                    }
                }, bias: order.map { first.bias[$0] })
            let next = network.layers[1]
            let reordered = AffineLayer(
                inputs: next.inputs, outputs: next.outputs,
                weights: (0..<next.outputs).flatMap { row in
                    order.map { next.weights[row * next.inputs + $0] }
                }, bias: next.bias)
            let other = Network(layers: [turned, reordered] + network.layers.dropFirst(2))
            #expect(try ProgramCounting.count(other).counts == one.counts, "seed \(seed)")
        }
    }

    /// Inputs that the first layer does not tell apart cost nothing.
    @Test func manyInputs() throws {
        var generator = SeededGenerator(11)
        let weights = (0..<3 * 200).map { _ in Rational(Int.random(in: -9...9, using: &generator)) }
        let network = Network(layers: [
            AffineLayer(inputs: 200, outputs: 3, weights: weights, bias: [1, 2, 3]),
            AffineLayer(inputs: 3, outputs: 1, weights: [1, 2, 4], bias: [0]),
        ])
        let count = try ProgramCounting.count(network, options: SpaceCountingOptions(listLimit: 3))
        #expect(count.counts[.level] == BigInteger(8))
        #expect(count.regions?.first?.gradients.first?.count == 200)
    }

    /// No unit, and units that never switch.
    @Test(arguments: [1, 5, 9])
    func nothingToCut(n: Int) throws {
        let box = try InputBox(
            lower: [Rational](repeating: 0, count: n), upper: [Rational](repeating: 1, count: n))
        let affine = Network<Rational>(layers: [
            AffineLayer(inputs: n, outputs: 1, weights: [Rational](repeating: 2, count: n), bias: [1])
        ])
        let constant = Network<Rational>(layers: [
            AffineLayer(
                inputs: n, outputs: 2, weights: [Rational](repeating: 0, count: 2 * n), bias: [1, 0]),
            AffineLayer(inputs: 2, outputs: 1, weights: [1, 1], bias: [1]),
        ])
        for network in [affine, constant] {
            for domain in [box, nil] {
                let count = try ProgramCounting.count(
                    network, on: domain, options: SpaceCountingOptions(listLimit: 2))
                #expect(count.counts.values.allSatisfy { $0 == .one } && count.counts.count == 5)
                #expect(count.regions?.count == 1)
                #expect(count.regions?.first?.halfSpaces.count == (domain == nil ? 0 : 2 * n))
            }
        }
    }

    /// A box without a binary64 point in it, and denominators whose common multiple no memory holds.
    @Test func numbersOfAnySize() throws {
        let tiny = Rational(1) / Rational(BigInteger(10).power(40))
        let network = Network<Rational>(layers: [
            AffineLayer(
                inputs: 5, outputs: 5, weights: (0..<25).map { $0 % 6 == 0 ? 1 : 0 },
                bias: [Rational](repeating: -1 - tiny, count: 5)),
            AffineLayer(inputs: 5, outputs: 1, weights: [1, 2, 4, 8, 16], bias: [0]),
        ])
        let box = try InputBox(
            lower: [Rational](repeating: 1, count: 5),
            upper: [Rational](repeating: 1 + tiny + tiny, count: 5))
        #expect(try ProgramCounting.count(network, on: box).counts[.level] == BigInteger(32))

        var generator = SeededGenerator(3)
        let denominators = (0..<3000).map { _ in
            Rational(1, Int.random(in: 1 << 40..<1 << 50, using: &generator))
        }
        let long = Network<Rational>(layers: [
            AffineLayer(
                inputs: 5, outputs: 600, weights: denominators,
                bias: [Rational](repeating: 1, count: 600)),
            AffineLayer(inputs: 600, outputs: 1, weights: [Rational](repeating: 1, count: 600), bias: [0]),
        ])
        let options = SpaceCountingOptions(limits: CountingLimits(maximumBytes: 1 << 20))
        #expect(throws: PieceCountingFault.self) { try ProgramCounting.count(long, options: options) }
    }

    @Test func limitsAndCancellation() throws {
        let network = RandomSpaceNetwork.binary64.make(
            seed: 5, dimensions: 5...5, maximumWidth: 9, maximumLayers: 2)
        var options = SpaceCountingOptions()
        options.limits.maximumCells = 10
        #expect(throws: PieceCountingFault.self) { try ProgramCounting.count(network, options: options) }
        options.limits = CountingLimits(maximumBytes: 1000)
        #expect(throws: PieceCountingFault.self) { try ProgramCounting.count(network, options: options) }
        #expect(throws: PieceCountingFault.self) {
            try ProgramCounting.count(network, isCancelled: { true })
        }
    }
}
