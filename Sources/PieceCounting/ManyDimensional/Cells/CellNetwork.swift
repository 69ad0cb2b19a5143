internal import ExactArithmetic
internal import ReLUNetworks

/// A network made ready for the subdivision of its domain into cells.
///
/// Points are homogeneous, (x_0, x_1, …, x_d) with x_0 ≥ 0, and stand for x / x_0. On all of R^n the kernel of the
/// first layer is divided out: with r the rank of its weights, d = r coordinates are kept on whose subspace the
/// rank is r too, and the others set to 0; every cell is then pointed. In a box all n coordinates stay.
///
/// Coordinates and units are scaled by powers of two so that the largest entries of rows and columns are near 1,
/// which changes no sign and no equality of maps: x_i = 2^exponents[i] x'_i.
struct CellNetwork: Sendable {
    /// d.
    let dimension: Int
    /// The kept coordinates of the network's input, ascending; `dimension` of them.
    let columns: [Int]
    /// d + 1 of them.
    let exponents: [Int]
    let hidden: [CellLayer]
    let output: CellLayer
    /// The first unit of each hidden layer in the numbering of all.
    let firstUnits: [Int]
    let units: Int
    /// The constraints of the domain as forms, with d + 1 rational coefficients each: the sides of the box, else
    /// x_0 ≥ 0 alone.
    let domain: [[Rational]]
    let isBounded: Bool
    /// On all of R^n: r units of the first layer with independent weights.
    let basis: [Int]
    let hiddenWidths: [Int]
    /// The weights of the first layer as given, a row of n for each unit.
    let firstRows: [[Rational]]

    init(_ network: Network<Rational>, box: InputBox?) throws(PieceCountingFault) {
        let first = network.layers[0]
        let columns: [Int]
        var layers = network.layers
        firstRows = (0..<first.outputs).map { Array(first.row($0)) }
        if box == nil {
            // A network without hidden layers is affine: no cuts, hence nothing to keep.
            basis = network.hiddenLayers == 0 ? [] : Self.independentRows(first, limit: first.inputs)
            columns = Self.independentColumns(first, rows: basis)
            layers[0] = AffineLayer(
                inputs: columns.count, outputs: first.outputs,
                weights: (0..<first.outputs).flatMap { unit in
                    columns.map { first.weights[unit * first.inputs + $0] }
                }, bias: first.bias)
        } else {
            basis = []
            columns = Array(0..<network.inputs)
        }
        self.columns = columns
        dimension = columns.count
        let scaling = LayerScaling.of(layers)
        let exponents = [scaling[0].constant] + scaling[0].columns
        self.exponents = exponents
        var prepared: [CellLayer] = []
        for (layer, scaling) in zip(layers, scaling) { prepared.append(try CellLayer(layer, scaling)) }
        output = prepared.removeLast()
        hidden = prepared
        hiddenWidths = network.hiddenWidths
        var offset = 0
        firstUnits = hiddenWidths.map { width in
            offset += width
            return offset - width
        }
        units = offset
        isBounded = box != nil
        domain =
            box.map { box in
                columns.indices.flatMap { Self.sides(box, $0, exponents, count: columns.count) }
            } ?? [[.one] + [Rational](repeating: .zero, count: columns.count)]
    }

    /// x_i − lower_i x_0 ≥ 0 and upper_i x_0 − x_i ≥ 0 in scaled coordinates.
    private static func sides(
        _ box: InputBox, _ coordinate: Int, _ exponents: [Int], count: Int
    ) -> [[Rational]] {
        [(box.lower[coordinate], Rational.one), (box.upper[coordinate], -Rational.one)].map { bound, sign in
            var form = [Rational](repeating: .zero, count: count + 1)
            form[0] = -sign * bound.scaled(byPowerOfTwo: exponents[0] - exponents[coordinate + 1])
            form[coordinate + 1] = sign
            return form
        }
    }

    /// The factor of the integers of the output's forms.
    func outputScale() -> BigInteger {
        (hidden + [output]).reduce(.one) { $0 * $1.integers().denominator }
    }

    /// The rank of the weights, or `limit` where it is more.
    static func rank(of layer: AffineLayer<Rational>, atMost limit: Int) -> Int {
        independentRows(layer, limit: min(limit, layer.inputs)).count
    }

    /// The first units with independent weights, at most `limit` of them.
    private static func independentRows(_ layer: AffineLayer<Rational>, limit: Int) -> [Int] {
        var rows: [Int] = []
        var matrix: [[Rational]] = []
        for unit in 0..<layer.outputs where rows.count < limit {
            let row = Array(layer.row(unit))
            if row.allSatisfy(\.isZero) { continue }
            matrix.append(row)
            if RationalMatrix(matrix).rank == matrix.count {
                rows.append(unit)
            } else {
                matrix.removeLast()
            }
        }
        return rows
    }

    private static func independentColumns(_ layer: AffineLayer<Rational>, rows: [Int]) -> [Int] {
        var columns: [Int] = []
        var matrix: [[Rational]] = []
        for input in 0..<layer.inputs where columns.count < rows.count {
            matrix.append(rows.map { layer.weights[$0 * layer.inputs + input] })
            if RationalMatrix(matrix).rank == matrix.count {
                columns.append(input)
            } else {
                matrix.removeLast()
            }
        }
        return columns
    }
}
