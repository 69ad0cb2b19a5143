internal import CTrainingKernels

/// Local descent from given networks: Newton's method on the piecewise quadratic loss within activation patterns, with
/// step halving. For incumbents; it proves nothing.
final class LocalSearch {
    private let data: DataArrangement
    private let losses: RowLosses
    private let units: Int
    private let freeCount: Int
    private let stride: Int
    private let buffers: RowBuffers
    private let columns: RowColumns
    private let quadratic = NonNegativeQuadratic()
    private var matrixSize: Int { units * data.dimension + freeCount }
    private let prediction: UnsafeMutablePointer<Double>
    private let change: UnsafeMutablePointer<Double>
    private let slope: UnsafeMutablePointer<Double>
    private let bend: UnsafeMutablePointer<Double>
    private let side: UnsafeMutablePointer<Double>
    private let scratch: UnsafeMutablePointer<Double>
    private let unitValue: UnsafeMutablePointer<Double>
    private let active: UnsafeMutablePointer<Double>

    init(_ data: DataArrangement, _ losses: RowLosses, freeCount: Int) {
        self.data = data
        self.losses = losses
        units = data.problem.hiddenUnits
        self.freeCount = freeCount
        stride = data.stride
        buffers = RowBuffers(count: 8, stride: stride)
        columns = RowColumns(stride: stride)
        let size = units * data.dimension + freeCount
        columns.reserve(size)
        quadratic.reserve(size)
        prediction = buffers[0]
        change = buffers[1]
        slope = buffers[2]
        bend = buffers[3]
        side = buffers[4]
        scratch = buffers[5]
        unitValue = buffers[6]
        active = buffers[7]
    }

    /// The loss (a weighted sum, without the constant) of a network: parameters in the frame, d a unit, then the free
    /// ones.
    func loss(_ parameters: [Double], positiveUnits: Int, curvature: Double) -> Double {
        predict(parameters, positiveUnits, fillsColumns: false)
        return losses.evaluate(
            losses.rows, curvature: curvature, lower: prediction, upper: prediction, slope: slope, bend: bend,
            side: side)
    }

    private func predict(_ parameters: [Double], _ positiveUnits: Int, fillsColumns: Bool) {
        let dimension = data.dimension
        prediction.update(repeating: 0, count: stride)
        parameters.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            for unit in 0..<units {
                crease_training_products(
                    data.frame, stride, dimension, base + unit * dimension, unitValue)
                crease_training_rectify(unitValue, active, stride)
                let sign = unit < positiveUnits ? 1.0 : -1.0
                for row in 0..<stride { prediction[row] += sign * unitValue[row] }
                if fillsColumns {
                    for l in 0..<dimension {
                        let column = columns[unit * dimension + l]
                        let source = data.frame + l * stride
                        for row in 0..<stride { column[row] = sign * active[row] * source[row] }
                    }
                }
            }
            for index in 0..<freeCount {
                let source = data.frame + (freeCount == 1 ? dimension - 1 : index) * stride
                let factor = base[units * dimension + index]
                for row in 0..<stride { prediction[row] += factor * source[row] }
                if fillsColumns { columns[units * dimension + index].update(from: source, count: stride) }
            }
        }
    }

    /// - Returns: parameters with a loss that is not larger, and that loss.
    func descend(_ start: [Double], positiveUnits: Int, curvature: Double, steps: Int) -> ([Double], Double) {
        let size = matrixSize
        var best = start
        var value = loss(best, positiveUnits: positiveUnits, curvature: curvature)
        for _ in 0..<steps {
            predict(best, positiveUnits, fillsColumns: true)
            value = losses.evaluate(
                losses.rows, curvature: curvature, lower: prediction, upper: prediction, slope: slope,
                bend: bend,
                side: side)
            if losses.isSmooth {
                // Where a loss is flat or linear, a little of its curvature keeps the step short.
                for row in 0..<data.count where bend[row] == 0 && slope[row] != 0 {
                    bend[row] = 0.05 * losses.weights[row]
                }
            } else {
                // Iterated reweighting: |e| ≤ e²/(2 |e₀|) + |e₀|/2.
                for row in 0..<data.count where slope[row] != 0 && bend[row] == 0 {
                    let excess = (prediction[row] - losses.targets[row]).magnitude
                    bend[row] = slope[row].magnitude / max(excess, 1e-3 / curvature)
                }
            }
            crease_training_normal(
                columns.pointers, size, stride, bend, slope, scratch, quadratic.matrix, quadratic.right)
            for index in 0..<size {
                quadratic.right[index] = -quadratic.right[index]
                quadratic.solution[index] = 0
            }
            quadratic.solve(count: size, coneCount: 0, ridge: 1e-10, tolerance: 0)
            var step = 1.0
            var hasImproved = false
            while step > 1e-3 {
                let trial = best.indices.map { best[$0] + step * quadratic.solution[$0] }
                let trialValue = loss(trial, positiveUnits: positiveUnits, curvature: curvature)
                if trialValue < value {
                    let gain = value - trialValue
                    best = trial
                    hasImproved = gain > 1e-9 * value
                    value = trialValue
                    break
                }
                step *= 0.5
            }
            if !hasImproved { break }
        }
        return (best, value)
    }
}
