/// The cells of a subdivision in the order of the walk, and which of them may have the map of another one.
struct CellCatalogue {
    struct Part {
        let firstCell: Int
        let cells: Int
        /// Who counted it, and the places in its arrays.
        let visitor: Int
        let start: Int
        let firstGroup: Int
    }

    /// In order.
    let parts: [Part]
    let cellCount: Int
    /// Ascending.
    let candidates: [Int]
    private let groupSizes: [[UInt32]]

    /// - Parameter sorted: each visitor's first values in ascending order.
    init(_ visitors: [CountedCells], sorted: [[Double]]) {
        var entries: [(number: Int, visitor: Int, start: Int, cells: Int, firstGroup: Int)] = []
        for (index, visitor) in visitors.enumerated() {
            for (place, part) in visitor.parts.enumerated() {
                let end =
                    place + 1 < visitor.parts.count
                    ? visitor.parts[place + 1].start : visitor.firstValues.count
                entries.append((part.number, index, part.start, end - part.start, part.firstGroup))
            }
        }
        entries.sort { $0.number < $1.number }
        var first = 0
        parts = entries.map { entry in
            first += entry.cells
            return Part(
                firstCell: first - entry.cells, cells: entry.cells, visitor: entry.visitor,
                start: entry.start, firstGroup: entry.firstGroup)
        }
        cellCount = first
        groupSizes = visitors.map(\.groupSizes)
        let gap = 2 * (visitors.map(\.error).max() ?? 0) * 1.001
        candidates =
            gap < .infinity
            ? Self.candidates(visitors, parts, Self.chains(Self.merged(sorted), gap: gap), gap: gap)
            : Array(0..<first)
    }

    /// The number of cells of a group in a part, counted from the part's first group.
    func groupSize(part: Int, group: Int) -> Int {
        Int(groupSizes[parts[part].visitor][parts[part].firstGroup + group])
    }

    /// Whether one of the cells in the range is a candidate.
    func hasCandidate(in range: Range<Int>) -> Bool {
        let place = candidates.firstIndex(notBelow: range.lowerBound)
        return place < candidates.count && candidates[place] < range.upperBound
    }

    private static func merged(_ arrays: [[Double]]) -> [Double] {
        arrays.dropFirst().reduce(arrays.first ?? []) { left, right in
            var result: [Double] = []
            result.reserveCapacity(left.count + right.count)
            var i = 0
            var j = 0
            while i < left.count, j < right.count {
                if left[i] <= right[j] {
                    result.append(left[i])
                    i += 1
                } else {
                    result.append(right[j])
                    j += 1
                }
            }
            result += left[i...]
            result += right[j...]
            return result
        }
    }

    /// The ranges of two or more values of which each is within `gap` of the next.
    private static func chains(_ sorted: [Double], gap: Double) -> [ClosedRange<Double>] {
        var chains: [ClosedRange<Double>] = []
        var start = 0
        while start < sorted.count {
            var end = start
            while end + 1 < sorted.count, sorted[end + 1] - sorted[end] <= gap { end += 1 }
            if end > start { chains.append(sorted[start]...sorted[end]) }
            start = end + 1
        }
        return chains
    }

    /// The cells of which another one has both values near.
    private static func candidates(
        _ visitors: [CountedCells], _ parts: [Part], _ chains: [ClosedRange<Double>], gap: Double
    ) -> [Int] {
        if chains.isEmpty { return [] }
        var near: [(chain: Int, second: Double, cell: Int)] = []
        for part in parts {
            let visitor = visitors[part.visitor]
            for place in 0..<part.cells {
                let value = visitor.firstValues[part.start + place]
                var low = 0
                var high = chains.count
                while low < high {
                    let middle = (low + high) / 2
                    if chains[middle].upperBound >= value { high = middle } else { low = middle + 1 }
                }
                if low < chains.count, chains[low].lowerBound <= value {
                    near.append((low, visitor.secondValues[part.start + place], part.firstCell + place))
                }
            }
        }
        near.sort { ($0.chain, $0.second) < ($1.chain, $1.second) }
        var cells: [Int] = []
        var start = 0
        while start < near.count {
            var end = start
            while end + 1 < near.count, near[end + 1].chain == near[start].chain,
                near[end + 1].second - near[end].second <= gap
            {
                end += 1
            }
            if end > start { cells += near[start...end].map(\.cell) }
            start = end + 1
        }
        return cells.sorted()
    }
}

extension [Int] {
    /// In an increasing array: the first index of an element that is at least `value`.
    func firstIndex(notBelow value: Int) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low + high) / 2
            if self[middle] >= value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
