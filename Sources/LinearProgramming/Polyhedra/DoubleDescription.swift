public import ExactArithmetic

/// A polyhedron by inequalities and by generators at once: the double description method (Motzkin, Raiffa, Thompson,
/// Thrall 1953), in rational arithmetic.
///
/// In homogeneous coordinates (x_0, x) with x_0 ≥ 0 the polyhedron is a cone, and so may be unbounded, empty or flat, or
/// hold lines. Each further inequality keeps the generators on its side and makes one on each two-dimensional face that
/// it cuts; two generators span such a face where no third one lies on all inequalities that are tight at both.
public struct DoubleDescription: Sendable {
    /// A vertex or the direction of an unbounded edge.
    public struct Generator: Sendable {
        /// x_0, 1 for a vertex and 0 for a direction, and then the coordinates.
        let coordinates: [Rational]
        let rounded: [Double]
        /// Bit i: inequality i holds with equality.
        fileprivate(set) var tight: Bits

        public var isVertex: Bool { !coordinates[0].isZero }
        /// Of the vertex, or of the direction.
        public var point: [Rational] { Array(coordinates.dropFirst()) }

        fileprivate init(_ coordinates: [Rational], tight: Bits) {
            let scale =
                coordinates[0].isZero
                ? coordinates.reduce(Rational.zero) { max($0, $1.magnitude) } : coordinates[0]
            let scaled = scale == .one || scale.isZero ? coordinates : coordinates.map { $0 / scale }
            self.coordinates = scaled
            rounded = scaled.map(\.nearestDouble)
            self.tight = tight
        }
    }

    public enum Fault: Error, Sendable {
        /// More inequalities bound the polyhedron on the way, or it has more generators, than `Limit` says.
        case tooLarge
        case cancelled
    }

    /// Beyond these a description is not made.
    public enum Limit {
        public static let inequalities = 511
        public static let generators = 600
    }

    typealias Bits = SIMD8<UInt64>

    public let dimension: Int
    /// Those that were tight somewhere when they were added.
    public private(set) var inequalities: [LinearInequality] = []
    public private(set) var generators: [Generator] = []
    /// Directions of lines that the polyhedron holds, independent of each other; x_0 is 0 in the end.
    private var lines: [[Rational]]

    /// All of R^n.
    public init(dimension: Int) {
        self.dimension = dimension
        lines = (1..<dimension + 1).map { axis in (0..<dimension + 1).map { $0 == axis ? .one : .zero } }
        generators = [
            Generator([.one] + [Rational](repeating: .zero, count: dimension), tight: Bits())
        ]
    }

    public init(_ polyhedron: Polyhedron, isCancelled: () -> Bool = { false }) throws(Fault) {
        self.init(dimension: polyhedron.dimension)
        for inequality in polyhedron.inequalities {
            try cut(inequality, isCancelled: isCancelled)
            if isEmpty { return }
        }
    }

    /// Directions of lines.
    public var lineDirections: [[Rational]] { lines.map { Array($0.dropFirst()) } }

    /// The generators, and both directions of each line.
    public var allGenerators: [Generator] {
        generators
            + lines.flatMap { [$0, $0.map { -$0 }] }.map { Generator($0, tight: Bits(repeating: .max)) }
    }

    public var isEmpty: Bool { !generators.contains(where: \.isVertex) }

    /// Whether the polyhedron has interior: no inequality is an equation on all of it.
    public var hasInterior: Bool {
        !isEmpty && generators.reduce(Bits(repeating: .max)) { $0 & $1.tight } == Bits()
    }

    /// The dimension of the smallest affine space that holds the polyhedron; −1 for the empty one.
    public var affineDimension: Int {
        if isEmpty { return -1 }
        return RationalMatrix(generators.map(\.coordinates) + lines).rank - 1
    }

    /// A point in the relative interior.
    public var innerPoint: [Rational]? {
        let vertices = generators.filter(\.isVertex)
        guard !vertices.isEmpty else { return nil }
        let share = Rational(1, vertices.count)
        var sum = (0..<dimension).map { axis in
            vertices.reduce(Rational.zero) { $0 + $1.coordinates[axis + 1] } * share
        }
        for ray in generators where !ray.isVertex {
            for axis in 0..<dimension { sum[axis] += ray.coordinates[axis + 1] }
        }
        return sum
    }

