internal import ExactArithmetic
internal import PiecewiseLinear

/// Collects the regions of a range of cells.
struct ListVisitor<Mask: FacetMask>: CellVisitor {
    private let catalogue: CellCatalogue
    private let control: CountingControl
    private let range: Range<Int>
    private let pieces: PieceNumbers
    private let coordinates: OriginalCoordinates
    private var faces: CellFaces<Mask>
    private var cursor = CellCursor()
    private var ticks = 0
    private(set) var regions: [(cell: Int, region: PieceRegion)] = []

    init(
        _ network: CellNetwork, _ coordinates: OriginalCoordinates, _ catalogue: CellCatalogue,
        _ control: CountingControl, range: Range<Int>, pieces: PieceNumbers
    ) {
        self.catalogue = catalogue
        self.control = control
        self.range = range
        self.pieces = pieces
        self.coordinates = coordinates
        faces = CellFaces(network)
    }

    mutating func begin(part: Int) { cursor.begin(part, catalogue) }

    mutating func lastLayer(
        _ walk: inout Subdivision<Mask>, candidates: UnsafeBufferPointer<Int32>, isWhole: Bool
    ) -> Bool {
        if !isWhole { return true }
        let cells = cursor.nextGroup(catalogue)
        if cells.overlaps(range) { return true }
        cursor.cell = cells.upperBound
        return false
    }

    mutating func cell(_ walk: inout Subdivision<Mask>) {
        let cell = cursor.cell
        cursor.cell += 1
        guard range.contains(cell) else { return }
        faces.read(&walk)
        var halfSpaces: [HalfSpace] = []
        for slot in faces.facetSlots() {
            let constraint = walk.slotConstraints[slot]
            if constraint < 0, !walk.network.isBounded { continue }
            let form = walk.exactForm(constraint: constraint)
            let isPositive = constraint < 0 || walk.states[Int(constraint)] != 0
            halfSpaces.append(coordinates.halfSpace(form, isPositive: isPositive))
        }
        var vertices: [[Rational]] = []
        var rays: [[Rational]] = []
        for place in 0..<faces.rayCount {
            let ray = walk.exactRay(Int(walk.cells.base[walk.leafStart + place]))
            if faces.isInfinite[place] {
                rays.append(coordinates.direction(ray))
            } else {
                vertices.append(coordinates.point(ray))
            }
        }
        let maps = walk.exact.outputMap().map(coordinates.outputForm)
        regions.append(
            (
                cell,
                PieceRegion(
                    piece: pieces.number(ofCell: cell), halfSpaces: halfSpaces, vertices: vertices,
                    rays: rays + coordinates.kernel, gradients: maps.map { Array($0.dropFirst()) },
                    intercepts: maps.map { $0[0] })
            ))
        if control.poll(newCells: 0) { ticks = -1 }
    }

    mutating func isStopped(_ walk: borrowing Subdivision<Mask>) -> Bool {
        if ticks < 0 { return true }
        ticks += 1
        return ticks & 63 == 0 && control.poll(newCells: 0)
    }
}

/// Numbers of pieces in the order in which their first cells are visited.
struct PieceNumbers: Sendable {
    /// For joined cells, the first cell of the piece.
    let firstCells: [Int: Int]
    /// The joined cells that are not the first of their piece, ascending.
    let laterCells: [Int]

    func number(ofCell cell: Int) -> Int {
        let first = firstCells[cell] ?? cell
        return first - laterCells.firstIndex(notBelow: first)
    }
}

/// The way back from the scaled homogeneous coordinates of a subdivision to the network's own.
struct OriginalCoordinates: Sendable {
    private let inputs: Int
    private let columns: [Int]
    private let exponents: [Int]
    /// The factor of the output's integers.
    private let outputScale: BigInteger
    /// For each omitted coordinate its part in a form, by the parts of the kept ones.
    private let omitted: [(column: Int, factors: [Rational])]
    /// On all of R^n: a basis of the directions in which the network is constant, and their opposites.
    let kernel: [[Rational]]

    init(_ network: CellNetwork) {
        let first = network.firstRows
        let inputs = first.first?.count ?? network.columns.count
        self.inputs = inputs
        let columns = network.columns
        self.columns = columns
        exponents = network.exponents
        outputScale = network.outputScale()
        let kept = Set(columns)
        let basis = network.basis.map { first[$0] }
        // A form is a combination λ of the basis: λ B_kept on the kept coordinates and λ B_omitted on the others.
        let keptMatrix = RationalMatrix(
            rows: basis.count, columns: basis.count, entries: basis.flatMap { row in columns.map { row[$0] } }
        )
        let omitted =
            network.isBounded
            ? []
            : (0..<inputs).filter { !kept.contains($0) }.map { column in
                (column, keptMatrix.solve(basis.map { $0[column] }) ?? [])
            }
        self.omitted = omitted
        let directions = omitted.map { (entry: (Int, [Rational])) in
            var direction = [Rational](repeating: .zero, count: inputs)
            direction[entry.0] = .one
            for (place, factor) in entry.1.enumerated() {
                direction[columns[place]] = -factor
            }
            return direction
        }
        kernel = directions + directions.map { $0.map { -$0 } }
    }

    /// d + 1 coefficients of homogeneous coordinates to n + 1 of the network's.
    private func form(_ form: IntegerVector, scale: BigInteger) -> [Rational] {
        let factor = Rational(.one, scale)
        var result = [Rational](repeating: .zero, count: inputs + 1)
        result[0] = Rational(form[0]).scaled(byPowerOfTwo: -exponents[0]) * factor
        for (place, column) in columns.enumerated() {
            result[column + 1] =
                Rational(form[place + 1]).scaled(byPowerOfTwo: -exponents[place + 1]) * factor
        }
        for (column, factors) in omitted {
            for (place, part) in factors.enumerated() {
                result[column + 1] += part * result[columns[place] + 1]
            }
        }
        return result
    }

    /// The output's form on a cell, the intercept first.
    func outputForm(_ integers: IntegerVector) -> [Rational] { form(integers, scale: outputScale) }

    /// {form ≥ 0} or {form ≤ 0}, with a normal whose largest entry is ±1.
    func halfSpace(_ integers: IntegerVector, isPositive: Bool) -> HalfSpace {
        let form = form(integers, scale: .one)
        let largest = form.dropFirst().map(\.magnitude).max() ?? .one
        let factor = (isPositive ? -Rational.one : .one) / (largest.isZero ? .one : largest)
        return HalfSpace(normal: form.dropFirst().map { $0 * factor }, offset: -form[0] * factor)
    }

    func point(_ ray: IntegerVector) -> [Rational] {
        var point = [Rational](repeating: .zero, count: inputs)
        for (place, column) in columns.enumerated() {
            point[column] = Rational(ray[place + 1], ray[0]).scaled(
                byPowerOfTwo: exponents[place + 1] - exponents[0])
        }
        return point
    }

    /// With a largest entry of ±1.
    func direction(_ ray: IntegerVector) -> [Rational] {
        var direction = [Rational](repeating: .zero, count: inputs)
        for (place, column) in columns.enumerated() {
            direction[column] = Rational(ray[place + 1]).scaled(byPowerOfTwo: exponents[place + 1])
        }
        let largest = direction.map(\.magnitude).max() ?? .one
        return largest.isZero ? direction : direction.map { $0 / largest }
    }
}
