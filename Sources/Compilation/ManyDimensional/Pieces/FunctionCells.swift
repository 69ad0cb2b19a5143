internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import PiecewiseLinear

/// A function cut into polyhedra with interior on each of which it is affine: its simplices, regions or largest pieces as
/// they were posted, and for functions of functions the common parts of theirs.
///
/// Cells are told as posted, so regions that overlap are cells that overlap. Complexity: a few cuts of a double description
/// for each pair of a cell and a form that may bend in it.
struct FunctionCells: Sendable {
    struct Cell: Sendable {
        var description: DoubleDescription
        var function: AffineFunction
    }

    private(set) var cells: [Cell] = []
    private let dimension: Int
    private let maximumCells: Int
    private var threads: Int
    private let isCancelled: @Sendable () -> Bool

    /// - Parameter box: cells are cut to it; `nil` for the function's whole domain.
    /// - Throws: `tooManyCells` also where a cell has very many corners, `dimensionsDisagree`, `cancelled`.
    init(
        _ function: FunctionExpression, in box: [ClosedRange<Rational>]?, maximumCells: Int,
        threads: Int, isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) {
        guard let dimension = FunctionDomain.dimension(of: function), dimension > 0,
            box.map({ $0.count == dimension }) ?? true
        else { throw .dimensionsDisagree }
        self.dimension = dimension
        self.maximumCells = maximumCells
        self.threads = threads
        self.isCancelled = isCancelled
        var start = DoubleDescription(dimension: dimension)
        let coordinates = (0..<dimension).map { axis in
            AffineFunction(
                gradient: (0..<dimension).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        if let box {
            for (coordinate, range) in zip(coordinates, box) {
                start = try cut(start, coordinate - range.lowerBound) ?? start
                start = try cut(start, -coordinate + range.upperBound) ?? start
            }
        }
        cells = try parts(of: function, coordinates, in: start)
    }

    // MARK: Kinds

    /// The function of these forms within a polyhedron with interior.
    private func parts(
        of function: FunctionExpression, _ inputs: [AffineFunction], in start: DoubleDescription
    ) throws(ManyDimensionalFault) -> [Cell] {
        if isCancelled() { throw .cancelled }
        switch function {
        case .maxAffine(let pieces):
            return try maximum(of: try compositions(pieces, inputs), in: start)
        case .maximum(let functions):
            return try values(of: functions, inputs, in: start) {
                (cells, forms, place) throws(ManyDimensionalFault) in try cells.maximum(of: forms, in: place)
            }
        case .minimum(let functions):
            return try values(of: functions, inputs, in: start) {
                (cells, forms, place) throws(ManyDimensionalFault) in try cells.minimum(of: forms, in: place)
            }
        case .absolute(let function):
            return try values(of: [function], inputs, in: start) {
                (cells, forms, place) throws(ManyDimensionalFault) in
                try cells.maximum(of: forms + forms.map { -$0 }, in: place)
            }
        case .sum(let terms):
            return try values(of: terms.map(\.function), inputs, in: start) {
                (cells, forms, place) throws(ManyDimensionalFault) in
                [Cell(description: place, function: cells.sum(zip(terms.map(\.coefficient), forms)))]
            }
        case .signedMax(let terms):
            var found = [Cell(description: start, function: sum([]))]
            for term in terms {
                let forms = try compositions(term.pieces, inputs)
                found = try refined(found) { (cells, cell) throws(ManyDimensionalFault) in
                    try cells.maximum(of: forms, in: cell.description).map {
                        Cell(
                            description: $0.description,
                            function: cells.sum([
                                (.one, cell.function), (term.isNegative ? Rational(-1) : .one, $0.function),
                            ]))
                    }
                }
            }
            return found
        case .lattice(let pieces, let selections):
            let forms = try compositions(pieces, inputs)
            var found = [Part(place: start, values: [])]
            for selection in LatticeForm.absorbed(selections) {
                let members = selection.map { forms[$0] }
                found = try refined(found) { (cells, part) throws(ManyDimensionalFault) in
                    try cells.minimum(of: members, in: part.place).map { part.with($0) }
                }
            }
            return try refined(found) { (cells, part) throws(ManyDimensionalFault) in
                try cells.maximum(of: part.values, in: part.place)
            }
        case .composition(let outer, let inner):
            return try values(of: inner, inputs, in: start) {
                (cells, forms, place) throws(ManyDimensionalFault) in
                try cells.parts(of: outer, forms, in: place)
            }
        case .oneDimensional(let function): return try line(function, inputs, in: start)
        case .network(let layers): return try network(layers, inputs, in: start)
        case .simplicial(let mesh):
            return try polyhedral(mesh.simplices.count, inputs, in: start) { index in
                let simplex = mesh.simplices[index]
                guard let forms = BarycentricForms(simplex.map { mesh.vertices[$0] })?.forms else {
                    return nil
                }
                return (forms, sum(zip(simplex.map { mesh.values[$0] }, forms)))
            }
        case .regions(let regions):
            return try polyhedral(regions.regions.count, inputs, in: start) { index in
                let region = regions.regions[index]
                return (
                    region.halfSpaces.map {
                        AffineFunction(gradient: $0.normal.map { -$0 }, intercept: $0.offset)
                    }, region.function
                )
            }
        }
    }

    /// An affine function where some forms are at least 0.
    private typealias Polyhedral = (sides: [AffineFunction], function: AffineFunction)

    private func polyhedral(
        _ count: Int, _ inputs: [AffineFunction], in start: DoubleDescription,
        _ polyhedron: @escaping @Sendable (Int) -> Polyhedral?
    ) throws(ManyDimensionalFault) -> [Cell] {
        // Inputs that are constant or depend on each other may lie in several polyhedra throughout a part.
        let isPlain = inputs.count == dimension && RationalMatrix(inputs.map(\.gradient)).rank == dimension
        var found: [Cell] = []
        var next = 0
        while next < count {
            // No more at a time than make it far beyond the limit.
            let first = next
            next = min(count, first + Self.polyhedraAtATime)
            let cells = try parallelMap(next - first, threads: threads) {
                (place) throws(ManyDimensionalFault) in
                try polyhedron(first + place).flatMap { (part) throws(ManyDimensionalFault) in
                    try cell(of: part, inputs, in: start)
                }
            }
            for cell in cells.lazy.compactMap(\.self) {
                if !isPlain, let point = cell.description.innerPoint,
                    found.contains(where: { other in
                        other.description.inequalities.allSatisfy { $0.slack(at: point).sign > 0 }
                    })
                {
                    continue
                }
                found.append(cell)
            }
            try check(found.count)
        }
        return found
    }

    private static let polyhedraAtATime = 1024

    /// `nil` where the polyhedron has no interior within `start`.
    private func cell(of part: Polyhedral, _ inputs: [AffineFunction], in start: DoubleDescription)
        throws(ManyDimensionalFault) -> Cell?
    {
        if isCancelled() { throw .cancelled }
        var place = start
        for side in part.sides {
            guard let left = try cut(place, try composition(side, inputs)) else { return nil }
            place = left
        }
        return Cell(description: place, function: try composition(part.function, inputs))
    }

    private func line(
        _ function: PiecewiseLinearFunction, _ inputs: [AffineFunction], in start: DoubleDescription
    ) throws(ManyDimensionalFault) -> [Cell] {
        guard inputs.count == 1 else { throw .dimensionsDisagree }
        var rest: DoubleDescription? = start
        var found: [Cell] = []
        var intercept = function.leftIntercept
        for (index, slope) in function.slopes.enumerated() {
            guard let here = rest else { break }
            if index > 0 {
                intercept += (function.slopes[index - 1] - slope) * function.breakpoints[index - 1]
            }
            var place: DoubleDescription? = here
            if index < function.breakpoints.count {
                (rest, place) = try split(here, inputs[0] - function.breakpoints[index])
            }
            if let place {
                found.append(
                    Cell(description: place, function: sum([(slope, inputs[0])]) + intercept))
                try check(found.count)
            }
        }
        return found
    }

    private func network(
        _ layers: [FunctionExpression.NetworkLayer], _ inputs: [AffineFunction], in start: DoubleDescription
    ) throws(ManyDimensionalFault) -> [Cell] {
        var found: [(place: DoubleDescription, values: [AffineFunction])] = [(start, inputs)]
        for (index, layer) in layers.enumerated() {
            guard layer.weights.allSatisfy({ $0.count == found.first?.values.count ?? $0.count }) else {
                throw .dimensionsDisagree
            }
            let isLast = index + 1 == layers.count
            var next: [(place: DoubleDescription, values: [AffineFunction])] = []
            for (place, values) in found {
                var parts: [(place: DoubleDescription, values: [AffineFunction])] = [(place, [])]
                for (weights, bias) in zip(layer.weights, layer.bias) {
                    let form = sum(zip(weights, values)) + bias
                    var halves: [(place: DoubleDescription, values: [AffineFunction])] = []
                    for (part, known) in parts {
                        if isLast {
                            halves.append((part, known + [form]))
                            continue
                        }
                        let (above, below) = try split(part, form)
                        if let above { halves.append((above, known + [form])) }
                        if let below { halves.append((below, known + [sum([])])) }
                    }
                    parts = halves
                    try check(parts.count + next.count)
                }
                next += parts
            }
            found = next
        }
        return try found.map { (place, values) throws(ManyDimensionalFault) in
            guard values.count == 1 else { throw .dimensionsDisagree }
            return Cell(description: place, function: values[0])
        }
    }

    // MARK: Parts

    /// Parts on which all functions are affine, and what is made of them there.
    private func values(
        of functions: [FunctionExpression], _ inputs: [AffineFunction], in start: DoubleDescription,
        combined:
            @escaping @Sendable (FunctionCells, [AffineFunction], DoubleDescription)
            throws(ManyDimensionalFault) -> [Cell]
    ) throws(ManyDimensionalFault) -> [Cell] {
        var found = [Part(place: start, values: [])]
        for function in functions {
            found = try refined(found) { (cells, part) throws(ManyDimensionalFault) in
                try cells.parts(of: function, inputs, in: part.place).map { part.with($0) }
            }
        }
        return try refined(found) { (cells, part) throws(ManyDimensionalFault) in
            try combined(cells, part.values, part.place)
        }
    }

    /// A polyhedron on which some functions are affine.
    private struct Part: Sendable {
        var place: DoubleDescription
        var values: [AffineFunction]

        /// What another function's cell within leaves of it.
        func with(_ cell: Cell) -> Part { Part(place: cell.description, values: values + [cell.function]) }
    }

    /// What `body` makes of each part, on several threads: it gets cells that use one where there are several parts.
    private func refined<Piece: Sendable, Result: Sendable>(
        _ parts: [Piece],
        _ body: @escaping @Sendable (FunctionCells, Piece) throws(ManyDimensionalFault) -> [Result]
    ) throws(ManyDimensionalFault) -> [Result] {
        var inner = self
        if parts.count > 1 { inner.threads = 1 }
        let cells = inner
        var found: [Result] = []
        var next = 0
        while next < parts.count {
            // No more at a time than make it far beyond the limit.
            let first = next
            next = min(parts.count, first + Self.partsAtATime)
            let results = try parallelMap(next - first, threads: threads, perThread: 2) {
                (place) throws(ManyDimensionalFault) in try body(cells, parts[first + place])
            }
            found += results.joined()
            try check(found.count)
        }
        return found
    }

    private static let partsAtATime = 64

    /// One part for each form that is the largest somewhere within.
    private func maximum(of forms: [AffineFunction], in start: DoubleDescription)
        throws(ManyDimensionalFault) -> [Cell]
    {
        var seen: Set<AffineFunction> = []
        let different = forms.filter { seen.insert($0).inserted }
        let found = try parallelMap(different.count, threads: threads, perThread: 8) {
            (index) throws(ManyDimensionalFault) -> Cell? in
            if isCancelled() { throw .cancelled }
            let form = different[index]
            var place = start
            for (other, rival) in different.enumerated() where other != index {
                guard let left = try cut(place, sum([(.one, form), (Rational(-1), rival)])) else {
                    return nil
                }
                place = left
            }
            return Cell(description: place, function: form)
        }.compactMap(\.self)
        try check(found.count)
        return found
    }

    private func minimum(of forms: [AffineFunction], in start: DoubleDescription)
        throws(ManyDimensionalFault) -> [Cell]
    {
        try maximum(of: forms.map { -$0 }, in: start).map {
            Cell(description: $0.description, function: -$0.function)
        }
    }

    /// The part where the form is at least 0, if that has interior.
    private func cut(_ place: DoubleDescription, _ form: AffineFunction) throws(ManyDimensionalFault)
        -> DoubleDescription?
    {
        try split(place, form).above
    }

    private func split(_ place: DoubleDescription, _ form: AffineFunction) throws(ManyDimensionalFault) -> (
        above: DoubleDescription?, below: DoubleDescription?
    ) {
        if form.gradient.allSatisfy(\.isZero) {
            return form.intercept.sign >= 0 ? (place, nil) : (nil, place)
        }
        do {
            let parts = try place.split(
                LinearInequality(normal: form.gradient.map { -$0 }, offset: form.intercept),
                isCancelled: isCancelled)
            return (parts.inside, parts.outside)
        } catch {
            if case .cancelled = error { throw .cancelled }
            throw .tooManyCells(limit: maximumCells, reached: 1)
        }
    }

    private func check(_ count: Int) throws(ManyDimensionalFault) {
        if isCancelled() { throw .cancelled }
        guard count <= maximumCells else { throw .tooManyCells(limit: maximumCells, reached: count) }
    }

    private func compositions(_ functions: [AffineFunction], _ inputs: [AffineFunction])
        throws(ManyDimensionalFault) -> [AffineFunction]
    {
        try functions.map { (function) throws(ManyDimensionalFault) in try composition(function, inputs) }
    }

    private func composition(_ function: AffineFunction, _ inputs: [AffineFunction])
        throws(ManyDimensionalFault) -> AffineFunction
    {
        guard function.dimension == inputs.count else { throw .dimensionsDisagree }
        return sum(zip(function.gradient, inputs)) + function.intercept
    }

    private func sum(_ terms: some Sequence<(Rational, AffineFunction)>) -> AffineFunction {
        var gradient = [Rational](repeating: .zero, count: dimension)
        var intercept = Rational.zero
        for (factor, form) in terms where !factor.isZero {
            for axis in 0..<dimension where !form.gradient[axis].isZero {
                gradient[axis] += factor * form.gradient[axis]
            }
            intercept += factor * form.intercept
        }
        return AffineFunction(gradient: gradient, intercept: intercept)
    }
}

extension AffineFunction {
    static func + (form: AffineFunction, constant: Rational) -> AffineFunction {
        AffineFunction(gradient: form.gradient, intercept: form.intercept + constant)
    }

    static func - (form: AffineFunction, constant: Rational) -> AffineFunction { form + -constant }

    static prefix func - (form: AffineFunction) -> AffineFunction {
        AffineFunction(gradient: form.gradient.map { -$0 }, intercept: -form.intercept)
    }
}
