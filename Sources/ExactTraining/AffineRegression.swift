internal import ExactArithmetic
internal import Glibc

/// The best affine function of one variable for data, under any loss: what segmented regression of one piece is.
public struct AffineRegression: Sendable {
    /// Of one column; its hidden units count for nothing.
    public let problem: TrainingProblem

    public struct Fit: Sendable {
        public let slope: Double
        public let intercept: Double
        /// The weighted mean loss, rounded up.
        public let loss: Double
        /// No affine function has a smaller one: the bound of a dual vector that was made feasible exactly.
        public let lowerBound: Double
        /// The weighted mean loss of predicting 0.
        public let zeroLoss: Double
    }

    /// - Precondition: the problem has one column.
    public init(_ problem: TrainingProblem) {
        precondition(problem.columns == 1, "affine regression takes one column")
        self.problem = problem
    }

    private static let smoothings = 14
    private static let steps = 60

    /// Newton's method on losses whose kinks are rounded off less and less, from the least-squares line on.
    ///
    /// Complexity: O(rows) for each of some hundred steps, and rational arithmetic once.
    public func solve(isCancelled: () -> Bool = { false }) -> Fit {
        let rows = (0..<problem.rows).filter { problem.weights[$0] > 0 }
        let frame = Frame(rows.map { problem.inputs[$0] })
        var line = Line(a: 0, b: 0)
        let scale = max(rows.reduce(0) { max($0, problem.targets[$1].magnitude) }, 1e-300)
        var smoothing = scale
        for _ in 0..<(problem.loss.isPiecewiseLinear ? Self.smoothings : 1) {
            line = newton(line, rows, frame, smoothing, isCancelled)
            if isCancelled() { break }
            smoothing *= 0.2
        }
        if problem.loss.isPiecewiseLinear { line = polished(line, rows, frame, scale) }
        let slope = line.a / frame.scale
        let intercept = line.b - line.a / frame.scale * frame.centre
        let dual = (0..<problem.rows).map { row -> Double in
            guard problem.weights[row] > 0 else { return 0 }
            let f = line.a * frame[problem.inputs[row]] + line.b
            let y = problem.targets[row]
            if problem.loss.isPiecewiseLinear, (f - y).magnitude <= scale * 1e-11 {
                // At a kink every slope between the two sides' is one; from the middle it can move both ways.
                let range = problem.loss.slopeRange(target: y)
                let middle = ((range.lower ?? .zero) + (range.upper ?? .zero)).nearestDouble / 2
                return problem.weights[row] * middle
            }
            return problem.weights[row] * problem.loss.rounded(f, y, scale * 1e-13).slope
        }
        return fit(slope, intercept, dual)
    }

    private static let kinks = 14

    /// The best line through two of the kinks nearest to this one: an optimum of a piecewise-linear loss is such a line.
    private func polished(_ line: Line, _ rows: [Int], _ frame: Frame, _ scale: Double) -> Line {
        func distance(_ row: Int) -> Double {
            // The kink of the hinge loss, y f = 1, is f = y as well.
            (line.a * frame[problem.inputs[row]] + line.b - problem.targets[row]).magnitude
        }
        var seen: Set<[Double]> = []
        let near = rows.map { (row: $0, distance: distance($0)) }.sorted { $0.distance < $1.distance }
            .filter { seen.insert([problem.inputs[$0.row], problem.targets[$0.row]]).inserted }
            .prefix(Self.kinks)
        var best = (line: line, value: value(line, rows, frame, scale * 1e-15))
        for (index, first) in near.enumerated() {
            let (x, y) = (frame[problem.inputs[first.row]], problem.targets[first.row])
            var candidates = [Line(a: line.a, b: y - line.a * x), Line(a: 0, b: y)]
            for second in near.prefix(index) {
                let (u, v) = (frame[problem.inputs[second.row]], problem.targets[second.row])
                if u != x { candidates.append(Line(a: (v - y) / (u - x), b: y - (v - y) / (u - x) * x)) }
            }
            for candidate in candidates {
                let found = value(candidate, rows, frame, scale * 1e-15)
                if found < best.value { best = (candidate, found) }
            }
        }
        return best.line
    }

    /// Inputs centred and scaled.
    private struct Frame {
        let centre: Double
        let scale: Double

        init(_ inputs: [Double]) {
            let low = inputs.min() ?? 0
            let high = inputs.max() ?? 0
            centre = low / 2 + high / 2
            scale = max(high / 2 - low / 2, centre.magnitude * 1e-15 + 1e-300)
        }

        subscript(_ x: Double) -> Double { (x - centre) / scale }
    }

    private struct Line {
        var a: Double
        var b: Double
    }

    private func value(_ line: Line, _ rows: [Int], _ frame: Frame, _ smoothing: Double) -> Double {
        rows.reduce(0) { sum, row in
            let f = line.a * frame[problem.inputs[row]] + line.b
            return sum + problem.weights[row] * problem.loss.rounded(f, problem.targets[row], smoothing).value
        }
    }

