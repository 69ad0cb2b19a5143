internal import CTrainingKernels

/// The rows that every unit is decided on, under the squared loss, as few rows with the same loss.
///
/// One is used over and over by one thread.
final class RowMoments {
    private let data: DataArrangement
    private let losses: RowLosses
    private let units: Int
    private let freeCount: Int
    /// Numbers a row: ω z zᵀ, lower triangle, z = (x̃, y).
    private let stride: Int
    private let terms: UnsafeMutablePointer<Double>
    /// For each set of units.
    private let sums: UnsafeMutablePointer<Double>
    private let counts: UnsafeMutablePointer<Int>
    /// The rows of each set, the first d of them.
    private let members: UnsafeMutablePointer<Int32>
    private let classes: UnsafeMutablePointer<UInt8>
    private let sides: UnsafeMutablePointer<UnsafePointer<UInt8>?>
    private var present: [Int] = []
    private let factor: UnsafeMutablePointer<Double>

    // The loss: Σ (a_l · x − t_l)² + constant, x being all coefficients.
    private var columnCount = 0
    private var rowCount = 0
    private var rowCapacity = 0
    private var columnCapacity = 0
    private var rows: UnsafeMutablePointer<Double> = .allocate(capacity: 0)
    private var targets: UnsafeMutablePointer<Double> = .allocate(capacity: 0)
    private var matrix: UnsafeMutablePointer<Double> = .allocate(capacity: 0)
    private var constant = 0.0

    /// For fewer rows it is more work than it saves.
    private static let leastRows = 200
    private static let mostUnits = 6
    private static let mostTerms = 1 << 24

    /// - Returns: nil where that would not pay, or take too many sets of units or too much memory.
    init?(_ data: DataArrangement, _ losses: RowLosses) {
        self.data = data
        self.losses = losses
        freeCount = data.freeCount
        units = data.problem.hiddenUnits
        let dimension = data.dimension
        let size = (dimension + 1) * (dimension + 2) / 2
        stride = (size + 3) / 4 * 4
        guard data.count >= Self.leastRows, units <= Self.mostUnits, dimension <= 64,
            stride <= Self.mostTerms / max(1, data.count)
        else {
            return nil
        }
        terms = .allocate(capacity: stride * data.count)
        sums = .allocate(capacity: stride << units)
        members = .allocate(capacity: dimension << units)
        classes = .allocate(capacity: data.stride)
        sides = .allocate(capacity: units)
        factor = .allocate(capacity: (dimension + 1) * (dimension + 1))
        counts = .allocate(capacity: 1 << units)
        counts.initialize(repeating: 0, count: 1 << units)
        terms.initialize(repeating: 0, count: stride * data.count)
        sums.initialize(repeating: 0, count: stride << units)
        members.initialize(repeating: 0, count: dimension << units)
        classes.initialize(repeating: 0, count: data.stride)
        sides.initialize(repeating: nil, count: units)
        factor.initialize(repeating: 0, count: (dimension + 1) * (dimension + 1))
        for row in 0..<data.count {
            var next = terms + row * stride
            let point = (0..<dimension).map { data.frame[$0 * data.stride + row] } + [losses.targets[row]]
            for l in 0...dimension {
                for m in 0...l {
                    next.pointee = losses.weights[row] * point[l] * point[m]
                    next += 1
                }
            }
        }
    }

    deinit {
        terms.deallocate()
        sums.deallocate()
        counts.deallocate()
        members.deallocate()
        classes.deallocate()
        sides.deallocate()
        factor.deallocate()
        rows.deallocate()
        targets.deallocate()
        matrix.deallocate()
    }

    // MARK: Sums

