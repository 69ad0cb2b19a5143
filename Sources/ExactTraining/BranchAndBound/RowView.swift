internal import CTrainingKernels

/// The rows of the data that a node's relaxation has to look at one by one.
///
/// Under the squared loss these are at first the rows that are undecided for some unit, copied together. On the others
/// the prediction is linear in the coefficients; rows with the same units on are replaced by the at most d rows (and a
/// constant) of the triangular factor of their moments Σ ω (x̃, y) (x̃, y)ᵀ, which have the same loss. Differences of
/// the two are roundings of products with all of them, so that a solution is to be improved on all rows before anything
/// is proved from it. Under other losses, and for more units than `RowMoments` is made for, the view is of all rows.
///
/// One view is used over and over by one thread.
final class RowView {
    private let data: DataArrangement
    private let losses: RowLosses
    private let units: Int
    private let freeCount: Int
    private let moments: RowMoments?
    private let buffers: RowBuffers
    private let products: RowColumns

    /// Whether rows are left out.
    private(set) var isPart = false
    private(set) var rows: RowLosses.Rows
    var count: Int { rows.count }
    var stride: Int { rows.stride }
    /// For each ray and each free column its products with the rows.
    private(set) var rays: UnsafeMutablePointer<UnsafePointer<Double>?> = .allocate(capacity: 0)
    private let indices: UnsafeMutablePointer<Int32>
    private let partialSides: UnsafeMutablePointer<UInt8>
    private var cones: [Cone] = []
    private var columnCount = 0
    private var capacity = 0
    private var line = (value: 0.0, slope: 0.0, bend: 0.0)

    init(_ data: DataArrangement, _ losses: RowLosses) {
        self.data = data
        self.losses = losses
        units = data.problem.hiddenUnits
        freeCount = data.freeCount
        moments = losses.loss == .squared ? RowMoments(data, losses) : nil
        let stride = moments == nil ? 0 : data.stride
        buffers = RowBuffers(count: 4, stride: stride)
        products = RowColumns(stride: stride)
        indices = .allocate(capacity: stride)
        indices.initialize(repeating: 0, count: stride)
        partialSides = .allocate(capacity: units * stride)
        partialSides.initialize(repeating: 0, count: units * stride)
        rows = losses.rows
    }

    deinit {
        rays.deallocate()
        indices.deallocate()
        partialSides.deallocate()
    }

    /// A row of the view among those of the data.
    func dataRow(_ row: Int) -> Int { isPart ? Int(indices[row]) : row }

    /// Of a unit, for each row of the view.
    func sides(_ unit: Int) -> UnsafePointer<UInt8> {
        UnsafePointer(isPart ? partialSides + unit * data.stride : cones[unit].sides)
    }

    /// Begins a node.
    func load(_ cones: [Cone], positiveUnits: Int, columnCount: Int) {
        self.cones = cones
        self.columnCount = columnCount
        if columnCount > capacity {
            capacity = columnCount + 8
            rays.deallocate()
            rays = .allocate(capacity: capacity)
        }
        guard let moments else {
            useAllRows()
            return
        }
        isPart = true
        gather(
            moments.load(cones, positiveUnits: positiveUnits, columnCount: columnCount, undecided: indices))
    }

    /// From here on the view is of all rows.
    func useAllRows() {
        isPart = false
        rows = losses.rows
        var column = 0
        for cone in cones {
            for index in 0..<cone.rays.count {
                (rays + column).initialize(to: cone.products[index])
                column += 1
            }
        }
        for index in 0..<freeCount {
            (rays + column).initialize(to: UnsafePointer(data.freeColumn(index)))
            column += 1
        }
    }

    private func gather(_ count: Int) {
        let stride = (count + 7) / 8 * 8
        rows = RowLosses.Rows(
            count: count, stride: stride, targets: buffers[0], weights: buffers[1], least: buffers[2],
            greatest: buffers[3])
        let all = losses.rows
        crease_training_gather(all.targets, indices, count, stride, rows.targets)
        crease_training_gather(all.weights, indices, count, stride, rows.weights)
        crease_training_gather(all.least, indices, count, stride, rows.least)
        crease_training_gather(all.greatest, indices, count, stride, rows.greatest)
        products.reserve(columnCount)
        var column = 0
        for (unit, cone) in cones.enumerated() {
            for ray in cone.rays {
                crease_training_gather(ray.products, indices, count, stride, products[column])
                column += 1
            }
            let sides = partialSides + unit * data.stride
            for row in 0..<count { sides[row] = cone.sides[Int(indices[row])] }
            for row in count..<max(count, stride) { sides[row] = 0 }
        }
        for index in 0..<freeCount {
            crease_training_gather(data.freeColumn(index), indices, count, stride, products[column])
            column += 1
        }
        for index in 0..<column { (rays + index).initialize(to: UnsafePointer(products[index])) }
    }

    // MARK: Rows left out

    /// Their loss.
    ///
    /// Complexity: O(sets of units · d · N).
    func decidedLoss(_ coefficients: UnsafePointer<Double>) -> Double {
        guard isPart, let moments else { return 0 }
        return moments.loss(coefficients)
    }

    /// Adds their second derivatives (to the lower triangle) and their gradient.
    func addDecided(
        _ coefficients: UnsafePointer<Double>, _ matrix: UnsafeMutablePointer<Double>,
        _ gradient: UnsafeMutablePointer<Double>
    ) {
        guard isPart, let moments else { return }
        moments.add(coefficients, matrix, gradient)
    }

    /// For `along`.
    func prepareLine(_ coefficients: UnsafePointer<Double>, _ direction: UnsafePointer<Double>) {
        guard isPart, let moments else { return }
        line = moments.line(coefficients, direction)
    }

    func along(_ step: Double) -> (value: Double, slope: Double) {
        guard isPart else { return (0, 0) }
        return (
            line.value + step * (line.slope + 0.5 * step * line.bend), line.slope + step * line.bend
        )
    }
}
