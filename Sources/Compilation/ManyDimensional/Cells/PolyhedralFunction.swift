internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import PiecewiseLinear
internal import ReLUNetworks
internal import Synchronization

/// A function on R^n or a convex part of it, given on convex polyhedra with interior.
struct PolyhedralFunction: Sendable {
    struct Cell: Sendable {
        var polyhedron: Polyhedron
        /// A point at which all inequalities hold strictly.
        var interior: [Rational]
        var function: AffineForm

        init(polyhedron: Polyhedron, interior: [Rational], function: AffineForm) {
            self.polyhedron = polyhedron
            self.interior = interior
            self.function = function
        }

        /// `nil` where the region has no interior.
        init?(_ region: RegionFunction.Region, _ isCancelled: () -> Bool) throws(ManyDimensionalFault) {
            let dimension = region.function.dimension
            polyhedron = Polyhedron(
                dimension: dimension,
                inequalities: region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) }
            )
            let whole = polyhedron
            let found = try faultless { () throws(LinearProgrammingFault) in
                try whole.interior(isCancelled: isCancelled)
            }
            guard case .point(let point) = found else { return nil }
            interior = point
            function = ReLUCircuit(inputs: dimension).affine(
                gradient: region.function.gradient, intercept: region.function.intercept)
        }

        /// The parts below and above a form of the inputs that are not empty or flat.
        func split(by form: AffineForm, isCancelled: () -> Bool) throws(ManyDimensionalFault) -> (
            below: Cell?, above: Cell?
        ) {
            let here = form.value(at: interior).sign
            let below = here < 0 ? interior : try pointBeyond(-form, isCancelled)
            let above = here > 0 ? interior : try pointBeyond(form, isCancelled)
            guard let below, let above else { return (below.map { _ in self }, above.map { _ in self }) }
            var (first, second) = (self, self)
            first.interior = below
            first.polyhedron = polyhedron.cut(form, polyhedron.dimension)
            second.interior = above
            second.polyhedron = polyhedron.cut(-form, polyhedron.dimension)
            return (first, second)
        }

        /// An inner point at which the form is positive.
        private func pointBeyond(_ form: AffineForm, _ isCancelled: () -> Bool) throws(ManyDimensionalFault)
            -> [Rational]?
        {
            let outcome = try faultless { () throws(LinearProgrammingFault) in
                try polyhedron.maximum(of: form.gradient(polyhedron.dimension), isCancelled: isCancelled)
            }
            var goal: [Rational]
            switch outcome {
            case .infeasible: return nil
            case .optimal(let point, _, _): goal = point
            case .unbounded(let point, let ray):
                goal = zip(point, ray).map { $0 + $1 }
                while form.value(at: goal).sign <= 0 {
                    goal = zip(goal, zip(goal, point)).map { $0 + ($1.0 - $1.1) }
                }
            }
            let value = form.value(at: goal)
            guard value.sign > 0 else { return nil }
            // On the way from the goal to the inner point, where half of the value is left, or halfway.
            let here = form.value(at: interior)
            let share =
                here >= value ? Rational(1, 2) : min(Rational(1, 2), value / (Rational(2) * (value - here)))
            return zip(goal, interior).map { $0 + share * ($1 - $0) }
        }
    }

    let dimension: Int
    var cells: [Cell]

    init(dimension: Int, cells: [Cell]) {
        self.dimension = dimension
        self.cells = cells
    }

    init(_ function: RegionFunction, threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool)
        throws(ManyDimensionalFault)
    {
        dimension = function.dimension
        cells = try parallelMap(function.regions.count, threads: threads) {
            (index) throws(ManyDimensionalFault) in
            if isCancelled() { throw .cancelled }
            return try Cell(function.regions[index], isCancelled)
        }.compactMap(\.self)
    }

    /// The cells in which no unit of the circuit changes its sign.
    init(
        _ circuit: ReLUCircuit, _ output: AffineForm, box: [ClosedRange<Rational>]?, maximumCells: Int,
        threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        dimension = circuit.inputs
        let coordinates = (0..<circuit.inputs).map { axis in
            circuit.affine(
                gradient: (0..<circuit.inputs).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        var start = Cell(
            polyhedron: Polyhedron(dimension: dimension, inequalities: []),
            interior: [Rational](repeating: .zero, count: dimension), function: output)
        if let box {
            for (axis, range) in box.enumerated() {
                for side in [
                    coordinates[axis] - AffineForm(constant: range.upperBound),
                    AffineForm(constant: range.lowerBound) - coordinates[axis],
                ] {
                    start.polyhedron = start.polyhedron.cut(side, dimension)
                }
            }
            start.interior = box.map { ($0.lowerBound + $0.upperBound) / Rational(2) }
        }
        let cutting = CircuitCutting(circuit, output, maximumCells: maximumCells, isCancelled)
        // Parts that are cut on several threads: as many for any number of these, so that the order is the same.
        var parts = [CircuitCutting.Part(cell: start, values: coordinates)]
        while parts.count < 64, let next = parts.firstIndex(where: { cutting.isOpen($0) }) {
            parts.replaceSubrange(next...next, with: try cutting.advanced(parts[next]))
        }
        let open = parts
        cells = try parallelMap(open.count, threads: threads, perThread: 1) {
            (index) throws(ManyDimensionalFault) in try cutting.cells(of: open[index])
        }.flatMap(\.self)
    }
}

/// A circuit's cells, found by cutting parts of the inputs' space at one unit after the other.
private final class CircuitCutting: Sendable {
    struct Part: Sendable {
        var cell: PolyhedralFunction.Cell
        /// The inputs and the units so far, as forms of the inputs.
        var values: [AffineForm]
    }

    private let circuit: ReLUCircuit
    private let output: AffineForm
    private let maximumCells: Int
    private let isCancelled: @Sendable () -> Bool
    /// Parts that have interior, so at most as many as there are cells.
    private let parts = Atomic<Int>(1)

    init(
        _ circuit: ReLUCircuit, _ output: AffineForm, maximumCells: Int,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) {
        self.circuit = circuit
        self.output = output
        self.maximumCells = maximumCells
        self.isCancelled = isCancelled
    }

    func isOpen(_ part: Part) -> Bool { part.values.count < circuit.inputs + circuit.units }

    /// The part up to where a unit cuts it in two, or to its last unit: what lies above first.
    func advanced(_ part: Part) throws(ManyDimensionalFault) -> [Part] {
        var part = part
        while isOpen(part) {
            let form = circuit.preactivations[part.values.count - circuit.inputs].substituting(part.values)
            if form.isConstant {
                part.values.append(AffineForm(constant: max(.zero, form.constant)))
                continue
            }
            let (below, above) = try part.cell.split(by: form, isCancelled: isCancelled)
            guard let below, let above else {
                part.values.append(above == nil ? AffineForm(constant: .zero) : form)
                continue
            }
            let parts = parts.wrappingAdd(1, ordering: .relaxed).newValue
            guard parts <= maximumCells else { throw .tooManyCells(limit: maximumCells, reached: parts) }
            return [
                Part(cell: above, values: part.values + [form]),
                Part(cell: below, values: part.values + [AffineForm(constant: .zero)]),
            ]
        }
        return [part]
    }

    func cells(of part: Part) throws(ManyDimensionalFault) -> [PolyhedralFunction.Cell] {
        var cells: [PolyhedralFunction.Cell] = []
        var open = [part]
        while let next = open.popLast() {
            if isOpen(next) {
                open += try advanced(next).reversed()
                continue
            }
            var cell = next.cell
            cell.function = output.substituting(next.values)
            cells.append(cell)
        }
        return cells
    }
}

extension Polyhedron {
    /// The part where form ≤ 0.
    func cut(_ form: AffineForm, _ dimension: Int) -> Polyhedron {
        intersection(
            Polyhedron(
                dimension: dimension,
                inequalities: [LinearInequality(normal: form.gradient(dimension), offset: -form.constant)]))
    }
}

extension AffineForm {
    /// For a form of the inputs: n slopes.
    func gradient(_ dimension: Int) -> [Rational] {
        var gradient = [Rational](repeating: .zero, count: dimension)
        for term in terms { gradient[term.unit] = term.coefficient }
        return gradient
    }

    /// For a form of the inputs: its value at a point.
    func value(at point: [Rational]) -> Rational {
        terms.reduce(constant) { $0 + $1.coefficient * point[$1.unit] }
    }
}

/// Linear programs end without a result only where they are cancelled.
func faultless<Result>(_ body: () throws(LinearProgrammingFault) -> Result) throws(ManyDimensionalFault)
    -> Result
{
    do { return try body() } catch { throw .cancelled }
}
