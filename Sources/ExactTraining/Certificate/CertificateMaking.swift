internal import ExactArithmetic
internal import Glibc
public import ReLUNetworks

extension ExactCertificate {
    /// Why no proof was made of what a search left behind.
    public enum MakingFault: Error, Sendable, Equatable {
        case cancelled
        /// The trees do not fit the problem.
        case notProvable(reason: String)
    }

    /// The proof that a search's tree and dual vectors contain: each dual vector is moved to an exactly feasible one.
    ///
    /// The bound is the one that the search claims where the leaves prove it, else the largest binary64 that they do.
    ///
    /// - Parameter network: of the problem's class.
    public init(
        _ certificate: TrainingCertificate, network: Network<Double>,
        isCancelled: @escaping () -> Bool = { false }
    ) throws(MakingFault) {
        let problem = certificate.problem
        let columns = problem.columns
        guard !certificate.coordinates.isEmpty, certificate.coordinates.allSatisfy((0...columns).contains),
            certificate.points.allSatisfy((0..<problem.rows).contains),
            certificate.basePoints.allSatisfy(certificate.points.indices.contains)
        else { throw .notProvable(reason: "the points are no rows, or the coordinates no columns") }
        guard network.isOfClass(of: problem), let exactNetwork = network.exact else {
            throw .notProvable(reason: "the network is not of the problem's class")
        }
        guard let exactLoss = exactLoss(of: exactNetwork, on: problem, isCancelled: isCancelled) else {
            throw .cancelled
        }
        let points = ProofPoints(problem, coordinates: certificate.coordinates)
        let making = CertificateMaking(certificate, points, isCancelled)
        let trees: [Tree]
        do throws(CertificateWalk.Fault) {
            trees = try making.trees()
        } catch {
            throw isCancelled() ? .cancelled : .notProvable(reason: error.reason)
        }
        let loss = exactLoss.double(rounding: .up)
        let total = problem.weights.reduce(Rational.zero) { $0 + (Rational(exactly: $1) ?? .zero) }
        var lower = min(certificate.lowerBound, loss)
        if let least = making.leastBound(trees, atLeast: (Rational(exactly: lower) ?? .zero) * total) {
            lower = min(lower, (least / total).double(rounding: .down))
        }
        let upperValue = Rational(exactly: loss) ?? .zero
        let lowerValue = Rational(exactly: lower) ?? .zero
        let gap = upperValue.isZero ? Rational.zero : (upperValue - lowerValue) / upperValue
        self.init(
            problem: problem, network: network, loss: loss, lowerBound: lower,
            relativeGap: gap.double(rounding: .up), coordinates: certificate.coordinates,
            baseRows: certificate.basePoints.map { certificate.points[$0] }, trees: trees)
    }
}

private struct CertificateMaking {
    typealias Fault = CertificateWalk.Fault

    let certificate: TrainingCertificate
    let points: ProofPoints
    let isCancelled: () -> Bool
    /// The proof's point of each of the search's points.
    private let pointOfPoint: [Int?]

    init(_ certificate: TrainingCertificate, _ points: ProofPoints, _ isCancelled: @escaping () -> Bool) {
        self.certificate = certificate
        self.points = points
        self.isCancelled = isCancelled
        pointOfPoint = certificate.points.map { points.pointOfRow[$0] }
    }

    func trees() throws(Fault) -> [ExactCertificate.Tree] {
        let base = try certificate.basePoints.map { (index) throws(Fault) in try point(index) }
        guard points.hasBase(base) else { throw Fault(reason: "the base points are dependent") }
        let walk = CertificateWalk(points: points, base: base)
        return try certificate.trees.map { (tree) throws(Fault) in
            var leaves: [ExactCertificate.Leaf] = []
            try walk.walk(cells: tree.cells, positiveUnits: tree.positiveUnits, nodes: try steps(tree)) {
                (leaf, cones) throws(Fault) in
                if isCancelled() { throw Fault(reason: "cancelled") }
                leaves.append(try repaired(leaf, cones, tree.positiveUnits))
            }
            return ExactCertificate.Tree(
                positiveUnits: tree.positiveUnits, cells: tree.cells, nodes: nodes(tree, leaves))
        }
    }

