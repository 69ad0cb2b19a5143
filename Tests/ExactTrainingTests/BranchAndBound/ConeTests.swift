import ExactArithmetic
import Testing

@testable import ExactTraining

/// Cones and rays against rational arithmetic.
struct ConeTests {
    private static func arrangement(_ random: inout SeededGenerator, n: Int, rows: Int, kind: Int) throws
        -> DataArrangement?
    {
        let inputs = (0..<rows * n).map { index -> Double in
            switch kind {
            case 0: Double.random(in: -1...1, using: &random)
            // Collinear and equal points.
            case 1: Double(Int.random(in: -1...1, using: &random))
            // Points close together, far from the origin.
            default: 1000 + Double.random(in: 0...1, using: &random) * (index % 3 == 0 ? 0x1p-30 : 1)
            }
        }
        let problem = try TrainingProblem(
            inputs: inputs, columns: n, targets: [Double](repeating: 1, count: rows), hiddenUnits: 1)
        return DataArrangement(problem, isCancelled: { false })
    }

    private static func sign(_ ray: Ray, _ row: Int, _ data: DataArrangement) -> Int {
        var sum = BigInteger.zero
        for (index, value) in data.integers(row).enumerated() { sum = sum + value * ray.exact[index] }
        return sum.sign
    }

    @Test func productsHaveTheirTrueSignsAndErrors() throws {
        for seed in 0..<60 {
            var random = SeededGenerator(seed: UInt64(seed))
            let n = seed % 4 + 1
            guard let data = try Self.arrangement(&random, n: n, rows: 12, kind: seed % 3) else { continue }
            var cone = Cone.root(Int.random(in: 0..<1 << data.dimension, using: &random), data)
            for _ in 0..<12 {
                for ray in cone.rays {
                    // One positive factor takes the exact products to the rounded ones.
                    var factor: Double?
                    for row in 0..<data.count {
                        let rounded = ray.products[row]
                        let sign = Self.sign(ray, row, data)
                        #expect(
                            sign == (rounded > 0 ? 1 : rounded < 0 ? -1 : 0), "seed \(seed) row \(row)")
                        var exact = Rational.zero
                        for (index, value) in data.integers(row).enumerated() {
                            exact += Rational(value) * Rational(ray.exact[index])
                        }
                        guard rounded.magnitude > 0.01 else { continue }
                        let ratio = rounded / exact.nearestDouble
                        if let factor { #expect((ratio / factor - 1).magnitude < 1e-11, "seed \(seed)") }
                        factor = ratio
                    }
                }
                let undecided = (0..<data.count).filter { cone.sides[$0] == Cone.Side.undecided }
                guard let row = undecided.randomElement(using: &random) else { break }
                let (plus, minus) = cone.cut(row)
                // Each side is decided there, and the two have the rays of the cone and those on the hyperplane.
                #expect(plus.sides[row] == Cone.Side.active && minus.sides[row] == Cone.Side.inactive)
                for ray in cone.rays {
                    let isPlus = plus.rays.contains { $0 === ray }
                    let isMinus = minus.rays.contains { $0 === ray }
                    #expect(isPlus == (ray.products[row] >= 0) && isMinus == (ray.products[row] <= 0))
                }
                cone = Bool.random(using: &random) ? plus : minus
            }
        }
    }

    /// A point of a cone is a non-negative combination of the rays of that part on whose side it lies.
    @Test func partsCoverTheirCone() throws {
        for seed in 100..<130 {
            var random = SeededGenerator(seed: UInt64(seed))
            guard let data = try Self.arrangement(&random, n: seed % 3 + 1, rows: 10, kind: seed % 2) else {
                continue
            }
            var cone = Cone.root(Int.random(in: 0..<1 << data.dimension, using: &random), data)
            var direction = [Double](repeating: 0, count: data.dimension)
            for ray in cone.rays {
                let factor = Double.random(in: 0...1, using: &random)
                for index in direction.indices { direction[index] += factor * ray.direction[index] }
            }
            while let row = (0..<data.count).first(where: { cone.sides[$0] == Cone.Side.undecided }) {
                var value = 0.0
                for index in direction.indices {
                    value += direction[index] * data.frame[index * data.stride + row]
                }
                cone = value >= 0 ? cone.cut(row).plus : cone.cut(row).minus
            }
            let solver = NonNegativeQuadratic()
            let count = cone.rays.count
            solver.reserve(count)
            for (k, ray) in cone.rays.enumerated() {
                solver.right[k] = zip(ray.direction, direction).reduce(0) { $0 + $1.0 * $1.1 }
                solver.solution[k] = 0
                for (m, other) in cone.rays.enumerated() {
                    solver.matrix[k * count + m] = zip(ray.direction, other.direction).reduce(0) {
                        $0 + $1.0 * $1.1
                    }
                }
            }
            solver.solve(count: count, coneCount: count, ridge: 1e-14, tolerance: 1e-13)
            for index in direction.indices {
                var rest = direction[index]
                for (k, ray) in cone.rays.enumerated() { rest -= solver.solution[k] * ray.direction[index] }
                #expect(rest.magnitude < 1e-6, "seed \(seed)")
            }
        }
    }
}
