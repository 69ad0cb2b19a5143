internal import CTrainingKernels
internal import ExactArithmetic
internal import Synchronization

/// An extreme ray of a cone cut out of the parameter space of a unit by hyperplanes of the data, with its products with
/// all rows.
///
/// A product is 0 exactly where the true product is, has the true sign elsewhere, and is within `error` of the product of
/// the row with one and the same positive multiple of the true ray.
///
/// `@unchecked Sendable`: the memory behind the pointer is written in `init` and only read from then on.
final class Ray: @unchecked Sendable {
    /// `stride` entries.
    let products: UnsafeMutablePointer<Double>
    let error: Double
    /// d entries, the largest with a magnitude between 1/2 and 1, rounded.
    let direction: [Double]
    private let sharpDirection: [DoubleDouble]
    /// Bounds the errors of the entries of `sharpDirection`.
    private let directionError: Double
    /// Rows of d − 1 independent points that it lies on, ascending.
    private let definition: [Int]
    private let data: DataArrangement
    private let exactDirection = Mutex<IntegerVector?>(nil)

    private static let relativeTolerance = 0x1p-64

    /// - Parameters:
    ///   - isZero: rows on which the product is known to be 0.
    private init(
        _ data: DataArrangement, _ direction: [DoubleDouble], error directionError: Double, definition: [Int],
        isZero: (Int) -> Bool
    ) {
        self.data = data
        self.definition = definition
        let largest = direction.reduce(0) { max($0, $1.high.magnitude) }
        let factor = Double(sign: .plus, exponent: -Int(largest.exponent) - 1, significand: 1)
        var sharp = direction.map { $0.scaled(factor) }
        var sharpError = directionError * factor
        if !(sharpError <= Self.relativeTolerance) {
            // Nearly opposite parents, or a long descent: from the definition.
            let exact = Self.exactDirection(data, definition, like: sharp)
            let framed = data.framed((0..<data.dimension).map { Rational(exact[$0]) })
            sharp = framed.map { $0.scaled(0.5) }
            sharpError = 0x1p-100
            exactDirection.withLock { $0 = exact }
        }
        sharpDirection = sharp
        self.directionError = sharpError
        let rounded = sharp.map(\.high)
        self.direction = rounded
        let dimension = data.dimension
        let length = rounded.reduce(0) { $0 + $1.magnitude }
        // Roundings of the points, of the direction, of the products and of their sums.
        error = Double(dimension + 4) * 0x1p-53 * length + Double(dimension) * sharpError
        data.memory.add(Self.footprint(data))
        products = .allocate(capacity: data.stride)
        crease_training_products(data.frame, data.stride, dimension, rounded, products)
        for row in definition {
            for other in data.rowsOfPoint[data.pointOfRow[row]] { products[other] = 0 }
        }
        for row in 0..<data.count where products[row].magnitude <= error && !isDefining(row) {
            products[row] = isZero(row) ? 0 : sharpProduct(row)
        }
    }

    private func isDefining(_ row: Int) -> Bool {
        let point = data.pointOfRow[row]
        return definition.contains { data.pointOfRow[$0] == point }
    }

    deinit {
        products.deallocate()
        data.memory.add(-Self.footprint(data))
    }

    private static func footprint(_ data: DataArrangement) -> Int {
        8 * data.stride + 48 * data.dimension + 256
    }

    /// The ray of the base's cell on which the products with all rows of the base but one are 0.
    convenience init(_ data: DataArrangement, base: Int, isPositive: Bool) {
        let rows = data.baseRows
        let matrix = RationalMatrix(rows.map { row in data.integers(row).map { Rational($0) } })
        var right = [Rational](repeating: .zero, count: rows.count)
        right[base] = isPositive ? .one : Rational(-1)
        let direction = data.framed(matrix.solve(right) ?? right)
        self.init(
            data, direction, error: 0x1p-100,
            definition: rows.indices.filter { $0 != base }.map { rows[$0] }.sorted(),
            isZero: { _ in false })
    }

    /// The ray in which the plane of two rays on different sides of a row's hyperplane meets it.
    ///
    /// - Parameter common: rows of d − 2 independent points on which both lie.
    convenience init(above: Ray, below: Ray, row: Int, common: [Int]) {
        let data = above.data
        let (p, pError) = above.product(row)
        let (q, qError) = below.product(row)
        var error = 0.0
        let direction = (0..<data.dimension).map { index -> DoubleDouble in
            let a = above.sharpDirection[index]
            let b = below.sharpDirection[index]
            let bound =
                p.high.magnitude * below.directionError + q.high.magnitude * above.directionError
                + 2 * (pError + qError)
                + 8 * DoubleDouble.unit * (p.high.magnitude + q.high.magnitude)
            error = max(error, bound)
            return p * b - q * a
        }
        self.init(
            data, direction, error: error, definition: (common + [row]).sorted(),
            isZero: { above.products[$0] == 0 && below.products[$0] == 0 })
    }

