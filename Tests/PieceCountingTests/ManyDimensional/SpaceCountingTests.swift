import ExactArithmetic
import HardFamilies
@testable import PieceCounting
import PiecewiseLinear
import ReLUNetworks
import Testing

func layer(_ weights: [[Rational]], _ bias: [Rational]) -> AffineLayer<Rational> {
    AffineLayer(
        inputs: weights[0].count, outputs: weights.count, weights: Array(weights.joined()), bias: bias)
}

func cube(_ n: Int, _ side: Rational) throws -> InputBox {
    try InputBox(lower: (0..<n).map { _ in -side }, upper: (0..<n).map { _ in side })
}

extension PieceCount {
    var integers: [PieceDefinition: Int] { counts.compactMapValues(\.int) }
}

@Suite struct ManyDimensionalCountingTests {
    /// Pairs of the number of inputs and the sizes of networks that linear programs enumerate quickly.
    static let sizes = [(1, 4, 3, 24), (2, 4, 2, 24), (2, 3, 3, 12), (3, 3, 2, 16), (4, 3, 2, 8)]

    @Test(arguments: RandomCellNetwork.allCases)
    func agreesWithLinearPrograms(_ kind: RandomCellNetwork) throws {
        for (n, width, layers, repetitions) in Self.sizes {
            for seed in 0..<repetitions {
                let network = kind.make(
                    seed: seed, inputs: n, maximumWidth: width, maximumLayers: layers)
                let box = seed % 3 == 2 ? try cube(n, Rational(seed + 1, 2)) : nil
                let slow = try SlowCellEnumeration(network, box: box)
                let fast = try SpacePieceCounting.count(network, on: box)
                #expect(fast.integers == slow.counts, "\(kind) n \(n) \(width) \(layers) seed \(seed)")
            }
        }
    }

    @Test func definitionsDiffer() throws {
        let absolute: [[Rational]] = [[1, 0], [-1, 0], [0, 1], [0, -1]]
        // σ(|x| − |y|): two cones of zeros that touch.
        let cones = Network(layers: [
            layer(absolute, [0, 0, 0, 0]), layer([[1, 1, -1, -1]], [0]), layer([[1]], [0]),
        ])
        let counts = try SpacePieceCounting.count(cones).integers
        #expect(counts == [.activation: 8, .open: 6, .closed: 5, .level: 5, .affine: 5])
        // σ(|y| − σ(|x| − 1)): two cones of zeros, joined by a segment.
        let bridged = Network(layers: [
            layer(absolute, [0, 0, 0, 0]), layer([[1, 1, 0, 0], [0, 0, 1, 1]], [-1, 0]),
            layer([[-1, 1]], [0]), layer([[1]], [0]),
        ])
        let joined = try SpacePieceCounting.count(bridged).integers
        #expect(joined == (try SlowCellEnumeration(bridged).counts))
        #expect(joined[.closed] == joined[.level].map { $0 + 1 })
    }

    @Test func theAnswerDoesNotDependOnThreads() throws {
        for kind in [RandomCellNetwork.binary64, .smallIntegers, .deadLastLayer] {
            for (n, width) in [(2, 14), (3, 9)] {
                let network = kind.make(seed: 3, inputs: n, maximumWidth: width, maximumLayers: 2)
                let results = try [1, 2, 5].map { threads in
                    try SpacePieceCounting.count(
                        network, options: SpaceCountingOptions(listLimit: 200, threads: threads))
                }
                #expect(Set(results.map(\.counts)).count == 1)
                #expect(Set(results.map(\.regions)).count == 1)
            }
        }
    }

