import ExactArithmetic
import ReLUNetworks
import Testing

private let algebra = NetworkAlgebra()

/// Points that meet folds often.
private func points(_ dimension: Int, _ random: inout SeededGenerator, count: Int = 25) -> [[Rational]] {
    (0..<count).map { _ in (0..<dimension).map { _ in Rational(random.int(-12...12), random.int(1...4)) } }
}

private func ceilingLog2(_ m: Int) -> Int { m <= 1 ? 0 : Int.bitWidth - (m - 1).leadingZeroBitCount }

@Suite struct NetworkAlgebraTests {
    @Test func compositionIsTheCompositionAndSizesAdd() throws {
        for seed in 0..<100 {
            var random = SeededGenerator(seed: seed)
            let (n, a, b, m) = (random.int(1...3), random.int(1...3), random.int(1...3), random.int(1...2))
            func widths() -> [Int] { (0..<random.int(0...2)).map { _ in random.int(1...4) } }
            let first = random.rationalNetwork([n] + widths() + [a])
            let second = random.rationalNetwork([a] + widths() + [b])
            let third = random.rationalNetwork([b] + widths() + [m])
            let result = try algebra.compose([third, second, first])
            for point in points(n, &random) {
                #expect(result(point) == third(second(first(point))), "seed \(seed)")
            }
            #expect(result.hiddenLayers <= first.hiddenLayers + second.hiddenLayers + third.hiddenLayers)
            #expect(result.size <= first.size + second.size + third.size, "seed \(seed)")
        }
    }

    @Test func sumsAndDifferencesOfUnequalDepths() throws {
        for seed in 0..<120 {
            var random = SeededGenerator(seed: seed)
            let (n, m, count) = (random.int(1...3), random.int(1...2), random.int(1...5))
            let networks = (0..<count).map { _ in
                random.rationalNetwork([n] + (0..<random.int(0...4)).map { _ in random.int(1...4) } + [m])
            }
            let coefficients = networks.map { _ in random.smallRational() }
            let sum = try algebra.sum(networks, coefficients: coefficients)
            let difference = try algebra.difference(networks)
            for point in points(n, &random) {
                let values = networks.map { $0(point) }
                let expected = (0..<m).map { output in
                    zip(values, coefficients).reduce(Rational.zero) { $0 + $1.0[output] * $1.1 }
                }
                #expect(sum(point) == expected, "seed \(seed)")
                let rest = (0..<m).map { output in
                    values.dropFirst().reduce(values[0][output]) { $0 - $1[output] }
                }
                #expect(difference(point) == rest, "seed \(seed)")
            }
            // Two pass-through nodes for each output on every layer at most.
            let depth = networks.map(\.hiddenLayers).max() ?? 0
            let shallowest = networks.map(\.hiddenLayers).min() ?? 0
            let size = networks.reduce(0) { $0 + $1.size }
            for result in [sum, difference] {
                #expect(result.hiddenLayers <= depth)
                #expect(result.size <= size + 2 * m * (depth - shallowest), "seed \(seed)")
            }
        }
    }

    @Test func maximaAndMinimaOfAnyDepths() throws {
        for seed in 0..<120 {
            var random = SeededGenerator(seed: seed)
            let (n, m, count) = (random.int(1...3), random.int(1...2), random.int(1...7))
            let isSynchronous = random.int(0...1) == 0
            let depth = random.int(0...2)
            let networks = (0..<count).map { _ in
                random.rationalNetwork(
                    [n] + (0..<(isSynchronous ? depth : random.int(0...4))).map { _ in random.int(1...4) } + [
                        m
                    ])
            }
            let maximum = try algebra.maximum(networks)
            let minimum = try algebra.minimum(networks)
            for point in points(n, &random) {
                let values = networks.map { $0(point) }
                for output in 0..<m {
                    #expect(maximum(point)[output] == values.map { $0[output] }.max(), "seed \(seed)")
                    #expect(minimum(point)[output] == values.map { $0[output] }.min(), "seed \(seed)")
                }
            }
            let deepest = networks.map(\.hiddenLayers).max() ?? 0
            for result in [maximum, minimum] {
                #expect(result.hiddenLayers <= deepest + ceilingLog2(count), "seed \(seed)")
                if isSynchronous {
                    let nodes =
                        networks.reduce(0) { $0 + $1.size } + m * NetworkAlgebra.maximumTreeSize(count)
                    #expect(result.size <= nodes, "seed \(seed)")
                }
            }
        }
    }

    @Test func theBalancedTreeHasTheLemmasSizes() throws {
        #expect((2...9).map(NetworkAlgebra.maximumTreeSize) == [3, 8, 9, 16, 17, 20, 21, 30])
        #expect(NetworkAlgebra.maximumTreeSize(1) == 0)
        // Coordinates of R^m are in general position: nothing can be shared.
        for m in 2...17 {
            let coordinates = (0..<m).map { index in
                Network(layers: [
                    AffineLayer(
                        inputs: m, outputs: 1, weights: (0..<m).map { $0 == index ? Rational.one : .zero },
                        bias: [1])
                ])
            }
            let result = try algebra.maximum(coordinates)
            #expect(result.size == NetworkAlgebra.maximumTreeSize(m))
            #expect(result.hiddenLayers == ceilingLog2(m))
        }
    }

