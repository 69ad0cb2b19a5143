internal import ExactArithmetic
internal import LinearProgramming

/// Joins the found cells into pieces under the definitions. Only cells whose affine map is another cell's need any
/// geometry: candidates come from hashing, linear programs confirm them.
struct CellMerging {
    private let network: ProgramNetwork
    private let cells: FoundCells
    private let definitions: Set<PieceDefinition>
    private let limits: CountingLimits
    private let isCancelled: () -> Bool
    private let geometry: CellGeometry
    /// The cells of each map that several have, in increasing order.
    private(set) var groups: [[Int]] = []
    private var sets: [PieceDefinition: DisjointSets] = [:]
    /// The place of each grouped cell among the nodes of `sets`.
    private var nodes: [Int: Int] = [:]
    private(set) var counts: [PieceDefinition: BigInteger]
    private var steps = 0

    /// What one linear program counts among the steps of joining; a comparison of two cells counts 1.
    private static let programSteps = 256

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

    private func node(_ cell: Int) -> Int { nodes[cell] ?? 0 }

    // MARK: Work

    private var stopped: PieceCountingFault {
        isCancelled()
            ? .cancelled(reached: counts)
            : .limitReached(.joiningSteps, limit: maximumSteps, reached: counts)
    }

    /// In proportion to the cells that the caller allows.
    private var maximumSteps: Int {
        let (product, overflow) = limits.maximumCells.multipliedReportingOverflow(by: 64)
        return overflow ? .max : max(product, 1 << 20)
    }

    private mutating func spend(_ count: Int) throws(LinearProgrammingFault) {
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
                var byMap: [[ExactForm]: [Int]] = [:]
                for cell in order[start..<end] {
                    do { try spend(Self.programSteps / 4) } catch { throw stopped }
                    byMap[geometry.map(cell), default: []].append(cell)
                }
                groups += byMap.values.filter { $0.count > 1 }
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
        var candidates: [(a: Int, row: Int, b: Int)] = []
        for cell in group {
            try spend(Self.programSteps / 4)
            for (row, key) in geometry.facetKeys(cell) {
                if let owner = owners[key] {
                    candidates.append((owner.cell, owner.row, cell))
                } else {
                    owners[key] = (cell, row)
                }
            }
        }
        candidates.sort { ($0.a, $0.row, $0.b) < ($1.a, $1.row, $1.b) }
        for (a, row, b) in candidates where joined.root(node(a)) != joined.root(node(b)) {
            try spend(Self.programSteps)
            if try geometry.isFacet(a, row, isCancelled) { joined.join(node(a), node(b)) }
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

    private func mayTouch(_ a: Int, _ touchedByA: [UInt64], _ b: Int, _ touchedByB: [UInt64]) -> Bool {
        let first = a * cells.words
        let second = b * cells.words
        for word in 0..<cells.words {
            let differing = cells.patterns[first + word] ^ cells.patterns[second + word]
            if differing & ~(touchedByA[word] & touchedByB[word]) != 0 { return false }
        }
        return true
    }

    /// Cells connected through {f = g}, g their map: through cells with other maps where they equal g on a face or on a
    /// section.
    private mutating func joinLevel(
        _ group: [Int], _ joined: inout DisjointSets
    ) throws(LinearProgrammingFault) {
        let map = geometry.map(group[0])
        let members = Set(group)
        var touched: [[UInt64]] = []
        for cell in group {
            try spend(Self.programSteps)
            touched.append(geometry.touchedUnits(cell))
        }
        // Bridges are nodes behind the group's cells.
        var bridges: [(cell: Int, difference: [ExactForm])] = []
        var local = DisjointSets()
        for _ in group { local.addNode() }
        var firstOf: [Int: Int] = [:]
        for (index, cell) in group.enumerated() {
            let root = joined.root(node(cell))
            if let first = firstOf[root] { local.join(first, index) } else { firstOf[root] = index }
        }
        for cell in 0..<cells.count where !members.contains(cell) {
            try spend(Self.programSteps / 2)
            let difference = zip(geometry.map(cell), map).map { $0 - $1 }
            guard geometry.mayHavePoint(cell, equations: difference) else { continue }
            try spend(Self.programSteps)
            guard try geometry.hasPoint(cell, equations: difference, isCancelled) else { continue }
            let bridge = local.addNode()
            let touchedByBridge = geometry.touchedUnits(cell)
            bridges.append((cell, difference))
            touched.append(touchedByBridge)
            try spend(bridge)
            for other in 0..<bridge {
                let otherCell = other < group.count ? group[other] : bridges[other - group.count].cell
                guard mayTouch(cell, touchedByBridge, otherCell, touched[other]),
                    local.root(other) != local.root(bridge)
                else { continue }
                try spend(Self.programSteps)
                if try geometry.meet(cell, otherCell, equations: difference, isCancelled) {
                    local.join(bridge, other)
                }
            }
            if groupComponents(group, &local) == 1 { break }
        }
        for index in group.indices {
            let root = local.root(index)
            if root < group.count { joined.join(node(group[index]), node(group[root])) }
        }
    }

    /// The number of components among the group's cells.
    private func groupComponents(_ group: [Int], _ local: inout DisjointSets) -> Int {
        var roots: Set<Int> = []
        for index in group.indices { roots.insert(local.root(index)) }
        return roots.count
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
