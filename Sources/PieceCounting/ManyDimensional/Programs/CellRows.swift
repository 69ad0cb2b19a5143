/// The constraints of a cell, sign · form ≥ 0, as pointers to forms that stay where they are while the cell is searched.
final class CellRows {
    struct Row {
        let form: UnsafePointer<Double>
        let bound: UnsafePointer<Double>
        let inverseNorm: Double
        let sign: Double
        /// The hidden unit, or −1 − index of a bound of the domain.
        let source: Int
    }

    private let rows: UnsafeMutablePointer<Row>
    private let capacity: Int
    private let counter: UnsafeMutablePointer<Int>

    var count: Int { counter.pointee }

    init(capacity: Int) {
        self.capacity = capacity
        rows = .allocate(capacity: max(1, capacity))
        counter = .allocate(capacity: 1)
        counter.initialize(to: 0)
    }

    deinit {
        rows.deallocate()
        counter.deallocate()
    }

    @inline(__always)
    subscript(index: Int) -> Row { rows[index] }

    func append(_ row: Row) {
        precondition(count < capacity, "too many rows")
        (rows + count).initialize(to: row)
        counter.pointee += 1
    }

    /// Keeps the first `count` rows.
    func truncate(_ count: Int) { counter.pointee = min(counter.pointee, count) }
}

/// Σ c_k x_k in binary64, its sign where the error bound allows.
struct FilteredForms {
    /// Entries of a form and of a point (x_1, …, x_n, 1, 0, …), a multiple of 4.
    let stride: Int

    /// Values nearer to 0 say nothing: products below the normal range.
    private static let least = 0x1p-900

    /// The value, and 1, −1, or 0 where the sign is not certain.
    @inline(__always)
    func value(
        _ form: UnsafePointer<Double>, _ bound: UnsafePointer<Double>, at point: UnsafePointer<Double>
    ) -> (value: Double, error: Double, sign: Int) {
        let coefficients = UnsafeRawPointer(form).assumingMemoryBound(to: SIMD4<Double>.self)
        let bounds = UnsafeRawPointer(bound).assumingMemoryBound(to: SIMD4<Double>.self)
        let coordinates = UnsafeRawPointer(point).assumingMemoryBound(to: SIMD4<Double>.self)
        var sum = coefficients[0] * coordinates[0]
        var errors = bounds[0] * magnitude(coordinates[0])
        for quad in 1..<max(1, stride / 4) {
            sum += coefficients[quad] * coordinates[quad]
            errors += bounds[quad] * magnitude(coordinates[quad])
        }
        let value = (sum[0] + sum[2]) + (sum[1] + sum[3])
        let error = 1.01 * ((errors[0] + errors[2]) + (errors[1] + errors[3])) + Self.least
        let sign = value > error ? 1 : -value > error ? -1 : 0
        return (value, error, sign)
    }

    /// Whether the point is certainly strictly inside all rows.
    @inline(__always)
    func isInside(_ rows: CellRows, _ point: UnsafePointer<Double>) -> Bool {
        for index in 0..<rows.count {
            let row = rows[index]
            let (value, error, _) = value(row.form, row.bound, at: point)
            if !(row.sign * value > error) { return false }
        }
        return true
    }
}
