import ExactArithmetic
import PieceCounting
import ReLUNetworks
import Testing

@Suite struct BoundsTests {
    private func value(_ bounds: [NamedBound], _ name: String) -> BigInteger? {
        bounds.first { $0.name == name }?.value
    }

    private func binomial(_ n: Int, _ j: Int) -> Int {
        j > n ? 0 : (0..<j).reduce(1) { $0 * (n - $1) / ($1 + 1) }
    }

    /// Σ_J Π_l C(n_l, j_l) by visiting every J.
    private func serra(_ minimum: Int, _ widths: ArraySlice<Int>) -> Int {
        guard let width = widths.first else { return 1 }
        return (0...min(minimum, width)).reduce(0) { sum, j in
            sum + binomial(width, j) * serra(min(minimum, width - j), widths.dropFirst())
        }
    }

    @Test func upperBoundsAgainstTheirSums() throws {
        for seed in 0..<200 {
            var generator = SeededGenerator(seed)
            let inputs = Int.random(in: 1...4, using: &generator)
            let widths = (0..<Int.random(in: 1...4, using: &generator)).map { _ in
                Int.random(in: 1...6, using: &generator)
            }
            let bounds = try ArchitectureBounds.upperBounds(inputs: inputs, hiddenWidths: widths)
            #expect(value(bounds, "serra2018") == BigInteger(serra(inputs, widths[...])), "seed \(seed)")
            var narrowest = inputs
            var product = 1
            for width in widths {
                narrowest = min(narrowest, width)
                product *= (0...narrowest).reduce(0) { $0 + binomial(width, $1) }
            }
            #expect(value(bounds, "montufar2017") == BigInteger(product), "seed \(seed)")
            if inputs == 1 {
                #expect(
                    value(bounds, "oneInputProduct") == BigInteger(widths.reduce(1) { $0 * ($1 + 1) }),
                    "seed \(seed)")
                let paper = widths.dropFirst().reduce(widths[0] + 1) { $0 * 2 * $1 }
                #expect(value(bounds, "paperOneInput") == BigInteger(paper), "seed \(seed)")
            }
            let lower = try ArchitectureBounds.lowerBounds(inputs: inputs, hiddenWidths: widths)
            for below in lower {
                for above in bounds { #expect(below.value <= above.value, "seed \(seed)") }
            }
        }
    }

    @Test func lowerBoundsOfKnownArchitectures() throws {
        let one = try ArchitectureBounds.lowerBounds(inputs: 2, hiddenWidths: [5])
        #expect(value(one, "arrangement") == BigInteger(16))  // 1 + 5 + 10
        let two = try ArchitectureBounds.lowerBounds(inputs: 2, hiddenWidths: [7, 8, 6])
        let top = 1 + 6 + 15
        #expect(value(two, "pascanu2013") == BigInteger(3 * 4 * top))
        #expect(value(two, "montufar2014") == BigInteger(9 * 16 * top))
        #expect(value(two, "serra2018") == BigInteger(16 * 25 * top))
        let narrow = try ArchitectureBounds.lowerBounds(inputs: 3, hiddenWidths: [2, 2])
        #expect(narrow.isEmpty)
    }

    @Test func noNetworkOnTheLinePassesABound() throws {
        for kind in RandomLineNetwork.allCases {
            for seed in 0..<30 {
                let network = kind.make(seed: seed, maximumWidth: 5, maximumLayers: 4)
                let count = try LinePieceCounting.count(network)
                let cells = try #require(count.counts[.activation])
                #expect(!count.upperBounds.isEmpty)
                for bound in count.upperBounds {
                    #expect(cells <= bound.value, "\(kind) seed \(seed) \(bound.name)")
                }
            }
        }
    }

    @Test func leastSizesAgainstSearch() throws {
        func power(_ base: Rational, _ exponent: Int) -> Rational {
            (0..<exponent).reduce(Rational.one) { product, _ in product * base }
        }
        for pieces in [1, 2, 3, 4, 5, 8, 9, 16, 27, 100, 1000, 4096, 46656] {
            for row in try SizeBounds.leastSizes(pieces: BigInteger(pieces), hiddenLayers: 1...7) {
                let k = row.hiddenLayers
                if pieces <= 1000 || k > 1 {
                    var paper = 0
                    while power(Rational(2 * (paper + 1), k), k) < Rational(pieces) { paper += 1 }
                    var sharper = 0
                    while power(1 + Rational(sharper, k), k) < Rational(pieces) { sharper += 1 }
                    #expect(row.paper == BigInteger(paper), "p = \(pieces), k = \(k)")
                    #expect(row.sharper == BigInteger(sharper), "p = \(pieces), k = \(k)")
                }
                // The bounds on pieces by size are the inverse.
                guard let size = row.sharper.int, size >= 1 else { continue }
                let most = try SizeBounds.mostPieces(size: size, hiddenLayers: k)
                #expect(try #require(value(most, "sharper")) >= BigInteger(pieces))
                #expect(try #require(value(most, "bestIntegerWidths")) <= #require(value(most, "sharper")))
            }
        }
    }

    @Test func rootsOfLargeIntegers() {
        for seed in 0..<300 {
            var generator = SeededGenerator(seed)
            let degree = Int.random(in: 1...40, using: &generator)
            var root = BigInteger(Int.random(in: 0...(1 << 30), using: &generator))
            for _ in 0..<(seed % 7) { root = root * BigInteger(1 << 40) + BigInteger(seed) }
            let power = root.power(degree)
            #expect(Radicals.floorRoot(power, degree: degree) == root, "seed \(seed)")
            #expect(Radicals.ceilingRoot(power, degree: degree) == root, "seed \(seed)")
            #expect(Radicals.ceilingRoot(power + .one, degree: degree) == root + .one, "seed \(seed)")
            if root > .one {
                let below = degree == 1 ? root - .one : root
                #expect(Radicals.floorRoot(power - .one, degree: degree) == root - .one, "seed \(seed)")
                #expect(Radicals.ceilingRoot(power - .one, degree: degree) == below, "seed \(seed)")
            }
        }
    }

    @Test func faultsSayWhichArgument() {
        #expect(throws: BoundFault.notPositive(.inputs)) {
            try ArchitectureBounds.upperBounds(inputs: 0, hiddenWidths: [1])
        }
        #expect(throws: BoundFault.notPositive(.hiddenWidth(index: 1))) {
            try ArchitectureBounds.upperBounds(inputs: 1, hiddenWidths: [1, 0])
        }
        #expect(throws: BoundFault.tooLarge(.hiddenWidth(index: 0))) {
            try ArchitectureBounds.lowerBounds(inputs: 1, hiddenWidths: [.max])
        }
        #expect(throws: BoundFault.tooLarge(.hiddenLayers(index: 0))) {
            try SizeBounds.row(pieces: .one, hiddenLayers: .max)
        }
        #expect(throws: BoundFault.notPositive(.pieces)) {
            try SizeBounds.row(pieces: .zero, hiddenLayers: 1)
        }
        #expect(throws: BoundFault.tooLarge(.pieces)) {
            try SizeBounds.row(pieces: BigInteger(2).power(1 << 17), hiddenLayers: 1)
        }
    }
}
