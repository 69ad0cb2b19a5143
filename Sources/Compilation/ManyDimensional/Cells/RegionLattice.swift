internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import ReLUNetworks

/// A function on polyhedra in lattice form, max_i min_{j ∈ A_i} ℓ_j, certified by linear programs.
///
/// With A_i the affine functions that are at least ℓ_i on polyhedron i, term i equals f on polyhedron i. The form is
/// f exactly where no term is above f anywhere. On polyhedra that are convex but not order-constant some can be, as
/// published constructions overlook. So each pair of a term i and a polyhedron k is certified: by one j ∈ A_i with
/// ℓ_j ≤ ℓ_k on polyhedron k, or by the program max min_{j ∈ A_i} (ℓ_j − ℓ_k) ≤ 0 over polyhedron k. Where that fails,
/// polyhedron i is cut along a hyperplane ℓ_j = ℓ_i with ℓ_j ≤ ℓ_k at the point found; both parts have larger A_i.
/// It ends at the latest when all polyhedra are order-constant.
///
/// For functions with a tolerance δ of discontinuity, "at least" and "at most" are meant up to δ, and the largest
/// excess found bounds the deviation.
struct RegionLattice: Sendable {
    private(set) var functions: [AffineForm] = []
    /// Sets A_i, as they were certified, of the parts that were not cut.
    private(set) var selections: [[Int]] = []
    /// How far the form is from the function on the polyhedra at most.
    private(set) var maximumDeviation: Rational

    private let tolerance: Rational
    private let dimension: Int
    private let threads: Int
    private let isCancelled: @Sendable () -> Bool
    private var cells: [PolyhedralFunction.Cell] = []
    /// The function of each cell.
    private var own: [Int] = []
    private var sides: [Sides] = []
    /// The number of polyhedra given; further cells are parts of them.
    private var given = 0
    /// The cells that were not cut.
    private var uncut: [Int] = []

    /// How the affine functions compare with a cell's own on it.
    private struct Sides: Sendable {
        var atLeast: Set<Int> = []
        var atMost: Set<Int> = []
    }

    init(
        _ function: PolyhedralFunction, tolerance: Rational, maximumCells: Int, threads: Int = 1,
        progress: (Double) -> Void, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        self.tolerance = tolerance
        dimension = function.dimension
        maximumDeviation = tolerance
        self.threads = threads
        self.isCancelled = isCancelled
        var places: [AffineForm: Int] = [:]
        for cell in function.cells {
            if places[cell.function] == nil {
                places[cell.function] = functions.count
                functions.append(cell.function)
            }
            cells.append(cell)
            own.append(places[cell.function] ?? 0)
        }
        let given = cells.count
        let start = self
        sides = try parallelMap(given, threads: threads, perThread: 1, progress: { progress(0.5 * $0) }) {
            (index) throws(ManyDimensionalFault) in try start.compare(start.cells[index], start.own[index])
        }
        var open = Array(0..<given)
        var settled: Set<Set<Int>> = []
        while let index = open.popLast() {
            progress(0.5 + 0.5 * Double(given - min(given, open.count)) / Double(given))
            let selection = sides[index].atLeast
            if settled.contains(selection) {
                uncut.append(index)
                continue
            }
            if let fault = try fault(of: selection, over: given) {
                if let (below, above) = try parts(of: index, fault) {
                    for part in [below, above] {
                        guard cells.count < maximumCells else {
                            throw .tooManyCells(limit: maximumCells, reached: cells.count + 1)
                        }
                        open.append(cells.count)
                        cells.append(part)
                        own.append(own[index])
                        sides.append(try compare(part, own[index]))
                    }
                    continue
                }
                // Nothing is left to cut: only a discontinuity can do this.
                guard fault.excess < tolerance + .one else { throw .discontinuous }
                maximumDeviation = max(maximumDeviation, fault.excess)
            }
            settled.insert(selection)
            selections.append(selection.sorted())
            uncut.append(index)
        }
        self.given = given
    }

