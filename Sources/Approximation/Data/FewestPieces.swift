internal import ExactArithmetic

/// A straight line by two of the gates' ends that it passes through.
struct TangentLine {
    var first: Corner
    var second: Corner
}

/// Lines that pass a sequence of gates, by their extremes.
///
/// A line passes exactly where it lies above the upper hull of the lower ends and below the lower hull of the upper
/// ends. Of all such lines one is steepest upwards: it touches a lower end and, further right, an upper one; one is
/// steepest downwards. Their values bound those of all lines at any place right of the gates. Adding a gate costs O(1),
/// amortised over all gates (O'Rourke, *An on-line algorithm for fitting straight lines between data ranges*, 1981).
private struct LineRange<Points: Gates> {
    let gates: Points
    private(set) var steepest: TangentLine?
    private(set) var shallowest: TangentLine?
    /// Upper hull of lower ends, from the one that `steepest` touches; lower hull of upper ends likewise.
    private var lowerHull: [Corner] = []
    private var lowerHead = 0
    private var upperHull: [Corner] = []
    private var upperHead = 0

    init(gates: Points) { self.gates = gates }

    mutating func restart() {
        steepest = nil
        shallowest = nil
        lowerHull.removeAll(keepingCapacity: true)
        upperHull.removeAll(keepingCapacity: true)
        lowerHead = 0
        upperHead = 0
    }

    /// Whether all lines pass above the gate, all below it, or some through it.
    func position(of index: Int) -> Int {
        if let line = steepest, gates.orientation(line.first, line.second, .lower(index)) > 0 { return -1 }
        if let line = shallowest, gates.orientation(line.first, line.second, .upper(index)) < 0 { return 1 }
        return 0
    }

    /// Adds a gate right of all others that some line passes.
    mutating func add(_ index: Int) {
        let lower = Corner.lower(index)
        let upper = Corner.upper(index)
        if lowerHead < lowerHull.count,
            steepest.map({ gates.orientation($0.first, $0.second, upper) <= 0 }) ?? true
        {
            while lowerHead + 1 < lowerHull.count,
                gates.orientation(lowerHull[lowerHead], lowerHull[lowerHead + 1], upper) <= 0
            {
                lowerHead += 1
            }
            steepest = TangentLine(first: lowerHull[lowerHead], second: upper)
        }
        if upperHead < upperHull.count,
            shallowest.map({ gates.orientation($0.first, $0.second, lower) >= 0 }) ?? true
        {
            while upperHead + 1 < upperHull.count,
                gates.orientation(upperHull[upperHead], upperHull[upperHead + 1], lower) >= 0
            {
                upperHead += 1
            }
            shallowest = TangentLine(first: upperHull[upperHead], second: lower)
        }
        addLower(lower)
        addUpper(upper)
    }

    /// Adds a lower end alone.
    mutating func addLower(_ corner: Corner) {
        while lowerHull.count - lowerHead >= 2,
            gates.orientation(lowerHull[lowerHull.count - 2], lowerHull[lowerHull.count - 1], corner) >= 0
        {
            lowerHull.removeLast()
        }
        lowerHull.append(corner)
    }

    /// Adds an upper end alone.
    mutating func addUpper(_ corner: Corner) {
        while upperHull.count - upperHead >= 2,
            gates.orientation(upperHull[upperHull.count - 2], upperHull[upperHull.count - 1], corner) <= 0
        {
            upperHull.removeLast()
        }
        upperHull.append(corner)
    }
}

extension Gates {
    /// The lines of a continuous piecewise-linear function of the fewest pieces through all gates: one extreme line for
    /// each piece but the last, and the range of lines for the last.
    ///
    /// Greedy by windows, as for shortest paths of few links (Suri; Imai and Iri). Let no line pass gates b … N, all of
    /// those that pass the gates before N going above it, and let ℓ be the lowest of them at N: it touches an upper end
    /// and, right of it, a lower end at gate b. What one piece reaches ends at ℓ from b to N, so whatever continues
    /// beyond crosses ℓ downwards there: the next piece lies above the lower ends of the gates b … N − 1 (on its part
    /// below ℓ it has to, on the other it does anyway), and passes N and later gates. Conversely every such line crosses
    /// ℓ between b and N. So the fewest pieces result.
    ///
    /// Complexity: O(n): the gate b of one window lies right of the gate N of the window before, so that each gate is
    /// added at most twice.
    func fewestPieces(isCancelled: () -> Bool) -> (windows: [TangentLine], last: [TangentLine])? {
        var range = LineRange(gates: self)
        var windows: [TangentLine] = []
        for index in 0..<count {
            if index & 0xff == 0, isCancelled() { return nil }
            switch range.position(of: index) {
            case 1:
                guard let line = range.shallowest else { break }
                windows.append(line)
                range.restart()
                for gate in line.second.index..<index { range.addLower(.lower(gate)) }
            case -1:
                guard let line = range.steepest else { break }
                windows.append(line)
                range.restart()
                for gate in line.second.index..<index { range.addUpper(.upper(gate)) }
            default: break
            }
            range.add(index)
        }
        return (windows, [range.steepest, range.shallowest].compactMap(\.self))
    }

    /// How many pieces `fewestPieces` finds; `nil` where cancelled.
    func fewestPieceCount(isCancelled: () -> Bool) -> Int? {
        fewestPieces(isCancelled: isCancelled).map { $0.windows.count + 1 }
    }
}
