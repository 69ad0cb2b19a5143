/// Solves M^T M x = c for tall matrices M whose rows differ by many orders of magnitude, as the steps of interior-point
/// methods have them: M = Q R by Householder reflections with the rows sorted and the columns pivoted (Cox and Higham,
/// Stability of Householder QR factorization for weighted least squares problems, 1998), two triangular solutions,
/// and one refinement. Columns that depend on others get 0. Storage is kept between problems.
struct LeastSquares {
    private var height = 0
    private var width = 0
    /// Column-major.
    private var matrix: [Double] = []
    private var triangle: [Double] = []
    /// What the columns of `triangle` were divided by.
    private var scales: [Double] = []
    /// The columns in the order of their pivots; as many as there are independent ones.
    private var order: [Int] = []

    /// Then `append` is called `height` · `width` times, column after column.
    mutating func begin(height: Int, width: Int) {
        self.height = height
        self.width = width
        matrix.removeAll(keepingCapacity: true)
    }

    mutating func append(_ entry: Double) { matrix.append(entry) }

    mutating func factor() {
        let (height, width) = (height, width)
        sortRows()
        equilibrate()
        order = []
        var rest = Array(0..<width)
        triangle.withUnsafeMutableBufferPointer { m in
            var top = 0
            while top < height, !rest.isEmpty {
                var best = (position: 0, tail: -1.0)
                for (position, column) in rest.enumerated() {
                    var tail = 0.0
                    for i in column * height + top..<(column + 1) * height { tail += m[i] * m[i] }
                    if tail > best.tail { best = (position, tail) }
                }
                guard best.tail > 1e-26, best.tail.isFinite else { return }
                let column = rest.remove(at: best.position)
                let base = column * height
                let norm = m[base + top] > 0 ? -best.tail.squareRoot() : best.tail.squareRoot()
                let divisor = best.tail - m[base + top] * norm
                m[base + top] -= norm
                for other in rest {
                    let target = other * height
                    var dot = 0.0
                    for i in top..<height { dot += m[base + i] * m[target + i] }
                    dot /= divisor
                    for i in top..<height { m[target + i] -= dot * m[base + i] }
                }
                m[base + top] = norm
                order.append(column)
                top += 1
            }
        }
    }

    func solve(_ right: [Double]) -> [Double] {
        var result = solveOnce(right)
        let change = solveOnce(residual(right, result))
        for column in 0..<width { result[column] += change[column] }
        return result
    }

    private mutating func sortRows() {
        let sizes = (0..<height).map { row in
            (0..<width).reduce(0.0) { max($0, matrix[$1 * height + row].magnitude) }
        }
        let permutation = (0..<height).sorted { sizes[$0] > sizes[$1] }
        var sorted = matrix
        for column in 0..<width {
            for (target, row) in permutation.enumerated() {
                sorted[column * height + target] = matrix[column * height + row]
            }
        }
        matrix = sorted
    }

    /// Columns of length 1.
    private mutating func equilibrate() {
        triangle = matrix
        scales = [Double](repeating: 1, count: width)
        for column in 0..<width {
            var sum = 0.0
            for entry in matrix[column * height..<(column + 1) * height] { sum += entry * entry }
            guard sum > 0, sum.isFinite else { continue }
            scales[column] = sum.squareRoot()
            for index in column * height..<(column + 1) * height { triangle[index] /= scales[column] }
        }
    }

    /// c − M^T M x.
    private func residual(_ right: [Double], _ x: [Double]) -> [Double] {
        var image = [Double](repeating: 0, count: height)
        for column in 0..<width where x[column] != 0 {
            for row in 0..<height { image[row] += matrix[column * height + row] * x[column] }
        }
        return (0..<width).map { column in
            var sum = right[column]
            for row in 0..<height { sum -= matrix[column * height + row] * image[row] }
            return sum
        }
    }

    private func solveOnce(_ right: [Double]) -> [Double] {
        var x = [Double](repeating: 0, count: width)
        // R^T z = c; row p of R is at row p of the columns from position p on.
        for (position, column) in order.enumerated() {
            var sum = right[column] / scales[column]
            for earlier in 0..<position { sum -= triangle[column * height + earlier] * x[order[earlier]] }
            x[column] = sum / triangle[column * height + position]
        }
        for (position, column) in order.enumerated().reversed() {
            var sum = x[column]
            for later in order[(position + 1)...] {
                sum -= triangle[later * height + position] * x[later]
            }
            x[column] = sum / triangle[column * height + position]
        }
        for column in 0..<width { x[column] /= scales[column] }
        return x
    }
}