    @Test func bothWaysAgree() throws {
        for kind in RandomCellNetwork.allCases {
            for (n, seed) in [(2, 31), (3, 32), (4, 33), (5, 34)] {
                let network = kind.make(seed: seed, inputs: n, maximumWidth: 6, maximumLayers: 2)
                let box = seed % 2 == 0 ? try cube(n, 2) : nil
                let rays = try SpacePieceCounting.countByRays(network, on: box)
                let programs = try ProgramCounting.count(network, on: box)
                #expect(rays?.count.counts == programs.counts, "\(kind) n \(n) seed \(seed)")
                // By rays, or by programs where the first layer has rank 5.
                let options = SpaceCountingOptions(listLimit: 3, listStart: 2)
                let chosen = try SpacePieceCounting.count(network, on: box, options: options)
                #expect(chosen.counts == programs.counts, "\(kind) n \(n) seed \(seed)")
                let cells = try #require(chosen.counts[.activation]?.int)
                #expect(chosen.regions?.count == max(0, min(3, cells - 2)))
                #expect(chosen.listTruncated == (cells > 5))
            }
        }
    }

    @Test func affineMaps() throws {
        let network = Network(layers: [layer([[1, 2, 3], [0, Rational(1, 2), 0]], [4, 5])])
        for box in [nil, try cube(3, 1)] {
            let count = try SpacePieceCounting.count(
                network, on: box, options: SpaceCountingOptions(listLimit: 5))
            #expect(Set(count.integers.values) == [1])
            #expect(count.regions?.count == 1)
            #expect(count.regions?.first?.gradients == [[1, 2, 3], [0, Rational(1, 2), 0]])
            #expect(count.regions?.first?.intercepts == [4, 5])
        }
    }

