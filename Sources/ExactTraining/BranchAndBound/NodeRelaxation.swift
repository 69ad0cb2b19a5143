internal import CTrainingKernels
internal import Foundation

/// The convex relaxation of the loss over a product of cones, one for each unit, and its solution.
///
/// With θ_j = Σ_k λ_jk r_jk, λ ≥ 0, a unit's value at a row lies between α Σ p_k λ_k and Σ max(0, p_k) λ_k, p_k being the
/// products of the row with the rays: α is 1 where the unit is on in the whole cone, 0 where it is off, and any number in
/// [0, 1] where that is undecided; here 0 or 1, from a guess of the unit's sign. So each prediction lies between
/// two linear functions of λ (and of the output term's coefficients, which are free), and each row may have the best
/// prediction in between.
///
/// The minimum is found by Newton's method over `NonNegativeQuadratic`, the loss being piecewise quadratic (or smoothed
/// to be). One solver is used over and over by one thread; a step costs O(rows · N²), N being the number of rays.
final class NodeRelaxation {
    let data: DataArrangement
    let losses: RowLosses
    let units: Int
    /// Coefficients of the output term.
    let freeCount: Int
    private let stride: Int
    /// Of the predictor 0, without the losses' constant.
    private let zeroLoss: Double

    private(set) var cones: [Cone] = []
    private(set) var positiveUnits = 0
    /// The first ray of each unit among the columns; then their number.
    private(set) var offsets: [Int]
    /// Rays, without free columns.
    private(set) var rayCount = 0
    var columnCount: Int { rayCount + freeCount }

    /// The rows that solving looks at, and the products of the rays (and of the free columns) there.
    private let view: RowView
    private let columns: RowColumns
    private let dualColumns: RowColumns
    let quadratic = NonNegativeQuadratic()
    private let buffers: RowBuffers
    private var coefficients: UnsafeMutablePointer<Double>
    private var direction: UnsafeMutablePointer<Double>
    private var capacity = 0

    // Arrays over the rows of the view.
    let lower: UnsafeMutablePointer<Double>
    let upper: UnsafeMutablePointer<Double>
    private let lowerStep: UnsafeMutablePointer<Double>
    private let upperStep: UnsafeMutablePointer<Double>
    let slope: UnsafeMutablePointer<Double>
    private let bend: UnsafeMutablePointer<Double>
    let side: UnsafeMutablePointer<Double>
    private let scratch: UnsafeMutablePointer<Double>
    private let unitValue: UnsafeMutablePointer<Double>
    private let unitUpper: UnsafeMutablePointer<Double>
    private let sideBefore: UnsafeMutablePointer<Double>

    /// α of a unit.
    func alpha(_ unit: Int) -> UnsafeMutablePointer<Double> { buffers[Self.shared + 4 * unit] }
    /// Σ p_k λ_k of a unit.
    func value(_ unit: Int) -> UnsafeMutablePointer<Double> { buffers[Self.shared + 4 * unit + 1] }
    /// Σ max(0, p_k) λ_k of a unit.
    func rectified(_ unit: Int) -> UnsafeMutablePointer<Double> { buffers[Self.shared + 4 * unit + 2] }

    // Arrays over all rows, for bounds.
    /// The slopes that a bound rests on.
    let dualSlope: UnsafeMutablePointer<Double>
    /// α of a unit.
    func dualAlpha(_ unit: Int) -> UnsafeMutablePointer<Double> { buffers[Self.shared + 4 * unit + 3] }

    private static let shared = 12
    private static let iterations = 60

    init(_ data: DataArrangement, _ losses: RowLosses) {
        self.data = data
        self.losses = losses
        units = data.problem.hiddenUnits
        freeCount = data.freeCount
        zeroLoss = (0..<data.count).reduce(0) { $0 + losses.value(0, row: $1) }
        stride = data.stride
        offsets = [Int](repeating: 0, count: units + 1)
        view = RowView(data, losses)
        columns = RowColumns(stride: stride)
        dualColumns = RowColumns(stride: stride)
        buffers = RowBuffers(count: Self.shared + 4 * units, stride: stride)
        lower = buffers[0]
        upper = buffers[1]
        lowerStep = buffers[2]
        upperStep = buffers[3]
        slope = buffers[4]
        bend = buffers[5]
        side = buffers[6]
        scratch = buffers[7]
        unitValue = buffers[8]
        unitUpper = buffers[9]
        sideBefore = buffers[10]
        dualSlope = buffers[11]
        coefficients = .allocate(capacity: 0)
        direction = .allocate(capacity: 0)
    }

