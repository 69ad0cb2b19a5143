public import ExactArithmetic
public import PiecewiseLinear
internal import ReLUNetworks

/// A function of two variables cut into convex polygons on each of which it is affine, for drawing.
public struct PlanarPieces: Sendable {
    public struct Cell: Sendable {
        /// In order around the polygon.
        public let corners: [[Rational]]
        public let function: AffineFunction
    }

    public let cells: [Cell]
    /// What is drawn: a box that holds a bounded domain, or all corners of the polygons.
    public let window: [ClosedRange<Rational>]

    /// - Parameter maximumCells: the most polygons.
    /// - Throws: `tooManyCells`, `cancelled`, and `dimensionsDisagree` for functions of other than two variables.
    public init(
        _ function: FunctionExpression, maximumCells: Int, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        guard FunctionDomain.dimension(of: function) == 2 else { throw .dimensionsDisagree }
        var window = FunctionDomain(function).box
        if window == nil {
            let whole = try Self.polygons(function, PlanarPolygon.quadrants, maximumCells, isCancelled)
            window = Self.window(around: whole)
        }
        let box = window ?? []
        self.window = box
        let polygons = try Self.polygons(function, [PlanarPolygon(box: box)], maximumCells, isCancelled)
        guard polygons.cells.count <= maximumCells else {
            throw .tooManyCells(limit: maximumCells, reached: polygons.cells.count)
        }
        cells = polygons.cells.map { cell in
            Cell(
                corners: cell.polygon.corners.map { [$0.x, $0.y] },
                function: AffineFunction(
                    gradient: cell.function.gradient(2), intercept: cell.function.constant))
        }
    }

    /// The polygons within some that hold no line.
    private static func polygons(
        _ function: FunctionExpression, _ parts: [PlanarPolygon], _ maximumCells: Int,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) -> PlanarFunction {
        switch function {
        case .simplicial(let simplicial):
            let complex = try SimplicialComplex(simplicial, isCancelled: isCancelled)
            return PlanarFunction(
                cells: zip(complex.simplices, complex.functions).map { simplex, form in
                    let corners = simplex.map { vertex in
                        let point = simplicial.vertices[vertex]
                        return PlanarPolygon.Corner(x: point[0], y: point[1], w: .one)
                    }
                    return (PlanarPolygon(corners: corners), form)
                })
        case .regions(let regions):
            return try PlanarFunction(regions, within: parts, isCancelled: isCancelled)
        case .maxAffine(let pieces):
            return try MaximumCells(
                pieces.map {
                    ReLUCircuit(inputs: 2).affine(gradient: $0.gradient, intercept: $0.intercept)
                }, dimension: 2
            ).planar(within: parts, isCancelled: isCancelled)
        default:
            let search = ConstructionSearch(
                dimension: 2, options: ManyDimensionalOptions(), progress: { _, _ in },
                isCancelled: isCancelled)
            let tree = try search.treeCandidate(function)
            return try PlanarFunction(
                tree.circuit, tree.output, within: parts, maximumCells: maximumCells,
                isCancelled: isCancelled)
        }
    }

    /// All corners that are no directions, with some room around them.
    private static func window(around function: PlanarFunction) -> [ClosedRange<Rational>] {
        let corners = function.cells.flatMap(\.polygon.corners).filter { !$0.w.isZero }
        return [corners.map(\.x), corners.map(\.y)].map { values in
            let (least, most) = (values.min() ?? .zero, values.max() ?? .zero)
            let room = least == most ? Rational.one : (most - least) / Rational(4)
            return (least - room)...(most + room)
        }
    }
}
