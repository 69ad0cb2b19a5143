package import ExactArithmetic

/// The barycentric coordinates of a simplex as affine functions: λ_j is 1 at corner j and 0 at the others.
package struct BarycentricForms {
    package let forms: [AffineFunction]

    /// `nil` where the corners, n + 1 of them, lie in a hyperplane. Complexity: O(n³) rational operations.
    package init?(_ corners: [[Rational]]) {
        let n = corners.count - 1
        // Rows of (corner − corner 0 | unit matrix), brought to (unit matrix | inverse): column j of the inverse is
        // the gradient of λ_{j + 1}.
        var rows = (0..<n).map { row in
            zip(corners[row + 1], corners[0]).map { $0 - $1 }
                + (0..<n).map { $0 == row ? .one : Rational.zero }
        }
        for column in 0..<n {
            guard let pivot = (column..<n).first(where: { !rows[$0][column].isZero }) else { return nil }
            rows.swapAt(column, pivot)
            let scale = rows[column][column]
            for index in column..<2 * n { rows[column][index] /= scale }
            for row in 0..<n where row != column && !rows[row][column].isZero {
                let factor = rows[row][column]
                for index in column..<2 * n { rows[row][index] -= factor * rows[column][index] }
            }
        }
        var first = [Rational](repeating: .zero, count: n)
        var others: [AffineFunction] = []
        for j in 0..<n {
            let gradient = (0..<n).map { rows[$0][n + j] }
            for axis in 0..<n { first[axis] -= gradient[axis] }
            others.append(AffineFunction(gradient: gradient, intercept: -Self.product(gradient, corners[0])))
        }
        forms =
            [AffineFunction(gradient: first, intercept: .one - Self.product(first, corners[0]))] + others
    }

    func coordinates(of point: [Rational]) -> [Rational] { forms.map { $0(point) } }

    private static func product(_ a: [Rational], _ b: [Rational]) -> Rational {
        zip(a, b).reduce(Rational.zero) { $0 + $1.0 * $1.1 }
    }
}

/// The sign of an affine function at many points: by binary64 where that is certain.
struct FilteredSide {
    private let form: AffineFunction
    private let gradient: [Double]
    private let intercept: Double

    init(_ form: AffineFunction) {
        self.form = form
        gradient = form.gradient.map(\.nearestDouble)
        intercept = form.intercept.nearestDouble
    }

    /// - Parameter rounded: the point's coordinates, each the nearest binary64.
    func sign(at point: [Rational], rounded: [Double]) -> Int {
        var sum = intercept
        var magnitude = intercept.magnitude
        for (slope, value) in zip(gradient, rounded) {
            sum += slope * value
            magnitude += (slope * value).magnitude
        }
        // Three roundings in each product and one a sum, with room for the bound's own; underflow is beyond the second term.
        let error = magnitude * Double(2 * gradient.count + 8) * 0x1p-52 + 0x1p-900
        if error.isFinite, sum.magnitude > error { return sum < 0 ? -1 : 1 }
        return form(point).sign
    }
}
