import ExactArithmetic
import PieceCounting
import ReLUNetworks
import Testing

/// Counting by extreme rays and counting by linear programs have nothing in common but the definitions.
@Suite struct TwoEnginesTests {
    @Test(arguments: RandomCellNetwork.allCases)
    func raysAndProgramsAgree(kind: RandomCellNetwork) throws {
        for seed in 0..<24 {
            let inputs = 1 + seed % 4
            let network = kind.make(
                seed: seed, inputs: inputs, maximumWidth: inputs < 3 ? 9 : 6, maximumLayers: 3)
            let box =
                seed % 3 == 0
                ? try InputBox(
                    lower: [Rational](repeating: -2, count: inputs),
                    upper: [Rational](repeating: Rational(7, 3), count: inputs)) : nil
            let rays = try SpacePieceCounting.count(network, on: box)
            let programs = try ProgramCounting.count(network, on: box)
            #expect(rays.counts == programs.counts, "\(kind) seed \(seed)")
        }
    }

    /// Hundreds of cells, many with the same map and apart from each other: the ways between them are long.
    @Test(arguments: [RandomCellNetwork.smallIntegers, .sparse, .deadLastLayer, .cancelling])
    func manyCellsOfOneMap(kind: RandomCellNetwork) throws {
        var differing = 0
        for seed in 100..<106 {
            let network = kind.make(
                seed: seed, inputs: 3 + seed % 2, maximumWidth: 7, maximumLayers: 3)
            let rays = try SpacePieceCounting.count(network)
            let programs = try ProgramCounting.count(network)
            #expect(rays.counts == programs.counts, "\(kind) seed \(seed)")
            if rays.counts[.closed] != rays.counts[.level] { differing += 1 }
        }
        #expect(kind != .smallIntegers || differing > 0)
    }
}