    @Test func oneInputAgreesWithTheWalkAlongTheLine() throws {
        for kind in RandomCellNetwork.allCases {
            for seed in 0..<20 {
                let network = kind.make(seed: seed, inputs: 1, maximumWidth: 9, maximumLayers: 3)
                let line = try LinePieceCounting.list(network)
                #expect(
                    try SpacePieceCounting.count(network).counts == line.counts, "\(kind) seed \(seed)")
            }
        }
    }

    @Test func manyFacets() throws {
        // 200 tangents of a circle: the cell in the middle has 200 facets.
        let units = 200
        let rows = (0..<units).map { place in
            // Rational points of the circle.
            let t = Rational(2 * place - units + 1, 40)
            let scale = Rational.one + t * t
            return [(Rational.one - t * t) / scale, 2 * t / scale]
        }
        let network = Network(layers: [
            layer(rows, [Rational](repeating: -1, count: units)),
            layer([[Rational](repeating: 1, count: units)], [0]),
        ])
        // In general position but for parallels: 1 + w + (pairs that meet).
        let counts = try SpacePieceCounting.count(network).integers
        #expect(counts[.activation] == 1 + units + units * (units - 1) / 2)
    }

    @Test(arguments: 1...4)
    func zonotopes(_ n: Int) throws {
        var generator = SeededGenerator(n)
        for _ in 0..<4 {
            let generators = (0..<[6, 9, 7, 6][n - 1]).map { _ in
                (0..<n).map { _ in Rational(Int.random(in: -9...9, using: &generator)) }
            }
            let zonotope = try Zonotope(generators: generators)
            // Σ |⟨r, b_i⟩|: one piece for each vertex.
            let rows = generators.flatMap { [$0, $0.map { -$0 }] }
            let network = Network(layers: [
                layer(rows, [Rational](repeating: .zero, count: rows.count)),
                layer([[Rational](repeating: 1, count: rows.count)], [0]),
            ])
            let vertices = try zonotope.vertexCount()
            let counts = try SpacePieceCounting.count(network).integers
            for definition in PieceDefinition.allCases { #expect(counts[definition] == vertices) }
        }
    }

    @Test func sawtoothsOverZonotopes() throws {
        for (n, teeth, layers) in [(2, 2, 2), (2, 3, 1), (3, 2, 1)] {
            var generator = SeededGenerator(n * 10 + teeth)
            let generators = (0..<n + 2).map { _ in
                (0..<n).map { _ in Rational(Int.random(in: -9...9, using: &generator)) }
            }
            let family = try ZonotopeFamily(
                zonotope: Zonotope(generators: generators),
                sawtooth: SawtoothFamily(equalTeeth: teeth, layers: layers))
            let pieces = try family.pieces()
            let counts = try SpacePieceCounting.count(family.network).counts
            #expect(counts[.level] == pieces.pieces, "n \(n) teeth \(teeth) layers \(layers)")
        }
    }

    @Test func listedRegionsAreTheNetwork() throws {
        for kind in RandomCellNetwork.allCases {
            for n in 1...4 {
                let network = kind.make(seed: n, inputs: n, maximumWidth: 4, maximumLayers: 2)
                let box = n == 3 ? try cube(n, 2) : nil
                let count = try SpacePieceCounting.count(
                    network, on: box, options: SpaceCountingOptions(listLimit: 10_000))
                let regions = try #require(count.regions)
                #expect(BigInteger(regions.count) == count.counts[.activation])
                #expect(BigInteger(Set(regions.map(\.piece)).count) == count.counts[.level])
                #expect(regions.map(\.piece).max().map { BigInteger($0 + 1) } == count.counts[.level])
                for region in regions { try check(region, network, "\(kind) n \(n)") }
            }
        }
    }

    /// The corners lie on the facets they should, and inside the network is the region's map.
    private func check(_ region: PieceRegion, _ network: Network<Rational>, _ what: Comment) throws {
        let corner = try #require(region.vertices.first)
        var inner = corner.map { _ in Rational.zero }
        for vertex in region.vertices {
            for place in inner.indices { inner[place] += vertex[place] / Rational(region.vertices.count) }
        }
        for ray in region.rays { for place in inner.indices { inner[place] += ray[place] } }
        func product(_ a: [Rational], _ b: [Rational]) -> Rational {
            zip(a, b).reduce(.zero) { $0 + $1.0 * $1.1 }
        }
        for halfSpace in region.halfSpaces {
            #expect(product(halfSpace.normal, inner) < halfSpace.offset, what)
            for vertex in region.vertices {
                #expect(product(halfSpace.normal, vertex) <= halfSpace.offset, what)
            }
            for ray in region.rays { #expect(product(halfSpace.normal, ray).sign <= 0, what) }
        }
        for point in region.vertices + [inner] {
            let values = zip(region.gradients, region.intercepts).map { product($0, point) + $1 }
            #expect(network(point) == values, what)
        }
    }

    @Test func limitsAndCancellation() throws {
        let wide = Network(layers: [
            AffineLayer(
                inputs: 3, outputs: 20, weights: (0..<60).map { Rational(($0 * $0 * 7 + 3) % 23 - 11, 5) },
                bias: (0..<20).map { Rational(($0 * 13) % 7 - 3, 2) }),
            layer([(0..<20).map { Rational($0) }], [0]),
        ])
        var options = SpaceCountingOptions()
        options.limits.maximumCells = 100
        #expect {
            _ = try SpacePieceCounting.count(wide, options: options)
        } throws: { error in
            guard case .limitReached(.cells, 100, let reached) = error as? PieceCountingFault else {
                return false
            }
            return (reached[.activation]?.int ?? 0) > 100
        }
        options = SpaceCountingOptions()
        options.limits.maximumBytes = 1000
        #expect {
            _ = try SpacePieceCounting.count(wide, options: options)
        } throws: {
            if case .limitReached(.bytes, 1000, _) = $0 as? PieceCountingFault { true } else { false }
        }
        #expect {
            _ = try SpacePieceCounting.count(wide, isCancelled: { true })
        } throws: {
            if case .cancelled = $0 as? PieceCountingFault { true } else { false }
        }
        #expect(throws: PieceCountingFault.wrongInputDimension(expected: 2, actual: 3)) {
            try SpacePieceCounting.count(wide, on: cube(2, 1))
        }
        #expect(throws: PieceCountingFault.emptyDomain(coordinate: 1)) {
            try InputBox(lower: [0, 1], upper: [1, 1])
        }
    }

    @Test func progressIsTold() throws {
        let network = Network(layers: [layer([[1, 1]], [0]), layer([[1]], [0])])
        #expect(try SpacePieceCounting.count(network, progress: { _ in }).integers[.activation] == 2)
    }
}
