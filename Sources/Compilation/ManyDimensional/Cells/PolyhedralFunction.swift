internal import ExactArithmetic
internal import LinearProgramming
internal import PiecewiseLinear
internal import ReLUNetworks

/// A function on R^n or a convex part of it, given on convex polyhedra with interior.
struct PolyhedralFunction {
    struct Cell {
        var polyhedron: Polyhedron
        /// A point at which all inequalities hold strictly.
        var interior: [Rational]
        var function: AffineForm

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

    init(_ function: RegionFunction, isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        dimension = function.dimension
        cells = []
        for region in function.regions {
            if isCancelled() { throw .cancelled }
            let polyhedron = Polyhedron(
                dimension: function.dimension,
                inequalities: region.halfSpaces.map { LinearInequality(normal: $0.normal, offset: $0.offset) }
            )
            let interior = try faultless { () throws(LinearProgrammingFault) in
                try polyhedron.interior(isCancelled: isCancelled)
            }
            guard case .point(let point) = interior else { continue }
            let form = ReLUCircuit(inputs: dimension).affine(
                gradient: region.function.gradient, intercept: region.function.intercept)
            cells.append(Cell(polyhedron: polyhedron, interior: point, function: form))
        }
    }

    /// The cells in which no unit of the circuit changes its sign.
    init(
        _ circuit: ReLUCircuit, _ output: AffineForm, box: [ClosedRange<Rational>]?, maximumCells: Int,
        isCancelled: () -> Bool
    ) throws(ManyDimensionalFault) {
        dimension = circuit.inputs
        cells = []
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
        var tasks = [(cell: start, values: coordinates)]
        while var (cell, values) = tasks.popLast() {
            while values.count < circuit.inputs + circuit.units {
                let form = circuit.preactivations[values.count - circuit.inputs].substituting(values)
                if form.isConstant {
                    values.append(AffineForm(constant: max(.zero, form.constant)))
                    continue
                }
                let (below, above) = try cell.split(by: form, isCancelled: isCancelled)
                if let below, let above {
                    tasks.append((below, values + [AffineForm(constant: .zero)]))
                    cell = above
                    guard cells.count + tasks.count < maximumCells else {
                        throw .tooManyCells(limit: maximumCells)
                    }
                }
                values.append(above == nil ? AffineForm(constant: .zero) : form)
            }
            cell.function = output.substituting(values)
            cells.append(cell)
        }
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
