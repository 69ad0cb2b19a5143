internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import ReLUNetworks

/// `POST /v1/evaluate`: values of a network at many points.
enum EvaluateOperation {
    /// Operations of a request that is answered on the server's own thread: well below a millisecond.
    private static let inlineOperations = 200_000.0

    static func run(_ call: Call) throws -> Operation.Adaptive {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let networkValue = try reader.required("network")
        let inputs = try reader.required("inputs")
        let include = try Include(reader.optional("include"))
        let isExact = try reader.isExactArithmetic()
        let reading = try reader.numberReading(default: .binary64)
        try reader.finish()

        let network = try NetworkDecoding(service: call.service, reading: reading).network(networkValue)
        let points = try inputs.matrix()
        guard points.rows == 0 || points.columns == network.inputs else {
            throw Problem.unprocessable(
                "shape-mismatch", at: "\(inputs.pointer)/0",
                "The rows have \(points.columns) numbers where the network takes \(network.inputs).")
        }
        try checkSize(points.rows, network, include, call, at: inputs.pointer)
        if isExact {
            return .later { try exact(network, points, reading, include, call) }
        }
        let doubles = try binary64(points, reading)
        let evaluator = network.evaluator
        let perRow = evaluator.operationsPerRow + (include.gradients ? evaluator.gradientOperationsPerRow : 0)
        let cost = perRow * Double(points.rows) + 40 * Double(points.count)
        if cost <= inlineOperations { return .now(try rounded(network, points, doubles, include, 1, call)) }
        // Threads cost some tens of microseconds to start: only long batches use all cores.
        let threads = cost > 20_000_000 ? call.service.configuration.workers : 1
        return .later { try rounded(network, points, doubles, include, threads, call) }
    }

    /// What the answer has beside the outputs.
    struct Include {
        var gradients = false
        var activations = false

        init(_ value: JSONValue?) throws {
            for element in try value?.elements() ?? [] {
                switch try element.choice(["gradients": 0, "activations": 1]) {
                case 0: gradients = true
                default: activations = true
                }
            }
        }
    }

    private static func checkSize(
        _ rows: Int, _ network: ServedNetwork, _ include: Include, _ call: Call,
        at pointer: @autoclosure () -> String
    ) throws {
        // Entries of a row of the answer; the factors are bounded by the network's own limit.
        let (gradients, overflow) = network.inputs.multipliedReportingOverflow(by: network.outputs)
        var entries = network.outputs
        if include.activations { entries += network.rounded.size }
        if include.gradients {
            entries = overflow ? .max : entries.addingReportingOverflow(gradients).partialValue
        }
        let limit = call.service.configuration.maximumAnswerBytes / 32
        let (total, isHuge) = rows.multipliedReportingOverflow(by: entries)
        guard !isHuge, total >= 0, total <= limit else {
            throw Problem.limit("answer entries", limit, at: pointer(), "The answer would be too long")
        }
    }

    /// The inputs as binary64: without a copy where all are plain numbers.
    private static func binary64(_ points: JSONNumbers, _ reading: NumberReading) throws -> [Double]? {
        guard points.firstNotFinite != nil else { return nil }
        return try (0..<points.count).map { index in
            let value = try ExactNumbers.rational(points, index, .decimal).nearestDouble
            guard value.isFinite else { throw ExactNumbers.beyondBinary64(points.pointer(index)) }
            return value
        }
    }

