internal import Compilation
internal import ExactArithmetic
internal import FastJSON
internal import MicroHTTP
internal import PiecewiseLinear
internal import ReLUNetworks

/// `POST /v1/compile`: a function to a network.
enum CompileOperation {
    static func run(_ call: Call) throws -> Response {
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let functionValue = try reader.required("function")
        let objective =
            try reader.optional("objective")?.choice([
                "size": ManyDimensionalOptions.Objective.size, "depth": .depth,
            ]) ?? .size
        let outputBias = try reader.optional("outputBias")?.boolean() ?? true
        let isExact = try reader.isExactArithmetic()
        let functionReading = try reader.numberReading(default: .decimal)
        let networkReading = try reader.numberReading(default: .binary64)
        let name = try StoreMember(reader.optional("store"))
        try reader.finish()

        let progress = CompileProgress(call)
        let decoding = FunctionDecoding(
            networks: NetworkDecoding(service: call.service, reading: networkReading),
            reading: functionReading,
            call: call, progress: { progress.report($0, $1) })
        if call.answers == "image/svg+xml" {
            let decoded = try decoding.expression(functionValue)
            if let function = try decoding.oneDimensional(decoded, at: functionValue.pointer) {
                return try CompilePicture.of(function)
            }
            return try CompilePicture.of(decoded, at: functionValue.pointer, call)
        }
        if let table = try decoding.table(functionValue), let scaled = scaled(table, functionReading, call) {
            let compiled: CompiledNetwork
            do {
                compiled = try OneDimensionalCompiler.compile(
                    scaled, sides: table.sides, options: options(outputBias, isExact, call),
                    isCancelled: call.cancellation.closure)
            } catch {
                throw problem(error, table.pointer)
            }
            return try answer(compiled, isExact: isExact, name: name, call)
        }
        let decoded = try decoding.expression(functionValue)
        // With one variable a single hidden layer is both the shallowest and the smallest of one layer.
        if let function = try decoding.oneDimensional(decoded, at: functionValue.pointer) {
            return try answer(
                function: function, domain: ManyDimensionalCompiler.restriction(of: decoded.expression),
                outputBias: outputBias, isExact: isExact, name: name, call)
        }
        return try ManyDimensionalCompile(
            function: decoded, pointer: functionValue.pointer, objective: objective, outputBias: outputBias,
            isExact: isExact, name: name, call: call, progress: progress
        ).answer()
    }

    /// The answer for a function that is known exactly.
    /// - Parameters:
    ///   - pointer: of what the function was made of.
    ///   - domain: where the function was given, if not on all of R; the end pieces were continued.
    ///   - preface: writes members that come before the network.
    static func answer(
        function: PiecewiseLinearFunction, at pointer: String = "#/function", domain: String? = nil,
        outputBias: Bool, isExact: Bool, name: StoreMember, _ call: Call,
        preface: (inout JSONWriter) -> Void = { _ in }
    ) throws -> Response {
        let compiled: CompiledNetwork
        do {
            compiled = try OneDimensionalCompiler.compile(
                function, options: options(outputBias, isExact, call), isCancelled: call.cancellation.closure)
        } catch {
            throw problem(error, pointer)
        }
        return try answer(
            compiled, isExact: isExact, name: name, call,
            report: { report in
                guard let domain else { return }
                report.domain = domain
                // Without an output bias another continuation could take fewer nodes.
                guard !outputBias else { return }
                report.sizeLowerBound = min(report.sizeLowerBound, function.pieces - 1)
                report.minimal = report.size <= report.sizeLowerBound ? .proved : .unknown
            }, preface: preface)
    }

    private static func options(_ outputBias: Bool, _ isExact: Bool, _ call: Call) -> CompilationOptions {
        let configuration = call.service.configuration
        return CompilationOptions(
            outputBias: outputBias,
            subsetSumBudget: SubsetSumBudget(
                operations: configuration.subsetSumBudget,
                bytes: min(256 << 20, configuration.maximumWorkBytes)),
            arithmetic: isExact ? .exact : .double,
            maximumBreakpoints: configuration.maximumBreakpoints)
    }

