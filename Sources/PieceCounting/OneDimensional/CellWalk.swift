internal import ExactArithmetic

/// The affine forms x ↦ slope · x + intercept that the units of each layer are on the current cell of the line, in
/// some exact representation. Layers count from 0; the last is the output.
protocol LineForms: AnyObject {
    /// An exact point of the line.
    associatedtype Point
    /// The output layer's forms on a cell: equal exactly where the affine maps are.
    associatedtype OutputMap: Hashable

    /// Computes the form of one unit of layer `layer` from the forms of the layer before, of which the active units
    /// are the ones on; layer 0 reads the input itself.
    func form(unit: Int, layer: Int, active: [Bool])
    /// Adds to the forms of layer `layer` what unit `unit` of the layer before contributes, or takes it away.
    func toggle(unit: Int, beforeLayer layer: Int, on: Bool)
    func slopeSign(unit: Int, layer: Int) -> Int
    func interceptSign(unit: Int, layer: Int) -> Int
    /// Prepares `compareRoot` and `root` for a unit whose slope is not 0.
    func selectRoot(unit: Int, layer: Int)
    /// The sign of (selected root − point).
    func compareRoot(to point: Point) -> Int
    /// The selected root.
    func root() -> Point
    func isLess(_ a: Point, _ b: Point) -> Bool
    func areEqual(_ a: Point, _ b: Point) -> Bool
    func point(_ value: Rational) -> Point
    func outputMap() -> OutputMap
    /// Whether the output's forms are those of `map`.
    func outputEquals(_ map: OutputMap) -> Bool
    /// m slopes, then m intercepts.
    func coefficients(of map: OutputMap) -> [Rational]
    func value(of point: Point) -> Rational
    /// An estimate of what a stored point and map take.
    var bytesPerPiece: Int { get }
}

/// The cells of one layer inside one cell of the layer before.
private struct LayerFrame<Point> {
    var lower: Point?
    var upper: Point?
    /// The points inside where units change sign, increasing, equal ones adjacent.
    var crossings: [(point: Point, unit: Int)] = []
    /// The first crossing that the walk has not passed.
    var next = 0
    var started = false
    var active: [Bool] = []
}

/// Visits the activation cells of a network on an interval from left to right, depth first over the layers, so that
/// the memory is that of one cell a layer besides the pieces found.
///
/// Between two neighbouring cells of a layer few units change, so that the next layer's forms are updated by those
/// units' contributions instead of being computed anew.
struct CellWalk<Forms: LineForms> {
    private let forms: Forms
    private let widths: [Int]
    private let limits: CountingLimits
    private var frames: [LayerFrame<Forms.Point>]

    private var cells = 0
    private var breakpoints: [Forms.Point] = []
    private var maps: [Forms.OutputMap] = []

    /// - Parameter widths: the number of units of every layer, the output's last.
    init(forms: Forms, widths: [Int], limits: CountingLimits) {
        self.forms = forms
        self.widths = widths
        self.limits = limits
        frames = widths.map { _ in LayerFrame() }
    }

    /// The counts of what has been visited, but for `affine`.
    private var counted: [PieceDefinition: BigInteger] {
        let pieces = BigInteger(maps.count)
        return [.activation: BigInteger(cells), .open: pieces, .closed: pieces, .level: pieces]
    }

    mutating func run(
        on domain: InputInterval, isCancelled: () -> Bool
    ) throws(PieceCountingFault) {
        let output = widths.count - 1
        let lower = domain.lower.map(forms.point)
        let upper = domain.upper.map(forms.point)
        try form(layer: 0, active: [], isCancelled)
        if output == 0 {
            try emit(from: lower)
        } else {
            try open(layer: 0, lower, upper)
        }
        var layer = output == 0 ? -1 : 0
        while layer >= 0 {
            let lower: Forms.Point?
            if !frames[layer].started {
                frames[layer].started = true
                lower = frames[layer].lower
                try form(layer: layer + 1, active: frames[layer].active, isCancelled)
            } else if frames[layer].next < frames[layer].crossings.count {
                lower = passCrossing(layer: layer)
            } else {
                layer -= 1
                continue
            }
            if isCancelled() { throw .cancelled(reached: counted) }
            if layer + 1 == output {
                try emit(from: lower)
            } else {
                let next = frames[layer].next
                let upper =
                    next < frames[layer].crossings.count
                    ? frames[layer].crossings[next].point : frames[layer].upper
                try open(layer: layer + 1, lower, upper)
                layer += 1
            }
        }
    }