    @Test func resultsKeepTheLemmasFigures() throws {
        for seed in 0..<150 {
            var random = SeededGenerator(seed: seed)
            let (n, count, depth) = (random.int(1...3), random.int(1...6), random.int(0...3))
            let isSynchronous = random.int(0...1) == 0
            let networks = (0..<count).map { _ in
                let layers = isSynchronous ? depth : random.int(0...3)
                return random.rationalNetwork([n] + (0..<layers).map { _ in random.int(1...4) } + [n])
            }
            let results: [(Network<Rational>, ClosureFigures)] = [
                (try algebra.compose(networks), .composition(networks)),
                (try algebra.sum(networks), .sum(networks)),
                (try algebra.difference(networks), .sum(networks)),
                (try algebra.maximum(networks), .extremum(networks)),
                (try algebra.minimum(networks), .extremum(networks)),
                (try algebra.simplify(networks[0]), .same(networks[0])),
                (try algebra.simplify(networks[0], .fewerLayers), .same(networks[0])),
            ]
            for (result, figures) in results {
                #expect(result.hiddenLayers <= figures.hiddenLayers, "seed \(seed) \(figures)")
                #expect(result.size <= figures.size ?? .max, "seed \(seed) \(figures)")
            }
            #expect(!isSynchronous || ClosureFigures.extremum(networks).size != nil)
        }
    }

    @Test func waitingTakesTheCheapestPlace() throws {
        // x ↦ σ(x), one non-negative node, beside a deeper network: one node a layer.
        let rectifier = Network<Rational>(layers: [
            AffineLayer(inputs: 1, outputs: 1, weights: [1], bias: [0]),
            AffineLayer(inputs: 1, outputs: 1, weights: [-3], bias: [7]),
        ])
        var random = SeededGenerator(seed: 5)
        let deep = random.network([1, 3, 3, 3, 3, 1]) { Rational($0.int(1...9), $0.int(1...5)) }
        let sum = try algebra.sum([rectifier, deep])
        #expect(sum.size == deep.size + 1 + 3)
        #expect(sum([-5])[0] == Rational(7) + deep([-5])[0])
        // Four outputs of two inputs: the inputs wait.
        let affine = random.network([2, 4]) { Rational($0.int(1...9)) }
        let wide = random.network([2, 3, 3, 4]) { Rational($0.int(1...9), $0.int(2...5)) }
        #expect(try algebra.sum([affine, wide]).size <= wide.size + 2 * 4)
    }

    @Test func restrictionToASubspace() throws {
        for seed in 0..<40 {
            var random = SeededGenerator(seed: seed)
            let (n, d) = (random.int(1...4), random.int(0...3))
            let network = random.rationalNetwork([n, random.int(1...5), random.int(1...5), 2])
            let origin = (0..<n).map { _ in random.smallRational() }
            let directions = (0..<d).map { _ in (0..<n).map { _ in random.smallRational() } }
            let result = try algebra.restrict(
                network, to: AffineSubspace(origin: origin, directions: directions))
            #expect(result.inputs == d)
            #expect(result.size <= network.size)
            for y in points(d, &random) {
                let x = (0..<n).map { row in
                    zip(y, directions).reduce(origin[row]) { $0 + $1.0 * $1.1[row] }
                }
                #expect(result(y) == network(x), "seed \(seed)")
            }
        }
    }

    @Test func operandsThatDoNotFitAndLimitsAreErrors() throws {
        var random = SeededGenerator(seed: 0)
        let a = random.rationalNetwork([2, 3, 1])
        let b = random.rationalNetwork([1, 3, 2])
        #expect(throws: AlgebraError.noNetworks) { _ = try algebra.sum([]) }
        #expect(throws: AlgebraError.noNetworks) { _ = try algebra.compose([]) }
        #expect(throws: AlgebraError.noNetworks) { _ = try algebra.minimum([]) }
        #expect(throws: AlgebraError.inputsDisagree(network: 1)) { _ = try algebra.maximum([a, b]) }
        #expect(throws: AlgebraError.outputsDisagree(network: 1)) {
            _ = try algebra.sum([a, random.rationalNetwork([2, 2])])
        }
        #expect(throws: AlgebraError.notComposable(network: 1)) { _ = try algebra.compose([b, a, a]) }
        #expect(throws: AlgebraError.coefficientsDisagree) { _ = try algebra.sum([a], coefficients: []) }
        #expect(throws: AlgebraError.subspaceDisagrees) {
            _ = try algebra.restrict(a, to: AffineSubspace(origin: [0], directions: []))
        }
        let small = NetworkAlgebra(maximumParameters: 50)
        let wide = random.network([1, 20, 20, 1]) { Rational($0.int(1...1000)) }
        #expect(throws: AlgebraError.self) { _ = try small.sum([wide, wide]) }
        let stopped = NetworkAlgebra(cancelled: { true })
        #expect(throws: AlgebraError.cancelled) { _ = try stopped.sum([a, a]) }
        #expect(throws: AlgebraError.cancelled) { _ = try stopped.simplify(a) }
    }

    @Test func roundingIsReported() throws {
        let exact = Network<Rational>(layers: [
            AffineLayer(inputs: 1, outputs: 1, weights: [Rational(1, 2)], bias: [3])
        ])
        #expect(exact.roundedReportingExactness().isExact)
        let third = Network<Rational>(layers: [
            AffineLayer(inputs: 1, outputs: 1, weights: [Rational(1, 3)], bias: [3])
        ])
        #expect(!third.roundedReportingExactness().isExact)
        #expect(third.roundedReportingExactness().isFinite)
        let huge = third.map { $0 * Rational.powerOfTen(400) }
        #expect(!huge.roundedReportingExactness().isFinite)
    }
}
