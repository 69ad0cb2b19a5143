import ExactArithmetic
import LinearProgramming
import PiecewiseLinear
import Testing

/// Regions are accepted exactly where they are a function on a convex domain.
@Suite struct RegionValidationTests {
    // MARK: Boxes of whole coordinates, against a count of unit cells

    /// [lower, upper] in each coordinate, with an affine function.
    private struct Box {
        var lower: [Int]
        var upper: [Int]
        var function: AffineFunction

        var region: RegionFunction.Region {
            var halfSpaces: [HalfSpace] = []
            for axis in lower.indices {
                var normal = [Rational](repeating: .zero, count: lower.count)
                normal[axis] = .one
                halfSpaces.append(HalfSpace(normal: normal, offset: Rational(upper[axis])))
                halfSpaces.append(HalfSpace(normal: normal.map { -$0 }, offset: Rational(-lower[axis])))
            }
            return RegionFunction.Region(halfSpaces: halfSpaces, function: function)
        }

        func contains(_ cell: [Int]) -> Bool {
            cell.indices.allSatisfy { lower[$0] <= cell[$0] && cell[$0] < upper[$0] }
        }

        /// Whether the functions agree wherever both boxes are: at the corners of what they share.
        func agrees(with other: Box) -> Bool {
            let low = zip(lower, other.lower).map { max($0, $1) }
            let high = zip(upper, other.upper).map { min($0, $1) }
            guard zip(low, high).allSatisfy({ $0 <= $1 }) else { return true }
            return (0..<1 << low.count).allSatisfy { mask in
                let corner = low.indices.map { Rational(mask >> $0 & 1 == 1 ? high[$0] : low[$0]) }
                return function(corner) == other.function(corner)
            }
        }
    }

    @Test(arguments: 1...3) func boxes(dimension: Int) {
        var verdicts: [String: Int] = [:]
        for seed in 0..<(dimension < 3 ? 400 : 120) as Range<UInt64> {
            var random = SmallNumbers(seed: seed &* 7 &+ UInt64(dimension))
            let side = dimension < 3 ? 3 : 2
            var boxes: [Box] = [
                Box(
                    lower: [Int](repeating: 0, count: dimension),
                    upper: [Int](repeating: side, count: dimension),
                    function: random.function(dimension))
            ]
            // Cut again and again; then now and then something is changed.
            for _ in 0..<random.integer(0...5) {
                let index = random.integer(0...boxes.count - 1)
                let axis = random.integer(0...dimension - 1)
                guard boxes[index].upper[axis] - boxes[index].lower[axis] > 1 else { continue }
                let place = random.integer(boxes[index].lower[axis] + 1...boxes[index].upper[axis] - 1)
                var other = boxes[index]
                other.lower[axis] = place
                boxes[index].upper[axis] = place
                boxes.append(other)
            }
            let index = random.integer(0...boxes.count - 1)
            switch random.integer(0...4) {
            case 0 where boxes.count > 1: boxes.remove(at: index)
            case 1: boxes[index].function = random.function(dimension)
            case 2: boxes[index].upper[random.integer(0...dimension - 1)] += 1
            case 3: boxes.append(boxes[index])
            default: break
            }
            boxes.shuffle(using: &random)
            let verdict = Self.verdict(boxes, side + 1)
            verdicts[verdict, default: 0] += 1
            #expect(Self.fault(boxes.map(\.region), dimension) == verdict, "seed \(seed): \(boxes)")
        }
        #expect(verdicts.count == 3, "\(verdicts)")
    }

    private static func verdict(_ boxes: [Box], _ side: Int) -> String {
        for (index, box) in boxes.enumerated() {
            if boxes[..<index].contains(where: { !$0.agrees(with: box) }) { return "regionsDisagree" }
        }
        // A convex union of cells is a box: as many cells as the box around them.
        let dimension = boxes[0].lower.count
        var covered: [[Int]] = []
        for number in 0..<(0..<dimension).reduce(1, { product, _ in product * side }) {
            var rest = number
            let cell = (0..<dimension).map { _ in
                defer { rest /= side }
                return rest % side
            }
            if boxes.contains(where: { $0.contains(cell) }) { covered.append(cell) }
        }
        let around = (0..<dimension).reduce(1) { product, axis in
            let places = covered.map { $0[axis] }
            return product * ((places.max() ?? 0) - (places.min() ?? 0) + 1)
        }
        return covered.count == around ? "none" : "gap"
    }

    private static func fault(_ regions: [RegionFunction.Region], _ dimension: Int) -> String {
        do {
            _ = try RegionFunction(regions: regions, dimension: dimension)
            return "none"
        } catch {
            switch error {
            case .gap: return "gap"
            case .regionsDisagree(_, _, _, let values):
                return values[0] != values[1] ? "regionsDisagree" : "equal"
            default: return "\(error)"
            }
        }
    }

