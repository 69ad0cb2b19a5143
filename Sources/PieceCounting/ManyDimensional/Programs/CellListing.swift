internal import ExactArithmetic
internal import LinearProgramming
internal import PiecewiseLinear
internal import ReLUNetworks

/// Found cells as regions: their facets and their affine maps in the network's own coordinates.
struct CellListing {
    let network: Network<Rational>
    let box: InputBox?
    let prepared: ProgramNetwork
    let cells: FoundCells
    /// The first cell of the piece of each cell that shares its map with others.
    let representatives: [Int: Int]

    /// At most `limit` cells in their order from cell `start` on; pieces are numbered as they first appear among all.
    func regions(
        from start: Int, limit: Int, counts: [PieceDefinition: BigInteger], isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> [PieceRegion] {
        let geometry = CellGeometry(prepared, cells)
        let forms = ExactForms(network)
        var numbers: [Int: Int] = [:]
        var result: [PieceRegion] = []
        let first = min(max(0, start), cells.count)
        for cell in 0..<first + min(max(0, limit), cells.count - first) {
            let representative = representatives[cell] ?? cell
            let piece = numbers[representative] ?? numbers.count
            numbers[representative] = piece
            if cell < first { continue }
            let kept: [Int]
            do {
                kept = try Polyhedron(
                    dimension: prepared.dimension,
                    inequalities: geometry.constraints(cell).map { $0.inequality(sign: 1) }
                ).irredundantInequalities(isCancelled: isCancelled)
            } catch {
                throw .cancelled(reached: counts)
            }
            forms.forgetAll()
            let isOn = { (layer: Int, unit: Int) in
                cells.isOn(cell, prepared.firstUnits[layer] + unit)
            }
            let sources = Array(cells.rows(cell))
            let last = network.hiddenLayers
            let denominator = forms.denominator(last, isOn: isOn)
            let maps = (0..<network.outputs).map { forms.form(last, $0, isOn: isOn) }
            result.append(
                PieceRegion(
                    piece: piece,
                    halfSpaces: kept.map { halfSpace(Int(sources[$0]), forms, cell, isOn) }, vertices: [],
                    rays: [], gradients: maps.map { map in map.gradient.map { $0 / denominator } },
                    intercepts: maps.map { $0.constant / denominator }))
        }
        return result
    }

    private func halfSpace(
        _ source: Int, _ forms: ExactForms, _ cell: Int, _ isOn: (Int, Int) -> Bool
    ) -> HalfSpace {
        if source < 0 {
            let bound = prepared.bounds[-1 - source]
            let coordinate = prepared.coordinates[bound.coordinate]
            var normal = [Rational](repeating: .zero, count: network.inputs)
            normal[coordinate] = Rational(-bound.sign)
            let value = bound.value / prepared.coordinateScales[bound.coordinate]
            return HalfSpace(normal: normal, offset: Rational(-bound.sign) * value)
        }
        let layer = prepared.layer(of: source)
        let form = forms.form(layer, source - prepared.firstUnits[layer], isOn: isOn)
        let denominator = forms.denominator(layer, isOn: isOn)
        let sign = Rational(cells.isOn(cell, source) ? -1 : 1) / denominator
        return HalfSpace(
            normal: form.gradient.map { $0 * sign }, offset: -form.constant * sign)
    }
}