    /// Indices of inequalities that describe the polyhedron, one for each facet. The polyhedron has interior.
    public var facets: [Int] {
        // A facet is told from others by what lies on it.
        var seen: Set<[Int]> = []
        return inequalities.indices.filter { index in
            let members = generators.indices.filter { generators[$0].tight.contains(index) }
            guard members.count + lines.count >= dimension, members.count < generators.count,
                !seen.contains(members),
                RationalMatrix(members.map { generators[$0].coordinates } + lines).rank == dimension
            else { return false }
            seen.insert(members)
            return true
        }
    }

    /// The generators on which an inequality holds with equality; all lines do.
    public func generators(on inequality: Int) -> [Generator] {
        generators.filter { $0.tight.contains(inequality) }
    }

    /// The part of the polyhedron that satisfies an inequality.
    public mutating func cut(_ inequality: LinearInequality, isCancelled: () -> Bool = { false })
        throws(Fault)
    {
        if isCancelled() { throw .cancelled }
        if inequality.normal.allSatisfy(\.isZero) {
            if inequality.offset.sign < 0 { generators = [] }
            return
        }
        let form = FilteredInequality(inequality)
        if let place = lines.firstIndex(where: { !form.value(at: $0).isZero }) {
            try cutLine(place, form, inequality)
            return
        }
        let signs = generators.map { form.sign(at: $0) }
        guard signs.contains(where: { $0 <= 0 }) else { return }
        let bit = inequalities.count
        guard bit < Limit.inequalities else { throw .tooLarge }
        inequalities.append(inequality)
        var kept: [Generator] = []
        for (generator, sign) in zip(generators, signs) where sign >= 0 {
            var generator = generator
            if sign == 0 { generator.tight = generator.tight.inserting(bit) }
            kept.append(generator)
        }
        let rank = dimension + 1 - lines.count
        let positive = signs.indices.filter { signs[$0] > 0 }
        let negative = signs.indices.filter { signs[$0] < 0 }
        for inner in positive {
            if isCancelled() { throw .cancelled }
            for outer in negative {
                let common = generators[inner].tight & generators[outer].tight
                guard common.bitCount + 1 >= rank - 2, isEdge(inner, outer, common) else { continue }
                let (from, to) = (generators[inner].coordinates, generators[outer].coordinates)
                let (a, b) = (form.value(at: from), form.value(at: to))
                kept.append(
                    Generator(zip(from, to).map { a * $1 - b * $0 }, tight: common.inserting(bit)))
                guard kept.count <= Limit.generators else { throw .tooLarge }
            }
        }
        generators = kept
    }

    /// Both parts that an inequality and its opposite leave, without those that have no interior. The polyhedron has
    /// interior.
    public func split(_ inequality: LinearInequality, isCancelled: () -> Bool = { false }) throws(Fault) -> (
        inside: DoubleDescription?, outside: DoubleDescription?
    ) {
        let form = FilteredInequality(inequality)
        if lines.allSatisfy({ form.value(at: $0).isZero }) {
            let signs = generators.map { form.sign(at: $0) }
            if !signs.contains(where: { $0 > 0 }) {
                return signs.contains(where: { $0 < 0 }) ? (nil, self) : (self, nil)
            }
            if !signs.contains(where: { $0 < 0 }) { return (self, nil) }
        }
        var (inside, outside) = (self, self)
        try inside.cut(inequality, isCancelled: isCancelled)
        try outside.cut(inequality.opposite, isCancelled: isCancelled)
        return (inside, outside)
    }

    // MARK: Two polyhedra

    /// What two polyhedra have in common.
    public enum Meeting: Sendable {
        case apart
        /// These generate it: the common points are one face of one of the two.
        case face([Generator])
        /// It takes more to tell.
        case unknown
    }

    /// What two polyhedra share, where it is a face of one of them that a facet's hyperplane of the other holds.
    ///
    /// - Parameters:
    ///   - sides: the facets of this polyhedron.
    ///   - otherSides: those of the other one.
    public func meeting(
        _ other: DoubleDescription, _ sides: [FilteredInequality], _ otherSides: [FilteredInequality]
    ) -> Meeting {
        guard lines.isEmpty, other.lines.isEmpty else { return .unknown }
        let found = Self.face(of: generators, within: otherSides)
        if case .unknown = found { return Self.face(of: other.generators, within: sides) }
        return found
    }