    /// Begins a node, and lists the rows that some unit is undecided on.
    ///
    /// - Returns: how many these are.
    func load(
        _ cones: [Cone], positiveUnits: Int, columnCount: Int, undecided: UnsafeMutablePointer<Int32>
    ) -> Int {
        for (unit, cone) in cones.enumerated() { sides[unit] = UnsafePointer(cone.sides) }
        crease_training_classes(sides, units, data.stride, classes)
        for index in present {
            counts[index] = 0
            (sums + index * stride).update(repeating: 0, count: stride)
        }
        present.removeAll(keepingCapacity: true)
        let dimension = data.dimension
        let stride = stride
        let (classes, counts, members, sums, terms) = (classes, counts, members, sums, terms)
        var count = 0
        for row in 0..<data.count {
            let index = Int(classes[row])
            if index == 255 {
                undecided[count] = Int32(truncatingIfNeeded: row)
                count += 1
                continue
            }
            let known = counts[index]
            if known == 0 { present.append(index) }
            if known < dimension {
                members[index * dimension + known] = Int32(truncatingIfNeeded: row)
            }
            counts[index] = known + 1
            let (sum, term) = (sums + index * stride, terms + row * stride)
            for entry in 0..<stride { sum[entry] += term[entry] }
        }
        compress(cones, positiveUnits, columnCount)
        return count
    }

    private func compress(_ cones: [Cone], _ positiveUnits: Int, _ columnCount: Int) {
        let dimension = data.dimension
        self.columnCount = columnCount
        rowCount = 0
        constant = 0
        if columnCount > columnCapacity {
            columnCapacity = columnCount + 8
            matrix.deallocate()
            matrix = .allocate(capacity: columnCapacity * columnCapacity)
            rowCapacity = 0
        }
        for index in present {
            if index == 0, freeCount == 0 {
                // No unit is on: the loss is Σ ω y².
                constant += sums[(dimension + 1) * (dimension + 2) / 2 - 1]
            } else if counts[index] <= dimension {
                reserve(rowCount + counts[index])
                for position in 0..<counts[index] {
                    append(row: Int(members[index * dimension + position]), index, cones, positiveUnits)
                }
            } else {
                factorise(index)
                reserve(rowCount + dimension)
                let first = rowCount
                if !appendFactor(index, cones, positiveUnits) {
                    rowCount = first
                    reserve(rowCount + counts[index])
                    for row in 0..<data.count where Int(classes[row]) == index {
                        append(row: row, index, cones, positiveUnits)
                    }
                }
            }
        }
        for a in 0..<columnCount {
            for b in 0...a { matrix[a * columnCount + b] = 0 }
        }
        for row in 0..<rowCount {
            let source = rows + row * columnCount
            for a in 0..<columnCount where source[a] != 0 {
                let value = 2 * source[a]
                for b in 0...a { matrix[a * columnCount + b] += value * source[b] }
            }
        }
    }

    private func reserve(_ count: Int) {
        guard count > rowCapacity else { return }
        let capacity = count + 16
        let grown = UnsafeMutablePointer<Double>.allocate(capacity: capacity * columnCapacity)
        grown.update(from: rows, count: rowCount * columnCount)
        rows.deallocate()
        rows = grown
        let grownTargets = UnsafeMutablePointer<Double>.allocate(capacity: capacity)
        grownTargets.update(from: targets, count: rowCount)
        targets.deallocate()
        targets = grownTargets
        rowCapacity = capacity
    }

    /// A row of the data as it is.
    private func append(row: Int, _ index: Int, _ cones: [Cone], _ positiveUnits: Int) {
        let scale = losses.weights[row].squareRoot()
        let target = rows + rowCount * columnCount
        var column = 0
        for (unit, cone) in cones.enumerated() {
            let isOn = index >> unit & 1 == 1
            let sign = unit < positiveUnits ? scale : -scale
            for ray in cone.rays {
                target[column] = isOn ? sign * ray.products[row] : 0
                column += 1
            }
        }
        for free in 0..<freeCount {
            let coordinate = freeCount == 1 ? data.dimension - 1 : free
            target[column] = scale * data.frame[coordinate * data.stride + row]
            column += 1
        }
        targets[rowCount] = scale * losses.targets[row]
        rowCount += 1
    }