    deinit {
        coefficients.deallocate()
        direction.deallocate()
    }

    /// Begins a node.
    func load(_ cones: [Cone], positiveUnits: Int) {
        self.cones = cones
        self.positiveUnits = positiveUnits
        var total = 0
        for (unit, cone) in cones.enumerated() {
            offsets[unit] = total
            total += cone.rays.count
        }
        offsets[units] = total
        rayCount = total
        let size = columnCount
        columns.reserve(size)
        quadratic.reserve(size)
        if size > capacity {
            coefficients.deallocate()
            direction.deallocate()
            capacity = size + 8
            coefficients = .allocate(capacity: capacity)
            direction = .allocate(capacity: capacity)
        }
        coefficients.initialize(repeating: 0, count: size)
        view.load(cones, positiveUnits: positiveUnits, columnCount: size)
    }

    /// The number of rows of the view.
    var viewCount: Int { view.count }
    /// A row of the view among the rows of the data.
    func dataRow(_ row: Int) -> Int { view.dataRow(row) }
    func isUndecided(_ unit: Int, _ row: Int) -> Bool { view.sides(unit)[row] == Cone.Side.undecided }

    /// λ, then the free coefficients.
    func coefficient(_ index: Int) -> Double { coefficients[index] }

    // MARK: Slopes of the lower bounds

    /// α from the signs of the units at the present coefficients, or at the sums of all rays where nothing is known.
    func chooseSlopes(fromCoefficients: Bool) {
        for unit in 0..<units {
            let count = cones[unit].rays.count
            let first = offsets[unit]
            if !fromCoefficients {
                for index in 0..<count { direction[first + index] = 1 }
            }
            crease_training_combine(
                view.rays + first, (fromCoefficients ? coefficients : direction) + first, count, view.stride,
                unitValue, unitUpper)
            let sides = view.sides(unit)
            let alpha = alpha(unit)
            for row in 0..<view.stride {
                let side = sides[row]
                alpha[row] =
                    side == Cone.Side.active || (side == Cone.Side.undecided && unitValue[row] > 0) ? 1 : 0
            }
        }
    }

    /// α from the signs of the units at the solution.
    ///
    /// - Returns: whether one changed where it matters.
    func improveSlopes() -> Bool {
        var hasChanged = false
        for unit in 0..<units {
            let sides = view.sides(unit)
            let alpha = alpha(unit)
            let values = value(unit)
            let isPositive = unit < positiveUnits
            for row in 0..<view.count where sides[row] == Cone.Side.undecided {
                let wanted = values[row] > 0 ? 1.0 : 0.0
                if wanted != alpha[row] {
                    alpha[row] = wanted
                    // The bound that counts is a lower one of a positive unit or an upper one of a negative one.
                    if slope[row] != 0, (slope[row] > 0) == isPositive { hasChanged = true }
                }
            }
        }
        return hasChanged
    }

    // MARK: Solving

    /// Starts from what is nearest to given parameters of the units, d a unit, and of the output term.
    func start(_ parameters: [Double], free: [Double]) {
        let dimension = data.dimension
        for unit in 0..<units {
            let rays = cones[unit].rays
            let count = rays.count
            for k in 0..<count {
                var right = 0.0
                for l in 0..<dimension {
                    right += rays[k].direction[l] * parameters[unit * dimension + l]
                }
                quadratic.right[k] = right
                quadratic.solution[k] = 0
                for m in 0...k {
                    var product = 0.0
                    for l in 0..<dimension { product += rays[k].direction[l] * rays[m].direction[l] }
                    quadratic.matrix[k * count + m] = product
                }
            }
            quadratic.solve(count: count, coneCount: count, ridge: 1e-13, tolerance: 1e-9)
            for k in 0..<count { coefficients[offsets[unit] + k] = quadratic.solution[k] }
        }
        for index in 0..<freeCount { coefficients[rayCount + index] = free[index] }
    }

