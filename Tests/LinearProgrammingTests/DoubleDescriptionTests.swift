import ExactArithmetic
import Testing

@testable import LinearProgramming

/// Generators against linear programs, on small numbers: many polyhedra are empty, flat, unbounded or hold lines.
@Suite struct DoubleDescriptionTests {
    private struct Generator: RandomNumberGenerator {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var z = state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
        mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }
    }

    private func polyhedron(_ random: inout Generator, _ dimension: Int) -> Polyhedron {
        let isCentred = random.integer(0...2) > 0
        return Polyhedron(
            dimension: dimension,
            inequalities: (0..<random.integer(0...9)).map { _ in
                LinearInequality(
                    normal: (0..<dimension).map { _ in Rational(random.integer(-2...2), random.integer(1...2))
                    },
                    offset: Rational(random.integer(isCentred ? 0...3 : -3...3)))
            })
    }

    @Test(arguments: 1...4) func againstPrograms(dimension: Int) throws {
        var random = Generator(state: UInt64(dimension))
        var (flat, lines) = (0, 0)
        for seed in 0..<400 {
            let polyhedron = polyhedron(&random, dimension)
            let description = try DoubleDescription(polyhedron)
            let comment: Comment = "dimension \(dimension), number \(seed): \(polyhedron.inequalities)"
            switch try polyhedron.affineHull() {
            case .empty: #expect(description.isEmpty, comment)
            case .space(let hull, _, _):
                #expect(!description.isEmpty && description.affineDimension == hull, comment)
                if hull < dimension { flat += 1 }
            }
            #expect(description.hasInterior == (try polyhedron.hasInterior()), comment)
            if description.isEmpty { continue }
            if !description.lineDirections.isEmpty { lines += 1 }
            let vertices = description.generators.filter(\.isVertex).map(\.point)
            let rays = description.allGenerators.filter { !$0.isVertex }.map(\.point)
            #expect(vertices.allSatisfy(polyhedron.contains), comment)
            for ray in rays {
                #expect(
                    polyhedron.inequalities.allSatisfy { innerProduct($0.normal, ray).sign <= 0 }, comment)
            }
            #expect(description.innerPoint.map(polyhedron.contains) == true, comment)
            // The generators reach as far as the polyhedron in every direction.
            for _ in 0..<6 {
                let objective = (0..<dimension).map { _ in Rational(random.integer(-3...3)) }
                let isBounded = !rays.contains { innerProduct(objective, $0).sign > 0 }
                switch try polyhedron.maximum(of: objective) {
                case .infeasible: Issue.record(comment)
                case .unbounded: #expect(!isBounded, comment)
                case .optimal(_, let value, _):
                    #expect(isBounded && vertices.map { innerProduct(objective, $0) }.max() == value, comment)
                }
            }
            guard description.hasInterior else { continue }
            let facets = description.facets.map { description.inequalities[$0] }
            let kept = try polyhedron.irredundantInequalities().map { polyhedron.inequalities[$0] }
            #expect(facets == kept, comment)
            // Every vertex is needed.
            #expect(Set(vertices).count == vertices.count, comment)
            if description.lineDirections.isEmpty {
                for (place, vertex) in vertices.enumerated() {
                    let tight = polyhedron.inequalities.filter { $0.slack(at: vertex).isZero }
                    #expect(RationalMatrix(tight.map(\.normal)).rank == dimension, "\(comment), \(place)")
                }
            }
        }
        #expect(lines > 0 && (flat > 0 || dimension == 4))
    }

    @Test func whatTwoShare() throws {
        var random = Generator(state: 99)
        var known = 0
        for seed in 0..<1500 {
            let dimension = 1 + seed % 3
            let (first, second) = (polyhedron(&random, dimension), polyhedron(&random, dimension))
            let (a, b) = (try DoubleDescription(first), try DoubleDescription(second))
            guard a.hasInterior, b.hasInterior else { continue }
            let sides = [a, b].map { one in one.facets.map { FilteredInequality(one.inequalities[$0]) } }
            let both = try DoubleDescription(first.intersection(second))
            switch a.meeting(b, sides[0], sides[1]) {
            case .unknown: continue
            case .apart: #expect(both.isEmpty, "\(seed)")
            case .face(let generators):
                known += 1
                let text = { (all: [DoubleDescription.Generator]) in
                    Set(all.map { "\($0.isVertex) \($0.point)" })
                }
                #expect(text(generators) == text(both.generators), "\(seed)")
            }
        }
        #expect(known > 20)
    }

    @Test func endsWhereItIsTooLarge() {
        // A polygon of a thousand sides.
        let sides = (0..<1000).map { index in
            LinearInequality(
                normal: [Rational(2 * index), Rational(-1)], offset: Rational(index * index))
        }
        #expect(throws: DoubleDescription.Fault.self) {
            try DoubleDescription(Polyhedron(dimension: 2, inequalities: sides))
        }
    }
}
