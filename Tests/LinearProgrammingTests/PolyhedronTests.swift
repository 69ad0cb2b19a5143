import ExactArithmetic
import Testing

@testable import LinearProgramming

@Suite struct PolyhedronTests {
    private func randomPolyhedron(_ seed: Int) -> Polyhedron {
        let program = randomProgram(seed, maximumDimension: 3, maximumRows: 6)
        return Polyhedron(dimension: program.dimension, inequalities: program.inequalities)
    }

    private func maximum(_ polyhedron: Polyhedron, _ objective: [Rational], _ rows: [Int])
        -> FourierMotzkin.Answer
    {
        FourierMotzkin.maximum(
            LinearProgram(maximising: objective, inequalities: rows.map { polyhedron.inequalities[$0] }))
    }

    /// Interior exists exactly when the largest margin t is positive.
    private func hasInterior(_ polyhedron: Polyhedron) -> Bool {
        let zeros = [Rational](repeating: .zero, count: polyhedron.dimension)
        let margins = polyhedron.inequalities.map {
            let isTrivial = $0.normal.allSatisfy(\.isZero) && $0.offset.sign >= 0
            return LinearInequality(normal: $0.normal + [isTrivial ? .zero : .one], offset: $0.offset)
        }
        let program = LinearProgram(
            maximising: zeros + [.one],
            inequalities: margins + [LinearInequality(normal: zeros + [.one], offset: .one)])
        guard case .optimal(let margin) = FourierMotzkin.maximum(program) else { return false }
        return margin.sign > 0
    }

    @Test func interiors() throws {
        var found = 0
        for seed in 0..<600 {
            let polyhedron = randomPolyhedron(seed)
            switch try polyhedron.interior() {
            case .point(let point):
                found += 1
                #expect(hasInterior(polyhedron), "seed \(seed)")
                for inequality in polyhedron.inequalities where !inequality.normal.allSatisfy(\.isZero) {
                    #expect(inequality.slack(at: point).sign > 0, "seed \(seed)")
                }
            case .empty(let multipliers):
                #expect(!hasInterior(polyhedron), "seed \(seed)")
                var normal = [Rational](repeating: .zero, count: polyhedron.dimension)
                var offset = Rational.zero
                for (multiplier, inequality) in zip(multipliers.inequalities, polyhedron.inequalities) {
                    #expect(multiplier.sign >= 0)
                    for index in normal.indices { normal[index] += multiplier * inequality.normal[index] }
                    offset += multiplier * inequality.offset
                }
                #expect(multipliers.inequalities.contains { !$0.isZero }, "seed \(seed)")
                #expect(normal.allSatisfy(\.isZero) && offset.sign <= 0, "seed \(seed)")
            }
        }
        #expect(found > 200 && found < 550, "\(found)")
    }

    @Test func irredundantDescriptions() throws {
        for seed in 0..<400 {
            let polyhedron = randomPolyhedron(seed)
            let kept = try polyhedron.irredundantInequalities()
            for index in polyhedron.inequalities.indices {
                let inequality = polyhedron.inequalities[index]
                // What is left out follows from the rest; what is kept does not follow from the others.
                let others = kept.filter { $0 != index }
                let follows: Bool =
                    switch maximum(polyhedron, inequality.normal, others) {
                    case .infeasible: true
                    case .unbounded: false
                    case .optimal(let value): value <= inequality.offset
                    }
                #expect(follows == !kept.contains(index), "seed \(seed), row \(index)")
            }
        }
    }

    @Test func hulls() throws {
        var dimensions = [0, 0, 0, 0, 0]
        for seed in 0..<600 {
            let polyhedron = randomPolyhedron(seed)
            let zeros = [Rational](repeating: .zero, count: polyhedron.dimension)
            let all = Array(polyhedron.inequalities.indices)
            // An inequality is an equation on the polyhedron when its slack is nowhere positive.
            let isEmpty = maximum(polyhedron, zeros, all) == .infeasible
            switch try polyhedron.affineHull() {
            case .empty(let multipliers):
                dimensions[4] += 1
                #expect(isEmpty, "seed \(seed)")
                let program = LinearProgram(maximising: zeros, inequalities: polyhedron.inequalities)
                #expect(program.isProved(by: .infeasible(multipliers)), "seed \(seed)")
            case .space(let dimension, let point, let equations):
                dimensions[dimension] += 1
                let expected = all.filter { index in
                    let inequality = polyhedron.inequalities[index]
                    return maximum(polyhedron, inequality.normal.map { -$0 }, all)
                        == .optimal(-inequality.offset)
                }
                #expect(equations == expected, "seed \(seed)")
                let rank = RationalMatrix(expected.map { polyhedron.inequalities[$0].normal }).rank
                #expect(dimension == polyhedron.dimension - rank, "seed \(seed)")
                #expect(polyhedron.contains(point), "seed \(seed)")
            }
        }
        #expect(dimensions.allSatisfy { $0 > 15 }, "\(dimensions)")
    }

    @Test func cubesAndTheirNeighbours() throws {
        func cube(_ corner: [Rational]) -> Polyhedron {
            let n = corner.count
            return Polyhedron(
                dimension: n,
                inequalities: (0..<n).flatMap { index in
                    let unit = (0..<n).map { $0 == index ? Rational.one : .zero }
                    return [
                        LinearInequality(normal: unit, offset: corner[index] + 1),
                        LinearInequality(normal: unit.map { -$0 }, offset: -corner[index]),
                    ]
                })
        }
        let origin = cube([0, 0, 0])
        #expect(try origin.irredundantInequalities().count == 6)
        let beside = try origin.sharedFacetPoint(with: cube([1, Rational(1, 3), 0]))
        #expect(beside?[0] == 1)
        #expect(try origin.sharedFacetPoint(with: cube([1, 1, 0])) == nil)
        #expect(try origin.sharedFacetPoint(with: cube([Rational(1, 2), 0, 0])) == nil)
        #expect(try origin.sharedFacetPoint(with: cube([2, 0, 0])) == nil)
        #expect(try origin.implies(inequality([1, 1, 1], 3)))
        #expect(try !origin.implies(inequality([2, 2, 2], 5)))
    }
}