    /// Minimises the relaxed loss, smoothed to a curvature, for the present α, from the present coefficients.
    ///
    /// - Parameters:
    ///   - tolerance: gradients may be left that much below 0.
    ///   - enough: whether a minimum that is about so large, and below the value reached, need not be found.
    /// - Returns: the relaxed loss (without the losses' constant), or about that, and whether the minimum was reached.
    func solve(
        curvature: Double, tolerance: Double, enough: (_ minimum: Double, _ value: Double) -> Bool
    ) -> (value: Double, isMinimum: Bool) {
        let size = columnCount
        bounds(coefficients, lower, upper)
        var isMinimum = false
        var value =
            losses.evaluate(
                view.rows, curvature: curvature, lower: lower, upper: upper, slope: slope, bend: bend,
                side: side) + view.decidedLoss(coefficients)
        if !(value <= zeroLoss) {
            // Worse than nothing: huge coefficients that all but cancel, from a region around this one.
            coefficients.update(repeating: 0, count: size)
            bounds(coefficients, lower, upper)
            value =
                losses.evaluate(
                    view.rows, curvature: curvature, lower: lower, upper: upper, slope: slope, bend: bend,
                    side: side) + view.decidedLoss(coefficients)
        }
        var damping = losses.isDamped ? 0.01 : 0
        for _ in 0..<Self.iterations {
            fillColumns(side)
            if damping > 0 { damp(damping, curvature) }
            let (matrix, right, solution) = (quadratic.matrix, quadratic.right, quadratic.solution)
            crease_training_normal(columns.pointers, size, view.stride, bend, slope, scratch, matrix, right)
            view.addDecided(coefficients, matrix, right)
            // right = gradient; the quadratic's own is H λ − gradient, with the margin for rays.
            for row in 0..<size {
                var sum = 0.0
                let x = coefficients[row]
                solution[row] = x
                for column in 0...row { sum += matrix[row * size + column] * coefficients[column] }
                for column in row + 1..<max(row + 1, size) {
                    sum += matrix[column * size + row] * coefficients[column]
                }
                direction[row] = right[row]
                right[row] = sum - direction[row]
            }
            quadratic.solve(
                count: size, coneCount: rayCount, ridge: Self.ridge, tolerance: tolerance)
            var descent = 0.0
            for index in 0..<size {
                let step = solution[index] - coefficients[index]
                descent += direction[index] * step
                direction[index] = step
            }
            var bending = 0.0
            for row in 0..<size where direction[row] != 0 {
                var sum = 0.5 * matrix[row * size + row] * direction[row]
                for column in 0..<row { sum += matrix[row * size + column] * direction[column] }
                bending += sum * direction[row]
            }
            if !(-descent > 1e-15 * (value + losses.constant) + 1e-300) {
                isMinimum = descent.isFinite
                if damping <= Self.leastDamping || !isMinimum {
                    if isMinimum, !view.isPart { value = takeLastStep(value, curvature) }
                    break
                }
                damping = Self.leastDamping
                continue
            }
            if enough(value + descent, value) {
                value += descent
                break
            }
            bounds(direction, lowerStep, upperStep)
            view.prepareLine(coefficients, direction)
            var step = 1.0
            var trial = along(curvature, 1)
            let predicted = value + descent + bending
            if !(trial.value <= value + 0.1 * descent) || trial.slope > 0.5 * -descent {
                (step, trial) = lineSearch(curvature, value, descent, trial)
            }
            guard step > 0, trial.value < value else {
                isMinimum = -descent <= 1e-10 * (value + losses.constant)
                if isMinimum, damping <= Self.leastDamping, !view.isPart {
                    value = takeLastStep(value, curvature)
                    break
                }
                if damping == 0 || damping >= 1 || isMinimum { break }
                damping *= 100
                continue
            }
            if damping > 0 {
                damping =
                    step > 0.5
                    ? max(Self.leastDamping, 0.01 * damping) : step < 0.1 ? min(1, 30 * damping) : damping
            }
            for index in 0..<size {
                let next = coefficients[index] + step * direction[index]
                coefficients[index] = index < rayCount ? max(0, next) : next
            }
            for row in 0..<view.stride {
                lower[row] += step * lowerStep[row]
                upper[row] += step * upperStep[row]
            }
            let before = value
            sideBefore.update(from: side, count: view.stride)
            value =
                losses.evaluate(
                    view.rows, curvature: curvature, lower: lower, upper: upper, slope: slope, bend: bend,
                    side: side) + view.decidedLoss(coefficients)
            if step == 1, !losses.isLogistic,
                (trial.value - predicted).magnitude <= 1e-13 * (before + losses.constant),
                memcmp(side, sideBefore, view.stride * MemoryLayout<Double>.stride) == 0
            {
                // The loss was quadratic all the way, and the same one for every ray.
                isMinimum = true
                break
            }
        }
        for unit in 0..<units {
            crease_training_combine(
                view.rays + offsets[unit], coefficients + offsets[unit], cones[unit].rays.count, view.stride,
                self.value(unit), rectified(unit))
        }
        return (value, isMinimum)
    }

