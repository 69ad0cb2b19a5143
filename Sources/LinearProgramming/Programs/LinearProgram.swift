public import ExactArithmetic

/// {x ∈ R^n : ⟨normal, x⟩ ≤ offset}; an equation where it stands among equations.
public struct LinearInequality: Sendable, Hashable {
    /// n entries.
    public let normal: [Rational]
    public let offset: Rational

    public init(normal: [Rational], offset: Rational) {
        self.normal = normal
        self.offset = offset
    }

    /// offset − ⟨normal, x⟩: negative exactly where the inequality is violated.
    ///
    /// - Precondition: `point` has as many entries as `normal`.
    public func slack(at point: [Rational]) -> Rational { offset - innerProduct(normal, point) }
}

/// maximise ⟨objective, x⟩ over the x ∈ R^n that satisfy all inequalities and equations. Every x_j is free.
public struct LinearProgram: Sendable, Hashable {
    /// n entries.
    public let objective: [Rational]
    /// ⟨normal, x⟩ ≤ offset.
    public let inequalities: [LinearInequality]
    /// ⟨normal, x⟩ = offset.
    public let equations: [LinearInequality]

    /// - Precondition: every normal has as many entries as the objective.
    public init(
        maximising objective: [Rational], inequalities: [LinearInequality], equations: [LinearInequality] = []
    ) {
        precondition(
            inequalities.allSatisfy { $0.normal.count == objective.count }
                && equations.allSatisfy { $0.normal.count == objective.count }, "shapes disagree")
        self.objective = objective
        self.inequalities = inequalities
        self.equations = equations
    }

    /// n.
    public var dimension: Int { objective.count }
}

/// A linear combination of the constraints of a program: those of inequalities are ≥ 0, those of equations of
/// any sign.
public struct LinearMultipliers: Sendable, Hashable {
    public let inequalities: [Rational]
    public let equations: [Rational]

    public init(inequalities: [Rational], equations: [Rational] = []) {
        self.inequalities = inequalities
        self.equations = equations
    }
}

/// The answer to a linear program, with what proves it.
public enum LinearProgramOutcome: Sendable, Hashable {
    /// `point` is feasible, and the combination of constraints by `multipliers` has normal `objective` and offset
    /// `value` = ⟨objective, point⟩, so no feasible point has more (duality).
    case optimal(point: [Rational], value: Rational, multipliers: LinearMultipliers)
    /// The combination of constraints has normal 0 and a negative offset: 0 ≤ −1 (Farkas).
    case infeasible(LinearMultipliers)
    /// `point` is feasible, and so is every point + t · ray for t ≥ 0, with ⟨objective, ray⟩ > 0.
    case unbounded(point: [Rational], ray: [Rational])
}

/// Why a program has no answer.
public enum LinearProgrammingFault: Error, Sendable, Hashable {
    case cancelled
}

extension LinearProgram {
    /// Whether `point` satisfies every constraint.
    public func isFeasible(_ point: [Rational]) -> Bool {
        inequalities.allSatisfy { $0.slack(at: point).sign >= 0 }
            && equations.allSatisfy { $0.slack(at: point).isZero }
    }

    /// Whether the outcome's certificate proves it, in rational arithmetic.
    public func isProved(by outcome: LinearProgramOutcome) -> Bool {
        switch outcome {
        case .optimal(let point, let value, let multipliers):
            guard point.count == dimension, isFeasible(point), innerProduct(objective, point) == value,
                let combination = combination(multipliers)
            else { return false }
            return combination.normal == objective && combination.offset == value
        case .infeasible(let multipliers):
            guard let combination = combination(multipliers) else { return false }
            return combination.normal.allSatisfy(\.isZero) && combination.offset.sign < 0
        case .unbounded(let point, let ray):
            return point.count == dimension && ray.count == dimension && isFeasible(point)
                && innerProduct(objective, ray).sign > 0
                && inequalities.allSatisfy { innerProduct($0.normal, ray).sign <= 0 }
                && equations.allSatisfy { innerProduct($0.normal, ray).isZero }
        }
    }

    /// Σ multiplier · constraint; `nil` where shapes disagree or an inequality has a negative multiplier.
    private func combination(_ multipliers: LinearMultipliers) -> LinearInequality? {
        guard multipliers.inequalities.count == inequalities.count,
            multipliers.equations.count == equations.count,
            multipliers.inequalities.allSatisfy({ $0.sign >= 0 })
        else { return nil }
        var normal = [Rational](repeating: .zero, count: dimension)
        var offset = Rational.zero
        for (multiplier, constraint) in zip(
            multipliers.inequalities + multipliers.equations, inequalities + equations)
        where !multiplier.isZero {
            for index in normal.indices { normal[index] += multiplier * constraint.normal[index] }
            offset += multiplier * constraint.offset
        }
        return LinearInequality(normal: normal, offset: offset)
    }
}

/// ⟨a, b⟩.
func innerProduct(_ a: [Rational], _ b: [Rational]) -> Rational {
    precondition(a.count == b.count, "shapes disagree")
    var sum = Rational.zero
    for (x, y) in zip(a, b) where !x.isZero && !y.isZero { sum += x * y }
    return sum
}