    private static func rounded(
        _ network: ServedNetwork, _ points: JSONNumbers, _ doubles: [Double]?, _ include: Include,
        _ threads: Int,
        _ call: Call
    ) throws -> Response {
        let rows = points.rows
        let outputs = Scratch<Double>(rows * network.outputs)
        let activations = include.activations ? Scratch<UInt8>(rows * network.rounded.size) : nil
        let gradients =
            include.gradients ? Scratch<Double>(rows * network.outputs * network.inputs) : nil
        let evaluator = network.evaluator
        let evaluate = { (inputs: UnsafeBufferPointer<Double>) in
            try evaluator.evaluate(
                inputs: inputs, rows: rows, into: outputs.buffer, activations: activations?.buffer,
                gradients: gradients?.buffer, threads: threads, cancelled: call.cancellation.closure)
        }
        do {
            if let doubles {
                try doubles.withUnsafeBufferPointer(evaluate)
            } else {
                try points.withDoubles(evaluate)
            }
        } catch let error as EvaluationError {
            throw problem(error, points)
        }
        var writer = JSONWriter(capacity: 64 + rows * network.outputs * 8)
        writer.beginObject()
        writer.key("outputs")
        writer.matrix(UnsafeBufferPointer(outputs.buffer), columns: network.outputs, threads: threads)
        if let gradients {
            writer.key("gradients")
            writer.beginArray()
            let each = network.outputs * network.inputs
            for row in 0..<rows {
                writer.matrix(
                    UnsafeBufferPointer(rebasing: gradients.buffer[row * each..<(row + 1) * each]),
                    columns: network.inputs)
            }
            writer.endArray()
        }
        if let activations {
            writer.key("activations")
            writer.activations(
                rows: rows, widths: network.rounded.hiddenWidths
            ) { activations.buffer[$0] != 0 }
        }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    private static func exact(
        _ network: ServedNetwork, _ points: JSONNumbers, _ reading: NumberReading, _ include: Include,
        _ call: Call
    ) throws -> Response {
        let inputs = try ExactNumbers.rationals(points, reading)
        let result: ExactEvaluation
        do {
            result = try ExactEvaluator(network: network.exact).evaluate(
                inputs, rows: points.rows, activations: include.activations, gradients: include.gradients,
                threads: points.rows >= 64 ? call.service.configuration.workers : 1,
                cancelled: call.cancellation.closure)
        } catch {
            throw problem(error, points)
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("outputs")
        writer.rows(result.outputs, columns: network.outputs)
        if include.gradients {
            writer.key("gradients")
            writer.beginArray()
            let each = network.outputs * network.inputs
            for row in 0..<points.rows {
                writer.rows(Array(result.gradients[row * each..<(row + 1) * each]), columns: network.inputs)
            }
            writer.endArray()
        }
        if include.activations {
            writer.key("activations")
            writer.activations(rows: points.rows, widths: network.rounded.hiddenWidths) {
                result.activations[$0]
            }
        }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    private static func problem(_ error: EvaluationError, _ points: JSONNumbers) -> Problem {
        switch error {
        case .cancelled: .cancelled
        case .overflow(let row):
            .unprocessable(
                "overflow", at: "\(points.pointer)/\(row)",
                "A value leaves the range of binary64 at this point; \"arithmetic\": \"exact\" has no such limit."
            )
        case .shapesDisagree:
            .unprocessable("shape-mismatch", at: points.pointer, "The inputs do not fit the network.")
        }
    }
}

/// Memory for results, uninitialised.
///
/// `@unchecked Sendable`: filled by one computation, whose threads write disjoint parts, and read after it.
final class Scratch<Element: BitwiseCopyable>: @unchecked Sendable {
    let buffer: UnsafeMutableBufferPointer<Element>

    init(_ count: Int) { buffer = .allocate(capacity: count) }

    deinit { buffer.deallocate() }
}

extension JSONWriter {
    /// Rows of exact numbers.
    mutating func rows(_ values: [Rational], columns: Int) {
        beginArray()
        for start in stride(from: 0, to: values.count, by: max(1, columns)) {
            beginArray()
            for value in values[start..<min(values.count, start + columns)] { rational(value) }
            endArray()
        }
        endArray()
    }

    /// rows × hidden layers × units of truth values.
    mutating func activations(rows: Int, widths: [Int], _ isActive: (Int) -> Bool) {
        var index = 0
        beginArray()
        for _ in 0..<rows {
            beginArray()
            for width in widths {
                beginArray()
                for _ in 0..<width {
                    boolean(isActive(index))
                    index += 1
                }
                endArray()
            }
            endArray()
        }
        endArray()
    }
}
