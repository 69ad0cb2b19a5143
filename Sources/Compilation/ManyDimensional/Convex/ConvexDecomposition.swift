internal import ExactArithmetic
internal import LinearProgramming
internal import ReLUNetworks
internal import Threads

/// A function on polyhedra as a convex one less folds (Kripfganz and Schulze 1987).
///
/// For a hyperplane h along which the function bends downwards, by at most c in units of h, adding c σ(h) bends it
/// upwards or not at all there. So g = f + Σ_h c_h σ(h) bends upwards everywhere and is convex on the (convex)
/// domain: the maximum of its affine pieces, which are those of the cells into which these hyperplanes cut the
/// polyhedra.
struct ConvexDecomposition: Sendable {
    /// h, first coefficient 1, with c_h > 0.
    private(set) var folds: [(hyperplane: AffineForm, height: Rational)] = []
    /// The affine pieces of g, different from each other.
    private(set) var pieces: [AffineForm] = []

    /// Whether all of this is about −f, because that comes out smaller.
    private let isOpposite: Bool

    /// Functions on at most so many cells are decomposed both ways.
    private static let cellsForBoth = 100

    init(
        _ function: PolyhedralFunction, maximumCells: Int, threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        var opposite = function
        for index in opposite.cells.indices {
            opposite.cells[index].function = -opposite.cells[index].function
        }
        let (down, up) = Self.folds(of: function)
        let cells = function.cells
        let places = try parallelMap(cells.count, threads: threads) { (index) throws(ManyDimensionalFault) in
            try Self.description(of: cells[index], isCancelled)
        }
        if function.cells.count <= Self.cellsForBoth {
            let pieces = try Self.pieces(of: function, places, down, maximumCells, threads, isCancelled)
            let others = try Self.pieces(of: opposite, places, up, maximumCells, threads, isCancelled)
            isOpposite = (others.count, up.count) < (pieces.count, down.count)
            self.pieces = isOpposite ? others : pieces
        } else {
            isOpposite = up.count < down.count
            pieces = try Self.pieces(
                of: isOpposite ? opposite : function, places, isOpposite ? up : down, maximumCells, threads,
                isCancelled)
        }
        folds = isOpposite ? up : down
    }

    /// `nil` where the cell has very many vertices.
    private static func description(of cell: PolyhedralFunction.Cell, _ isCancelled: () -> Bool)
        throws(ManyDimensionalFault) -> DoubleDescription?
    {
        do {
            return try DoubleDescription(cell.polyhedron, isCancelled: isCancelled)
        } catch {
            if case .cancelled = error { throw .cancelled }
            return nil
        }
    }

    /// The pieces of the function with the folds added.
    private static func pieces(
        of function: PolyhedralFunction, _ places: [DoubleDescription?],
        _ folds: [(hyperplane: AffineForm, height: Rational)],
        _ maximumCells: Int, _ threads: Int, _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) -> [AffineForm] {
        let cells = function.cells
        var pieces: [AffineForm] = []
        var seen: Set<AffineForm> = []
        var next = 0
        while next < cells.count {
            // All cells' parts could be very many before they are counted.
            let first = next
            next = min(cells.count, first + cellsAtATime)
            let parts = try parallelMap(next - first, threads: threads) {
                (place) throws(ManyDimensionalFault) in
                let index = first + place
                return try Self.pieces(on: cells[index], places[index], folds, maximumCells, isCancelled)
            }
            pieces += parts.joined().filter { seen.insert($0).inserted }
            guard pieces.count <= maximumCells else {
                throw .tooManyCells(limit: maximumCells, reached: pieces.count)
            }
        }
        return pieces
    }

    private static let cellsAtATime = 64

    private static func pieces(
        on cell: PolyhedralFunction.Cell, _ place: DoubleDescription?,
        _ folds: [(hyperplane: AffineForm, height: Rational)], _ maximumCells: Int, _ isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) -> [AffineForm] {
        if let place,
            let pieces = try piecesByGenerators(
                of: cell.function, in: place, folds, maximumCells, isCancelled)
        {
            return pieces
        }
        return try piecesByPrograms(on: cell, folds, maximumCells, isCancelled)
    }

