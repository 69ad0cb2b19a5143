internal import ExactArithmetic
internal import PiecewiseLinear
internal import ReLUNetworks
internal import Synchronization
internal import Threads

/// Counting by extreme rays: one walk over all cells, and further ones over the parts with cells that may have the
/// same map, where there are any.
struct CellCounting<Mask: FacetMask> {
    let network: CellNetwork
    let options: SpaceCountingOptions
    let isCancelled: @Sendable () -> Bool
    let progress: @Sendable (SpaceCountingProgress) -> Void

    /// What a count has found out.
    struct Outcome: Sendable {
        var counts: [PieceDefinition: BigInteger]
        var regions: [PieceRegion]?
        var isListTruncated = false
        var statistics = FilterStatistics()
    }

    /// How many cuts there are above a part: some parts more than threads.
    private var depth: Int { threads == 1 ? 0 : 6 }
    private let threads: Int
    private let isFiltered: Bool

    init(
        _ network: CellNetwork, _ options: SpaceCountingOptions, isFiltered: Bool, atMost bound: BigInteger?,
        isCancelled: @escaping @Sendable () -> Bool,
        progress: @escaping @Sendable (SpaceCountingProgress) -> Void
    ) {
        self.network = network
        self.options = options
        self.isFiltered = isFiltered
        self.isCancelled = isCancelled
        self.progress = progress
        // A thread costs about as much as a thousand cells.
        let isSmall = bound.map { $0 < BigInteger(2000) } ?? false
        threads = isSmall ? 1 : max(1, min(options.threads, 64))
    }

    /// - Returns: `nil` where a cell has more facets than the masks have slots.
    func run() throws(PieceCountingFault) -> Outcome? {
        var statistics = FilterStatistics()
        let control = control()
        let counted = walk(
            wanted: nil,
            visitor: { CountVisitor<Mask>(network, control, isFiltered: isFiltered) },
            finish: { visitor, statistics in
                _ = visitor.report()
                var sorted = visitor.found.firstValues
                if visitor.found.error < .infinity { sortAscending(&sorted) }
                return (visitor.found, sorted, statistics)
            }, outOfSlots: { control.stop(nil) })
        try control.throwFault()
        guard let counted else { return nil }
        for entry in counted { statistics.add(entry.2) }
        let catalogue = CellCatalogue(counted.map(\.0), sorted: counted.map(\.1))
        let joined = JoinedCells(layout: CellFaces<Mask>.layout(network))
        let wantsFaces = !options.definitions.isDisjoint(with: [.open, .closed, .level])
        if !catalogue.candidates.isEmpty, options.definitions != [.activation] {
            guard try join(catalogue, joined, wantsFaces, &statistics) else { return nil }
        }
        var outcome = outcome(catalogue, joined)
        if let limit = options.listLimit {
            outcome.regions = try list(catalogue, joined, limit: limit)
            outcome.isListTruncated =
                limit < catalogue.cellCount - min(options.listStart, catalogue.cellCount)
        }
        outcome.statistics = statistics
        return outcome
    }

    private func control() -> CountingControl {
        // Two values, a sorted copy and room for growth.
        CountingControl(
            limits: options.limits, bytesPerCell: 48, isCancelled: isCancelled, progress: progress)
    }

    /// Walks on all threads over the wanted parts (`nil`: all) and collects what each thread's visitor found.
    ///
    /// - Returns: `nil` where a cell has more facets than the masks have slots.
    private func walk<Visitor: CellVisitor<Mask> & SendableMetatype, Result: Sendable>(
        wanted: [Int]?, visitor make: @Sendable () -> Visitor,
        finish: @Sendable (inout Visitor, FilterStatistics) -> Result, outOfSlots: @Sendable () -> Void
    ) -> [Result]? {
        let next = Atomic<Int>(0)
        let results = Mutex<[(Int, Result)]>([])
        let isOutOfSlots = Atomic<Bool>(false)
        @Sendable func work(_ thread: Int) {
            var subdivision = Subdivision<Mask>(network, isFiltered: isFiltered)
            var visitor = make()
            withoutActuallyEscaping({
                let place = next.add(1, ordering: .relaxed).oldValue
                guard let wanted else { return place }
                return place < wanted.count ? wanted[place] : .max
            }) { subdivision.run(&visitor, depth: depth, claim: $0) }
            if subdivision.isOutOfSlots {
                isOutOfSlots.store(true, ordering: .relaxed)
                outOfSlots()
            }
            let statistics = FilterStatistics(
                signs: subdivision.signs, exactSigns: subdivision.exactSigns)
            subdivision.deallocate()
            let result = finish(&visitor, statistics)
            results.withLock { $0.append((thread, result)) }
        }
        withoutActuallyEscaping(work) { runOnThreads(threads, $0) }
        if isOutOfSlots.load(ordering: .relaxed) { return nil }
        return results.withLock { $0.sorted { $0.0 < $1.0 }.map(\.1) }
    }

    // MARK: Joining

