public import ExactArithmetic
internal import ExactTraining
internal import PieceCounting
public import PiecewiseLinear
internal import ReLUNetworks

/// What is averaged over the data.
public enum MeanNorm: Sendable, Hashable {
    /// |f(x) − y|, the L¹ sense.
    case absolute
    /// (f(x) − y)², the L² sense.
    case squared

    fileprivate var loss: TrainingLoss { self == .absolute ? .absolute : .squared }

    fileprivate func of(_ distance: Rational) -> Rational {
        self == .absolute ? distance.magnitude : distance * distance
    }
}

public struct LeastMeanOptions: Sendable {
    /// The search ends when (distance − lower bound) ≤ `relativeGap` · distance.
    public var relativeGap = 1e-6
    /// Wall-clock seconds; `nil` is no limit.
    public var timeLimit: Double?
    public var threads = 1
    public var memoryLimit = 1 << 30
    public var seed: UInt64 = 1

    public init() {}
}

/// Where a search stands; in the data's own units.
public struct LeastMeanProgress: Sendable {
    public let lowerBound: Double
    public let upperBound: Double
    public let relativeGap: Double
    public let nodesExplored: Int
    public let openNodes: Int
    public let elapsedSeconds: Double
}

/// A function of at most so many pieces whose mean distance from data is least, up to a proved gap.
public struct LeastMeanResult: Sendable {
    public let function: PiecewiseLinearFunction
    /// The mean of |f(x) − y| or of (f(x) − y)² over the data is at most this; exactly this where it equals the bound.
    public let distance: Rational
    /// No function of so many pieces has a smaller one.
    public let lowerBound: Rational
    /// Whether the gap asked for is proved.
    public let isOptimal: Bool
    /// Nodes of the search; 0 where a closed form answers.
    public let nodesExplored: Int
    /// Whether the data were rounded to binary64, which decimals of very many digits are: then function, distance and
    /// bound are those of the rounded data.
    public let dataRounded: Bool
}

/// The best function of at most so many pieces in the mean of absolute or squared distances.
public enum LeastMean {
    /// The most pieces that a search takes; closed forms take any number.
    public static let maximumPieces = TrainingProblem.maximumHiddenUnits + 1

