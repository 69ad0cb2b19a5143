import ExactArithmetic
import Foundation
import Testing

@testable import ExactTraining

/// Losses against their definitions in rational arithmetic.
struct LossFunctionsTests {
    static let losses: [TrainingLoss] = [
        .squared, .absolute, .huber(delta: 0.7), .quantile(level: 0.3), .quantile(level: 0.9), .hinge,
        .squaredHinge, .logistic,
    ]

    static func logistic(margin: Double) -> Double { max(0, -margin) + log1p(exp(-margin.magnitude)) }

    static func rational(_ value: Double) throws -> Rational { try #require(Rational(exactly: value)) }

    /// Fenchel and Young: g f ≤ ℓ(f, y) + ℓ*(g), with equality at g = ℓ'(f).
    @Test(arguments: losses)
    func conjugatesAreSafeAndTight(loss: TrainingLoss) throws {
        var random = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            let target =
                loss.isClassification
                ? (Bool.random(using: &random) ? 1.0 : -1) : Double.random(in: -2...2, using: &random)
            let prediction = Double.random(in: -4...4, using: &random)
            let domain = loss.conjugateDomain(target: target)
            let tangent = min(domain.upperBound, max(domain.lowerBound, loss.derivative(prediction, target)))
            let other = Double.random(
                in: max(-3, domain.lowerBound)...min(3, domain.upperBound), using: &random)
            for slope in [tangent, other, domain.lowerBound, domain.upperBound] where slope.isFinite {
                let conjugate = loss.conjugateUp(slope, target: target)
                let line = try Self.rational(slope) * Self.rational(prediction)
                let conjugateExact = try Self.rational(conjugate)
                if let value = loss.exactValue(
                    try Self.rational(prediction), try Self.rational(target))
                {
                    #expect(line <= value + conjugateExact)
                } else {
                    let value = loss.enclosure(EnclosedNumber(prediction), target).upperBound
                    #expect(line <= (try Self.rational(value)) + conjugateExact)
                }
            }
            let gap =
                loss.value(prediction, target) + loss.conjugateUp(tangent, target: target) - tangent
                * prediction
            #expect(gap.magnitude < 1e-12, "\(prediction) \(target)")
            #expect(
                loss.conjugateUp(domain.upperBound.nextUp, target: target) == .infinity
                    || domain.upperBound == .infinity)
        }
    }

    @Test func derivativesAreSlopes() {
        var random = SeededGenerator(seed: 6)
        for loss in Self.losses {
            for _ in 0..<100 {
                let target = loss.isClassification ? 1.0 : 0.3
                let f = Double.random(in: -3...3, using: &random)
                let step = 1e-5
                let slope = (loss.value(f + step, target) - loss.value(f - step, target)) / (2 * step)
                let bend =
                    (loss.derivative(f + step, target) - loss.derivative(f - step, target)) / (2 * step)
                #expect((slope - loss.derivative(f, target)).magnitude < 1e-4 || isNearKink(loss, f, target))
                #expect((bend - loss.curvature(f, target)).magnitude < 1e-4 || isNearKink(loss, f, target))
            }
        }
    }

    private func isNearKink(_ loss: TrainingLoss, _ f: Double, _ target: Double) -> Bool {
        let kinks: [Double] =
            switch loss {
            case .huber(let delta): [target - delta, target + delta]
            case .hinge, .squaredHinge: [target]
            default: [target]
            }
        return kinks.contains { ($0 - f).magnitude < 1e-4 }
    }
}