    private func point(_ index: Int) throws(Fault) -> Int {
        guard pointOfPoint.indices.contains(index), let point = pointOfPoint[index] else {
            throw Fault(reason: "point \(index) is no point of positive weight")
        }
        return point
    }

    private struct Hint {
        let dual: [Double]
        let slopes: [TrainingCertificate.Slope]
    }

    private func steps(_ tree: TrainingCertificate.Tree) throws(Fault) -> [CertificateWalk.Step<Hint>] {
        try tree.nodes.map { (node) throws(Fault) in
            switch node {
            case .cut(let unit, let index): .cut(unit: unit, point: try point(index))
            case .cutPair(let units, let index): .cutPair(units: units, point: try point(index))
            case .leaf(let dual, let slopes): .leaf(Hint(dual: dual, slopes: slopes))
            }
        }
    }

    private func nodes(
        _ tree: TrainingCertificate.Tree, _ leaves: [ExactCertificate.Leaf]
    ) -> [ExactCertificate.Node] {
        var next = 0
        return tree.nodes.map { node in
            switch node {
            case .cut(let unit, let point): return .cut(unit: unit, row: certificate.points[point])
            case .cutPair(let units, let point):
                return .cutPair(units: units, row: certificate.points[point])
            case .leaf:
                next += 1
                return .leaf(leaves[next - 1])
            }
        }
    }

    private func repaired(_ hint: Hint, _ cones: [ProofCone], _ positiveUnits: Int) throws(Fault)
        -> ExactCertificate.Leaf
    {
        guard hint.dual.count == certificate.points.count, hint.dual.allSatisfy(\.isFinite) else {
            throw Fault(reason: "a leaf's dual vector is not one finite number a point")
        }
        var slopes = [[Int: Double]](repeating: [:], count: cones.count)
        for slope in hint.slopes where slope.value > 0 {
            let point = try point(slope.point)
            guard cones.indices.contains(slope.unit) else { throw Fault(reason: "a slope names no unit") }
            if cones[slope.unit].states[point] == .undecided {
                slopes[slope.unit][point] = min(1, slope.value)
            }
        }
        let relaxation = LeafRelaxation(
            points: points, cones: cones, positiveUnits: positiveUnits, slopes: slopes)
        let repaired = DualRepair(relaxation: relaxation).repaired(rowDual(hint.dual))
        var rounded = repaired.rounded
        for row in repaired.exact.keys { rounded[row] = 0 }
        return ExactCertificate.Leaf(
            dual: rounded,
            exact: repaired.exact.sorted { $0.key < $1.key }.map {
                ExactCertificate.ExactEntry(row: $0.key, value: $0.value)
            },
            slopes: slopes.enumerated().flatMap { unit, values in
                values.sorted { $0.key < $1.key }.map {
                    ExactCertificate.Slope(row: points.rows[$0.key][0], unit: unit, value: $0.value)
                }
            })
    }

    /// The entries of the search's points shared out over the rows, each within the domain of ℓ*.
    private func rowDual(_ dual: [Double]) -> [Double] {
        let problem = points.problem
        var result = [Double](repeating: 0, count: problem.rows)
        var listed: [Int: [Int]] = [:]
        for (index, row) in certificate.points.enumerated() where problem.weights[row] > 0 {
            guard let point = pointOfPoint[index] else { continue }
            listed[point, default: []].append(index)
        }
        for (point, rows) in points.rows.enumerated() {
            let indices = listed[point] ?? []
            if indices.count == rows.count {
                for index in indices { result[certificate.points[index]] = dual[index] }
            } else {
                let shares = problem.sharedSlopes(indices.reduce(0) { $0 + dual[$1] }, rows: rows)
                for (row, share) in zip(rows, shares) { result[row] = share }
            }
        }
        for row in points.rows.joined() {
            let range = problem.loss.slopeRange(target: problem.targets[row])
            if let lower = range.lower {
                result[row] = max(result[row], problem.weights[row] * lower.nearestDouble)
            }
            if let upper = range.upper {
                result[row] = min(result[row], problem.weights[row] * upper.nearestDouble)
            }
        }
        return result
    }