    /// The upper triangular factor R of a set's moments, RᵀR = Σ ω z zᵀ, by columns: entry (l, m), l ≤ m, at m (d + 1) + l.
    private func factorise(_ index: Int) {
        let size = data.dimension + 1
        var next = sums + index * stride
        for m in 0..<size {
            let column = factor + m * size
            for l in 0...m {
                let other = factor + l * size
                var value = next.pointee
                next += 1
                let whole = value
                for k in 0..<l { value -= other[k] * column[k] }
                if l == m {
                    // What is left of a sum that dependent columns leave nothing of.
                    column[l] = value > 1e-14 * whole ? value.squareRoot() : 0
                } else {
                    column[l] = other[l] > 0 ? value / other[l] : 0
                }
            }
        }
    }

    /// The rows of the factor; false where a ray's products with the set are so small that little is left of them.
    private func appendFactor(_ index: Int, _ cones: [Cone], _ positiveUnits: Int) -> Bool {
        let dimension = data.dimension
        let size = dimension + 1
        let first = rows + rowCount * columnCount
        let last = factor + dimension * size
        for l in 0..<dimension { targets[rowCount + l] = last[l] }
        constant += last[dimension] * last[dimension]
        var column = 0
        for (unit, cone) in cones.enumerated() {
            let isOn = index >> unit & 1 == 1
            let sign = unit < positiveUnits ? 1.0 : -1.0
            for ray in cone.rays {
                if !isOn {
                    for l in 0..<dimension { first[l * columnCount + column] = 0 }
                    column += 1
                    continue
                }
                var length = 0.0
                var reach = 0.0
                for l in 0..<dimension {
                    var value = 0.0
                    for m in l..<dimension {
                        let term = factor[m * size + l] * ray.direction[m]
                        value += term
                        reach += term * term
                    }
                    first[l * columnCount + column] = sign * value
                    length += value * value
                }
                if length < Self.least * reach {
                    guard isZero(ray, index) else {
                        constant -= last[dimension] * last[dimension]
                        return false
                    }
                    for l in 0..<dimension { first[l * columnCount + column] = 0 }
                }
                column += 1
            }
        }
        for free in 0..<freeCount {
            let coordinate = freeCount == 1 ? dimension - 1 : free
            for l in 0..<dimension {
                first[l * columnCount + column] = l <= coordinate ? factor[coordinate * size + l] : 0
            }
            column += 1
        }
        rowCount += dimension
        return true
    }

    /// What may be left of a sum of squares.
    private static let least = 1e-6

    private func isZero(_ ray: Ray, _ index: Int) -> Bool {
        for row in 0..<data.count where Int(classes[row]) == index && ray.products[row] != 0 { return false }
        return true
    }

    // MARK: The loss

    private func residual(_ row: Int, _ coefficients: UnsafePointer<Double>) -> Double {
        let source = rows + row * columnCount
        var sum = -targets[row]
        for column in 0..<columnCount { sum += source[column] * coefficients[column] }
        return sum
    }

    func loss(_ coefficients: UnsafePointer<Double>) -> Double {
        var sum = constant
        for row in 0..<rowCount {
            let residual = residual(row, coefficients)
            sum += residual * residual
        }
        return sum
    }

    /// Adds second derivatives to the lower triangle of a matrix, and the gradient.
    func add(
        _ coefficients: UnsafePointer<Double>, _ result: UnsafeMutablePointer<Double>,
        _ gradient: UnsafeMutablePointer<Double>
    ) {
        for a in 0..<columnCount {
            let start = a * columnCount
            for b in 0...a { result[start + b] += matrix[start + b] }
        }
        for row in 0..<rowCount {
            let slope = 2 * residual(row, coefficients)
            let source = rows + row * columnCount
            for column in 0..<columnCount { gradient[column] += slope * source[column] }
        }
    }

    /// The loss along a direction: its value, its slope and its second derivative.
    func line(
        _ coefficients: UnsafePointer<Double>, _ direction: UnsafePointer<Double>
    ) -> (value: Double, slope: Double, bend: Double) {
        var result = (value: constant, slope: 0.0, bend: 0.0)
        for row in 0..<rowCount {
            let residual = residual(row, coefficients)
            let source = rows + row * columnCount
            var change = 0.0
            for column in 0..<columnCount { change += source[column] * direction[column] }
            result.value += residual * residual
            result.slope += 2 * residual * change
            result.bend += 2 * change * change
        }
        return result
    }
}
