import ExactArithmetic
import Testing

@testable import ExactTraining

/// Decided regions solved exactly, between the bounds of another method and the loss of the network found.
struct ExactCellTests {
    @Test func theMinimumLiesBetweenADualBoundAndTheNetworksLoss() throws {
        var compared = 0
        for term in [OutputTerm.none, .bias, .affine] {
            for shape in RandomProblems.Shape.allCases {
                for seed in 0..<12 as Range<UInt64> {
                    let note = "output term \(term), shape \(shape), seed \(seed)"
                    let problem = try RandomProblems.problem(
                        seed: seed, loss: .squared, outputTerm: term, shape: shape)
                    guard let data = DataArrangement(problem, isCancelled: { false }) else { continue }
                    var random = SeededGenerator(seed: seed)
                    let cones = (0..<problem.hiddenUnits).map { _ in decidedCone(data, &random) }
                    let positive = Int.random(in: 0...problem.hiddenUnits, using: &random)
                    var cell = try #require(ExactCell(data, cones, positiveUnits: positive), "\(note)")
                    let solved = cell.solve()
                    let solution = try #require(solved, "\(note)")

                    // The parameters are in the cell, and their loss is the bound.
                    let split = cones.count * data.dimension
                    let predictions = (0..<data.count).map { row -> Double in
                        var sum = 0.0
                        for unit in cones.indices {
                            let value = (0..<data.dimension).reduce(0.0) {
                                $0 + solution.parameters[unit * data.dimension + $1]
                                    * data.frame[$1 * data.stride + row]
                            }
                            let isActive = cones[unit].sides[row] == Cone.Side.active
                            #expect(isActive ? value > -1e-4 : value < 1e-4, "\(note)")
                            sum += (unit < positive ? 1 : -1) * max(0, value)
                        }
                        for index in 0..<data.freeCount {
                            sum += solution.parameters[split + index] * data.freeColumn(index)[row]
                        }
                        return sum
                    }
                    var loss = 0.0
                    for row in 0..<data.count {
                        for original in data.points.rows[data.pointOfRow[row]] {
                            let error = predictions[row] - problem.targets[original]
                            loss += problem.weights[original] * error * error
                        }
                    }
                    let scale = problem.targets.reduce(0) { $0 + $1 * $1 } + 1
                    // Steep cells need parameters that rounding leaves little of.
                    #expect(
                        solution.bound <= loss + (shape == .steep ? 1e-6 : 1e-12) * scale, "\(note)")
                    if shape != .steep { #expect(loss <= solution.bound + 1e-9 * scale, "\(note)") }

                    // No other proof says more.
                    if let other = CellProgram(data, cones, positiveUnits: positive)?.solve() {
                        #expect(other.bound <= solution.bound * (1 + 1e-14), "\(note)")
                        compared += 1
                    }
                }
            }
        }
        #expect(compared > 250)
    }

    /// By random cuts.
    private func decidedCone(_ data: DataArrangement, _ random: inout SeededGenerator) -> Cone {
        var cone = Cone.root(Int.random(in: 0..<1 << data.dimension, using: &random), data)
        while let row = (0..<data.count).filter({ cone.sides[$0] == Cone.Side.undecided })
            .randomElement(using: &random)
        {
            let parts = cone.cut(row)
            cone = Bool.random(using: &random) ? parts.plus : parts.minus
        }
        return cone
    }
}