    /// One piece is a regression line. Where so many pieces pass the mean or median at every place, nothing is better.
    /// In between, a function of p pieces is a network of p − 1 hidden units and an affine term (Theorem 2.2 of Arora
    /// et al., ICLR 2018), and training those to proved global optimality finds the best.
    ///
    /// - Parameters:
    ///   - progress: called about every 50 ms by a search.
    ///   - isCancelled: polled at least every 50 ms. A search that is cancelled answers with what it has proved.
    /// - Throws: `noPoints`, `piecesNotPositive`, `tooManyPieces`, `outOfRange`, `cancelled` before there is an answer.
    public static func fit(
        x: [Rational], y: [Rational], pieces: Int, norm: MeanNorm,
        options: LeastMeanOptions = LeastMeanOptions(),
        progress: @escaping @Sendable (LeastMeanProgress) -> Void = { _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ApproximationFault) -> LeastMeanResult {
        guard pieces >= 1 else { throw .piecesNotPositive }
        guard !x.isEmpty else { throw .noPoints }
        func exact(_ function: PiecewiseLinearFunction) throws(ApproximationFault) -> LeastMeanResult {
            let distance = try mean(of: norm, function, x, y, isCancelled)
            return LeastMeanResult(
                function: function, distance: distance, lowerBound: distance, isOptimal: true,
                nodesExplored: 0, dataRounded: false)
        }
        if pieces == 1 {
            let line =
                norm == .squared
                ? RegressionLines.leastSquares(x: x, y: y, isCancelled: isCancelled)
                : RegressionLines.leastAbsolute(x: x, y: y, isCancelled: isCancelled)
            guard let line else { throw .cancelled }
            return try exact(line)
        }
        let through = try centres(x, y, norm, isCancelled).fewestPieces(isCancelled: isCancelled)
        if through.pieces <= pieces { return try exact(through.function) }
        guard pieces <= maximumPieces else { throw .tooManyPieces(limit: maximumPieces) }
        return try search(MeanData(x: x, y: y), pieces: pieces, norm: norm, options, progress, isCancelled)
    }

    /// What is best at each place by itself: the mean of its values, or their medians.
    private static func centres(
        _ x: [Rational], _ y: [Rational], _ norm: MeanNorm, _ isCancelled: () -> Bool
    ) throws(ApproximationFault) -> DataBand {
        let order = x.indices.sorted { x[$0] < x[$1] }
        var places: [Rational] = []
        var lower: [Rational] = []
        var upper: [Rational] = []
        var start = 0
        while start < order.count {
            let place = x[order[start]]
            var end = start + 1
            while end < order.count, x[order[end]] == place { end += 1 }
            let values = order[start..<end].map { y[$0] }
            places.append(place)
            switch norm {
            case .squared:
                guard let sum = RegressionLines.sum(values, isCancelled) else { throw .cancelled }
                let mean = sum / Rational(values.count)
                lower.append(mean)
                upper.append(mean)
            case .absolute:
                let sorted = values.sorted()
                lower.append(sorted[(sorted.count - 1) / 2])
                upper.append(sorted[sorted.count / 2])
            }
            start = end
        }
        return try DataBand(x: places, lower: lower, upper: upper)
    }

    private static func mean(
        of norm: MeanNorm, _ function: PiecewiseLinearFunction, _ x: [Rational], _ y: [Rational],
        _ isCancelled: () -> Bool
    ) throws(ApproximationFault) -> Rational {
        let evaluator = function.evaluator()
        var sum = Rational.zero
        for (index, place) in x.enumerated() {
            if index & 0x3f == 0, isCancelled() { throw .cancelled }
            sum += norm.of(evaluator(place) - y[index])
        }
        return sum / Rational(x.count)
    }

    private static func search(
        _ data: MeanData, pieces: Int, norm: MeanNorm, _ options: LeastMeanOptions,
        _ progress: @escaping @Sendable (LeastMeanProgress) -> Void,
        _ isCancelled: @escaping @Sendable () -> Bool
    ) throws(ApproximationFault) -> LeastMeanResult {
        let unit = norm.of(data.y.unit)
        let scale = unit.nearestDouble
        let trained: TrainingResult
        do {
            trained = try train(
                TrainingProblem(
                    inputs: data.x.numbers, columns: 1, targets: data.y.numbers, hiddenUnits: pieces - 1,
                    loss: norm.loss, outputTerm: .affine),
                options: TrainingOptions(
                    relativeGap: options.relativeGap, timeLimit: options.timeLimit, threads: options.threads,
                    seed: options.seed, memoryLimit: options.memoryLimit),
                progress: {
                    progress(
                        LeastMeanProgress(
                            lowerBound: $0.lowerBound * scale, upperBound: $0.upperBound * scale,
                            relativeGap: $0.relativeGap, nodesExplored: $0.nodesExplored,
                            openNodes: $0.openNodes, elapsedSeconds: $0.elapsedSeconds))
                }, cancelled: isCancelled)
        } catch {
            throw .unsuitable(error)
        }
        let listed = try? trained.network.exact.map { try LinePieceCounting.list($0).function() }
        guard let fitted = listed, let loss = Rational(exactly: trained.loss),
            let bound = Rational(exactly: trained.lowerBound)
        else { throw .outOfRange(index: 0) }
        return LeastMeanResult(
            function: data.function(fitted), distance: loss * unit, lowerBound: max(.zero, bound) * unit,
            isOptimal: trained.optimal, nodesExplored: trained.nodesExplored, dataRounded: data.isRounded)
    }
}
