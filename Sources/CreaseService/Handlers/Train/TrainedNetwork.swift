internal import Compilation
internal import ExactArithmetic
internal import ExactTraining
internal import Jobs
internal import PiecewiseLinear
internal import ReLUNetworks

/// What a training job found and proved, as it is answered.
struct TrainedNetwork: Sendable {
    let problem: TrainingProblem
    private let options: TrainingOptions
    private let tree: TrainingCertificate?
    private(set) var network: Network<Double>
    private(set) var loss: Double
    private(set) var lowerBound: Double
    private(set) var relativeGap: Double
    private(set) var isOptimal: Bool
    let method: TrainingMethod
    let nodesExplored: Int
    let elapsedSeconds: Double
    /// The function of one variable; nil for more.
    private(set) var function: PiecewiseLinearFunction?
    private(set) var certificate: [UInt8]?
    /// Why a certificate that was asked for is not there.
    private(set) var certificateRefusal: String?

    init(_ result: TrainingResult, _ problem: TrainingProblem, _ options: TrainingOptions) {
        self.problem = problem
        self.options = options
        tree = result.certificate
        network = result.network
        loss = result.loss
        lowerBound = result.lowerBound
        relativeGap = result.relativeGap
        isOptimal = result.optimal
        method = result.method
        nodesExplored = result.nodesExplored
        elapsedSeconds = result.elapsedSeconds
        function = problem.columns == 1 ? PiecewiseLinearFunction(result.network) : nil
    }

    /// The best affine function as a network; one unit on each side, or none but the bias where it is constant.
    init(
        _ fit: AffineRegression.Fit, _ problem: TrainingProblem, _ options: TrainingOptions, seconds: Double
    ) throws {
        self.problem = problem
        self.options = options
        tree = nil
        network = Network(layers: [
            AffineLayer(inputs: 1, outputs: 2, weights: [fit.slope, -fit.slope], bias: [0, 0]),
            AffineLayer(inputs: 2, outputs: 1, weights: [1, -1], bias: [fit.intercept]),
        ])
        loss = fit.loss
        lowerBound = fit.lowerBound
        relativeGap = Self.gap(fit.loss, fit.lowerBound)
        // As a search ends: a gap within the one asked for, or within a fraction of what predicting 0 costs.
        isOptimal =
            relativeGap <= options.relativeGap
            || fit.loss - fit.lowerBound <= options.absoluteGapFraction * fit.zeroLoss
        method = options.method
        nodesExplored = 1
        elapsedSeconds = seconds
        function = PiecewiseLinearFunction(network)
        compile(isCancelled: { false })
    }

    private static func gap(_ loss: Double, _ lowerBound: Double) -> Double {
        loss > lowerBound ? min(1, ((loss - lowerBound) / loss).nextUp) : 0
    }

    /// Replaces the network by the one of the fewest units for the same function, its breakpoints merged exactly. The
    /// loss becomes that of its binary64 weights.
    mutating func compile(isCancelled: @escaping @Sendable () -> Bool) {
        guard let function else { return }
        // Whoever cancels, or set a time limit, is not kept waiting by this.
        let end = Moment.now.advanced(bySeconds: 0.05)
        let isOver: @Sendable () -> Bool = { isCancelled() || Moment.now >= end }
        // Where a weight leaves binary64's range, the network that was found stays the answer.
        guard
            let compiled = try? OneDimensionalCompiler.compile(
                function, options: CompilationOptions(outputBias: true), isCancelled: isOver),
            let loss = problem.exactLoss(of: compiled.network, isCancelled: isOver)
        else { return }
        let gap = Self.gap(loss, lowerBound)
        // What was optimal by its absolute gap stays so while the loss grew by rounding alone.
        let grewByRounding = loss <= self.loss * (1 + 0x1p-36) + 0x1p-1000
        guard !isOptimal || gap <= options.relativeGap || grewByRounding else { return }
        network = compiled.network
        self.loss = loss
        relativeGap = gap
    }

    /// Makes the certificate of an optimum: an exact proof of what the search left behind.
    mutating func certify(maximumBytes: Int, isCancelled: @escaping @Sendable () -> Bool) {
        guard isOptimal else {
            certificateRefusal = "The search ended before it had proved an optimum."
            return
        }
        guard let tree else {
            certificateRefusal = "The search left no tree: it was too large for the memory that it may use."
            return
        }
        do throws(ExactCertificate.MakingFault) {
            let proof = try ExactCertificate(tree, network: network, isCancelled: isCancelled)
            let width = max(
                options.relativeGap * proof.loss, (loss - lowerBound) * (1 + 0x1p-20), proof.loss * 0x1p-40)
            guard proof.loss - proof.lowerBound <= width else {
                certificateRefusal =
                    "In exact arithmetic the tree proves a lower bound of \(proof.lowerBound) only."
                return
            }
            guard let document = CertificateDocument.encode(proof, maximumBytes: maximumBytes) else {
                certificateRefusal =
                    "The certificate would have more than \(maximumBytes) bytes, the limit maximumCertificateBytes."
                return
            }
            certificate = document
            // The answer claims what the certificate proves.
            loss = proof.loss
            lowerBound = min(lowerBound, proof.lowerBound)
            relativeGap = Self.gap(loss, lowerBound)
        } catch {
            switch error {
            case .cancelled:
                certificateRefusal =
                    "The job was ended, or its time was over, while its certificate was made."
            case .notProvable(let reason): certificateRefusal = "The tree is no proof: \(reason)."
            }
        }
    }
}

extension PiecewiseLinearFunction {
    /// The function R → R of a network of one hidden layer, exactly: its breakpoints are those where slopes differ.
    init?(_ network: Network<Double>) {
        guard network.inputs == 1, network.outputs == 1, network.layers.count == 2, let exact = network.exact
        else { return nil }
        let (hidden, output) = (exact.layers[0], exact.layers[1])
        var slope = Rational.zero
        var intercept = output.bias[0]
        var jumps: [Rational: Rational] = [:]
        for unit in 0..<hidden.outputs {
            let (weight, bias, factor) = (hidden.weights[unit], hidden.bias[unit], output.weights[unit])
            if weight.isZero {
                if bias.sign > 0 { intercept += factor * bias }
                continue
            }
            // Left of its breakpoint a unit of negative weight is on.
            if weight.sign < 0 {
                slope += factor * weight
                intercept += factor * bias
            }
            jumps[-bias / weight, default: .zero] += factor * weight.magnitude
        }
        let breakpoints = jumps.filter { !$0.value.isZero }.sorted { $0.key < $1.key }
        guard let first = breakpoints.first else {
            self.init(slope: slope, intercept: intercept)
            return
        }
        var slopes = [slope]
        for jump in breakpoints { slopes.append(slopes[slopes.count - 1] + jump.value) }
        self.init(
            breakpoints: breakpoints.map(\.key), slopes: slopes, anchorValue: slope * first.key + intercept)
    }
}
