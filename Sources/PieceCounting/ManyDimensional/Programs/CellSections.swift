internal import ExactArithmetic

/// Sections of cells by {f = g}, g an affine function: certain crossings of cells and of their facets, in binary64 with
/// error bounds. What is not certain is left open.
extension CellGeometry {
    /// Whether the form certainly takes both signs inside the cell.
    func isCertainlyCut(_ cell: Int, by difference: ExactForm) -> Bool {
        load(cell)
        guard search.rationalPoint == nil, !difference.isConstant else { return false }
        setForm(difference)
        let sign = search.filter.value(form, bound, at: search.point).sign
        guard sign != 0, let scale = inverseNorm else { return false }
        programs += 1
        guard
            case .negative = search.program.minimise(
                form, sign: Double(sign), scale: scale, over: search.rows, from: search.point)
        else { return false }
        return search.farPoint(form, bound, Double(sign), search.rows) != nil
    }

    /// Cells that have a facet, or more, in common with the cell, on which `difference`, g minus f there, certainly takes
    /// both signs.
    ///
    /// A facet has the same signs of units from both sides. So a found cell whose pattern differs from this one's at most
    /// in units that are 0 on the facet has the facet in its closure.
    func neighboursAcrossCuts(
        _ cell: Int, by difference: ExactForm, cellOf pattern: (ArraySlice<UInt64>) -> Int?
    ) -> [Int] {
        var result: [Int] = []
        for (row, key) in facetKeys(cell) {
            let zeros = network.units.filter {
                (key[cells.words + ($0 >> 6)] >> UInt64($0 & 63)) & 1 == 1
            }
            guard zeros.count <= 6, isFacetCertainlyCut(cell, row, key, difference) else { continue }
            let own = Array(cells.pattern(cell))
            for subset in 1..<1 << zeros.count {
                var other = own
                for (index, unit) in zeros.enumerated() where subset >> index & 1 == 1 {
                    other[unit >> 6] ^= 1 << UInt64(unit & 63)
                }
                if let neighbour = pattern(other[...]) { result.append(neighbour) }
            }
        }
        return result
    }

    private var inverseNorm: Double? {
        var square = 0.0
        for k in 0..<network.dimension { square += form[k] * form[k] }
        return square > 1e-200 && square < 1e200 ? 1 / square.squareRoot() : nil
    }

    /// Whether `difference` certainly takes both signs in the relative interior of the facet that constraint `row` makes.
    private func isFacetCertainlyCut(
        _ cell: Int, _ row: Int, _ key: [UInt64], _ difference: ExactForm
    ) -> Bool {
        load(cell)
        let own = search.rows[row]
        guard search.rationalPoint == nil, own.inverseNorm > 0 else { return false }
        let n = network.dimension
        let stride = search.tables.stride
        remaining.truncate(0)
        for index in 0..<search.rows.count {
            let source = search.rows[index].source
            if source >= 0, (key[cells.words + (source >> 6)] >> UInt64(source & 63)) & 1 == 1 { continue }
            remaining.append(search.rows[index])
        }
        programs += 2
        guard
            case .negative = search.program.minimise(
                own.form, sign: own.sign, scale: own.inverseNorm, over: remaining, from: search.point),
            let far = search.farPoint(own.form, own.bound, own.sign, remaining)
        else { return false }
        // A point of the hyperplane, about, and how far it is from the other constraints.
        let (middle, cut) = (points, points + stride)
        let inner = own.sign * search.filter.value(own.form, own.bound, at: search.point).value
        for k in 0..<n { cut[k] = far.double[k] }
        cut[n] = 1
        let outer = own.sign * search.filter.value(own.form, own.bound, at: cut).value
        guard inner > 0, outer < 0 else { return false }
        for k in 0..<n {
            middle[k] = search.point[k] + inner / (inner - outer) * (cut[k] - search.point[k])
        }
        middle[n] = 1
        var room = 1.0
        for index in 0..<remaining.count {
            let other = remaining[index]
            let value = search.filter.value(other.form, other.bound, at: middle).value
            room = min(room, other.sign * other.inverseNorm * value)
        }
        guard room > 0 else { return false }
        let width = 1e-4 * room
        let factor = own.sign * own.inverseNorm
        for side in 0..<2 {
            let sign = side == 0 ? factor : -factor
            for k in 0..<stride {
                slabForms[side * stride + k] = sign * own.form[k]
                slabBounds[side * stride + k] = own.inverseNorm * own.bound[k]
            }
            slabForms[side * stride + n] += width
            remaining.append(
                CellRows.Row(
                    form: UnsafePointer(slabForms + side * stride),
                    bound: UnsafePointer(slabBounds + side * stride), inverseNorm: 1, sign: 1, source: -1))
        }
        setForm(difference)
        let value = search.filter.value(form, bound, at: middle).value
        let sign = value > 0 ? 1.0 : -1.0
        guard let scale = inverseNorm,
            case .negative = search.program.minimise(
                form, sign: sign, scale: scale, over: remaining, from: middle)
        else { return false }
        let vertex = search.program.vertex
        let least = sign * search.filter.value(form, bound, at: vertex).value
        guard least < 0, value != 0 else { return false }
        let share = 0.5 * least / (least - value.magnitude)
        for k in 0..<n { cut[k] = vertex[k] + share * (middle[k] - vertex[k]) }
        remaining.truncate(remaining.count - 2)
        return hasSign(sign, middle, own, 2 * width) && hasSign(-sign, cut, own, 2 * width)
    }

    /// Whether the form in `form` certainly has the sign in the facet's relative interior near the point: from a point on
    /// one side of the facet's hyperplane to one on the other, with all other constraints strict at both, the way leads
    /// through that interior.
    private func hasSign(
        _ sign: Double, _ near: UnsafeMutablePointer<Double>, _ own: CellRows.Row, _ step: Double
    ) -> Bool {
        let stride = search.tables.stride
        let n = network.dimension
        let side = points + 2 * stride
        side[n] = 1
        for direction in [1.0, -1.0] {
            for k in 0..<n {
                side[k] = near[k] + direction * step * own.sign * own.inverseNorm * own.form[k]
            }
            let distance = search.filter.value(own.form, own.bound, at: side)
            let value = search.filter.value(form, bound, at: side)
            guard direction * own.sign * distance.value > distance.error, sign * value.value > value.error,
                search.filter.isInside(remaining, side)
            else { return false }
        }
        return true
    }
}