    /// Where the loss does not tell any more, gradients still do: they are what is left of the profits.
    private func takeLastStep(_ value: Double, _ curvature: Double) -> Double {
        let size = columnCount
        for index in 0..<size {
            let next = coefficients[index] + direction[index]
            quadratic.solution[index] = coefficients[index]
            coefficients[index] = index < rayCount ? max(0, next) : next
        }
        bounds(coefficients, lower, upper)
        let after = losses.evaluate(
            view.rows, curvature: curvature, lower: lower, upper: upper, slope: slope, bend: bend, side: side)
        if after <= value + 1e-13 * (value + losses.constant) { return after }
        coefficients.update(from: quadratic.solution, count: size)
        bounds(coefficients, lower, upper)
        return losses.evaluate(
            view.rows, curvature: curvature, lower: lower, upper: upper, slope: slope, bend: bend, side: side)
    }

    private func along(_ curvature: Double, _ step: Double) -> (value: Double, slope: Double) {
        let undecided = losses.along(
            view.rows, curvature: curvature, lower: lower, upper: upper, lowerStep: lowerStep,
            upperStep: upperStep, step: step)
        let decided = view.along(step)
        return (undecided.value + decided.value, undecided.slope + decided.slope)
    }

    private static let ridge = 1e-12
    private static let leastDamping = 1e-9

    /// Rows at which the loss is linear get a part of the curvature of the parabola that touches it there and is nowhere
    /// below it: without any, steps have no end.
    private func damp(_ part: Double, _ curvature: Double) {
        let targets = view.rows.targets
        for row in 0..<view.count where bend[row] == 0 && slope[row] != 0 {
            let excess = (side[row] > 0 ? lower[row] : upper[row]) - targets[row]
            bend[row] = part * slope[row].magnitude / max(excess.magnitude, 1 / curvature)
        }
    }

    /// The minimum along the direction, about, where a full step goes too far.
    private func lineSearch(
        _ curvature: Double, _ value: Double, _ descent: Double, _ full: (value: Double, slope: Double)
    ) -> (Double, (value: Double, slope: Double)) {
        var (low, lowSlope) = (0.0, descent)
        var (high, highSlope) = (1.0, full.slope)
        var best = (step: full.value < value ? 1.0 : 0.0, trial: full)
        for iteration in 0..<30 {
            // A secant of the slopes, kept inside.
            var part = lowSlope / (lowSlope - highSlope)
            if !(part > 0.02) { part = 0.02 }
            if !(part < 0.98) { part = 0.98 }
            if iteration % 4 == 3 { part = 0.5 }
            let step = low + part * (high - low)
            let trial = along(curvature, step)
            if trial.value < (best.step == 0 ? value : best.trial.value) { best = (step, trial) }
            if best.step > 0, trial.slope.magnitude <= 0.05 * descent.magnitude { break }
            if trial.slope < 0 {
                (low, lowSlope) = (step, trial.slope)
            } else {
                (high, highSlope) = (step, trial.slope)
            }
        }
        return best
    }

    /// Both bounds of the predictions, for coefficients (or for a direction).
    private func bounds(
        _ coefficients: UnsafePointer<Double>, _ lower: UnsafeMutablePointer<Double>,
        _ upper: UnsafeMutablePointer<Double>
    ) {
        let stride = view.stride
        lower.update(repeating: 0, count: stride)
        addFree(coefficients, lower)
        upper.update(from: lower, count: stride)
        for unit in 0..<units {
            crease_training_combine(
                view.rays + offsets[unit], coefficients + offsets[unit], cones[unit].rays.count, stride,
                unitValue, unitUpper)
            crease_training_accumulate(
                unitValue, unitUpper, alpha(unit), unit < positiveUnits ? 1 : 0, stride, lower, upper)
        }
    }

