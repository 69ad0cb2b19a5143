import ExactArithmetic
import PieceCounting
import ReLUNetworks
import Testing

@Suite struct OneDimensionalTests {
    @Test(arguments: RandomLineNetwork.allCases)
    func listingAgreesWithSlowEnumeration(kind: RandomLineNetwork) throws {
        for seed in 0..<60 {
            let network = kind.make(seed: seed)
            let pieces = try LinePieceCounting.list(network)
            let slow = SlowLineEnumeration(network)
            #expect(pieces.breakpoints == slow.breakpoints, "\(kind) seed \(seed)")
            #expect(pieces.activationCells == slow.activationCells, "\(kind) seed \(seed)")
            #expect(pieces.affineMaps == slow.affineMaps, "\(kind) seed \(seed)")
            for (index, x) in pieces.breakpoints.enumerated() {
                #expect(pieces.values(atBreakpoint: index) == network([x]), "\(kind) seed \(seed)")
            }
        }
    }

    @Test(arguments: RandomLineNetwork.allCases)
    func countingWithoutListingAgreesWithListing(kind: RandomLineNetwork) throws {
        for seed in 0..<150 {
            let network = kind.make(seed: seed, maximumWidth: 5, maximumLayers: 5)
            var expected = try LinePieceCounting.list(network).counts
            expected[.affine] = nil
            let counts = try LinePieceCounting.countWithoutListing(network)
            #expect(counts == expected, "\(kind) seed \(seed)")
        }
    }

    /// End points on breakpoints, on cell boundaries and between them.
    @Test(arguments: RandomLineNetwork.allCases)
    func intervalsAgree(kind: RandomLineNetwork) throws {
        for seed in 0..<25 {
            let network = kind.make(seed: seed)
            let breakpoints = try LinePieceCounting.list(network).breakpoints
            var ends: [Rational] = [-2, Rational(1, 3), 2]
            ends += [breakpoints.first, breakpoints.last, breakpoints.dropFirst().first].compactMap { $0 }
            for lower in ends.map(Optional.some) + [nil] {
                for upper in ends.map(Optional.some) + [nil] {
                    if let lower, let upper, lower >= upper { continue }
                    let domain = try InputInterval(lower: lower, upper: upper)
                    let pieces = try LinePieceCounting.list(network, on: domain)
                    let slow = SlowLineEnumeration(network, lower: lower, upper: upper)
                    #expect(pieces.breakpoints == slow.breakpoints, "\(kind) seed \(seed) on \(domain)")
                    #expect(
                        pieces.activationCells == slow.activationCells, "\(kind) seed \(seed) on \(domain)")
                    #expect(pieces.affineMaps == slow.affineMaps, "\(kind) seed \(seed) on \(domain)")
                    let counts = try LinePieceCounting.countWithoutListing(network, on: domain)
                    var expected = pieces.counts
                    expected[.affine] = nil
                    #expect(counts == expected, "\(kind) seed \(seed) on \(domain)")
                }
            }
        }
    }

    @Test func sawtoothClosedForms() throws {
        for w in 1...5 {
            for k in 1...6 {
                let network = equalSawtooth(width: w, layers: k)
                let onInterval = BigInteger(w).power(k)
                let onLine = onInterval + BigInteger(w % 2 == 1 || k == 1 ? 1 : 2)
                let interval = try InputInterval(lower: 0, upper: 1)
                #expect(try LinePieceCounting.countWithoutListing(network)[.level] == onLine)
                #expect(
                    try LinePieceCounting.countWithoutListing(network, on: interval)[.level] == onInterval)
                if onInterval < BigInteger(2000) {
                    #expect(try LinePieceCounting.list(network).counts[.level] == onLine)
                    #expect(try LinePieceCounting.list(network, on: interval).counts[.level] == onInterval)
                }
            }
        }
    }

    @Test func astronomicalCount() throws {
        let count = try LinePieceCounting.count(equalSawtooth(width: 5, layers: 43))
        #expect(count.method == .recurringSegments)
        #expect(count.counts[.level] == BigInteger(5).power(43) + .one)
        #expect(count.counts[.affine] == nil)
    }

    /// 3^14 cells would be possible: a list that was asked for, and distinct maps, come from a listing.
    @Test func methodsOfOneNetworkAgree() throws {
        let network = equalSawtooth(width: 2, layers: 12)
        let small = CountingLimits(maximumCells: 50_000)
        let unlisted = try LinePieceCounting.count(network, listing: small)
        #expect(unlisted.method == .recurringSegments)
        let listed = try LinePieceCounting.count(network, listLimit: 5, listing: small)
        #expect(listed.method == .listing)
        #expect(listed.listTruncated)
        #expect(listed.breakpoints?.map(\.x) == (0..<5).map { Rational($0, 4096) })
        #expect(listed.regions?.count == 5)
        let maps = try LinePieceCounting.count(network.rounded, definition: .affine, listing: small)
        #expect(maps.method == .listing)
        #expect(maps.counts == listed.counts)
        for definition in [PieceDefinition.activation, .open, .closed, .level] {
            #expect(unlisted.counts[definition] == listed.counts[definition])
        }
        #expect(throws: PieceCountingFault.self) {
            try LinePieceCounting.count(
                network, definition: .affine, listing: CountingLimits(maximumCells: 100))
        }
    }

    @Test func roundedSawtoothHasOtherPieces() throws {
        let rounded = equalSawtooth(width: 5, layers: 3).rounded
        let exact = try #require(rounded.exact)
        let counts = try LinePieceCounting.list(rounded).counts
        #expect(counts[.activation] == BigInteger(138))
        #expect(counts[.level] == BigInteger(132))
        #expect(counts[.affine] == BigInteger(126))
        #expect(try LinePieceCounting.list(exact).counts == counts)
        #expect(try LinePieceCounting.countWithoutListing(exact)[.level] == BigInteger(132))
        #expect(SlowLineEnumeration(exact).breakpoints.count == 131)
    }
}
