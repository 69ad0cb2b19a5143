internal import ExactArithmetic

/// The cones that the subdivision starts with.
///
/// On all of R^n: the 2^d orthants of d units of the first layer with independent weights. In a box: the box.
extension Subdivision {
    var startCount: Int { network.isBounded ? 1 : 1 << network.dimension }

    /// Makes the start cone the only cell.
    mutating func setStart(_ index: Int) {
        rayCount = 0
        cellTop = 0
        blockTop = 0
        blockUnitTop = 0
        if network.isBounded { setBox() } else { setOrthant(index) }
        cells.reserve(rayCount)
        for id in 0..<rayCount { cells.base[id] = Int32(id) }
        cellTop = rayCount
    }

    private mutating func setConstraint(slot: Int, domain index: Int) {
        slotConstraints[slot] = Int32(-1 - index)
        let row = slotForms + slot * (width + 1)
        for coordinate in 0..<width { row[coordinate] = network.domain[index][coordinate].nearestDouble }
        row[width] = 0
        for coordinate in 0..<width { row[width] = max(row[width], row[coordinate].magnitude * 0x1p-53) }
        scaleSlot(row)
    }

    /// Side 2i is x_i − lower_i x_0 ≥ 0, side 2i + 1 is upper_i x_0 − x_i ≥ 0.
    private mutating func setBox() {
        let dimension = network.dimension
        for side in 0..<2 * dimension { setConstraint(slot: side, domain: side) }
        for corner in 0..<1 << dimension {
            var mask = Mask.empty
            var point: [Rational] = [.one]
            for coordinate in 0..<dimension {
                let side = 2 * coordinate + (corner >> coordinate & 1)
                mask.insert(side)
                // c x_0 ± x_i = 0.
                let form = network.domain[side]
                point.append(-form[0] / form[coordinate + 1])
            }
            setExact(addRay(mask), primitiveVector(point))
        }
    }

    /// The orthant whose signs are the bits of `index`.
    private mutating func setOrthant(_ index: Int) {
        let dimension = network.dimension
        setConstraint(slot: 0, domain: 0)
        for (place, unit) in network.basis.enumerated() {
            let slot = place + 1
            slotConstraints[slot] = Int32(unit)
            let row = slotForms + slot * (width + 1)
            let stride = network.hidden[0].stride
            for coordinate in 0..<width { row[coordinate] = frames[0][coordinate * stride + unit] }
            row[width] = frames[0][(width + 2) * stride + unit]
            scaleSlot(row)
            states[unit] = UInt8(index >> place & 1)
            isPreset[unit] = true
        }
        for omitted in 0...dimension {
            var mask = Mask.empty
            for slot in 0...dimension where slot != omitted { mask.insert(slot) }
            let sign = omitted == 0 || index >> (omitted - 1) & 1 == 1 ? 1 : -1
            let ray = startRays[omitted]
            let copy = IntegerVector(count: width)
            for coordinate in 0..<width { copy.copy(ray, coordinate, to: coordinate) }
            if sign < 0 { copy.negate() }
            setExact(addRay(mask), copy)
        }
    }

    /// The common zero of the basis' units, and for each of them the direction in which it alone grows.
    static func startRays(_ network: CellNetwork, _ exact: ExactCellForms) -> [IntegerVector] {
        if network.isBounded { return [] }
        let dimension = network.dimension
        let forms = network.basis.map { exact.form(layer: 0, unit: $0) }
        let matrix = RationalMatrix(
            rows: dimension, columns: dimension,
            entries: forms.flatMap { form in (1..<dimension + 1).map { Rational(form[$0]) } })
        let zero = matrix.solve(forms.map { -Rational($0[0]) }) ?? []
        let directions = (0..<dimension).map { place in
            matrix.solve((0..<dimension).map { $0 == place ? .one : .zero }) ?? []
        }
        return ([[.one] + zero] + directions.map { [.zero] + $0 }).map(primitiveVector)
    }
}

/// The integers without common divisor in the direction of a rational vector.
func primitiveVector(_ vector: [Rational]) -> IntegerVector {
    let common = commonDenominator(vector, maximumBits: .max) ?? .one
    let result = IntegerVector(count: vector.count)
    for (place, value) in vector.enumerated() { result[place] = value.scaledInteger(common) }
    result.removeContent()
    return result
}