    /// Parts by their vertices and directions, whose signs tell which hyperplanes cut a part; `nil` where a part has very many.
    private static func piecesByGenerators(
        of function: AffineForm, in place: DoubleDescription,
        _ folds: [(hyperplane: AffineForm, height: Rational)], _ maximumCells: Int, _ isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) -> [AffineForm]? {
        let pieces: [AffineForm]
        do throws(DoubleDescription.Fault) {
            var parts = [(place: place, function: function)]
            for (hyperplane, height) in folds where parts.count <= maximumCells {
                let side = LinearInequality(
                    normal: hyperplane.gradient(place.dimension), offset: -hyperplane.constant)
                var next: [(place: DoubleDescription, function: AffineForm)] = []
                for (place, function) in parts {
                    let (below, above) = try place.split(side, isCancelled: isCancelled)
                    if let below { next.append((below, function)) }
                    if let above { next.append((above, function + height * hyperplane)) }
                }
                parts = next
            }
            pieces = parts.map(\.function)
        } catch {
            if case .cancelled = error { throw .cancelled }
            return nil
        }
        guard pieces.count <= maximumCells else {
            throw .tooManyCells(limit: maximumCells, reached: pieces.count)
        }
        return pieces
    }

    /// The same by linear programs, where parts have very many vertices.
    private static func piecesByPrograms(
        on cell: PolyhedralFunction.Cell, _ folds: [(hyperplane: AffineForm, height: Rational)],
        _ maximumCells: Int, _ isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) -> [AffineForm] {
        var parts = [cell]
        for (hyperplane, height) in folds {
            var next: [PolyhedralFunction.Cell] = []
            for part in parts {
                let (below, above) = try part.split(by: hyperplane, isCancelled: isCancelled)
                if let below { next.append(below) }
                if var above {
                    above.function = above.function + height * hyperplane
                    next.append(above)
                }
            }
            parts = next
            guard parts.count <= maximumCells else {
                throw .tooManyCells(limit: maximumCells, reached: parts.count)
            }
        }
        return parts.map(\.function)
    }

    /// Each hyperplane that bounds cells on both sides with affine functions that agree on it, with the largest bend downwards,
    /// and with the largest upwards; cells that do not meet can only make these larger than they need be.
    private static func folds(of function: PolyhedralFunction) -> (
        down: [(hyperplane: AffineForm, height: Rational)], up: [(hyperplane: AffineForm, height: Rational)]
    ) {
        var down: [(hyperplane: AffineForm, height: Rational)] = []
        var up = down
        var below: [AffineForm: Set<AffineForm>] = [:]
        var above: [AffineForm: Set<AffineForm>] = [:]
        for cell in function.cells {
            for inequality in cell.polyhedron.inequalities {
                let form = ReLUCircuit(inputs: function.dimension).affine(
                    gradient: inequality.normal, intercept: -inequality.offset)
                guard let first = form.terms.first?.coefficient else { continue }
                let hyperplane = (.one / first) * form
                if first.sign > 0 {
                    below[hyperplane, default: []].insert(cell.function)
                } else {
                    above[hyperplane, default: []].insert(cell.function)
                }
            }
        }
        let shared = below.keys.filter { above[$0] != nil }
        for hyperplane in shared.sorted(by: { $0.sortKey.lexicographicallyPrecedes($1.sortKey) }) {
            var (least, most) = (Rational.zero, Rational.zero)
            for lower in below[hyperplane] ?? [] {
                for upper in above[hyperplane] ?? [] {
                    let difference = upper - lower
                    guard let first = difference.terms.first, first.unit == hyperplane.terms[0].unit,
                        difference == first.coefficient * hyperplane
                    else { continue }
                    least = min(least, first.coefficient)
                    most = max(most, first.coefficient)
                }
            }
            if least.sign < 0 { down.append((hyperplane, -least)) }
            if most.sign > 0 { up.append((hyperplane, most)) }
        }
        return (down, up)
    }

    /// f = g − Σ c σ(h).
    func form(in circuit: inout ReLUCircuit, _ maxima: ShallowMaxima) throws(ManyDimensionalFault)
        -> AffineForm
    {
        var sum = FormSum()
        sum.add(try maxima.maximum(of: pieces, in: &circuit), times: .one)
        for (hyperplane, height) in folds { sum.add(circuit.rectified(hyperplane), times: -height) }
        return isOpposite ? -sum.form : sum.form
    }
}

extension AffineForm {
    /// For a fixed order of forms.
    var sortKey: [Rational] { terms.flatMap { [Rational($0.unit), $0.coefficient] } + [constant] }
}
