import ExactArithmetic
import HardFamilies
import PieceCounting
import ReLUNetworks
import Testing

@Suite struct ZonotopeTests {
    private func generators(seed: Int, dimension: Int, count: Int, range: Int) -> [[Rational]] {
        var generator = SeededGenerator(seed)
        return (0..<count).map { _ in
            (0..<dimension).map { _ in Rational(Int.random(in: -range...range, using: &generator)) }
        }
    }

    /// The largest product of a direction with a vertex is the support function's value.
    @Test func verticesArePointsOfSupport() throws {
        for seed in 0..<60 {
            let dimension = 1 + seed % 3
            let zonotope = try Zonotope(
                generators: generators(seed: seed, dimension: dimension, count: 1 + seed % 7, range: 2))
            let vertices = try zonotope.vertices()
            #expect(Set(vertices).count == vertices.count, "seed \(seed)")
            #expect(try zonotope.vertexCount() == vertices.count, "seed \(seed)")
            #expect(Set(vertices.map { $0.map { -$0 } }) == Set(vertices), "seed \(seed)")
            var generator = SeededGenerator(1000 + seed)
            for _ in 0..<30 {
                let r = (0..<dimension).map { _ in Rational(Int.random(in: -99...99, using: &generator)) }
                let support = zonotope.generators.map { dot($0, r).magnitude }.reduce(.zero, +)
                let products = vertices.map { dot($0, r) }
                #expect(products.max() == support, "seed \(seed)")
            }
        }
    }

    private func dot(_ a: [Rational], _ b: [Rational]) -> Rational {
        zip(a, b).reduce(.zero) { $0 + $1.0 * $1.1 }
    }

    /// Random directions find every vertex of a small zonotope in the plane or space as the sign vector's sum.
    @Test func vertexCountAgainstSampledSignVectors() throws {
        for seed in 0..<30 {
            let dimension = 2 + seed % 2
            let rows = generators(seed: seed, dimension: dimension, count: 2 + seed % 4, range: 1)
            let zonotope = try Zonotope(generators: rows)
            var generator = SeededGenerator(5000 + seed)
            var found: Set<[Rational]> = []
            for _ in 0..<2000 {
                let r = (0..<dimension).map { _ in Rational(Int.random(in: -999...999, using: &generator)) }
                let signs = rows.map { dot($0, r).sign }
                let isInside = zip(rows, signs).allSatisfy { row, sign in
                    sign != 0 || row.allSatisfy(\.isZero)
                }
                guard isInside else { continue }
                found.insert(
                    zip(rows, signs).reduce([Rational](repeating: .zero, count: dimension)) { sum, pair in
                        zip(sum, pair.0).map { $0 + $1 * Rational(pair.1) }
                    })
            }
            let count = try zonotope.vertexCount()
            #expect(count == found.count, "seed \(seed) \(rows)")
            #expect(Set(try zonotope.vertices()) == found, "seed \(seed)")
        }
    }

    /// Every min(n, m) generators independent, by determinants over all subsets.
    @Test func membershipAgainstAllSubsets() throws {
        for seed in 0..<120 {
            let dimension = 1 + seed % 4
            let rows = generators(seed: seed, dimension: dimension, count: 1 + seed % 6, range: 3)
            let zonotope = try Zonotope(generators: rows)
            let size = min(dimension, rows.count)
            var generic = true
            for mask in 0..<1 << rows.count where mask.nonzeroBitCount == size {
                let subset = rows.indices.filter { mask >> $0 & 1 == 1 }.map { rows[$0] }
                if try Zonotope(generators: subset).rank < size { generic = false }
            }
            if dimension == 1 { generic = zonotope.rank == 1 }
            #expect(try zonotope.isGeneric() == generic, "seed \(seed)")
        }
    }

