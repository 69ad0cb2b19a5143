import ExactArithmetic
import Synchronization
import Testing

@testable import ExactTraining

/// Branch and bound by itself: its proofs, its threads, its memory, and data that are awkward for it.
struct BranchAndBoundTests {
    /// Everything that a search closed can be proved again in rational arithmetic alone.
    ///
    /// A proof may come out weaker than the search's bound where slopes at the ends of their domain leave little to
    /// repair with: hardly ever.
    @Test(arguments: RandomProblems.losses)
    func certificatesHold(loss: TrainingLoss) throws {
        var weak: [String] = []
        for outputTerm in OutputTerm.allCases {
            for (index, shape) in RandomProblems.Shape.allCases.enumerated() where shape != .steep {
                let seed = UInt64(1000 * index)
                let problem = try RandomProblems.problem(
                    seed: seed, loss: loss, outputTerm: outputTerm, shape: shape)
                let context = "\(loss) \(outputTerm) \(shape) seed \(seed)"
                let result = try train(problem, options: TrainingOptions(wantCertificate: true))
                let search = try #require(result.certificate, "\(context)")
                let certificate = try ExactCertificate(search, network: result.network)
                #expect(verify(certificate) == nil, "\(context): \(verify(certificate) ?? "")")
                if certificate.lowerBound < result.lowerBound - 1e-5 * result.loss - 1e-8 {
                    weak.append("\(context): \(certificate.lowerBound) of \(result.lowerBound)")
                }
            }
        }
        #expect(weak.count <= 1, "\(weak)")
    }

    @Test func threadsAndMemoryLimitsDoNotChangeTheOptimum() throws {
        for seed: UInt64 in 20..<26 {
            var random = SeededGenerator(seed: seed)
            let n = Int(seed % 3) + 1
            let rows = 24
            let problem = try TrainingProblem(
                inputs: (0..<rows * n).map { _ in Double.random(in: -1...1, using: &random) }, columns: n,
                targets: (0..<rows).map { _ in Double.random(in: -1...1, using: &random) }, hiddenUnits: 2,
                outputTerm: OutputTerm.allCases[Int(seed / 3) % 3])
            let one = try train(problem)
            for options in [
                TrainingOptions(threads: 2), TrainingOptions(threads: 3, memoryLimit: 1 << 20),
                TrainingOptions(seed: 77, memoryLimit: 1 << 20),
            ] {
                let other = try train(problem, options: options)
                #expect(other.optimal, "seed \(seed)")
                #expect(other.loss.isNear(one.loss), "seed \(seed): \(other.loss) and \(one.loss)")
                #expect(other.lowerBound <= one.loss && one.lowerBound <= other.loss, "seed \(seed)")
            }
        }
    }

    @Test func manyInputsEndAtTheirTimeLimit() throws {
        var random = SeededGenerator(seed: 5)
        for columns in [8, 30] {
            let problem = try TrainingProblem(
                inputs: (0..<50 * columns).map { _ in Double.random(in: -1...1, using: &random) },
                columns: columns, targets: (0..<50).map { _ in Double.random(in: -1...1, using: &random) },
                hiddenUnits: 3)
            let result = try train(problem, options: TrainingOptions(timeLimit: 0.3, memoryLimit: 1 << 26))
            #expect(result.lowerBound <= result.loss, "\(columns) columns")
            let zero = problem.targets.reduce(0) { $0 + $1 * $1 } / 50
            #expect(result.loss < zero, "\(columns) columns")
        }
    }

    @Test func progressIsMonotoneAndNeverWrong() throws {
        var random = SeededGenerator(seed: 6)
        let problem = try TrainingProblem(
            inputs: (0..<120).map { _ in Double.random(in: -1...1, using: &random) }, columns: 2,
            targets: (0..<60).map { _ in Double.random(in: -1...1, using: &random) }, hiddenUnits: 2)
        let reports = Mutex<[TrainingProgress]>([])
        let result = try train(problem, options: TrainingOptions(timeLimit: 1)) { report in
            reports.withLock { $0.append(report) }
        }
        let all = reports.withLock { $0 }
        for report in all {
            #expect(report.lowerBound <= report.upperBound)
            #expect(report.upperBound >= result.lowerBound)
        }
        for (earlier, later) in zip(all, all.dropFirst()) {
            #expect(earlier.upperBound >= later.upperBound)
            #expect(earlier.nodesExplored <= later.nodesExplored)
        }
    }

    @Test func rootTuplesAreTheCanonicalOnes() {
        for dimension in 1...3 {
            for units in 1...3 {
                for hasFlips in [false, true] {
                    let roots = RootCells(dimension: dimension, units: units, hasFlips: hasFlips)
                    var seen: Set<[Int]> = []
                    for root in RootTuples(dimension: dimension, units: units, hasFlips: hasFlips) {
                        #expect(roots.isCanonical(root.cells, positiveUnits: root.positiveUnits))
                        #expect(seen.insert([root.positiveUnits] + root.cells).inserted)
                    }
                    #expect(seen.count == roots.count)
                }
            }
        }
    }
}
