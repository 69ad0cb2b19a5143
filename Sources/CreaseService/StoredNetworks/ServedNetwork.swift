internal import ExactArithmetic
internal import ReLUNetworks
internal import Synchronization

/// A network as a request or the store gave it: its exact value, and what a runtime computes with.
///
/// A network whose entries are all binary64 is held once, as doubles; the rational form is made where exact
/// arithmetic is asked for.
final class ServedNetwork: Sendable {
    /// Every entry rounded to the nearest binary64.
    let rounded: Network<Double>
    /// Whether `rounded` is the network itself.
    let isRoundedExact: Bool
    private let rationals: Network<Rational>?
    private let cachedEvaluator = Mutex<BatchEvaluator?>(nil)

    /// A network of binary64 entries, all finite.
    init(_ network: Network<Double>) {
        rounded = network
        isRoundedExact = true
        rationals = nil
    }

    /// - Parameter rounded: the network's entries rounded to nearest, all finite.
    init(exact: Network<Rational>, rounded: Network<Double>, isRoundedExact: Bool) {
        self.rounded = rounded
        self.isRoundedExact = isRoundedExact
        rationals = isRoundedExact ? nil : exact
    }

    /// The exact network. Complexity: O(parameters) where the entries are binary64.
    var exact: Network<Rational> { rationals ?? rounded.map { Rational(exactly: $0) ?? .zero } }

    /// Prepared for batches; made at the first use and kept.
    var evaluator: BatchEvaluator {
        cachedEvaluator.withLock { cached in
            if let cached { return cached }
            let evaluator = BatchEvaluator(network: rounded)
            cached = evaluator
            return evaluator
        }
    }

    var inputs: Int { rounded.inputs }
    var outputs: Int { rounded.outputs }

    /// Memory held, about: entries as doubles, once more prepared, and as rationals where they are kept.
    var byteCount: Int {
        let perParameter = rationals == nil ? 16 : 16 + MemoryLayout<Rational>.stride
        return rounded.parameters * perParameter + rounded.layers.count * 128
    }
}