    /// The table in machine numbers, where its numbers allow it.
    private static func scaled(
        _ table: FunctionDecoding.Table, _ reading: NumberReading, _ call: Call
    ) -> ScaledTable? {
        let threads = call.service.configuration.workers
        switch reading {
        case .decimal:
            guard let x = table.points.decimals(column: 0, threads: threads),
                let y = table.points.decimals(column: 1, threads: threads)
            else { return nil }
            if let xMantissas = x.scaledToLeastExponent(threads: threads),
                let yMantissas = y.scaledToLeastExponent(threads: threads)
            {
                return ScaledTable(
                    xMantissas: xMantissas, xExponent: x.leastExponent, yMantissas: yMantissas,
                    yExponent: y.leastExponent)
            }
            // Samples with all their digits: 64 bits do not hold them under one exponent.
            guard table.points.firstNotFinite == nil else { return nil }
            return table.points.withDoubles { numbers in
                ScaledTable(
                    x: DecimalColumn(
                        mantissas: x.mantissas, exponents: x.exponents, leastExponent: x.leastExponent,
                        nearest: stride(from: 0, to: numbers.count, by: 2).map { numbers[$0] }),
                    y: DecimalColumn(
                        mantissas: y.mantissas, exponents: y.exponents, leastExponent: y.leastExponent,
                        nearest: stride(from: 1, to: numbers.count, by: 2).map { numbers[$0] }))
            }
        case .binary64:
            guard table.points.firstNotFinite == nil else { return nil }
            return table.points.withDoubles { numbers in
                ScaledTable(
                    x: stride(from: 0, to: numbers.count, by: 2).map { numbers[$0] },
                    y: stride(from: 1, to: numbers.count, by: 2).map { numbers[$0] })
            }
        }
    }

    private static func answer(
        _ compiled: CompiledNetwork, isExact: Bool, name: StoreMember, _ call: Call,
        report amend: (inout CompilationReport) -> Void = { _ in },
        preface: (inout JSONWriter) -> Void = { _ in }
    ) throws -> Response {
        let threads = call.service.configuration.workers
        var report = compiled.report
        amend(&report)
        let exactNetwork = isExact ? compiled.exactNetwork() : nil
        var writer = JSONWriter(capacity: 1024 + 48 * report.size)
        writer.beginObject()
        preface(&writer)
        writer.key("network")
        if let exactNetwork {
            writer.network(exactNetwork)
        } else {
            writer.network(compiled.network, threads: threads)
        }
        writer.key("report")
        writer.report(report, isExact: isExact)
        if let text = name.name {
            let served: ServedNetwork
            if let exactNetwork {
                let computed = try ComputedNetwork(exactNetwork)
                served = ServedNetwork(
                    exact: computed.exact, rounded: computed.rounded, isRoundedExact: computed.isRoundedExact)
            } else {
                served = ServedNetwork(compiled.network)
            }
            _ = try NetworksOperation.store(served, as: text, if: .none, call.service)
            writer.member("stored", text)
        }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    static func problem(_ fault: CompilationFault, _ pointer: String) -> Problem {
        switch fault {
        case .noPoints: .unprocessable("empty", at: pointer, "At least one point is expected.")
        case .mismatchedCoordinates:
            .unprocessable("shape-mismatch", at: pointer, "There are not as many values as places.")
        case .notIncreasing(let index): FunctionDecoding.notIncreasing(index, pointer)
        case .notFinite(let index):
            .unprocessable(
                "out-of-range", at: "\(pointer)/\(index)", "A number is beyond the range of binary64.")
        case .extendNeedsTwoPoints:
            .unprocessable("out-of-range", at: pointer, "'extend' needs two points to have a slope.")
        case .exponentOutOfRange(let limit):
            .unprocessable(
                "out-of-range", at: pointer,
                "The numbers' powers of ten are not between -\(limit) and \(limit).")
        case .tooManyBreakpoints(let limit):
            .limit("maximumBreakpoints", limit, at: pointer, "The function has too many breakpoints")
        case .weightOverflow(let breakpoint):
            .unprocessable(
                "overflow", at: pointer,
                (breakpoint.map { "The weight at breakpoint \($0 + 1)" } ?? "The output bias")
                    + " is beyond the range of binary64; \"arithmetic\": \"exact\" has no such limit.")
        case .cancelled: .cancelled
        }
    }
}

extension JSONWriter {
    mutating func report(_ report: CompilationReport, isExact: Bool) {
        beginObject()
        member("inputDimension", report.inputDimension)
        member("pieces", report.pieces)
        member("hiddenLayers", report.hiddenLayers)
        member("depth", report.depth)
        member("width", report.width)
        member("size", report.size)
        member("sizeLowerBound", report.sizeLowerBound)
        member("minimal", report.minimal.rawValue)
        member("depthBound", report.depthBound)
        member("theorem", report.theorem)
        member("domain", report.domain)
        member("exact", report.exact)
        member("rounded", !isExact && report.rounded)
        member("maximumDeviation", report.maximumDeviation)
        // Infinite where a sum could leave binary64: no bound, which JSON can only write as null.
        member("maximumRoundingError", report.maximumRoundingError)
        key("roundingErrorDomain")
        if let domain = report.roundingErrorDomain {
            beginArray()
            rational(domain.lower, exact: isExact)
            rational(domain.upper, exact: isExact)
            endArray()
        } else {
            null()
        }
        endObject()
    }
}
