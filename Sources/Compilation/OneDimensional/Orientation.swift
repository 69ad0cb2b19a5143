/// Bounds of what binary64 evaluation of a compiled network loses, and the orientation that loses least.
///
/// For a binary64 input x a unit ±(x − t̂_i) is rounded once, its product with â_i at most once, and the sum of N
/// terms in any order multiplies each term by at most N − 1 more factors 1 + δ, |δ| ≤ u = 2^−53; a fused
/// multiply-add only drops a factor. So each term is off by at most γ |â_i| z_i with γ = (N + 4)u / (1 − (N + 4)u),
/// plus u |â_i| z_i for the rounding of Δ_i, plus |â_i| |t̂_i − t_i| for that of t_i, plus an underflow. Rounding is
/// monotone, so a unit that the ideal network has inactive at x is inactive in the rounded one.
struct RoundingBound: Sendable {
    static let unit = Double.ulpOfOne / 2
    /// The domain's ends, rounded outwards.
    let lower: Double
    let upper: Double
    let gamma: Double

    init(lower: Double, upper: Double, units: Int) {
        self.lower = lower
        self.upper = upper
        let n = Double(units + 5) * Self.unit
        gamma = n / (1 - n) + Self.unit
    }

    /// Half a unit in the last place where rounding may have moved the number.
    static func movement(_ value: Double, _ isRounded: Bool) -> Double {
        isRounded ? value.ulp / 2 : 0
    }

    /// What a unit with outer weight of this magnitude may contribute, `reach` away from its breakpoint.
    @inline(__always)
    func loss(_ weight: Double, movement: Double, reach: Double) -> Double {
        weight * movement + (gamma * weight + Double.leastNonzeroMagnitude) * (max(0, reach) + movement)
    }
}

/// The bound's parts for one orientation.
struct OrientationLoss {
    var left = 0.0
    var right = 0.0
    /// The largest sums of |â_i| z_i, to exclude overflow.
    var leftSum = 0.0
    var rightSum = 0.0
}

extension RoundedFunction {
    /// The pivot among `flatPieces` (where there are any and `flat` says so) or among the breakpoints that makes
    /// the rounding bound least. Complexity: O(p), two passes.
    func bestPivot(flat: Bool, candidates: [Int]? = nil, bound: RoundingBound) -> Int {
        let count = breakpoints.count
        var right = 0.0
        for index in 0..<count {
            right += bound.loss(
                jumps[index].magnitude,
                movement: RoundingBound.movement(breakpoints[index], breakpointIsRounded[index]),
                reach: bound.upper - breakpoints[index])
        }
        var left = 0.0
        var slope = leftSlope
        var best = flat ? flatPieces[0] : candidates?.first ?? 0
        var bestLoss = Double.infinity
        var next = 0
        let places = flat ? flatPieces : candidates ?? []
        let everywhere = !flat && candidates == nil
        for index in 0...count {
            let isCandidate =
                everywhere ? index < count : next < places.count && places[next] == index
            if index == count {
                if isCandidate, max(left, 0) + bound.gamma * values[count - 1].magnitude < bestLoss {
                    best = count
                }
                break
            }
            let movement = RoundingBound.movement(breakpoints[index], breakpointIsRounded[index])
            let toLeft = breakpoints[index] - bound.lower
            let toRight = bound.upper - breakpoints[index]
            let jump = jumps[index].magnitude
            let rightHere = bound.loss(jump, movement: movement, reach: toRight)
            if isCandidate {
                next += 1
                var a = left
                var b = right
                if !flat {
                    a += bound.loss(slope.magnitude, movement: movement, reach: toLeft)
                    b +=
                        bound.loss((slope + jumps[index]).magnitude, movement: movement, reach: toRight)
                        - rightHere
                }
                let loss = max(a, b) + bound.gamma * values[index].magnitude
                if loss < bestLoss {
                    bestLoss = loss
                    best = index
                }
            }
            left += bound.loss(jump, movement: movement, reach: toLeft)
            right -= rightHere
            slope += jumps[index]
        }
        return best
    }

    /// An upper bound of |evaluated network − function| at the binary64 inputs between the bound's ends.
    ///
    /// - Parameters:
    ///   - leftWeight, rightWeight: the rounded outer weights of the doubled breakpoint's units.
    ///   - offset: the rounded constant term.
    /// Complexity: O(p).
    func lossBound(
        _ plan: HiddenLayerPlan, leftWeight: Double, rightWeight: Double, offset: Double, bound: RoundingBound
    ) -> Double {
        var loss = OrientationLoss()
        for index in breakpoints.indices {
            let movement = RoundingBound.movement(breakpoints[index], breakpointIsRounded[index])
            let isDoubled = index == plan.doubled
            let isLeft = plan.facing.isLeft(index)
            if isDoubled || isLeft {
                let weight = isDoubled ? leftWeight.magnitude : jumps[index].magnitude
                let reach = breakpoints[index] - bound.lower
                loss.left += bound.loss(weight, movement: movement, reach: reach)
                loss.leftSum += weight * max(0, reach)
            }
            if isDoubled || !isLeft {
                let weight = isDoubled ? rightWeight.magnitude : jumps[index].magnitude
                let reach = bound.upper - breakpoints[index]
                loss.right += bound.loss(weight, movement: movement, reach: reach)
                loss.rightSum += weight * max(0, reach)
            }
        }
        // With a pivot only one side is active at a time.
        let active: Double
        let sum: Double
        if case .below = plan.facing {
            active = max(loss.left, loss.right)
            sum = max(loss.leftSum, loss.rightSum)
        } else {
            active = loss.left + loss.right
            sum = loss.leftSum + loss.rightSum
        }
        guard sum + offset.magnitude < 0x1p1022, bound.upper - bound.lower < 0x1p1022 else {
            return .infinity
        }
        let total = active + offset.ulp / 2 + bound.gamma * offset.magnitude
        // Every term above is non-negative, so their computed sum is relatively right to (p + 16) u; the
        // subnormal remainder covers what the terms themselves lost to underflow.
        let terms = Double(breakpoints.count + 16)
        return (total * (1 + 4 * terms * RoundingBound.unit) + terms * Double.leastNonzeroMagnitude).nextUp
    }
}
