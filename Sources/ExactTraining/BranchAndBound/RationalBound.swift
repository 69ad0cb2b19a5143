internal import ExactArithmetic

/// Bounds by rational arithmetic, where `ProvenBound` finds none: the dual vector is repaired as for a certificate.
struct RationalBound {
    let relaxation: NodeRelaxation

    /// - Returns: a true lower bound of the weighted sum of the losses, their constant included.
    ///
    /// Complexity: some milliseconds, growing with the number of rows and of tight rays.
    func value() -> Double {
        let data = relaxation.data
        let points = data.points
        let cones = relaxation.cones.map { cone in
            ProofCone(
                rays: cone.rays.map { ray in
                    let copy = IntegerVector(count: data.dimension)
                    for index in 0..<data.dimension { copy[index] = ray.exact[index] }
                    return ProofRay(copy, points)
                },
                constraints: [], points)
        }
        var slopes = [[Int: Double]](repeating: [:], count: cones.count)
        for unit in cones.indices {
            let alpha = relaxation.dualAlpha(unit)
            for row in 0..<data.count where alpha[row] > 0 {
                let point = data.pointOfRow[row]
                if cones[unit].states[point] == .undecided { slopes[unit][point] = alpha[row] }
            }
        }
        let leaf = LeafRelaxation(
            points: points, cones: cones, positiveUnits: relaxation.positiveUnits, slopes: slopes)
        let repaired = DualRepair(relaxation: leaf).repaired(rowDual(), projections: 1)
        guard let value = LeafDual(points, rounded: repaired.rounded, exact: repaired.exact).value() else {
            return 0
        }
        return max(0, value.double(rounding: .down))
    }

    /// The slopes shared out over the rows of the problem.
    private func rowDual() -> [Double] {
        let data = relaxation.data
        let problem = data.problem
        var result = [Double](repeating: 0, count: problem.rows)
        for row in 0..<data.count {
            let rows = data.points.rows[data.pointOfRow[row]]
            if problem.loss == .squared, rows.count > 1 {
                let shares = problem.sharedSlopes(relaxation.dualSlope[row], rows: rows)
                for (target, share) in zip(rows, shares) { result[target] = share }
            } else {
                result[data.problemRows[row]] = relaxation.dualSlope[row]
            }
        }
        return result
    }
}