    /// The least bound of the leaves that do not reach `target`; nil where all do.
    func leastBound(_ trees: [ExactCertificate.Tree], atLeast target: Rational) -> Rational? {
        var least: Rational?
        for tree in trees {
            for case .leaf(let leaf) in tree.nodes {
                let dual = LeafDual(points, leaf)
                guard !dual.isAtLeast(target), let value = dual.value() else { continue }
                least = least.map { min($0, value) } ?? value
            }
        }
        return least
    }
}

extension TrainingProblem {
    /// Slopes of ω ℓ(f, y) of rows with equal inputs, at the f where they add up to `sum`: by bisection on f.
    func sharedSlopes(_ sum: Double, rows: [Int]) -> [Double] {
        var low = rows.reduce(Double.infinity) { min($0, targets[$1]) }
        var high = rows.reduce(-Double.infinity) { max($0, targets[$1]) }
        let reach = max(1, high.magnitude, low.magnitude, sum.magnitude)
        func total(_ f: Double) -> (lower: Double, upper: Double) {
            rows.reduce((0, 0)) { partial, row in
                let slope = loss.slopes(f, target: targets[row])
                return (partial.0 + weights[row] * slope.lower, partial.1 + weights[row] * slope.upper)
            }
        }
        var step = reach
        for _ in 0..<200 where total(low).upper > sum {
            low -= step
            step *= 2
        }
        step = reach
        for _ in 0..<200 where total(high).lower < sum {
            high += step
            step *= 2
        }
        var middle = (low + high) / 2
        for _ in 0..<2000 {
            middle = low / 2 + high / 2
            let slopes = total(middle)
            if slopes.upper < sum { low = middle } else if slopes.lower > sum { high = middle } else { break }
            if middle.nextUp >= high, low.nextUp >= middle { break }
        }
        // Between the one-sided slopes at the two ends lies the sum.
        let lower = rows.map {
            weights[$0]
                * min(
                    loss.slopes(low, target: targets[$0]).upper,
                    loss.slopes(middle, target: targets[$0]).lower)
        }
        let upper = rows.map {
            weights[$0]
                * max(
                    loss.slopes(high, target: targets[$0]).lower,
                    loss.slopes(middle, target: targets[$0]).upper)
        }
        let (from, to) = (lower.reduce(0, +), upper.reduce(0, +))
        let part = to > from ? min(1, max(0, (sum - from) / (to - from))) : 0
        return zip(lower, upper).map { $0 + part * ($1 - $0) }
    }
}

extension TrainingLoss {
    /// The least and the greatest slope of ℓ(·, y) at f.
    fileprivate func slopes(_ f: Double, target y: Double) -> (lower: Double, upper: Double) {
        func kink(_ lower: Double, _ upper: Double, _ side: Double) -> (lower: Double, upper: Double) {
            side < 0 ? (lower, lower) : side > 0 ? (upper, upper) : (lower, upper)
        }
        switch self {
        case .squared: return (2 * (f - y), 2 * (f - y))
        case .absolute: return kink(-1, 1, f - y)
        case .huber(let delta):
            let slope = min(delta, max(-delta, f - y))
            return (slope, slope)
        case .quantile(let level): return kink(-level, 1 - level, f - y)
        case .hinge: return y > 0 ? kink(-1, 0, f - 1) : kink(0, 1, f + 1)
        case .squaredHinge:
            let slope = -2 * y * max(0, 1 - y * f)
            return (slope, slope)
        case .logistic:
            // Far out the slope is 0 in binary64.
            let margin = y * f
            let slope = margin > 700 ? 0 : -y / (1 + exp(margin))
            return (slope, slope)
        }
    }
}