    private func addFree(_ coefficients: UnsafePointer<Double>, _ sum: UnsafeMutablePointer<Double>) {
        for index in rayCount..<columnCount {
            guard let column = view.rays[index] else { continue }
            let factor = coefficients[index]
            for row in 0..<view.stride { sum[row] += factor * column[row] }
        }
    }

    /// The columns of the side that counts of each row.
    private func fillColumns(_ side: UnsafePointer<Double>) {
        for unit in 0..<units {
            let isPositive: Int32 = unit < positiveUnits ? 1 : 0
            for index in offsets[unit]..<offsets[unit + 1] {
                crease_training_column(
                    view.rays[index], alpha(unit), side, isPositive, view.stride, columns[index])
            }
        }
        for index in rayCount..<columnCount {
            guard let column = view.rays[index] else { continue }
            columns[index].update(from: column, count: view.stride)
        }
    }

    // MARK: For bounds

    /// Whether `solve` looks at some of the rows only.
    var isPart: Bool { view.isPart }

    /// From here on `solve` looks at all rows.
    func useAllRows() {
        for unit in 0..<units {
            let sides = cones[unit].sides
            let all = dualAlpha(unit)
            for row in 0..<stride { all[row] = sides[row] == Cone.Side.active ? 1 : 0 }
            let some = alpha(unit)
            for row in 0..<view.count { all[view.dataRow(row)] = some[row] }
            some.update(from: all, count: stride)
        }
        view.useAllRows()
    }

    /// `dualSlope` and `dualAlpha` of the present solution on all rows.
    func keepDual() {
        dualSlope.update(from: slope, count: stride)
        for unit in 0..<units { dualAlpha(unit).update(from: alpha(unit), count: stride) }
    }

    /// Slopes that are rounding errors become 0: any slopes will do for a bound.
    ///
    /// - Returns: whether there were some.
    func dropNoise(_ part: Double) -> Bool {
        let size = part * (losses.isSmooth ? losses.trueCurvature * losses.reach : 1)
        let weights = losses.weights
        var hasChanged = false
        for row in 0..<data.count where dualSlope[row] != 0 && dualSlope[row].magnitude < size * weights[row]
        {
            dualSlope[row] = 0
            hasChanged = true
        }
        return hasChanged
    }

    /// The columns of the sides that `dualSlope` stands for: what a bound rests on.
    func fillDualColumns() -> RowColumns {
        dualColumns.reserve(columnCount)
        for row in 0..<stride { scratch[row] = dualSlope[row] > 0 ? 1 : 0 }
        for unit in 0..<units {
            let cone = cones[unit]
            let isPositive: Int32 = unit < positiveUnits ? 1 : 0
            for index in 0..<cone.rays.count {
                crease_training_column(
                    cone.rays[index].products, dualAlpha(unit), scratch, isPositive, stride,
                    dualColumns[offsets[unit] + index])
            }
        }
        for index in 0..<freeCount {
            dualColumns[rayCount + index].update(from: data.freeColumn(index), count: stride)
        }
        return dualColumns
    }

    /// The units' parameters in the frame, d a unit.
    func parameters() -> [Double] {
        let dimension = data.dimension
        var result = [Double](repeating: 0, count: units * dimension)
        for unit in 0..<units {
            for (index, ray) in cones[unit].rays.enumerated() {
                let factor = coefficients[offsets[unit] + index]
                guard factor != 0 else { continue }
                for l in 0..<dimension { result[unit * dimension + l] += factor * ray.direction[l] }
            }
        }
        return result
    }

    var freeParameters: [Double] { (0..<freeCount).map { coefficients[rayCount + $0] } }

    /// The predictions of the network at the solution, on the rows of the view.
    func predict(_ result: UnsafeMutablePointer<Double>) {
        result.update(repeating: 0, count: view.stride)
        addFree(coefficients, result)
        for unit in 0..<units {
            let values = value(unit)
            let sign = unit < positiveUnits ? 1.0 : -1.0
            for row in 0..<view.stride { result[row] += sign * max(0, values[row]) }
        }
    }

    /// What the other rows lose at the solution.
    var decidedLoss: Double { view.decidedLoss(coefficients) }
}