    /// The selections with fewer members and fewer of them, still certified by comparisons alone: of each selection
    /// enough functions that one of them is at most the function on each polyhedron; of these selections enough
    /// that one of them attains the function on each. `nil` where some certificate needed a program.
    func reduced() throws(ManyDimensionalFault) -> [[Int]]? {
        // Cells with the same function and comparisons are alike.
        var constraints: Set<Constraint> = []
        for cell in 0..<given { constraints.insert(Constraint(own: own[cell], atMost: sides[cell].atMost)) }
        var needs: Set<Need> = []
        for cell in uncut { needs.insert(Need(own: own[cell], atLeast: sides[cell].atLeast)) }
        var candidates: Set<Set<Int>> = []
        for need in needs {
            if isCancelled() { throw .cancelled }
            guard let smaller = Self.smallerSelection(for: need, constraints) else { return nil }
            candidates.insert(smaller)
        }
        let ordered = candidates.sorted {
            ($0.count, $0.sorted().lexicographicKey) < ($1.count, $1.sorted().lexicographicKey)
        }
        var left = needs
        var serves: [Set<Need>] = []
        for selection in ordered {
            if isCancelled() { throw .cancelled }
            serves.append(needs.filter { selection.contains($0.own) && selection.isSubset(of: $0.atLeast) })
        }
        var chosen: [[Int]] = []
        while !left.isEmpty, let best = serves.indices.max(by: { serves[$0].count < serves[$1].count }),
            !serves[best].isEmpty
        {
            if isCancelled() { throw .cancelled }
            chosen.append(ordered[best].sorted())
            let served = serves[best]
            left.subtract(served)
            for index in serves.indices { serves[index].subtract(served) }
        }
        return left.isEmpty ? chosen : nil
    }

    /// What a term must not exceed: one of its functions is among those at most a cell's own.
    private struct Constraint: Hashable {
        var own: Int
        var atMost: Set<Int>
    }

    /// What some term must attain: it has the cell's own function, and others only of those at least that.
    private struct Need: Hashable {
        var own: Int
        var atLeast: Set<Int>
    }

    private static func smallerSelection(for need: Need, _ constraints: Set<Constraint>) -> Set<Int>? {
        var selection: Set<Int> = [need.own]
        var left = constraints.filter { !$0.atMost.contains(need.own) }
        while !left.isEmpty {
            var counts: [Int: Int] = [:]
            for constraint in left {
                for other in constraint.atMost where need.atLeast.contains(other) {
                    counts[other, default: 0] += 1
                }
            }
            guard let best = counts.max(by: { ($0.value, -$0.key) < ($1.value, -$1.key) })?.key else {
                return nil
            }
            selection.insert(best)
            left = left.filter { !$0.atMost.contains(best) }
        }
        return selection
    }

    /// Which functions are at least, and at most, the cell's own on it.
    private func compare(_ cell: PolyhedralFunction.Cell, _ own: Int) throws(ManyDimensionalFault) -> Sides {
        var result = Sides()
        var witnesses = [cell.interior]
        let corners = try self.corners(of: cell)
        for (other, form) in functions.enumerated() {
            if isCancelled() { throw .cancelled }
            let difference = form - functions[own]
            let values = witnesses.map { difference.value(at: $0) }
            if !values.contains(where: { $0 < -tolerance }),
                try bound(-difference, over: cell, corners, &witnesses)
            {
                result.atLeast.insert(other)
            }
            if !values.contains(where: { $0 > tolerance }),
                try bound(difference, over: cell, corners, &witnesses)
            {
                result.atMost.insert(other)
            }
        }
        return result
    }

    /// The cell's vertices and directions; `nil` where there are very many.
    private func corners(of cell: PolyhedralFunction.Cell) throws(ManyDimensionalFault)
        -> [DoubleDescription.Generator]?
    {
        do {
            return try DoubleDescription(cell.polyhedron, isCancelled: isCancelled).allGenerators
        } catch {
            if case .cancelled = error { throw .cancelled }
            return nil
        }
    }