    // MARK: Cells of random hyperplanes

    /// ℓ + Σ c_h σ(h) on the cells of hyperplanes h, some of them cut further where the function does not bend.
    private static func cells(_ random: inout SmallNumbers, _ dimension: Int, isBounded: Bool) throws
        -> [RegionFunction.Region]
    {
        var start: [HalfSpace] = []
        for axis in 0..<dimension where isBounded {
            for sign in [1, -1] {
                var normal = [Rational](repeating: .zero, count: dimension)
                normal[axis] = Rational(sign)
                start.append(HalfSpace(normal: normal, offset: Rational(random.integer(2...5))))
            }
        }
        var cells = [RegionFunction.Region(halfSpaces: start, function: random.function(dimension))]
        for _ in 0..<random.integer(1...4) {
            let normal = (0..<dimension).map { _ in Rational(random.integer(-2...2)) }
            if normal.allSatisfy(\.isZero) { continue }
            let offset = Rational(random.integer(-2...2))
            let height = Rational(random.integer(-2...2))
            let isLocal = random.integer(0...2) == 0
            let only = random.integer(0...cells.count - 1)
            var next: [RegionFunction.Region] = []
            for (index, cell) in cells.enumerated() {
                if isLocal, index != only {
                    next.append(cell)
                    continue
                }
                let folded = AffineFunction(
                    gradient: zip(cell.function.gradient, normal).map {
                        $0 + (isLocal ? .zero : height) * $1
                    },
                    intercept: cell.function.intercept - (isLocal ? .zero : height) * offset)
                let below = RegionFunction.Region(
                    halfSpaces: cell.halfSpaces + [HalfSpace(normal: normal, offset: offset)],
                    function: cell.function)
                let above = RegionFunction.Region(
                    halfSpaces: cell.halfSpaces + [HalfSpace(normal: normal.map { -$0 }, offset: -offset)],
                    function: folded)
                for part in [below, above] where try polyhedron(part).hasInterior() { next.append(part) }
            }
            cells = next
        }
        return cells
    }

    private static func polyhedron(_ region: RegionFunction.Region) -> Polyhedron {
        Polyhedron(
            dimension: region.function.dimension,
            inequalities: region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) })
    }

    @Test(arguments: 1...4) func cellsOfHyperplanes(dimension: Int) throws {
        for seed in 0..<(dimension < 4 ? 40 : 15) as Range<UInt64> {
            var random = SmallNumbers(seed: seed &* 31 &+ UInt64(dimension))
            let isBounded = seed % 2 == 0
            var cells = try Self.cells(&random, dimension, isBounded: isBounded)
            let function = try RegionFunction(regions: cells, dimension: dimension)
            #expect(function.coversSpace == !isBounded && (function.box != nil) == isBounded, "seed \(seed)")
            #expect(function.discontinuity.isZero && function.regions.count == cells.count)
            guard cells.count > 1 else { continue }
            let index = random.integer(0...cells.count - 1)
            let removed = cells.remove(at: index)
            // What is left is convex exactly where one facet of the removed cell separates it from all others.
            let isSeparated = try removed.halfSpaces.contains { side in
                let beyond = LinearInequality(normal: side.normal.map { -$0 }, offset: -side.offset)
                return try !side.normal.allSatisfy(\.isZero)
                    && cells.allSatisfy { try Self.polyhedron($0).implies(beyond) }
            }
            #expect(Self.fault(cells, dimension) == (isSeparated ? "none" : "gap"), "seed \(seed)")
            // Another constant: different values wherever the cell meets its neighbours.
            let raised = AffineFunction(
                gradient: removed.function.gradient, intercept: removed.function.intercept + Rational(1, 1000)
            )
            cells.insert(
                RegionFunction.Region(halfSpaces: removed.halfSpaces, function: raised), at: index)
            #expect(Self.fault(cells, dimension) == "regionsDisagree", "seed \(seed)")
            let tolerant = try RegionFunction(
                regions: cells, dimension: dimension, continuityTolerance: Rational(1, 1000))
            #expect(tolerant.discontinuity == Rational(1, 1000), "seed \(seed)")
        }
    }

    @Test func stopsWhenCancelled() throws {
        var random = SmallNumbers(seed: 1)
        let cells = try Self.cells(&random, 2, isBounded: true)
        #expect(throws: FunctionFault.cancelled) {
            try RegionFunction(regions: cells, dimension: 2, isCancelled: { true })
        }
    }
}

/// Small whole numbers from a seed.
struct SmallNumbers: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    mutating func integer(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    mutating func function(_ dimension: Int) -> AffineFunction {
        AffineFunction(
            gradient: (0..<dimension).map { _ in Rational(integer(-1...1)) },
            intercept: Rational(integer(-1...1)))
    }
}