    private func newton(
        _ start: Line, _ rows: [Int], _ frame: Frame, _ smoothing: Double, _ isCancelled: () -> Bool
    ) -> Line {
        var line = start
        var best = value(line, rows, frame, smoothing)
        for _ in 0..<Self.steps where !isCancelled() {
            var gradient = (a: 0.0, b: 0.0)
            var hessian = (aa: 0.0, ab: 0.0, bb: 0.0)
            for row in rows {
                let x = frame[problem.inputs[row]]
                let at = problem.loss.rounded(line.a * x + line.b, problem.targets[row], smoothing)
                let weight = problem.weights[row]
                gradient.a += weight * at.slope * x
                gradient.b += weight * at.slope
                hessian.aa += weight * at.curvature * x * x
                hessian.ab += weight * at.curvature * x
                hessian.bb += weight * at.curvature
            }
            // A ridge where the losses are flat; it vanishes with the curvature's own size.
            let ridge = max(1e-12 * (hessian.aa + hessian.bb), 1e-12 * problem.weights.reduce(0, +))
            let (aa, bb) = (hessian.aa + ridge, hessian.bb + ridge)
            let determinant = aa * bb - hessian.ab * hessian.ab
            guard determinant > 0 else { break }
            let step = Line(
                a: -(bb * gradient.a - hessian.ab * gradient.b) / determinant,
                b: -(aa * gradient.b - hessian.ab * gradient.a) / determinant)
            var length = 1.0
            var improved = false
            for _ in 0..<50 {
                let next = Line(a: line.a + length * step.a, b: line.b + length * step.b)
                let found = value(next, rows, frame, smoothing)
                if found < best {
                    line = next
                    best = found
                    improved = true
                    break
                }
                length /= 2
            }
            if !improved { break }
        }
        return line
    }

    private func fit(_ slope: Double, _ intercept: Double, _ dual: [Double]) -> Fit {
        let network = Line(a: slope, b: intercept)
        var sum = Rational.zero
        var zero = Rational.zero
        var total = Rational.zero
        for row in 0..<problem.rows where problem.weights[row] > 0 {
            let weight = Rational(exactly: problem.weights[row]) ?? .zero
            let x = Rational(exactly: problem.inputs[row]) ?? .zero
            let f =
                (Rational(exactly: network.a) ?? .zero) * x + (Rational(exactly: network.b) ?? .zero)
            sum += weight * problem.loss.upperValue(f, target: problem.targets[row])
            zero += weight * problem.loss.upperValue(.zero, target: problem.targets[row])
            total += weight
        }
        let points = ProofPoints(problem, coordinates: [0, 1])
        let relaxation = LeafRelaxation(points: points, cones: [], positiveUnits: 0, slopes: [])
        let repaired = DualRepair(relaxation: relaxation).repaired(dual)
        let bound = LeafDual(points, rounded: repaired.rounded, exact: repaired.exact).value() ?? .zero
        let loss = (sum / total).double(rounding: .up)
        return Fit(
            slope: slope, intercept: intercept, loss: loss,
            lowerBound: max(0, min(loss, (bound / total).double(rounding: .down))),
            zeroLoss: (zero / total).double(rounding: .up))
    }
}

extension TrainingLoss {
    fileprivate var isPiecewiseLinear: Bool {
        switch self {
        case .absolute, .quantile, .hinge: true
        case .squared, .huber, .squaredHinge, .logistic: false
        }
    }

    /// The loss with its kinks rounded off over about `smoothing` (its Moreau envelope): value, slope, curvature.
    fileprivate func rounded(_ f: Double, _ y: Double, _ smoothing: Double) -> (
        value: Double, slope: Double, curvature: Double
    ) {
        func envelope(_ r: Double, _ lower: Double, _ upper: Double) -> (Double, Double, Double) {
            let slope = min(upper, max(lower, r / smoothing))
            return (
                slope * r - smoothing * slope * slope / 2, slope,
                slope > lower && slope < upper ? 1 / smoothing : 0
            )
        }
        let r = f - y
        switch self {
        case .squared: return (r * r, 2 * r, 2)
        case .absolute: return envelope(r, -1, 1)
        case .quantile(let level): return envelope(r, -level, 1 - level)
        case .huber(let delta):
            if r.magnitude <= delta { return (r * r / 2, r, 1) }
            return (delta * (r.magnitude - delta / 2), r > 0 ? delta : -delta, 0)
        case .hinge:
            let (value, slope, curvature) = envelope(1 - y * f, 0, 1)
            return (value, -y * slope, curvature)
        case .squaredHinge:
            let margin = max(0, 1 - y * f)
            return (margin * margin, -2 * y * margin, margin > 0 ? 2 : 0)
        case .logistic:
            let margin = y * f
            let odds = exp(-margin.magnitude)
            let p = margin > 0 ? odds / (1 + odds) : 1 / (1 + odds)
            return (max(0, -margin) + log1p(odds), -y * p, p * (1 - p))
        }
    }
}