    /// The product with a row, with a bound on its error.
    private func product(_ row: Int) -> (DoubleDouble, error: Double) {
        var sum = DoubleDouble(0)
        var length = 0.0
        for index in 0..<data.dimension {
            sum = sum + sharpDirection[index] * data.coordinate(row, index)
            length += sharpDirection[index].high.magnitude
        }
        let error =
            Double(data.dimension + 2) * DoubleDouble.unit * length
            + Double(data.dimension) * directionError
        return (sum, error)
    }

    /// The product with a row, rounded, where binary64 does not tell its sign.
    private func sharpProduct(_ row: Int) -> Double {
        let (value, error) = product(row)
        if value.high.magnitude > error { return value.high }
        let exact = exact
        let result = IntegerVector(count: 1)
        result.setDotProduct(
            at: 0, data.points.integers, start: data.pointOfRow[row] * data.dimension, exact,
            terms: data.dimension)
        switch result.sign(0) {
        case 0: return 0
        // Nearer to 0 than `error` in any case.
        case 1: return max(value.high, 0x1p-1000)
        default: return min(value.high, -0x1p-1000)
        }
    }

    /// A positive multiple of the true ray in the integer coordinates of the points.
    var exact: IntegerVector {
        if let known = exactDirection.withLock({ $0 }) { return known }
        let computed = Self.exactDirection(data, definition, like: sharpDirection)
        exactDirection.withLock { $0 = computed }
        return computed
    }

    /// Whether the two are one ray, exactly.
    func isParallel(to other: Ray) -> Bool {
        if self === other { return true }
        let (a, b) = (direction, other.direction)
        let largest = a.indices.max { a[$0].magnitude < a[$1].magnitude } ?? 0
        guard b[largest] != 0, (a[largest] > 0) == (b[largest] > 0) else { return false }
        let factor = a[largest] / b[largest]
        for index in a.indices where (a[index] - factor * b[index]).magnitude > 1e-12 { return false }
        if definition == other.definition { return true }
        let (p, q) = (exact, other.exact)
        return a.indices.allSatisfy { p[$0] == q[$0] }
    }

    /// Whether the two are one ray or opposite ones; false if in doubt.
    func isOnLine(of other: Ray) -> Bool {
        definition.map { data.pointOfRow[$0] } == other.definition.map { data.pointOfRow[$0] }
    }

    private static func isOpposite(
        _ values: [BigInteger], _ approximate: [DoubleDouble], _ data: DataArrangement
    ) -> Bool {
        // The frame scales all coordinates but the last by positive factors.
        var best = (index: -1, size: 0x1p-20)
        for index in 0..<data.dimension - 1 where approximate[index].high.magnitude > best.size {
            best = (index, approximate[index].high.magnitude)
        }
        if best.index >= 0 { return (values[best.index].sign > 0) != (approximate[best.index].high > 0) }
        let framed = data.framed(values.map { Rational($0) })
        return zip(framed, approximate).reduce(0) { $0 + $1.0.high * $1.1.high } < 0
    }

    private static func exactDirection(
        _ data: DataArrangement, _ definition: [Int], like approximate: [DoubleDouble]
    ) -> IntegerVector {
        let dimension = data.dimension
        var values: [BigInteger]
        let rows = definition.map { data.integers($0) }
        switch dimension {
        case 1: values = [.one]
        case 2: values = [rows[0][1], -rows[0][0]]
        case 3:
            let (a, b) = (rows[0], rows[1])
            values = [
                a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
            ]
        case 4:
            let (a, b, c) = (rows[0], rows[1], rows[2])
            // Minors of the three rows, without column k, with alternating signs.
            values = (0..<4).map { k in
                let (i, j, l) = k == 0 ? (1, 2, 3) : k == 1 ? (0, 2, 3) : k == 2 ? (0, 1, 3) : (0, 1, 2)
                let first = a[i] * (b[j] * c[l] - b[l] * c[j])
                let second = a[j] * (b[i] * c[l] - b[l] * c[i])
                let third = a[l] * (b[i] * c[j] - b[j] * c[i])
                let minor = first - second + third
                return k & 1 == 0 ? minor : -minor
            }
        default:
            let matrix = RationalMatrix(rows.map { $0.map { Rational($0) } })
            let kernel = matrix.nullspace.first ?? [Rational](repeating: .one, count: dimension)
            let factor = commonDenominator(kernel, maximumBits: .max) ?? .one
            values = kernel.map { $0.scaledInteger(factor) }
        }
        if isOpposite(values, approximate, data) { values = values.map { -$0 } }
        let result = IntegerVector(count: dimension)
        for (index, value) in values.enumerated() { result[index] = value }
        result.removeContent()
        return result
    }
}