    private func join(
        _ catalogue: CellCatalogue, _ joined: JoinedCells, _ wantsFaces: Bool,
        _ statistics: inout FilterStatistics
    ) throws(PieceCountingFault) -> Bool {
        let control = control()
        let wanted = catalogue.parts.indices.filter {
            let part = catalogue.parts[$0]
            return catalogue.hasCandidate(in: part.firstCell..<part.firstCell + part.cells)
        }
        let found = walk(
            wanted: wanted,
            visitor: {
                JoinVisitor<Mask>(network, catalogue, joined, control, wantsFaces: wantsFaces)
            }, finish: { $1 }, outOfSlots: { control.stop(nil) })
        try control.throwFault()
        guard let found else { return false }
        for entry in found { statistics.add(entry) }
        guard options.definitions.contains(.level) else { return true }
        let (groups, groupOfCell) = openGroups(joined)
        if groups.isEmpty { return true }
        let bridged = walk(
            wanted: nil,
            visitor: {
                BridgeVisitor<Mask>(
                    network, catalogue, joined, control, groups: groups, groupOfCell: groupOfCell)
            },
            finish: { visitor, statistics in
                visitor.deallocate()
                return statistics
            }, outOfSlots: { control.stop(nil) })
        try control.throwFault()
        for entry in bridged ?? [] { statistics.add(entry) }
        return bridged != nil
    }

    /// The groups whose cells do not all hang together, and the group of each joined cell.
    private func openGroups(_ joined: JoinedCells) -> ([OpenGroup], [Int: Int]) {
        joined.state.withLock { state in
            let representatives = state.joining.representatives(.closed)
            var pieces = [Int](repeating: 0, count: state.groups.count)
            var groupOfCell: [Int: Int] = [:]
            for (cell, representative) in representatives.enumerated() {
                let group = Int(state.joining.groups[cell])
                groupOfCell[state.cells[cell]] = group
                if cell == representative { pieces[group] += 1 }
            }
            let scale = network.outputScale()
            let open = state.groups.filter { pieces[$0.value] > 1 }.map { map, group in
                OpenGroup(
                    group: group, map: map, values: map.map { Rational($0, scale).nearestDouble })
            }
            return (open.sorted { $0.group < $1.group }, groupOfCell)
        }
    }

    private func outcome(_ catalogue: CellCatalogue, _ joined: JoinedCells) -> Outcome {
        joined.state.withLock { state in
            let alone = catalogue.cellCount - state.joining.cellCount
            var counts: [PieceDefinition: BigInteger] = [
                .activation: BigInteger(catalogue.cellCount)
            ]
            for definition in [PieceDefinition.open, .closed, .level]
            where options.definitions.contains(definition) {
                counts[definition] = BigInteger(alone + state.joining.count(definition))
            }
            if options.definitions != [.activation] {
                counts[.affine] = BigInteger(alone + state.groups.count)
            }
            return Outcome(counts: counts)
        }
    }

    // MARK: Listing

    private func list(
        _ catalogue: CellCatalogue, _ joined: JoinedCells, limit: Int
    ) throws(PieceCountingFault) -> [PieceRegion] {
        let start = min(max(0, options.listStart), catalogue.cellCount)
        let range = start..<start + min(max(0, limit), catalogue.cellCount - start)
        if range.isEmpty { return [] }
        let control = control()
        let wanted = catalogue.parts.indices.filter {
            let part = catalogue.parts[$0]
            return (part.firstCell..<part.firstCell + part.cells).overlaps(range)
        }
        let pieces = pieceNumbers(joined)
        let coordinates = OriginalCoordinates(network)
        let found = walk(
            wanted: wanted,
            visitor: {
                ListVisitor<Mask>(network, coordinates, catalogue, control, range: range, pieces: pieces)
            }, finish: { visitor, _ in visitor.regions }, outOfSlots: { control.stop(nil) })
        try control.throwFault()
        return (found ?? []).joined().sorted { $0.cell < $1.cell }.map(\.region)
    }

    private func pieceNumbers(_ joined: JoinedCells) -> PieceNumbers {
        joined.state.withLock { state in
            var least: [Int: Int] = [:]
            let representatives = state.joining.representatives(options.listedDefinition)
            for (cell, representative) in representatives.enumerated() {
                least[representative] = min(least[representative] ?? .max, state.cells[cell])
            }
            var firstCells: [Int: Int] = [:]
            for (cell, representative) in representatives.enumerated() {
                firstCells[state.cells[cell]] = least[representative]
            }
            return PieceNumbers(
                firstCells: firstCells,
                laterCells: firstCells.filter { $0.key != $0.value }.map(\.key).sorted())
        }
    }
}

/// Signs of forms at rays that were asked for, and how many of them the error bounds left open.
package struct FilterStatistics: Sendable, Hashable {
    package var signs = 0
    package var exactSigns = 0

    mutating func add(_ other: FilterStatistics) {
        signs += other.signs
        exactSigns += other.exactSigns
    }
}