    /// Whether the form is at most the tolerance on the cell: at its corners, else by a program, and the point found
    /// goes to the witnesses.
    private func bound(
        _ form: AffineForm, over cell: PolyhedralFunction.Cell, _ corners: [DoubleDescription.Generator]?,
        _ witnesses: inout [[Rational]]
    ) throws(ManyDimensionalFault) -> Bool {
        if form.isConstant { return form.constant <= tolerance }
        if let corners {
            let side = FilteredInequality(
                LinearInequality(normal: form.gradient(dimension), offset: tolerance - form.constant))
            return corners.allSatisfy { side.sign(at: $0) >= 0 }
        }
        let outcome = try faultless { () throws(LinearProgrammingFault) in
            try cell.polyhedron.maximum(of: form.gradient(dimension), isCancelled: isCancelled)
        }
        switch outcome {
        case .infeasible: return true
        case .unbounded: return false
        case .optimal(let point, let value, _):
            if witnesses.count < 16 { witnesses.append(point) }
            return value + form.constant <= tolerance
        }
    }

    private struct Fault: Sendable {
        var cell: Int
        var point: [Rational]
        var excess: Rational
    }

    /// A given cell on which the term is above the function, with a point.
    private func fault(of selection: Set<Int>, over given: Int) throws(ManyDimensionalFault) -> Fault? {
        var left = (0..<given).filter { selection.isDisjoint(with: sides[$0].atMost) }[...]
        let members = selection.sorted()
        let search = self
        while !left.isEmpty {
            let part = Array(left.prefix(8 * threads))
            left = left.dropFirst(part.count)
            let faults = try parallelMap(part.count, threads: threads, perThread: 2) {
                (place) throws(ManyDimensionalFault) in try search.fault(of: members, on: part[place])
            }
            if let first = faults.lazy.compactMap(\.self).first { return first }
        }
        return nil
    }

    /// max t with t ≤ ℓ_j − ℓ_k for all j of the selection, on the cell; t ≤ 1 + tolerance keeps it bounded.
    private func fault(of selection: [Int], on cell: Int) throws(ManyDimensionalFault) -> Fault? {
        if isCancelled() { throw .cancelled }
        var rows = cells[cell].polyhedron.inequalities.map {
            LinearInequality(normal: $0.normal + [.zero], offset: $0.offset)
        }
        for other in selection {
            let difference = functions[other] - functions[own[cell]]
            rows.append(
                LinearInequality(
                    normal: difference.gradient(dimension).map { -$0 } + [.one],
                    offset: difference.constant))
        }
        let zeros = [Rational](repeating: .zero, count: dimension)
        rows.append(LinearInequality(normal: zeros + [.one], offset: tolerance + .one))
        let outcome = try faultless { () throws(LinearProgrammingFault) in
            try LinearProgram(maximising: zeros + [.one], inequalities: rows).solved(isCancelled: isCancelled)
        }
        guard case .optimal(let point, let value, _) = outcome, value > tolerance else { return nil }
        return Fault(cell: cell, point: Array(point.dropLast()), excess: value)
    }

    /// The cell cut along ℓ_j = ℓ_i, for a j that is not in its selection and would mend the fault where it is.
    private func parts(of index: Int, _ fault: Fault) throws(ManyDimensionalFault) -> (
        PolyhedralFunction.Cell, PolyhedralFunction.Cell
    )? {
        let limit = functions[own[fault.cell]].value(at: fault.point)
        let outside = functions.indices.filter { !sides[index].atLeast.contains($0) }
        let mending = outside.filter { functions[$0].value(at: fault.point) <= limit }
        for other in mending + outside {
            let form = functions[other] - functions[own[index]]
            if form.isConstant { continue }
            let (below, above) = try cells[index].split(by: form, isCancelled: isCancelled)
            if let below, let above { return (below, above) }
        }
        return nil
    }
}
