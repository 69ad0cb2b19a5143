internal import ExactArithmetic
internal import LinearProgramming

/// Joins the found cells into pieces under the definitions. Only cells whose affine map is another cell's need any
/// geometry: candidates come from hashing, linear programs confirm them.
struct CellMerging {
    let network: ProgramNetwork
    let cells: FoundCells
    private let definitions: Set<PieceDefinition>
    private let limits: CountingLimits
    let isCancelled: () -> Bool
    let geometry: CellGeometry
    private let influence: UnitInfluence
    /// The cells of each map that several have, in increasing order.
    private(set) var groups: [[Int]] = []
    private var sets: [PieceDefinition: DisjointSets] = [:]
    /// The place of each grouped cell among the nodes of `sets`.
    private var nodes: [Int: Int] = [:]
    private(set) var counts: [PieceDefinition: BigInteger]
    private var steps = 0
    /// Filled when first needed.
    var cellOfPattern: [[UInt64]: Int] = [:]

    /// What one linear program counts among the steps of joining; a comparison of two cells counts 1.
    static let programSteps = 256

    init(
        _ network: ProgramNetwork, _ cells: FoundCells, definitions: Set<PieceDefinition>,
        limits: CountingLimits, isCancelled: @escaping () -> Bool
    ) {
        self.network = network
        self.cells = cells
        self.definitions = definitions
        self.limits = limits
        self.isCancelled = isCancelled
        geometry = CellGeometry(network, cells)
        influence = UnitInfluence(network)
        counts = [.activation: BigInteger(cells.count)]
    }

    /// - Throws: `limitReached` with the counts that are complete, `cancelled`.
    mutating func run() throws(PieceCountingFault) {
        try findGroups()
        let grouped = groups.reduce(0) { $0 + $1.count }
        counts[.affine] = BigInteger(cells.count - grouped + groups.count)
        for definition in [PieceDefinition.open, .closed, .level] {
            guard isWanted(definition) else { break }
            var joined = sets[PieceDefinition.finer(definition)] ?? DisjointSets()
            if definition == .open { for _ in 0..<grouped { joined.addNode() } }
            for group in groups where components(group, &joined) > 1 {
                do throws(LinearProgrammingFault) {
                    switch definition {
                    case .open: try joinOpen(group, &joined)
                    case .closed: try joinClosed(group, &joined)
                    default: try joinLevel(group, &joined)
                    }
                } catch {
                    throw stopped
                }
            }
            let count = groups.reduce(cells.count - grouped) { $0 + components($1, &joined) }
            counts[definition] = BigInteger(count)
            sets[definition] = joined
        }
    }

    /// The least cell of the piece of each grouped cell; other cells are their own.
    mutating func representatives(_ definition: PieceDefinition) -> [Int: Int] {
        var result: [Int: Int] = [:]
        for group in groups {
            var least: [Int: Int] = [:]
            for cell in group {
                let root: Int
                switch definition {
                case .activation: root = cell
                case .affine: root = -1
                case .open, .closed, .level:
                    root = nodes[cell].flatMap { sets[definition]?.root($0) } ?? cell
                }
                least[root] = least[root] ?? cell
                result[cell] = least[root]
            }
        }
        return result
    }

    /// A definition is computed where it or a coarser one that builds on it is wanted.
    private func isWanted(_ definition: PieceDefinition) -> Bool {
        switch definition {
        case .open: !definitions.isDisjoint(with: [.open, .closed, .level])
        case .closed: !definitions.isDisjoint(with: [.closed, .level])
        default: definitions.contains(definition)
        }
    }

    private func components(_ group: [Int], _ joined: inout DisjointSets) -> Int {
        var roots: Set<Int> = []
        for cell in group { roots.insert(joined.root(node(cell))) }
        return roots.count
    }

    func node(_ cell: Int) -> Int { nodes[cell] ?? 0 }

    // MARK: Work

    private var stopped: PieceCountingFault {
        isCancelled()
            ? .cancelled(reached: counts)
            : .limitReached(.joiningSteps, limit: maximumSteps, reached: counts)
    }

