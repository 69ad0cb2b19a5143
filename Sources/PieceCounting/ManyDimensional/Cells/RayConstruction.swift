internal import CCellKernels
internal import ExactArithmetic

extension Subdivision {
    /// Makes room for another ray and answers its number.
    @inline(__always)
    mutating func addRay(_ mask: Mask) -> Int {
        let id = rayCount
        rayCount += 1
        rays.reserve(rayCount * rayStride)
        masks.reserve(rayCount)
        hasExactRay.reserve(rayCount)
        masks.base[id] = mask
        hasExactRay.base[id] = 0
        return id
    }

    /// The ray `id` once more, on one more constraint.
    mutating func addCopy(of id: Int, slot: Int) -> Int {
        var mask = masks.base[id]
        mask.insert(slot)
        let copy = addRay(mask)
        (rays.base + copy * rayStride).update(from: rays.base + id * rayStride, count: rayStride)
        if hasExactRay.base[id] != 0, let exactRay = exactRays[id] { keepExact(exactRay, copy) }
        return copy
    }

    private mutating func keepExact(_ ray: IntegerVector, _ id: Int) {
        while exactRays.count <= id { exactRays.append(nil) }
        exactRays[id] = ray
        hasExactRay.base[id] = 1
    }

    /// Sets a new ray to where the form in slot `slot`, the current cut, vanishes between two adjacent rays on either
    /// side: the one on d constraints, from the minors of their forms, as far as rounding allows.
    ///
    /// - Parameter pair: the places of the two rays in the cell, the positive one first.
    mutating func setRay(
        _ id: Int, between pair: (Int, Int), _ node: SubdivisionNode, _ shared: Mask, slot: Int
    ) -> Bool {
        guard shared.count == width - 2, width <= 5, split.isDecided.base[pair.0] != 0,
            split.isDecided.base[pair.1] != 0
        else { return false }
        return withUnsafeTemporaryAllocation(of: UnsafePointer<Double>?.self, capacity: 4) { rows in
            var count = 0
            var next = shared.next(from: 0)
            while let constraint = next {
                rows[count] = UnsafePointer(slotForms + constraint * (width + 1))
                count += 1
                next = shared.next(from: constraint + 1)
            }
            rows[count] = UnsafePointer(slotForms + slot * (width + 1))
            let positive = Int(cells.base[node.cellStart + pair.0])
            let negative = Int(cells.base[node.cellStart + pair.1])
            return kernels.make_ray(
                rows.baseAddress, width, rays.base + positive * rayStride, rays.base + negative * rayStride,
                split.values.base[pair.0], split.bounds.base[pair.0], -split.values.base[pair.1],
                split.bounds.base[pair.1], rays.base + id * rayStride) != 0
        }
    }

    // MARK: Exact rays

    /// The ray h(a) b − h(b) a, h the form of the unit that cuts, exactly.
    @inline(never)
    mutating func setExact(_ id: Int, _ positive: Int, _ negative: Int, _ layer: Int, _ unit: Int) {
        let form = exact.form(layer: layer, unit: unit)
        setExact(id, exactCombination(form, exactRay(positive), exactRay(negative)))
    }

    /// h(a) b − h(b) a without common factors; h(a) > 0 > h(b).
    func exactCombination(_ form: IntegerVector, _ a: IntegerVector, _ b: IntegerVector) -> IntegerVector {
        let factors = IntegerVector(count: 2)
        factors.setDotProduct(at: 0, form, start: 0, a, terms: width)
        factors.setDotProduct(at: 1, form, start: 0, b, terms: width)
        factors[1] = -factors[1]
        let pairs = IntegerVector(count: 2 * width)
        for coordinate in 0..<width {
            pairs.copy(b, coordinate, to: 2 * coordinate)
            pairs.copy(a, coordinate, to: 2 * coordinate + 1)
        }
        let ray = IntegerVector(count: width)
        for coordinate in 0..<width {
            ray.setDotProduct(at: coordinate, pairs, start: 2 * coordinate, factors, terms: 2)
        }
        ray.removeContent()
        return ray
    }

    /// Sets a ray to an exact one, rounded.
    mutating func setExact(_ id: Int, _ exactRay: IntegerVector) {
        let ray = rays.base + id * rayStride
        var top = Int.min
        for coordinate in 0..<width where exactRay.sign(coordinate) != 0 {
            top = max(top, exactRay.scaledDouble(coordinate).exponent)
        }
        for coordinate in 0..<width {
            let (significand, exponent) = exactRay.scaledDouble(coordinate)
            ray[coordinate] =
                significand == 0
                ? 0 : Double(sign: .plus, exponent: max(exponent - top, -2000), significand: significand)
        }
        ray[width] = isFiltered ? 0x1p-52 : .infinity
        keepExact(exactRay, id)
    }

    /// A ray of the current cell without rounding: primitive integers.
    mutating func exactRay(_ id: Int) -> IntegerVector {
        if hasExactRay.base[id] != 0, let known = exactRays[id] { return known }
        var rows: [[Rational]] = []
        var slot = masks.base[id].next(from: 0)
        while let constraint = slot {
            let form = exactForm(constraint: slotConstraints[constraint])
            rows.append((0..<width).map { Rational(form[$0]) })
            slot = masks.base[id].next(from: constraint + 1)
        }
        let vector = rows.isEmpty ? [Rational.one] : RationalMatrix(rows).nullspace.first ?? []
        precondition(vector.count == width, "a ray lies on d independent constraints")
        let common = commonDenominator(vector, maximumBits: .max) ?? .one
        let ray = IntegerVector(count: width)
        for coordinate in 0..<width { ray[coordinate] = vector[coordinate].scaledInteger(common) }
        ray.removeContent()
        // The largest coordinate of the rounded ray has the right sign.
        let rounded = rays.base + id * rayStride
        var largest = 0
        for coordinate in 1..<max(1, width)
        where rounded[coordinate].magnitude > rounded[largest].magnitude {
            largest = coordinate
        }
        if (rounded[largest] < 0) != (ray.sign(largest) < 0) { ray.negate() }
        keepExact(ray, id)
        return ray
    }

    /// The form of a constraint on the way to the current cell: of a unit, or, counted −1, −2, …, of the domain.
    func exactForm(constraint: Int32) -> IntegerVector {
        if constraint < 0 {
            let row = network.domain[-1 - Int(constraint)]
            let common = commonDenominator(row, maximumBits: .max) ?? .one
            let form = IntegerVector(count: width)
            for coordinate in 0..<width { form[coordinate] = row[coordinate].scaledInteger(common) }
            return form
        }
        var layer = network.firstUnits.count - 1
        while network.firstUnits[layer] > Int(constraint) { layer -= 1 }
        return exact.form(layer: layer, unit: Int(constraint) - network.firstUnits[layer])
    }
}
