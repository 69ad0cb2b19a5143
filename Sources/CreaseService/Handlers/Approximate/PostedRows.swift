internal import Approximation
internal import ExactArithmetic
internal import FastJSON

/// The posted rows: x and y, or x and two bounds.
struct PostedRows {
    let matrix: JSONNumbers
    let reading: NumberReading
    let threads: Int

    init(_ value: JSONValue, columns: Int, _ reading: NumberReading, _ call: Call) throws {
        matrix = try value.matrix()
        self.reading = reading
        threads = call.service.configuration.workers
        guard matrix.rows > 0 else {
            throw Problem.unprocessable("empty", at: value.pointer, "At least one row is expected.")
        }
        guard matrix.columns == columns else {
            throw Problem.unprocessable(
                "shape-mismatch", at: "\(value.pointer)/0",
                "A row has \(columns) numbers here, \(columns == 2 ? "x and y" : "x, lower and upper"); this one has "
                    + "\(matrix.columns).")
        }
        let limit = call.service.configuration.maximumBreakpoints
        guard matrix.rows <= limit else {
            throw Problem.limit(
                "maximumBreakpoints", limit, at: value.pointer, "There are \(matrix.rows) rows")
        }
    }

    func rationals(_ column: Int, _ call: Call) throws -> [Rational] {
        var values: [Rational] = []
        values.reserveCapacity(matrix.rows)
        for row in 0..<matrix.rows {
            if row & 0xfff == 0, call.cancellation.isCancelled { throw Problem.cancelled }
            values.append(try ExactNumbers.rational(matrix, row * matrix.columns + column, reading))
        }
        return values
    }

    func doubles(_ column: Int) throws -> [Double] {
        try (0..<matrix.rows).map {
            try ExactNumbers.rational(matrix, $0 * matrix.columns + column, reading).nearestDouble
        }
    }

    /// The band in integers, where all numbers are decimals that fit a common unit.
    func integerBand(_ tolerance: Rational?) throws -> DataBand? {
        guard reading == .decimal, let x = matrix.decimals(column: 0, threads: threads),
            let first = matrix.decimals(column: 1, threads: threads),
            let places = x.scaledToLeastExponent(threads: threads)
        else { return nil }
        let second = matrix.columns == 3 ? matrix.decimals(column: 2, threads: threads) : nil
        guard matrix.columns == 2 || second != nil else { return nil }
        // One unit for both columns and the tolerance.
        var exponent = min(first.leastExponent, second?.leastExponent ?? first.leastExponent)
        guard abs(exponent) <= 60, abs(x.leastExponent) <= 60 else { return nil }
        if let tolerance {
            let finest = exponent - 18
            while exponent > finest, (tolerance / .powerOfTen(exponent)).denominator != .one {
                exponent -= 1
            }
            guard (tolerance / .powerOfTen(exponent)).denominator == .one else { return nil }
        }
        guard let lower = Self.scaled(first, to: exponent) else { return nil }
        let unit = Rational.powerOfTen(exponent)
        if let second {
            guard let upper = Self.scaled(second, to: exponent) else { return nil }
            return try DataBand(
                x: places, lower: lower, upper: upper, xUnit: .powerOfTen(x.leastExponent), yUnit: unit)
        }
        guard let width = ((tolerance ?? .zero) / unit).numerator.int, width.magnitude < 1 << 60,
            lower.allSatisfy({ $0.magnitude < 1 << 60 })
        else { return nil }
        let step = Int64(width)
        return try DataBand(
            x: places, lower: lower.map { $0 - step }, upper: lower.map { $0 + step },
            xUnit: .powerOfTen(x.leastExponent), yUnit: unit)
    }

    private static func scaled(_ column: JSONNumbers.Decimals, to exponent: Int) -> [Int64]? {
        var scaled: [Int64] = []
        scaled.reserveCapacity(column.mantissas.count)
        for (mantissa, power) in zip(column.mantissas, column.exponents) {
            if mantissa == 0 {
                scaled.append(0)
                continue
            }
            let steps = Int(power) - exponent
            guard steps >= 0, steps <= 18 else { return nil }
            let (product, overflow) = mantissa.multipliedReportingOverflow(by: powersOfTen[steps])
            guard !overflow else { return nil }
            scaled.append(product)
        }
        return scaled
    }

    private static let powersOfTen: [Int64] = (0...18).map {
        (0..<$0).reduce(1) { power, _ in power * 10 }
    }
}
