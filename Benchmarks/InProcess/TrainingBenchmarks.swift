import ExactTraining
import Foundation

let trainingBenchmarks: [Benchmark] = [
    Benchmark(
        name: "train",
        summary: """
            FILE hiddenUnits [--loss L] [--output-term T] [--threads N] [--gap G] [--time S] [--method M] [--seed N]
                [--program-limit N] [--memory BYTES] [--delta D] [--level L] [--json] [--progress]: \
            a globally optimal network; FILE is "D n", then D lines "x_1 .. x_n y"
            """
    ) { arguments in
        let request = try TrainingRequest(arguments)
        let started = ContinuousClock.now
        let wantsProgress = request.flags.contains("--progress")
        let result = try train(request.problem, options: request.options) { progress in
            if wantsProgress {
                print(
                    "\(progress.elapsedSeconds) lowerBound \(progress.lowerBound) upperBound \(progress.upperBound)",
                    "gap \(progress.relativeGap) nodes \(progress.nodesExplored) open \(progress.openNodes)")
            }
        }
        let duration = (ContinuousClock.now - started).components
        let seconds = Double(duration.seconds) + 1e-18 * Double(duration.attoseconds)
        if request.flags.contains("--json") {
            print(
                """
                {"loss": \(result.loss), "lowerBound": \(result.lowerBound), "relativeGap": \(result.relativeGap), \
                "optimal": \(result.optimal), "nodes": \(result.nodesExplored), "seconds": \(seconds)}
                """)
        } else {
            print(
                "loss \(result.loss) lowerBound \(result.lowerBound) gap \(result.relativeGap)",
                "\(result.optimal ? "optimal" : "not proved") nodes \(result.nodesExplored) seconds \(seconds)",
                "nodes/s \(Int(Double(result.nodesExplored) / max(seconds, 1e-9)))")
        }
    }
]

/// The arguments of `crease-bench train`.
private struct TrainingRequest {
    let problem: TrainingProblem
    let options: TrainingOptions
    let flags: Set<String>

    struct Fault: Error, CustomStringConvertible { let description: String }

    init(_ arguments: [String]) throws {
        var named: [String: String] = [:]
        var positional: [String] = []
        var flags: Set<String> = []
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            if ["--json", "--progress"].contains(argument) {
                flags.insert(argument)
            } else if argument.hasPrefix("--") {
                guard let value = rest.popFirst() else { throw Fault(description: "\(argument): no value") }
                named[argument] = value
            } else {
                positional.append(argument)
            }
        }
        func number<Value: LosslessStringConvertible>(_ name: String, _ fallback: Value) throws -> Value {
            guard let text = named.removeValue(forKey: name) else { return fallback }
            guard let value = Value(text) else { throw Fault(description: "\(name): \(text) is no number") }
            return value
        }
        guard positional.count == 2, let hiddenUnits = Int(positional[1]) else {
            throw Fault(description: "usage: train FILE hiddenUnits [options]")
        }
        let numbers = try String(contentsOfFile: positional[0], encoding: .utf8)
            .split(whereSeparator: \.isWhitespace).map { text in
                guard let value = Double(text) else { throw Fault(description: "\(text) is no number") }
                return value
            }
        guard numbers.count >= 2, let rows = Int(exactly: numbers[0]), let columns = Int(exactly: numbers[1]),
            rows >= 0, columns >= 0, numbers.count == 2 + rows * (columns + 1)
        else { throw Fault(description: "\(positional[0]): not D lines of n + 1 numbers") }
        let table = (0..<rows).map { Array(numbers[(2 + $0 * (columns + 1))...].prefix(columns + 1)) }

        let loss: TrainingLoss =
            switch named.removeValue(forKey: "--loss") ?? "squared" {
            case "squared": .squared
            case "absolute": .absolute
            case "huber": .huber(delta: try number("--delta", 1))
            case "quantile": .quantile(level: try number("--level", 0.5))
            case "hinge": .hinge
            case "squared-hinge": .squaredHinge
            case "logistic": .logistic
            case let name: throw Fault(description: "--loss: \(name)")
            }
        let outputTerm: OutputTerm =
            switch named.removeValue(forKey: "--output-term") ?? "none" {
            case "none": .none
            case "bias": .bias
            case "affine": .affine
            case let name: throw Fault(description: "--output-term: \(name)")
            }
        var options = TrainingOptions()
        switch named.removeValue(forKey: "--method") ?? "branch-and-bound" {
        case "branch-and-bound": options.method = .branchAndBound
        case "enumeration": options.method = .enumeration
        case let name: throw Fault(description: "--method: \(name)")
        }
        options.threads = try number("--threads", options.threads)
        options.relativeGap = try number("--gap", options.relativeGap)
        options.seed = try number("--seed", options.seed)
        options.programLimit = try number("--program-limit", options.programLimit)
        options.memoryLimit = try number("--memory", options.memoryLimit)
        let seconds = try number("--time", Double.infinity)
        options.timeLimit = seconds.isFinite ? seconds : nil
        if let unknown = named.keys.min() { throw Fault(description: "\(unknown): no such option") }

        problem = try TrainingProblem(
            inputs: table.flatMap { $0.dropLast() }, columns: columns, targets: table.compactMap(\.last),
            hiddenUnits: hiddenUnits, loss: loss, outputTerm: outputTerm)
        self.options = options
        self.flags = flags
    }
}
