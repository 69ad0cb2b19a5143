internal import ExactArithmetic
internal import ReLUNetworks

/// Checks a proof in exact arithmetic: that the trees cover the parameters of every network of the class, that each
/// leaf's dual vector proves the bound on its region, and that the network has the loss and the gap that are claimed.
///
/// Binary64 with error bounds decides where it can; what it leaves open is decided exactly.
///
/// - Returns: `nil` when it proves its `lowerBound`, else the reason why not.
/// - Complexity: O(rows · d) exact operations for each new ray, O(rows · rays) rounded ones a leaf.
public func verify(_ certificate: ExactCertificate, isCancelled: @escaping () -> Bool = { false }) -> String?
{
    do throws(CertificateWalk.Fault) {
        try CertificateCheck(certificate, isCancelled).run()
        return nil
    } catch {
        return error.reason
    }
}

private struct CertificateCheck {
    typealias Fault = CertificateWalk.Fault

    let certificate: ExactCertificate
    let points: ProofPoints
    let isCancelled: () -> Bool

    init(_ certificate: ExactCertificate, _ isCancelled: @escaping () -> Bool) throws(Fault) {
        self.certificate = certificate
        self.isCancelled = isCancelled
        let columns = certificate.problem.columns
        guard !certificate.coordinates.isEmpty,
            certificate.coordinates.allSatisfy((0...columns).contains),
            Set(certificate.coordinates).count == certificate.coordinates.count
        else { throw Fault(reason: "the coordinates are not distinct columns") }
        points = ProofPoints(certificate.problem, coordinates: certificate.coordinates)
    }

    func run() throws(Fault) {
        try checkNetwork()
        let base = try certificate.baseRows.map { (row) throws(Fault) in try point(row) }
        guard points.hasBase(base) else {
            throw Fault(
                reason:
                    "the base rows are dependent, or the coordinates that are left out do not depend on the others"
            )
        }
        try checkRoots()
        let walk = CertificateWalk(points: points, base: base)
        let problem = certificate.problem
        let total = problem.weights.reduce(Rational.zero) { $0 + (Rational(exactly: $1) ?? .zero) }
        guard let bound = Rational(exactly: certificate.lowerBound) else {
            throw Fault(reason: "the lower bound is not finite")
        }
        let target = bound * total
        for tree in certificate.trees {
            try walk.walk(
                cells: tree.cells, positiveUnits: tree.positiveUnits, nodes: try steps(tree)
            ) { (leaf, cones) throws(Fault) in
                if isCancelled() { throw Fault(reason: "cancelled") }
                try check(leaf, cones, tree.positiveUnits, target)
            }
        }
    }

    private func point(_ row: Int) throws(Fault) -> Int {
        guard points.pointOfRow.indices.contains(row), let point = points.pointOfRow[row] else {
            throw Fault(reason: "row \(row) is no point")
        }
        return point
    }

    private func steps(_ tree: ExactCertificate.Tree) throws(Fault)
        -> [CertificateWalk.Step<ExactCertificate.Leaf>]
    {
        try tree.nodes.map { (node) throws(Fault) in
            switch node {
            case .cut(let unit, let row): .cut(unit: unit, point: try point(row))
            case .cutPair(let units, let row): .cutPair(units: units, point: try point(row))
            case .leaf(let leaf): .leaf(leaf)
            }
        }
    }

    /// Every canonical tuple of root cells has exactly one tree.
    private func checkRoots() throws(Fault) {
        let cells = RootCells(
            dimension: points.dimension, units: certificate.problem.hiddenUnits,
            hasFlips: certificate.problem.outputTerm == .affine)
        guard cells.dimension < 32, certificate.trees.count == cells.count else {
            throw Fault(reason: "the roots do not cover the parameters")
        }
        var seen: Set<[Int]> = []
        for tree in certificate.trees {
            guard cells.isCanonical(tree.cells, positiveUnits: tree.positiveUnits),
                seen.insert([tree.positiveUnits] + tree.cells).inserted
            else { throw Fault(reason: "a root is not canonical, or comes twice") }
        }
    }