    private static func face(of generators: [Generator], within sides: [FilteredInequality]) -> Meeting {
        var isOn = [Bool](repeating: true, count: generators.count)
        var isInside = isOn
        var isSeparated = false
        for side in sides {
            let signs = generators.map { side.sign(at: $0) }
            let isBeyond = !signs.contains { $0 > 0 }
            if isBeyond { isSeparated = true }
            for (index, sign) in signs.enumerated() {
                if sign < 0 { isInside[index] = false }
                if isBeyond, sign < 0 { isOn[index] = false }
            }
        }
        guard isSeparated else { return .unknown }
        let members = generators.indices.filter { isOn[$0] }
        guard members.contains(where: { generators[$0].isVertex }) else { return .apart }
        return members.allSatisfy { isInside[$0] } ? .face(members.map { generators[$0] }) : .unknown
    }

    /// x_0 ≥ 0 is tight at directions, and counts as an inequality there.
    private func isEdge(_ first: Int, _ second: Int, _ common: Bits) -> Bool {
        let areDirections = !generators[first].isVertex && !generators[second].isVertex
        for (index, other) in generators.enumerated() where index != first && index != second {
            if other.tight & common == common, !areDirections || !other.isVertex { return false }
        }
        return true
    }

    /// A line that crosses the inequality's hyperplane becomes a direction, along which all else is moved into the hyperplane.
    private mutating func cutLine(_ place: Int, _ form: FilteredInequality, _ inequality: LinearInequality)
        throws(Fault)
    {
        let bit = inequalities.count
        guard bit < Limit.inequalities else { throw .tooLarge }
        inequalities.append(inequality)
        var line = lines.remove(at: place)
        var rate = form.value(at: line)
        if rate.sign < 0 {
            line = line.map { -$0 }
            rate = -rate
        }
        func moved(_ coordinates: [Rational]) -> [Rational] {
            let factor = form.value(at: coordinates) / rate
            return factor.isZero ? coordinates : zip(coordinates, line).map { $0 - factor * $1 }
        }
        lines = lines.map(moved)
        generators = generators.map {
            Generator(moved($0.coordinates), tight: $0.tight.inserting(bit))
        }
        var all = Bits()
        for index in 0..<bit { all = all.inserting(index) }
        generators.append(Generator(line, tight: all))
    }
}

/// offset · x_0 − ⟨normal, x⟩, its sign by binary64 where that is certain.
public struct FilteredInequality: Sendable {
    private let exact: [Rational]
    private let rounded: [Double]

    public init(_ inequality: LinearInequality) {
        exact = [inequality.offset] + inequality.normal.map { -$0 }
        rounded = exact.map(\.nearestDouble)
    }

    func value(at coordinates: [Rational]) -> Rational {
        var sum = Rational.zero
        for (a, b) in zip(exact, coordinates) where !a.isZero && !b.isZero { sum += a * b }
        return sum
    }

    /// The sign of the slack at a vertex, of its growth in a direction.
    public func sign(at generator: DoubleDescription.Generator) -> Int {
        var sum = 0.0
        var size = 0.0
        for (a, b) in zip(rounded, generator.rounded) {
            sum += a * b
            size += (a * b).magnitude
        }
        // Three roundings in each product and one a sum; numbers far below 1 are not rounded relatively to their size.
        let error = size * Double(rounded.count + 8) * 0x1p-51 + 0x1p-400
        let isOrdinary = zip(rounded, generator.rounded).allSatisfy { a, b in
            a.magnitude < 0x1p500 && b.magnitude < 0x1p500
        }
        if isOrdinary, sum.magnitude > error { return sum < 0 ? -1 : 1 }
        return value(at: generator.coordinates).sign
    }
}

extension LinearInequality {
    /// ⟨normal, x⟩ ≥ offset.
    public var opposite: LinearInequality {
        LinearInequality(normal: normal.map { -$0 }, offset: -offset)
    }
}

extension SIMD8<UInt64> {
    fileprivate func contains(_ bit: Int) -> Bool { self[bit >> 6] >> UInt64(bit & 63) & 1 == 1 }

    fileprivate func inserting(_ bit: Int) -> Self {
        var bits = self
        bits[bit >> 6] |= 1 << UInt64(bit & 63)
        return bits
    }

    fileprivate var bitCount: Int {
        var count = 0
        for word in indices { count += self[word].nonzeroBitCount }
        return count
    }
}
