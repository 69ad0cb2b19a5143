/// Decides programs, one after the other.
final class EnumerationWorker {
    private let data: EnumerationData
    private let program: ConeProgram
    private let dual: DualBound<EnumerationData>
    /// How often the bound without constraints was tried of late, and how often it decided.
    private var trials = 0
    private var successes = 0
    private var sinceTrial = 0

    init(_ data: EnumerationData) {
        self.data = data
        program = ConeProgram(data.rows)
        dual = DualBound(data: data)
    }

    /// Decides all assignments of signs to these cells, given in ascending order.
    func decide(_ cells: [Int], _ search: EnumerationSearch) {
        let assignments = signAssignments(cells)
        if isWorthTrying, let bound = unconstrainedBound(cells, search) {
            search.record(bound: bound, programs: assignments.count)
            return
        }
        for signs in assignments { solve(cells, signs, search) }
    }

    /// Equal cells are interchangeable: their positive signs come first.
    private func signAssignments(_ cells: [Int]) -> [[Int]] {
        (0..<1 << cells.count).compactMap { bits in
            let signs = cells.indices.map { bits >> $0 & 1 == 1 ? 1 : -1 }
            let isCanonical = zip(cells, signs).adjacentPairs().allSatisfy { a, b in
                a.0 != b.0 || a.1 >= b.1
            }
            return isCanonical ? signs : nil
        }
    }

    /// The bound without constraints costs as much as a program; where there are few points for the parameters it
    /// hardly ever decides.
    private var isWorthTrying: Bool {
        if trials < 50 || 8 * successes > trials { return true }
        sinceTrial += 1
        return sinceTrial % 16 == 0
    }

    /// A bound that discards the cells whatever the signs; `nil` where they may hold something better than the best
    /// network.
    private func unconstrainedBound(_ cells: [Int], _ search: EnumerationSearch) -> Double? {
        let target = search.target
        var columns: [ProgramColumn] = []
        for (index, cell) in cells.enumerated() where index == 0 || cells[index - 1] != cell {
            guard data.dichotomies.cells[cell].active.words.contains(where: { $0 != 0 }) else { continue }
            columns += data.dichotomies.coordinates.indices.map {
                .restricted(cell: cell, coordinate: $0)
            }
        }
        columns += data.outputPositions.map { .outputTerm(coordinate: $0) }
        trials += 1
        if trials == 400 {
            trials /= 2
            successes /= 2
        }
        load(columns)
        program.solve(
            tolerance: 0.1 * target.tolerance * data.totalWeightUp,
            cutoff: target.upperBound * data.totalWeightUp * (1 + 1e-9))
        guard program.dualValue > (target.upperBound - target.tolerance) * data.totalWeightUp,
            let bound = dual.bound(program, columns), bound >= target.upperBound - target.tolerance
        else { return nil }
        successes += 1
        return bound
    }

    private func load(_ columns: [ProgramColumn]) {
        program.reset()
        for column in columns { program.add(data.approximate(column), isFree: column.isFree) }
    }

    private func solve(_ cells: [Int], _ signs: [Int], _ search: EnumerationSearch) {
        let columns = self.columns(cells, signs)
        load(columns)
        let target = search.target
        let weight = data.totalWeightUp
        program.solve(
            tolerance: target.tolerance * weight, cutoff: target.upperBound * weight * (1 + 1e-9))
        var bound = dual.bound(program, columns) ?? 0
        if bound < target.upperBound - target.tolerance {
            offer(columns, cells, signs, search)
            var now = search.target
            // Not yet close enough to the best network, which this may be: by an early stop or by rounding.
            for _ in 0..<3 where bound < now.upperBound - now.tolerance {
                guard program.primalValue > (bound + now.tolerance) * weight else { break }
                program.solve(tolerance: 0.25 * now.tolerance * weight, cutoff: .infinity)
                bound = max(bound, dual.bound(program, columns) ?? 0)
                offer(columns, cells, signs, search)
                now = search.target
            }
        }
        search.record(bound: bound, programs: 1)
    }

    private func columns(_ cells: [Int], _ signs: [Int]) -> [ProgramColumn] {
        var positive: Set<Int> = []
        var negative: Set<Int> = []
        for (cell, sign) in zip(cells, signs) {
            for ray in data.dichotomies.cells[cell].rays where !data.dichotomies.rays[Int(ray)].isZero {
                if sign > 0 { positive.insert(Int(ray)) } else { negative.insert(Int(ray)) }
            }
        }
        var result: [ProgramColumn] = positive.subtracting(negative).sorted().map { .ray($0, sign: 1) }
        result += negative.subtracting(positive).sorted().map { .ray($0, sign: -1) }
        result += positive.intersection(negative).sorted().map { .sharedRay($0) }
        return result + data.outputPositions.map { .outputTerm(coordinate: $0) }
    }

    /// The network of the program's solution.
    private func offer(
        _ columns: [ProgramColumn], _ cells: [Int], _ signs: [Int], _ search: EnumerationSearch
    ) {
        let coefficients = program.coefficients
        guard coefficients.allSatisfy(\.isFinite) else { return }
        let width = data.problem.columns + 1
        var hidden = [Double](repeating: 0, count: cells.count * width)
        var outputTerm = [Double](repeating: 0, count: width)
        func add(_ ray: Int, sign: Int, _ factor: Double) {
            guard factor > 0,
                let unit = cells.indices.first(where: {
                    signs[$0] == sign && data.dichotomies.cells[cells[$0]].rays.contains(Int32(ray))
                })
            else { return }
            for (index, parameter) in data.dichotomies.rays[ray].parameters.enumerated() {
                hidden[unit * width + index] += factor * parameter
            }
        }
        for (column, factor) in zip(columns, coefficients) {
            switch column {
            case .ray(let ray, let sign): add(ray, sign: sign, factor)
            case .sharedRay(let ray): add(ray, sign: factor > 0 ? 1 : -1, factor.magnitude)
            case .restricted: break
            case .outputTerm(let position):
                let coordinate = data.dichotomies.coordinates[position]
                let slope = factor / data.scales[position]
                outputTerm[coordinate] += slope
                if coordinate != width - 1 { outputTerm[width - 1] -= slope * data.centres[position] }
            }
        }
        let parameters = FittedParameters(signs: signs, hidden: hidden, outputTerm: outputTerm)
        if parameters.approximateLoss(data.problem) < search.target.upperBound * (1 + 1e-12) {
            search.offer(parameters)
        }
    }
}

extension Sequence {
    /// Every element with its successor.
    fileprivate func adjacentPairs() -> Zip2Sequence<Self, DropFirstSequence<Self>> {
        zip(self, dropFirst())
    }
}
