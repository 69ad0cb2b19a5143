import ExactArithmetic
import Foundation
import ReLUNetworks

@testable import ExactTraining

/// Small random problems, and random trees of cuts over them with dual vectors of the accuracy of a plain gradient
/// method: what a search could leave behind.
struct RandomProofs {
    var state: UInt64

    mutating func next(_ bound: Int) -> Int {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        z ^= z >> 31
        return Int(z % UInt64(bound))
    }

    /// About normal, or a small integer on some calls, so that ties and duplicates happen.
    mutating func number(isCoarse: Bool) -> Double {
        if isCoarse { return Double(next(5) - 2) }
        return (0..<4).reduce(0) { sum, _ in sum + Double(next(1 << 20)) / 524288 - 1 } * 1.2
    }

    static let losses: [TrainingLoss] = [
        .squared, .absolute, .huber(delta: 0.7), .quantile(level: 0.3), .hinge, .squaredHinge, .logistic,
    ]

    mutating func problem(loss: TrainingLoss, term: OutputTerm) -> TrainingProblem? {
        let columns = 1 + next(2)
        let rows = 3 + next(4)
        let isCoarse = next(2) == 0
        let inputs = (0..<rows * columns).map { _ in number(isCoarse: isCoarse) }
        let targets = (0..<rows).map { _ in
            loss.isClassification ? Double(2 * next(2) - 1) : number(isCoarse: isCoarse)
        }
        let weights = next(3) == 0 ? (0..<rows).map { _ in Double(next(4)) / 2 } : nil
        return try? TrainingProblem(
            inputs: inputs, columns: columns, targets: targets, weights: weights, hiddenUnits: 1 + next(2),
            loss: loss, outputTerm: term)
    }

    /// A tree of random cuts for every root.
    mutating func certificate(_ problem: TrainingProblem) -> TrainingCertificate {
        let all = ProofPoints(problem, coordinates: Array(0...problem.columns))
        var coordinates: [Int] = []
        for column in [problem.columns] + Array(0..<problem.columns) {
            let tried = coordinates + [column]
            let matrix = RationalMatrix(
                all.rows.map { rows in
                    tried.map { Rational(exactly: ProofPoints.entry(problem, rows[0], $0)) ?? .zero }
                })
            if matrix.rank == tried.count { coordinates = tried }
        }
        let points = ProofPoints(problem, coordinates: coordinates)
        var base: [Int] = []
        for point in 0..<points.count {
            let tried = base + [point]
            if RationalMatrix(tried.map { points.integerRow($0).map { Rational($0) } }).rank == tried.count {
                base = tried
            }
        }
        let roots = RootCells(
            dimension: points.dimension, units: problem.hiddenUnits, hasFlips: problem.outputTerm == .affine)
        var trees: [TrainingCertificate.Tree] = []
        for positive in 0...problem.hiddenUnits {
            for code in 0..<1 << (points.dimension * problem.hiddenUnits) {
                let cells = (0..<problem.hiddenUnits).map {
                    code >> ($0 * points.dimension) & ((1 << points.dimension) - 1)
                }
                guard roots.isCanonical(cells, positiveUnits: positive) else { continue }
                var nodes: [TrainingCertificate.Node] = []
                let cones = cells.compactMap { ProofCone.root($0, base: base, points) }
                grow(&nodes, cones, positive, points, depth: next(5))
                trees.append(.init(positiveUnits: positive, cells: cells, nodes: nodes))
            }
        }
        return TrainingCertificate(
            problem: problem, lowerBound: .greatestFiniteMagnitude, points: points.rows.map { $0[0] },
            coordinates: coordinates, basePoints: base, trees: trees)
    }

    private mutating func grow(
        _ nodes: inout [TrainingCertificate.Node], _ cones: [ProofCone], _ positive: Int,
        _ points: ProofPoints,
        depth: Int
    ) {
        let unit = next(cones.count)
        let open = (0..<points.count).filter { cones[unit].states[$0] == .undecided }
        guard depth > 0, !open.isEmpty else {
            nodes.append(leaf(cones, positive, points))
            return
        }
        let point = open[next(open.count)]
        let (plus, minus) = cones[unit].cut(point, points)
        let other = cones.indices.first {
            $0 != unit && ($0 < positive) == (unit < positive) && cones[$0].isSame(as: cones[unit])
        }
        if let other {
            let units = [min(unit, other), max(unit, other)]
            nodes.append(.cutPair(units: units, point: point))
            for pair in [[plus, plus], [plus, minus], [minus, minus]] {
                var child = cones
                child[units[0]] = pair[0]
                child[units[1]] = pair[1]
                grow(&nodes, child, positive, points, depth: depth - 1)
            }
            return
        }
        nodes.append(.cut(unit: unit, point: point))
        for side in [plus, minus] {
            var child = cones
            child[unit] = side
            grow(&nodes, child, positive, points, depth: depth - 1)
        }
    }

