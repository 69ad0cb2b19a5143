internal import ExactTraining
internal import Jobs
internal import PiecewiseLinear
internal import ReLUNetworks
internal import Synchronization

/// What a training job keeps beside its result: the bounds over time, what its picture shows, its certificate.
final class TrainingJobRecord: TrainingRecord {
    /// Bounds at one moment of the search.
    struct Sample: Sendable {
        let seconds: Double
        let lowerBound: Double
        let upperBound: Double
    }

    /// What was found, as far as pictures need it.
    struct Fit: Sendable {
        let problem: TrainingProblem
        let network: Network<Double>
        /// n = 1.
        let function: PiecewiseLinearFunction?
        let loss: Double
        let lowerBound: Double
        let isOptimal: Bool
    }

    private struct State {
        var samples: [Sample] = []
        /// Every so many reports are kept.
        var stride = 1
        var reports = 0
        var fit: Fit?
        var certificate: [UInt8]?
    }

    /// Samples that are kept; a search of any length has at least half as many.
    static let maximumSamples = 1024

    private let state = Mutex(State())

    func add(_ sample: Sample) {
        state.withLock { state in
            state.reports += 1
            guard state.reports % state.stride == 0 else { return }
            state.samples.append(sample)
            guard state.samples.count == Self.maximumSamples else { return }
            state.samples = stride(from: 1, to: state.samples.count, by: 2).map { state.samples[$0] }
            state.stride *= 2
        }
    }

    func finish(_ fit: Fit, certificate: [UInt8]?, last: Sample) {
        state.withLock { state in
            state.fit = fit
            state.certificate = certificate
            state.samples.append(last)
        }
    }

    var byteCount: Int {
        state.withLock { state in
            state.samples.count * MemoryLayout<Sample>.stride + (state.certificate?.count ?? 0)
                + (state.fit.map { 8 * ($0.problem.inputs.count + 2 * $0.problem.rows) } ?? 0)
        }
    }

    func picture() -> [UInt8]? {
        let (samples, fit) = state.withLock { ($0.samples, $0.fit) }
        guard fit != nil || !samples.isEmpty else { return nil }
        return TrainingDrawing(samples: samples, fit: fit).svg()
    }

    func certificate() -> [UInt8]? { state.withLock { $0.certificate } }
}