    /// In proportion to the cells, and enough for some ten thousand exact programs.
    private var maximumSteps: Int {
        let (product, overflow) = limits.maximumCells.multipliedReportingOverflow(by: 64)
        return min(overflow ? .max : max(product, 1 << 20), (1 << 24) + 64 * cells.count)
    }

    mutating func spend(_ count: Int) throws(LinearProgrammingFault) {
        steps += count
        if steps > maximumSteps || isCancelled() { throw .cancelled }
    }

    // MARK: Groups

    /// Cells by fingerprint, then by the map itself.
    private mutating func findGroups() throws(PieceCountingFault) {
        let order = (0..<cells.count).sorted {
            (cells.fingerprints[$0], $0) < (cells.fingerprints[$1], $1)
        }
        var start = 0
        while start < order.count {
            var end = start + 1
            while end < order.count, cells.fingerprints[order[end]] == cells.fingerprints[order[start]] {
                end += 1
            }
            if end - start > 1 {
                var byInfluence: [[UInt64]: [Int]] = [:]
                for cell in order[start..<end] {
                    byInfluence[influence.pattern(cells.pattern(cell)), default: []].append(cell)
                }
                var byMap: [[ExactForm]: [Int]] = [:]
                for (_, members) in byInfluence {
                    do { try spend(members.count + Self.programSteps / 4) } catch { throw stopped }
                    byMap[geometry.map(members[0]), default: []] += members
                }
                groups += byMap.values.filter { $0.count > 1 }.map { $0.sorted() }
            }
            start = end
        }
        groups.sort { $0[0] < $1[0] }
        for group in groups { for cell in group { nodes[cell] = nodes.count } }
    }

    // MARK: Definitions

    /// Cells with a common facet, by facet keys; one program shows that a key's facet exists.
    private mutating func joinOpen(
        _ group: [Int], _ joined: inout DisjointSets
    ) throws(LinearProgrammingFault) {
        var owners: [[UInt64]: (cell: Int, row: Int)] = [:]
        var candidates: [(a: Int, row: Int, b: Int, key: [UInt64])] = []
        for cell in group {
            try spend(Self.programSteps / 4)
            for (row, key) in geometry.facetKeys(cell) {
                if let owner = owners[key] {
                    candidates.append((owner.cell, owner.row, cell, key))
                } else {
                    owners[key] = (cell, row)
                }
            }
        }
        candidates.sort { ($0.a, $0.row, $0.b) < ($1.a, $1.row, $1.b) }
        for (a, row, b, key) in candidates where joined.root(node(a)) != joined.root(node(b)) {
            try spend(Self.programSteps / 4)
            if try geometry.isFacet(a, row, key, isCancelled) { joined.join(node(a), node(b)) }
        }
    }

    /// Cells with a common point.
    private mutating func joinClosed(
        _ group: [Int], _ joined: inout DisjointSets
    ) throws(LinearProgrammingFault) {
        var touched: [[UInt64]] = []
        for cell in group {
            try spend(Self.programSteps)
            touched.append(geometry.touchedUnits(cell))
        }
        for (i, a) in group.enumerated() {
            try spend(group.count)
            for (j, b) in group.enumerated().dropFirst(i + 1)
            where mayTouch(a, touched[i], b, touched[j])
                && joined.root(node(a)) != joined.root(node(b))
            {
                try spend(Self.programSteps)
                if try geometry.meet(a, b, isCancelled) { joined.join(node(a), node(b)) }
            }
        }
    }

    func mayTouch(_ a: Int, _ touchedByA: [UInt64], _ b: Int, _ touchedByB: [UInt64]) -> Bool {
        let first = a * cells.words
        let second = b * cells.words
        for word in 0..<cells.words {
            let differing = cells.patterns[first + word] ^ cells.patterns[second + word]
            if differing & ~(touchedByA[word] & touchedByB[word]) != 0 { return false }
        }
        return true
    }
}

extension PieceDefinition {
    /// The definition whose pieces those of `definition` are made of.
    fileprivate static func finer(_ definition: PieceDefinition) -> PieceDefinition {
        switch definition {
        case .activation, .open: .activation
        case .closed: .open
        case .level: .closed
        case .affine: .level
        }
    }
}
