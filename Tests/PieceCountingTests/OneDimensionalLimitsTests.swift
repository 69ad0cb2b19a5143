import ExactArithmetic
import PieceCounting
import PiecewiseLinear
import ReLUNetworks
import Testing

@Suite struct OneDimensionalLimitsTests {
    /// The fault that `body` throws, if any.
    private func fault<Result>(_ body: () throws -> Result) -> PieceCountingFault? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? PieceCountingFault
        }
    }

    @Test func limitsCarryTheCountReached() throws {
        let network = equalSawtooth(width: 3, layers: 6)
        let cells = fault { try LinePieceCounting.list(network, limits: CountingLimits(maximumCells: 100)) }
        guard case .limitReached(.cells, limit: 100, let reached)? = cells else {
            Issue.record("\(String(describing: cells))")
            return
        }
        #expect(reached[.activation] == BigInteger(100))
        let level = try #require(reached[.level])
        #expect(level <= BigInteger(100) && level > BigInteger(50))

        let bytes = fault {
            try LinePieceCounting.list(network, limits: CountingLimits(maximumBytes: 20_000))
        }
        guard case .limitReached(.bytes, limit: 20_000, _)? = bytes else {
            Issue.record("\(String(describing: bytes))")
            return
        }

        let unlisted = fault {
            try LinePieceCounting.countWithoutListing(network, limits: CountingLimits(maximumCells: 10))
        }
        guard case .limitReached(.cells, limit: 10, let some)? = unlisted else {
            Issue.record("\(String(describing: unlisted))")
            return
        }
        #expect(try #require(some[.level]) <= BigInteger(730))
    }

    @Test func cancellationStops() throws {
        let network = equalSawtooth(width: 4, layers: 8)
        var asked = 0
        let listing = fault {
            try LinePieceCounting.list(network) {
                asked += 1
                return asked > 50
            }
        }
        guard case .cancelled(let reached)? = listing else {
            Issue.record("\(String(describing: listing))")
            return
        }
        #expect(try #require(reached[.activation]) <= BigInteger(51))
        let unlisted = fault { try LinePieceCounting.countWithoutListing(network) { true } }
        guard case .cancelled? = unlisted else {
            Issue.record("\(String(describing: unlisted))")
            return
        }
    }

    @Test func faultsOfInput() throws {
        let plane = Network<Rational>(layers: [
            AffineLayer(inputs: 2, outputs: 1, weights: [1, 1], bias: [0])
        ])
        #expect(throws: PieceCountingFault.wrongInputDimension(expected: 1, actual: 2)) {
            try LinePieceCounting.count(plane)
        }
        let infinite = Network<Double>(
            layers: [
                AffineLayer(inputs: 1, outputs: 1, weights: [1], bias: [0]),
                AffineLayer(inputs: 1, outputs: 1, weights: [.infinity], bias: [0]),
            ])
        #expect(throws: PieceCountingFault.notFinite(layer: 1)) { try LinePieceCounting.list(infinite) }
        #expect(throws: PieceCountingFault.emptyDomain(coordinate: 0)) {
            try InputInterval(lower: 1, upper: 1)
        }
    }

    /// Weights from the whole range of binary64, nearly parallel and nearly coinciding units.
    @Test func adversarialWeights() throws {
        for seed in 0..<60 {
            var generator = SeededGenerator(seed)
            let scales = [1e-300, 1e-150, 0x1p-1074, 1, 1e150, 1e300]
            func entry() -> Double {
                let base = [1.0, 1.0.nextUp, 1.0.nextDown, -1.0, (-1.0).nextUp, 0][
                    Int.random(in: 0...5, using: &generator)]
                return seed % 2 == 0
                    ? base : base * scales[Int.random(in: 0..<scales.count, using: &generator)]
            }
            let widths = [1, 3, 3, 1]
            let network = Network<Double>(
                layers: zip(widths, widths.dropFirst()).map { inputs, outputs in
                    AffineLayer(
                        inputs: inputs, outputs: outputs,
                        weights: (0..<inputs * outputs).map { _ in entry() },
                        bias: (0..<outputs).map { _ in entry() })
                })
            let exact = try #require(network.exact)
            let pieces = try LinePieceCounting.list(network)
            let same = try LinePieceCounting.list(exact)
            let slow = SlowLineEnumeration(exact)
            #expect(pieces.breakpoints == slow.breakpoints, "seed \(seed)")
            #expect(pieces.activationCells == slow.activationCells, "seed \(seed)")
            #expect(pieces.affineMaps == slow.affineMaps, "seed \(seed)")
            #expect(same.breakpoints == slow.breakpoints, "seed \(seed)")
            #expect(pieces.slopes == same.slopes && pieces.intercepts == same.intercepts, "seed \(seed)")
            let counts = try LinePieceCounting.countWithoutListing(exact)
            #expect(counts[.level] == pieces.counts[.level], "seed \(seed)")
            #expect(counts[.activation] == pieces.counts[.activation], "seed \(seed)")
        }
    }

    /// Denominators without a short common multiple go through rational forms.
    @Test func manyDenominators() throws {
        var generator = SeededGenerator(7)
        let width = 300
        func entry() -> Rational {
            Rational(
                Int.random(in: -(1 << 50)...(1 << 50), using: &generator),
                Int.random(in: (1 << 40)...(1 << 50), using: &generator))
        }
        let network = Network(
            layers: [
                AffineLayer(
                    inputs: 1, outputs: width, weights: (0..<width).map { _ in entry() },
                    bias: (0..<width).map { _ in entry() }),
                AffineLayer(
                    inputs: width, outputs: 1, weights: (0..<width).map { _ in entry() }, bias: [entry()]),
            ])
        let pieces = try LinePieceCounting.list(network)
        let knots = (0..<width).map { -network.layers[0].bias[$0] / network.layers[0].weights[$0] }.sorted()
        #expect(pieces.breakpoints == knots)
        #expect(network([knots[7]]) == pieces.values(atBreakpoint: 7))
    }

    @Test func functionsOfNetworksAndTheirCounts() throws {
        for kind in RandomLineNetwork.allCases {
            for seed in 0..<30 {
                let network = kind.make(seed: seed)
                let pieces = try LinePieceCounting.list(network)
                for output in 0..<network.outputs {
                    let function = pieces.function(output: output)
                    let only = Network(
                        layers: network.layers.dropLast()
                            + [
                                AffineLayer(
                                    inputs: network.layers[network.hiddenLayers].inputs, outputs: 1,
                                    weights: Array(network.layers[network.hiddenLayers].row(output)),
                                    bias: [network.layers[network.hiddenLayers].bias[output]])
                            ])
                    let own = try LinePieceCounting.list(only)
                    #expect(function.breakpoints == own.breakpoints, "\(kind) seed \(seed)")
                    #expect(function.slopes == own.slopes, "\(kind) seed \(seed)")
                    let anchor = function.breakpoints.first ?? .zero
                    #expect([function.anchorValue] == only([anchor]), "\(kind) seed \(seed)")

                    let ends: [Rational?] = [
                        nil, -1, 0, 1, function.breakpoints.first, function.breakpoints.last,
                    ]
                    for lower in ends {
                        for upper in ends {
                            if let lower, let upper, lower >= upper { continue }
                            let domain = try InputInterval(lower: lower, upper: upper)
                            let count = LinePieceCounting.count(function, on: domain, listLimit: 3)
                            var expected = try LinePieceCounting.list(only, on: domain).counts
                            expected[.activation] = nil
                            #expect(count.counts == expected, "\(kind) seed \(seed) on \(domain)")
                            let same = try LinePieceCounting.count(only, on: domain, listLimit: 3)
                            #expect(
                                count.breakpoints == same.breakpoints, "\(kind) seed \(seed) on \(domain)")
                            #expect(count.regions == same.regions, "\(kind) seed \(seed) on \(domain)")
                            #expect(count.listTruncated == same.listTruncated)
                        }
                    }
                }
            }
        }
    }

    @Test func manyLayersNeedNoStack() throws {
        let layer = AffineLayer<Rational>(inputs: 1, outputs: 1, weights: [1], bias: [-1])
        let network = Network(layers: [AffineLayer<Rational>](repeating: layer, count: 1000))
        #expect(try LinePieceCounting.list(network).breakpoints == [999])
        #expect(try LinePieceCounting.countWithoutListing(network)[.level] == BigInteger(2))
    }
}