    /// The relaxation min Σ_i min_{f ∈ [L_i, U_i]} ℓ(f) by projected gradient steps, with nonsmooth losses smoothed.
    private mutating func leaf(_ cones: [ProofCone], _ positive: Int, _ points: ProofPoints)
        -> TrainingCertificate.Node
    {
        let problem = points.problem
        var columns: [(lower: [Double], upper: [Double], isFree: Bool)] = []
        var slopes: [TrainingCertificate.Slope] = []
        for (unit, cone) in cones.enumerated() {
            let alpha = (0..<points.count).map { point -> Double in
                guard cone.states[point] == .undecided else { return 0 }
                let value = Double(next(3)) / 2
                if value > 0 { slopes.append(.init(point: point, unit: unit, value: value)) }
                return value
            }
            for ray in cone.rays {
                let scale = ray.products.reduce(1e-300) { max($0, $1.magnitude) }
                let low = (0..<points.count).map { point -> Double in
                    let product = ray.products[point] / scale
                    return cone.states[point] == .active
                        ? product : cone.states[point] == .inactive ? 0 : alpha[point] * product
                }
                let high = (0..<points.count).map { max(0, ray.products[$0] / scale) }
                columns.append(
                    unit < positive
                        ? (low, high, false) : (high.map { -$0 }, low.map { -$0 }, false))
            }
        }
        if problem.outputTerm != .none {
            let ones = [Double](repeating: 1, count: points.count)
            columns.append((ones, ones, true))
        }
        if problem.outputTerm == .affine {
            for column in 0..<points.dimension {
                let values = (0..<points.count).map { points.rounded[$0 * points.dimension + column] }
                columns.append((values, values, true))
            }
        }
        var x = [Double](repeating: 0, count: columns.count)
        var dual = [Double](repeating: 0, count: points.count)
        // The step that the norm of the columns and the curvature of the smoothed losses allow.
        let norm = columns.reduce(0.0) { sum, column in
            sum + zip(column.lower, column.upper).reduce(0) { $0 + max($1.0 * $1.0, $1.1 * $1.1) }
        }
        let weight = problem.weights.max() ?? 1
        let step = 1 / (norm * weight * 8 * Double(points.problem.rows) + 1)
        var momentum = x
        for iteration in 0..<500 {
            dual = (0..<points.count).map { point in
                var low = 0.0
                var high = 0.0
                for (index, column) in columns.enumerated() {
                    low += column.lower[point] * momentum[index]
                    high += column.upper[point] * momentum[index]
                }
                return slope(points, point, low, max(low, high))
            }
            let before = x
            for (index, column) in columns.enumerated() {
                var gradient = 0.0
                for point in 0..<points.count {
                    gradient += dual[point] * (dual[point] > 0 ? column.lower[point] : column.upper[point])
                }
                let moved = momentum[index] - step * gradient
                x[index] = column.isFree ? moved : max(0, moved)
            }
            let factor = Double(iteration) / Double(iteration + 3)
            momentum = zip(x, before).map { $0 + factor * ($0 - $1) }
        }
        return .leaf(dual: dual, slopes: slopes)
    }

    /// d/df of Σ ω ℓ at the point, at the f of [low, high] where it is nearest to 0.
    private func slope(_ points: ProofPoints, _ point: Int, _ low: Double, _ high: Double) -> Double {
        func total(_ f: Double) -> Double {
            points.rows[point].reduce(0) { sum, row in
                sum + points.problem.weights[row]
                    * smoothed(
                        points.problem.loss, f - points.problem.targets[row], f, points.problem.targets[row])
            }
        }
        let atLow = total(low)
        if atLow >= 0 { return atLow }
        let atHigh = total(high)
        return atHigh <= 0 ? atHigh : 0
    }

    private func smoothed(_ loss: TrainingLoss, _ r: Double, _ f: Double, _ y: Double) -> Double {
        func clip(_ t: Double) -> Double { min(1, max(-1, t / 0.05)) }
        switch loss {
        case .squared: return 2 * r
        case .absolute: return clip(r)
        case .huber(let delta): return min(delta, max(-delta, r))
        case .quantile(let level): return clip(r) > 0 ? (1 - level) * clip(r) : level * clip(r)
        case .hinge: return -y * max(0, clip(1 - y * f))
        case .squaredHinge: return -2 * y * max(0, 1 - y * f)
        case .logistic: return -y / (1 + exp(y * f))
        }
    }

    /// A random network of the class.
    mutating func network(_ problem: TrainingProblem) -> Network<Double> {
        let isAffine = problem.outputTerm == .affine
        let units = problem.hiddenUnits + (isAffine ? 2 : 0)
        var weights = (0..<units * problem.columns).map { _ in number(isCoarse: false) }
        var bias = (0..<units).map { _ in number(isCoarse: false) }
        var outer = (0..<problem.hiddenUnits).map { _ in Double(2 * next(2) - 1) }
        if isAffine {
            for column in 0..<problem.columns {
                weights[(units - 1) * problem.columns + column] = -weights[
                    (units - 2) * problem.columns + column]
            }
            bias[units - 1] = -bias[units - 2]
            outer += [1, -1]
        }
        return Network(layers: [
            AffineLayer(inputs: problem.columns, outputs: units, weights: weights, bias: bias),
            AffineLayer(
                inputs: units, outputs: 1, weights: outer,
                bias: [problem.outputTerm == .none ? 0 : number(isCoarse: false)]),
        ])
    }
}
