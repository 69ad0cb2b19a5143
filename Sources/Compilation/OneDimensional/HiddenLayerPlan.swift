internal import ExactArithmetic
internal import PiecewiseLinear
internal import ReLUNetworks

/// Which units face left: σ(t_i − x) instead of σ(x − t_i).
enum Facing: Sendable {
    /// Those of the breakpoints numbered below this.
    case below(Int)
    case set([Bool])

    func isLeft(_ index: Int) -> Bool {
        switch self {
        case .below(let bound): index < bound
        case .set(let members): members[index]
        }
    }
}

/// The shape of a hidden layer that computes a function with at least one breakpoint: one unit a breakpoint with
/// weight Δ_i, at `doubled` two of them, back to back, and perhaps one unit that is constantly 1.
struct HiddenLayerPlan: Sendable {
    var facing: Facing
    var doubled: Int?
    /// Whether the constant is an outer weight of a constant unit, for want of an output bias.
    var constantUnit = false

    func size(breakpoints: Int) -> Int { breakpoints + (doubled == nil ? 0 : 1) + (constantUnit ? 1 : 0) }
}

/// The weights of a plan that are not jumps.
struct PlanWeights: Sendable {
    /// The outer weights of the left-facing and the right-facing unit at the doubled breakpoint.
    var left = Rational.zero
    var right = Rational.zero
    /// The constant term.
    var offset = Rational.zero

    /// Compares the network with the leftmost piece x ↦ s_0 x + β_0: with L the left-facing units and u the weight
    /// of the doubled one, s_0 = −Σ_L Δ_i − u and β_0 = Σ_L Δ_i t_i + u t_m + offset.
    init(_ plan: HiddenLayerPlan, _ pieces: some ExactPieces) {
        switch plan.facing {
        case .below(let bound):
            // The sums telescope: left of the pivot the left-facing units alone are the function.
            if let doubled = plan.doubled {
                left = -pieces.slope(doubled)
                right = pieces.slope(doubled + 1)
                offset = pieces.value(doubled)
            } else {
                offset = pieces.value(min(bound, pieces.breakpointCount - 1))
            }
        case .set(let members):
            let function = pieces.function()
            left = -function.leftSlope
            offset = function.leftIntercept
            for index in members.indices where members[index] && index != plan.doubled {
                let jump = pieces.jump(index)
                left -= jump
                offset -= jump * pieces.breakpoint(index)
            }
            if let doubled = plan.doubled {
                right = pieces.jump(doubled) - left
                offset -= left * pieces.breakpoint(doubled)
            }
        }
    }
}

extension HiddenLayerPlan {
    /// The ideal network.
    func exactNetwork(_ pieces: some ExactPieces) -> Network<Rational> {
        let weights = PlanWeights(self, pieces)
        var layer = LayerBuilder<Rational>(capacity: size(breakpoints: pieces.breakpointCount))
        for index in 0..<pieces.breakpointCount {
            let place = pieces.breakpoint(index)
            if index == doubled {
                layer.append(weight: Rational(-1), bias: place, outer: weights.left)
                layer.append(weight: .one, bias: -place, outer: weights.right)
            } else if facing.isLeft(index) {
                layer.append(weight: Rational(-1), bias: place, outer: pieces.jump(index))
            } else {
                layer.append(weight: .one, bias: -place, outer: pieces.jump(index))
            }
        }
        if constantUnit { layer.append(weight: .zero, bias: .one, outer: weights.offset) }
        return layer.network(offset: constantUnit ? .zero : weights.offset)
    }

    /// The network of correctly rounded entries. Complexity: O(p).
    func network(_ function: RoundedFunction, _ weights: PlanWeights) -> Network<Double> {
        let count = function.breakpoints.count
        let left = weights.left.nearestDouble
        let right = weights.right.nearestDouble
        let offset = weights.offset.nearestDouble
        let size = size(breakpoints: count)
        /// Calls `body` with every unit's number, breakpoint and direction.
        func fill(_ body: (Int, Int, Bool) -> Double, constant: Double) -> [Double] {
            [Double](unsafeUninitializedCapacity: size) { buffer, initialized in
                var unit = 0
                func run(_ range: Range<Int>) {
                    for index in range {
                        buffer[unit] = body(unit, index, facing.isLeft(index))
                        unit += 1
                    }
                }
                if let doubled {
                    run(0..<doubled)
                    buffer[unit] = body(unit, doubled, true)
                    buffer[unit + 1] = body(unit + 1, doubled, false)
                    unit += 2
                    run(doubled + 1..<count)
                } else {
                    run(0..<count)
                }
                if constantUnit {
                    buffer[unit] = constant
                    unit += 1
                }
                initialized = unit
            }
        }
        let hidden = function.breakpoints.withUnsafeBufferPointer { places in
            AffineLayer<Double>(
                inputs: 1, outputs: size, weights: fill({ $2 ? -1 : 1 }, constant: 0),
                // 0 − t is never −0.
                bias: fill({ $2 ? 0 + places[$1] : 0 - places[$1] }, constant: 1))
        }
        let outer = function.jumps.withUnsafeBufferPointer { jumps in
            fill({ $1 == doubled ? ($2 ? left : right) : jumps[$1] }, constant: offset)
        }
        return Network(layers: [
            hidden,
            AffineLayer(inputs: size, outputs: 1, weights: outer, bias: [constantUnit ? 0 : offset]),
        ])
    }
}

/// Collects the units of one hidden layer over a one-dimensional input.
struct LayerBuilder<Scalar: Sendable> {
    private var weights: [Scalar] = []
    private var bias: [Scalar] = []
    private var outer: [Scalar] = []

    init(capacity: Int) {
        weights.reserveCapacity(capacity)
        bias.reserveCapacity(capacity)
        outer.reserveCapacity(capacity)
    }

    mutating func append(weight: Scalar, bias unitBias: Scalar, outer unitOuter: Scalar) {
        weights.append(weight)
        bias.append(unitBias)
        outer.append(unitOuter)
    }

    func network(offset: Scalar) -> Network<Scalar> {
        Network(layers: [
            AffineLayer(inputs: 1, outputs: bias.count, weights: weights, bias: bias),
            AffineLayer(inputs: bias.count, outputs: 1, weights: outer, bias: [offset]),
        ])
    }
}
