internal import Approximation
internal import ExactArithmetic
internal import FastJSON
internal import PiecewiseLinear

/// The best function of at most so many pieces: in the maximum norm, or in the mean of absolute or squared distances.
struct BestOfPiecesApproximation: FoundApproximation {
    private static let maximumPieces = 1_000_000

    private enum Norm: String {
        case maximum
        case meanAbsolute = "mean-absolute"
        case meanSquared = "mean-squared"
    }

    let function: PiecewiseLinearFunction
    private let norm: Norm
    private let distance: Rational
    private let lowerBound: Rational
    private let isOptimal: Bool
    /// Of a search in the mean.
    private var nodesExplored: Int?
    private var dataRounded: Bool?

    init(
        _ rows: PostedRows, _ piecesValue: JSONValue, _ members: ApproximateMembers,
        _ answer: ApproximateAnswer
    ) throws {
        norm =
            try members.norm?.choice([
                Norm.maximum.rawValue: .maximum, Norm.meanAbsolute.rawValue: .meanAbsolute,
                Norm.meanSquared.rawValue: .meanSquared,
            ]) ?? .maximum
        let pieces = try piecesValue.integer(in: 1...Self.maximumPieces)
        let call = answer.call
        do {
            switch norm {
            case .maximum:
                try members.refuse(
                    members.ofPieces.filter { $0.name != "norm" },
                    "belongs to the norms 'mean-absolute' and 'mean-squared'.", named: true)
                let best = try DataBand.leastMaximum(
                    x: rows.rationals(0, call), y: rows.rationals(1, call), pieces: pieces,
                    isCancelled: call.cancellation.closure)
                (function, distance, lowerBound) = (best.function, best.distance, best.lowerBound)
                isOptimal = true
            case .meanAbsolute, .meanSquared:
                let options = try Self.options(members, call)
                let best = try LeastMean.fit(
                    x: rows.rationals(0, call), y: rows.rationals(1, call), pieces: pieces,
                    norm: norm == .meanAbsolute ? .absolute : .squared, options: options,
                    progress: { call.report($0.document) }, isCancelled: call.cancellation.closure)
                (function, distance, lowerBound) = (best.function, best.distance, best.lowerBound)
                isOptimal = best.isOptimal
                nodesExplored = best.nodesExplored
                dataRounded = best.dataRounded
            }
        } catch let fault as ApproximationFault {
            throw ApproximateOperation.problem(fault, rows)
        }
    }

    /// A direct answer stops its search in time to be written; a job's search may take as long as jobs may.
    private static func options(_ members: ApproximateMembers, _ call: Call) throws -> LeastMeanOptions {
        var options = LeastMeanOptions()
        if let value = members.relativeGap {
            options.relativeGap = try value.double()
            guard (0..<1).contains(options.relativeGap) else {
                throw Problem.unprocessable(
                    "out-of-range", at: value.pointer, "A relative gap is at least 0 and below 1.")
            }
        }
        if let value = members.timeLimitSeconds {
            let seconds = try value.double()
            guard seconds > 0, seconds <= call.service.configuration.maximumJobSeconds else {
                throw Problem.unprocessable(
                    "out-of-range", at: value.pointer,
                    "A time limit is above 0 and at most maximumJobSeconds, "
                        + "\(call.service.configuration.maximumJobSeconds).")
            }
            options.timeLimit = seconds
        }
        if !call.isJob {
            let rest = call.cancellation.remainingSeconds * 0.9
            options.timeLimit = min(options.timeLimit ?? rest, rest)
        }
        options.threads = call.isJob ? call.service.configuration.threadsPerJob : 1
        options.memoryLimit = min(1 << 30, call.service.configuration.maximumWorkBytes)
        return options
    }

    var bandWidth: Double? { norm == .maximum ? distance.nearestDouble : nil }

    func write(_ writer: inout JSONWriter, exact: Bool) {
        writer.member("norm", norm.rawValue)
        // Bounds stay bounds when they are rounded.
        writer.key("distance")
        if exact {
            writer.rational(distance, exact: true)
        } else {
            writer.double(distance.double(rounding: .up))
        }
        writer.key("distanceLowerBound")
        if exact {
            writer.rational(lowerBound, exact: true)
        } else {
            writer.double(lowerBound.double(rounding: .down))
        }
        writer.member("optimal", isOptimal)
        if let nodesExplored { writer.member("nodesExplored", nodesExplored) }
        if let dataRounded { writer.member("dataRounded", dataRounded) }
    }
}

extension LeastMeanProgress {
    fileprivate var document: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("lowerBound", lowerBound)
        writer.member("upperBound", upperBound)
        writer.member("relativeGap", relativeGap)
        writer.member("nodesExplored", nodesExplored)
        writer.member("openNodes", openNodes)
        writer.member("elapsedSeconds", elapsedSeconds)
        writer.endObject()
        return writer.array()
    }
}
