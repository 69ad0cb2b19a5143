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
}