    private func check(
        _ leaf: ExactCertificate.Leaf, _ cones: [ProofCone], _ positiveUnits: Int, _ target: Rational
    ) throws(Fault) {
        let problem = certificate.problem
        guard leaf.dual.count == problem.rows, leaf.dual.allSatisfy(\.isFinite),
            leaf.exact.allSatisfy({ (0..<problem.rows).contains($0.row) }),
            Set(leaf.exact.map(\.row)).count == leaf.exact.count
        else { throw Fault(reason: "a leaf's dual vector is not one number a row") }
        let dual = LeafDual(points, leaf)
        for row in 0..<problem.rows where problem.weights[row] == 0 {
            guard dual.value(row).isZero else { throw Fault(reason: "a row of weight 0 has a dual entry") }
        }
        var slopes = [[Int: Double]](repeating: [:], count: cones.count)
        for slope in leaf.slopes {
            let point = try point(slope.row)
            guard cones.indices.contains(slope.unit), slope.value > 0, slope.value <= 1,
                cones[slope.unit].states[point] == .undecided,
                slopes[slope.unit].updateValue(slope.value, forKey: point) == nil
            else { throw Fault(reason: "a slope is outside [0, 1] or belongs to no undecided pair") }
        }
        let relaxation = LeafRelaxation(
            points: points, cones: cones, positiveUnits: positiveUnits, slopes: slopes)
        let failures = dual.failures(relaxation)
        guard failures.rays.isEmpty, failures.equations else {
            throw Fault(reason: "a leaf's dual vector is not feasible")
        }
        guard dual.isAtLeast(target) else { throw Fault(reason: "a leaf does not prove the lower bound") }
    }

    private func checkNetwork() throws(Fault) {
        let problem = certificate.problem
        guard certificate.network.isOfClass(of: problem), let network = certificate.network.exact else {
            throw Fault(reason: "the network is not of the problem's class")
        }
        guard let loss = exactLoss(of: network, on: problem, isCancelled: isCancelled) else {
            throw Fault(reason: "cancelled")
        }
        guard certificate.loss == loss.double(rounding: .up) else {
            throw Fault(reason: "the network's loss is not the one that is claimed")
        }
        guard let upper = Rational(exactly: certificate.loss),
            let lower = Rational(exactly: certificate.lowerBound), lower <= upper
        else { throw Fault(reason: "the lower bound is above the network's loss") }
        let gap = upper.isZero ? Rational.zero : (upper - lower) / upper
        guard certificate.relativeGap == gap.double(rounding: .up) else {
            throw Fault(reason: "the gap is not the one that is claimed")
        }
    }
}

extension Network<Double> {
    /// Whether the network is one hidden layer of at most `hiddenUnits` nodes and the problem's output term; an affine one
    /// may be two more nodes, the last two: σ(t) and σ(−t) with opposite outer weights.
    func isOfClass(of problem: TrainingProblem) -> Bool {
        guard layers.count == 2, inputs == problem.columns, outputs == 1 else { return false }
        let (hidden, output) = (layers[0], layers[1])
        guard problem.outputTerm != .none || output.bias[0] == 0 else { return false }
        if hidden.outputs <= problem.hiddenUnits { return true }
        guard problem.outputTerm == .affine, hidden.outputs <= problem.hiddenUnits + 2,
            hidden.outputs >= 2
        else { return false }
        let (t, minusT) = (hidden.outputs - 2, hidden.outputs - 1)
        return hidden.bias[t] == -hidden.bias[minusT]
            && zip(hidden.row(t), hidden.row(minusT)).allSatisfy { $0 == -$1 }
            && output.weights[t] == -output.weights[minusT]
    }
}
