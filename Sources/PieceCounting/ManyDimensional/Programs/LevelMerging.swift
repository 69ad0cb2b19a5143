internal import ExactArithmetic
internal import LinearProgramming

/// Joining under `level`: ways from cells to others with the same map g within {f = g}.
extension CellMerging {
    /// Cells connected through {f = g}, g their map: through cells with other maps where they equal g on a face or on a
    /// section. Each component but the largest looks for a way to another one.
    mutating func joinLevel(
        _ group: [Int], _ joined: inout DisjointSets
    ) throws(LinearProgrammingFault) {
        let map = geometry.map(group[0])
        var isolated: Set<Int> = []
        var touched: [Int: [UInt64]] = [:]
        while true {
            var components: [Int: [Int]] = [:]
            for cell in group { components[joined.root(node(cell)), default: []].append(cell) }
            let sorted = components.values.sorted { ($0.count, $0[0]) < ($1.count, $1[0]) }
            guard
                let component = sorted.dropLast().first(where: {
                    !isolated.contains(joined.root(node($0[0])))
                })
            else { return }
            let other = try wayOut(of: component, group, map, &touched)
            if let other {
                joined.join(node(component[0]), node(other))
            } else {
                isolated.insert(joined.root(node(component[0])))
            }
        }
    }

    /// A cell of the group outside `component` that is connected to it within {f = g}.
    private mutating func wayOut(
        of component: [Int], _ group: [Int], _ map: [ExactForm], _ touched: inout [Int: [UInt64]]
    ) throws(LinearProgrammingFault) -> Int? {
        let members = Set(group)
        var facets: Set<[UInt64]> = []
        for cell in component {
            try spend(Self.programSteps / 8)
            for (_, key) in geometry.facetKeys(cell) { facets.insert(key) }
        }
        let own = Set(component)
        var sections: [Int] = []
        let others = group.filter { !own.contains($0) }
        if let other = try exit(through: &sections, around: component, to: others, map, &touched) {
            return other
        }
        // Exactly, from all that is connected so far.
        var settled = Set(component).union(sections)
        var differences: [Int: [ExactForm]] = [:]
        var queue = component + sections
        var first = 0
        while first < queue.count {
            let cell = queue[first]
            first += 1
            let touchedByCell = try touchedUnits(cell, &touched)
            try spend(cells.count)
            for next in 0..<cells.count
            where mayTouch(cell, touchedByCell, next, touchedByCell) && !settled.contains(next) {
                guard mayTouch(cell, touchedByCell, next, try touchedUnits(next, &touched)) else { continue }
                if members.contains(next) {
                    try spend(Self.programSteps / 2)
                    if try geometry.meet(next, cell, isCancelled) { return next }
                    continue
                }
                if differences[next] == nil {
                    let difference = zip(geometry.map(next), map).map { $0 - $1 }
                    try spend(Self.programSteps / 2)
                    differences[next] = difference
                    var isAside = !geometry.mayHavePoint(next, equations: difference)
                    if !isAside { isAside = try hasFacet(next, among: facets) }
                    if isAside {
                        settled.insert(next)
                        continue
                    }
                }
                try spend(Self.programSteps / 16)
                guard geometry.mayMeet(next, cell) else { continue }
                let difference = differences[next] ?? []
                try spend(2 * Self.programSteps)
                switch try geometry.section(next, equations: difference, from: cell, isCancelled) {
                case .empty, .inside:
                    settled.insert(next)
                    continue
                case .beyond: break
                }
                if try geometry.meet(next, cell, equations: difference, isCancelled) {
                    settled.insert(next)
                    queue.append(next)
                }
            }
        }
        return nil
    }