    /// Facets join the vertices as Euler's formula asks for, and every vertex lies on its facets' inner side.
    @Test func facetsOfSolids() throws {
        for seed in 0..<25 {
            let count = 3 + seed % 4
            let zonotope = try Zonotope(
                generators: generators(seed: seed, dimension: 3, count: count, range: 1 + seed % 3))
            guard zonotope.rank == 3 else { continue }
            let vertices = try zonotope.vertices()
            let facets = try zonotope.facets()
            let known = Set(vertices)
            var edges: Set<Set<[Rational]>> = []
            for facet in facets {
                let height = dot(facet.normal, facet.corners[0])
                #expect(facet.corners.allSatisfy { known.contains($0) }, "seed \(seed)")
                #expect(facet.corners.allSatisfy { dot(facet.normal, $0) == height }, "seed \(seed)")
                #expect(
                    vertices.filter { dot(facet.normal, $0) == height }.count == facet.corners.count,
                    "seed \(seed)")
                #expect(vertices.allSatisfy { dot(facet.normal, $0) <= height }, "seed \(seed)")
                for index in facet.corners.indices {
                    edges.insert([facet.corners[index], facet.corners[(index + 1) % facet.corners.count]])
                }
            }
            #expect(vertices.count - edges.count + facets.count == 2, "seed \(seed)")
        }
    }

    @Test func planarVerticesTurnLeft() throws {
        for seed in 0..<20 {
            let zonotope = try Zonotope(generators: generators(seed: seed, dimension: 2, count: 5, range: 9))
            let vertices = try zonotope.vertices()
            guard zonotope.rank == 2 else { continue }
            for index in vertices.indices {
                let a = vertices[index]
                let b = vertices[(index + 1) % vertices.count]
                let c = vertices[(index + 2) % vertices.count]
                let turn = (b[0] - a[0]) * (c[1] - b[1]) - (b[1] - a[1]) * (c[0] - b[0])
                #expect(turn.sign > 0, "seed \(seed)")
            }
        }
    }

    @Test func networkIsTheComposition() throws {
        for seed in 0..<20 {
            let dimension = 1 + seed % 3
            let sawtooth = try randomSawtooth(seed: seed, units: 2 + seed % 3, layers: 1 + seed % 3)
            let zonotope = try Zonotope(
                generators: generators(seed: seed, dimension: dimension, count: 3, range: 4))
            let family = try ZonotopeFamily(zonotope: zonotope, sawtooth: sawtooth)
            let network = family.network
            #expect(network.size == family.size)
            #expect(network.hiddenLayers == family.hiddenLayers)
            for step in 0..<20 {
                let r = (0..<dimension).map { Rational(step * (3 + $0) % 13 - 6, 23) }
                let support = zonotope.generators.map { dot($0, r).magnitude }.reduce(.zero, +)
                #expect(network(r) == sawtooth.network([support]), "seed \(seed)")
            }
        }
    }

    /// n = 1, where the counter on the line applies.
    @Test func oneDimensionalCounts() throws {
        for seed in 0..<40 {
            let sawtooth = try randomSawtooth(seed: seed, units: 1 + seed % 4, layers: 1 + seed / 4 % 3)
            let rows = generators(seed: seed, dimension: 1, count: 1 + seed % 3, range: 2)
            let family = try ZonotopeFamily(zonotope: Zonotope(generators: rows), sawtooth: sawtooth)
            #expect(
                try LinePieceCounting.list(family.network).counts[.level] == family.pieces().pieces,
                "seed \(seed)")
        }
    }

    /// Along a line through the origin on which γ_Z has a kink at 0 only, there are 2 w^k pieces (and the tails).
    @Test func genericCounts() throws {
        let sawtooth = try SawtoothFamily(equalTeeth: 2, layers: 2)
        let zonotope = try Zonotope(generators: [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
        let family = try ZonotopeFamily(zonotope: zonotope, sawtooth: sawtooth)
        let pieces = try family.pieces()
        #expect(pieces.source == .generic)
        #expect(pieces.vertices == BigInteger(14))  // 2 (1 + 3 + 3)
        #expect(pieces.pieces == BigInteger(14 * 4 + 1))
        let degenerate = try ZonotopeFamily(
            zonotope: Zonotope(generators: [[1, 0, 0], [0, 1, 0], [1, 1, 0]]), sawtooth: sawtooth)
        #expect(try degenerate.pieces().source == .countedVertices)
        #expect(try degenerate.pieces().pieces == BigInteger(6 * 4 + 1))
    }

    /// n = 2 and 3, generic and not, against the counter on R^n.
    @Test func countsOnSpaceAreTheCountersOwn() throws {
        for seed in 0..<36 {
            let dimension = 2 + seed % 2
            let units = 1 + seed / 2 % 3
            let layers = 1 + seed / 6 % 2
            let count = dimension == 2 ? 1 + seed % 4 : 2 + seed % 3
            let rows = generators(seed: seed, dimension: dimension, count: count, range: 1 + seed % 2)
            let family = try ZonotopeFamily(
                zonotope: Zonotope(generators: rows),
                sawtooth: randomSawtooth(seed: seed, units: units, layers: layers))
            let counts = try ProgramCounting.count(family.network).counts
            #expect(counts[.level] == (try family.pieces().pieces), "seed \(seed) \(rows)")
        }
    }

    @Test func sizeBoundsAreExactCeilings() throws {
        let sawtooth = try SawtoothFamily(equalTeeth: 3, layers: 4)
        let zonotope = try Zonotope(generators: generators(seed: 3, dimension: 2, count: 6, range: 50))
        let family = try ZonotopeFamily(zonotope: zonotope, sawtooth: sawtooth)
        for row in try family.sizeBounds(hiddenLayers: 1...4) {
            let k = row.hiddenLayers
            func power(_ base: Rational, _ exponent: Int) -> Rational {
                (0..<exponent).reduce(Rational.one) { product, _ in product * base }
            }
            var regions = 0
            while power(Rational(2 * (regions + 1), k), 2 * k) < 81 * 5 { regions += 1 }
            #expect(row.paperRegions == BigInteger(regions))
            var line = 0
            while power(Rational(line, k), k) < Rational(81, 2) { line += 1 }
            #expect(row.paperLine == BigInteger(line))
            var sharper = 0
            while power(1 + Rational(sharper, k), k) < 162 { sharper += 1 }
            #expect(row.sharperLine == BigInteger(sharper))
        }
    }

    @Test func manyPlanarGenerators() throws {
        let zonotope = try Zonotope(generators: (0..<2000).map { [1, Rational($0 - 1000)] })
        #expect(try zonotope.isGeneric())
        #expect(try zonotope.vertices().count == 4000)
    }

    /// More generators' signs than could be listed.
    @Test func independentGenerators() throws {
        let rows = (0..<40).map { row in (0..<45).map { Rational($0 == row ? 1 : ($0 == row + 1 ? 2 : 0)) } }
        let zonotope = try Zonotope(generators: rows)
        #expect(try zonotope.vertexCount() == 1 << 40)
        #expect(try zonotope.isGeneric())
        #expect(throws: HardFamilyFault.tooLarge) { try zonotope.vertices() }
    }

    @Test func faults() {
        #expect(throws: HardFamilyFault.noGenerators) { try Zonotope(generators: []) }
        #expect(throws: HardFamilyFault.generatorLength(generator: 0, expected: 1, actual: 0)) {
            try Zonotope(generators: [[]])
        }
        #expect(throws: HardFamilyFault.generatorLength(generator: 1, expected: 2, actual: 1)) {
            try Zonotope(generators: [[1, 2], [1]])
        }
        #expect(throws: HardFamilyFault.tooLarge) {
            try Zonotope(generators: generators(seed: 1, dimension: 6, count: 60, range: 99)).vertexCount(
                maximumWork: 10_000)
        }
    }
}