    /// The counts of every definition, after the walk.
    var counts: [PieceDefinition: BigInteger] {
        var counts = counted
        counts[.affine] = BigInteger(Set(maps).count)
        return counts
    }

    private func form(
        layer: Int, active: [Bool], _ isCancelled: () -> Bool
    ) throws(PieceCountingFault) {
        for unit in 0..<widths[layer] {
            forms.form(unit: unit, layer: layer, active: active)
            if unit & 15 == 15, isCancelled() { throw .cancelled(reached: counted) }
        }
    }

    /// Switches the units that cross at the next point and answers the point.
    private mutating func passCrossing(layer: Int) -> Forms.Point {
        let first = frames[layer].next
        let point = frames[layer].crossings[first].point
        var index = first
        repeat {
            let unit = frames[layer].crossings[index].unit
            frames[layer].active[unit].toggle()
            forms.toggle(unit: unit, beforeLayer: layer + 1, on: frames[layer].active[unit])
            index += 1
        } while index < frames[layer].crossings.count
            && forms.areEqual(frames[layer].crossings[index].point, point)
        frames[layer].next = index
        return point
    }

    /// Finds where the units of `layer` change sign inside a cell, and which are on at its left end.
    private mutating func open(
        layer: Int, _ lower: Forms.Point?, _ upper: Forms.Point?
    ) throws(PieceCountingFault) {
        var active = [Bool](repeating: false, count: widths[layer])
        var crossings: [(point: Forms.Point, unit: Int)] = []
        for unit in 0..<widths[layer] {
            let slope = forms.slopeSign(unit: unit, layer: layer)
            if slope == 0 {
                active[unit] = forms.interceptSign(unit: unit, layer: layer) > 0
                continue
            }
            forms.selectRoot(unit: unit, layer: layer)
            if let lower, forms.compareRoot(to: lower) <= 0 {
                active[unit] = slope > 0
                continue
            }
            active[unit] = slope < 0
            if let upper, forms.compareRoot(to: upper) >= 0 { continue }
            crossings.append((forms.root(), unit))
        }
        crossings.sort { forms.isLess($0.point, $1.point) }
        frames[layer] = LayerFrame(lower: lower, upper: upper, crossings: crossings, active: active)
    }

    /// Takes the cell that starts at `lower`, on which the output's forms are current, into the pieces.
    private mutating func emit(from lower: Forms.Point?) throws(PieceCountingFault) {
        cells += 1
        if cells > limits.maximumCells {
            cells -= 1
            throw .limitReached(.cells, limit: limits.maximumCells, reached: counted)
        }
        if let last = maps.last {
            if forms.outputEquals(last) { return }
            guard let lower else { return }
            breakpoints.append(lower)
        }
        if maps.count.multipliedReportingOverflow(by: forms.bytesPerPiece).partialValue > limits.maximumBytes
        {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: counted)
        }
        maps.append(forms.outputMap())
    }

    /// The first pieces, after the walk; the domain is cut to them.
    func pieces(
        limit: Int, on domain: InputInterval, isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> LinePieces {
        let outputs = widths[widths.count - 1]
        let count = min(limit, maps.count)
        var slopes: [Rational] = []
        var intercepts: [Rational] = []
        var points: [Rational] = []
        slopes.reserveCapacity(count * outputs)
        intercepts.reserveCapacity(count * outputs)
        points.reserveCapacity(count)
        for piece in 0..<count {
            if piece & 1023 == 1023, isCancelled() { throw .cancelled(reached: counted) }
            let coefficients = forms.coefficients(of: maps[piece])
            slopes += coefficients[..<outputs]
            intercepts += coefficients[outputs...]
            if piece < breakpoints.count { points.append(forms.value(of: breakpoints[piece])) }
        }
        var shown = domain
        if count < maps.count {
            shown = try InputInterval(lower: domain.lower, upper: points.removeLast())
        }
        return LinePieces(
            domain: shown, outputs: outputs, breakpoints: points, slopes: slopes, intercepts: intercepts,
            activationCells: cells, affineMaps: count == maps.count ? Set(maps).count : count)
    }
}