    /// Looks for one of `others` through cells that {f = g} cuts: from those that touch the component on through
    /// facets that it cuts, first where fewer units differ from one of `others`. Only cuts of which binary64 is certain;
    /// a function with several outputs has none. `found` gets all such cells where there is no way.
    private mutating func exit(
        through found: inout [Int], around component: [Int], to others: [Int], _ map: [ExactForm],
        _ touched: inout [Int: [UInt64]]
    ) throws(LinearProgrammingFault) -> Int? {
        guard map.count == 1 else { return nil }
        if cellOfPattern.isEmpty {
            for cell in 0..<cells.count { cellOfPattern[Array(cells.pattern(cell))] = cell }
        }
        let members = Set(component).union(others)
        var isFound: Set<Int> = []
        var isCut: [Int: Bool] = [:]
        // Found cells whose neighbours are not known, by the number of units that differ from one of `others`.
        var open = [[Int]](repeating: [], count: network.size + 1)
        for start in component {
            let touchedByStart = try touchedUnits(start, &touched)
            try spend(cells.count / 16)
            for cell in 0..<cells.count
            where mayTouch(start, touchedByStart, cell, touchedByStart) && !members.contains(cell)
                && !isFound.contains(cell)
            {
                if isCut[cell] == nil {
                    try spend(Self.programSteps / 4)
                    isCut[cell] = geometry.isCertainlyCut(cell, by: geometry.map(cell)[0] - map[0])
                }
                guard isCut[cell] == true,
                    mayTouch(start, touchedByStart, cell, try touchedUnits(cell, &touched))
                else { continue }
                try spend(Self.programSteps / 2)
                guard try geometry.meet(start, cell, isCancelled) else { continue }
                isFound.insert(cell)
                open[distance(cell, others)].append(cell)
                while let nearest = open.firstIndex(where: { !$0.isEmpty }) {
                    let section = open[nearest].removeLast()
                    found.append(section)
                    if let other = try touching(section, others, &touched) { return other }
                    try spend(Self.programSteps / 2)
                    let difference = geometry.map(section)[0] - map[0]
                    let neighbours = geometry.neighboursAcrossCuts(section, by: difference) {
                        cellOfPattern[Array($0)]
                    }
                    for neighbour in neighbours where isFound.insert(neighbour).inserted {
                        try spend(others.count / 16 + 1)
                        open[distance(neighbour, others)].append(neighbour)
                    }
                }
            }
        }
        return nil
    }

    /// The least number of units in which the cell differs from one of `others`.
    private func distance(_ cell: Int, _ others: [Int]) -> Int {
        var least = network.size
        for other in others {
            var count = 0
            for word in 0..<cells.words {
                count +=
                    (cells.patterns[cell * cells.words + word] ^ cells.patterns[other * cells.words + word])
                    .nonzeroBitCount
            }
            least = min(least, count)
        }
        return least
    }

    /// A cell of `others` that the closed cell meets.
    private mutating func touching(
        _ section: Int, _ others: [Int], _ touched: inout [Int: [UInt64]]
    ) throws(LinearProgrammingFault) -> Int? {
        let touchedBySection = try touchedUnits(section, &touched)
        try spend(others.count / 16 + 1)
        for other in others where mayTouch(section, touchedBySection, other, touchedBySection) {
            guard mayTouch(section, touchedBySection, other, try touchedUnits(other, &touched)) else {
                continue
            }
            try spend(Self.programSteps / 2)
            if try geometry.meet(other, section, isCancelled) { return other }
        }
        return nil
    }

    /// Whether the cell, of another map, has a facet in common with the component. Then f = g on that facet and, as its
    /// map's difference to g is 0 on the facet's hyperplane only, nowhere else on the cell.
    private func hasFacet(_ cell: Int, among facets: Set<[UInt64]>) throws(LinearProgrammingFault) -> Bool {
        for (row, key) in geometry.facetKeys(cell) where facets.contains(key) {
            if try geometry.isFacet(cell, row, key, isCancelled) { return true }
        }
        return false
    }

    private mutating func touchedUnits(
        _ cell: Int, _ touched: inout [Int: [UInt64]]
    ) throws(LinearProgrammingFault) -> [UInt64] {
        if let known = touched[cell] { return known }
        try spend(Self.programSteps / 4)
        let units = geometry.touchedUnits(cell)
        touched[cell] = units
        return units
    }
}
