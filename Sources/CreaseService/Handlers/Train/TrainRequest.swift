internal import ExactArithmetic
internal import ExactTraining
internal import FastJSON
internal import MicroHTTP

/// What `POST /v1/train` asks for, checked.
struct TrainRequest: Sendable {
    let task: Task
    let options: TrainingOptions
    let wantsCertificate: Bool
    let store: String?

    /// Whether 'pieces' was given.
    var isSegmented: Bool {
        switch task {
        case .network: false
        case .pieces, .line: true
        }
    }

    enum Task: Sendable {
        case network(TrainingProblem)
        /// Segmented regression: the best continuous piecewise-linear function of at most so many pieces, which is a
        /// network of one hidden unit fewer with an affine output term.
        case pieces(TrainingProblem)
        /// One piece: the best affine function.
        case line(AffineRegression)
    }

    init(_ call: Call) throws {
        let configuration = call.service.configuration
        let document = try call.document()
        var reader = try ObjectReader(document.root)
        let inputsValue = try reader.required("inputs")
        let targetsValue = try reader.required("targets")
        let weightsValue = reader.optional("sampleWeights")
        let unitsValue = reader.optional("hiddenUnits")
        let piecesValue = reader.optional("pieces")
        let lossValue = reader.optional("loss")
        let termValue = reader.optional("outputTerm")
        let methodValue = reader.optional("method")
        let gapValue = reader.optional("relativeGap")
        let limitValue = reader.optional("timeLimitSeconds")
        let seedValue = reader.optional("seed")
        let certificateValue = reader.optional("certificate")
        let store = try StoreMember(reader.optional("store"))
        try reader.finish()

        let loss = try lossValue.map { try TrainingLoss($0) } ?? .squared
        let term = try termValue.map { try OutputTerm($0) } ?? .none
        var options = TrainingOptions()
        if let methodValue {
            options.method = try methodValue.choice([
                "branch-and-bound": TrainingMethod.branchAndBound, "enumeration": .enumeration,
            ])
        }
        if let gapValue {
            options.relativeGap = try ExactNumbers.double(gapValue)
            guard options.relativeGap >= 0, options.relativeGap < 1 else {
                throw Problem.unprocessable(
                    "out-of-range", at: gapValue.pointer, "A relative gap is at least 0 and less than 1.")
            }
        }
        options.timeLimit = try limitValue.map { value in
            let seconds = try ExactNumbers.double(value)
            guard seconds > 0, seconds <= configuration.maximumJobSeconds else {
                throw Problem.unprocessable(
                    "out-of-range", at: value.pointer,
                    "A time limit is more than 0 and at most \(configuration.maximumJobSeconds) seconds, the limit "
                        + "maximumJobSeconds.")
            }
            return seconds
        }
        if let seedValue { options.seed = UInt64(try seedValue.integer(in: 0...(1 << 53))) }
        options.threads = configuration.threadsPerJob
        options.memoryLimit = max(1 << 20, configuration.maximumTrainingBytes)
        wantsCertificate = try certificateValue?.boolean() ?? false
        options.wantCertificate = wantsCertificate
        if wantsCertificate, options.method == .enumeration, let certificateValue {
            throw Problem.unprocessable(
                "contradiction", at: certificateValue.pointer,
                "A certificate is the tree of branch and bound; enumeration has none.")
        }
        self.options = options
        self.store = store.name

        let data = try TrainingData(inputsValue, targetsValue, weightsValue, configuration)
        let size = try Self.size(unitsValue, piecesValue, reader)
        let units: Int
        var outputTerm = term
        switch size {
        case .units(let count): units = count
        case .pieces(let count, let value):
            guard data.columns == 1 else {
                throw Problem.unprocessable(
                    "unsupported-dimension", at: value.pointer,
                    "'pieces' is for inputs of one column; these have \(data.columns).")
            }
            if let termValue, term != .affine {
                throw Problem.unprocessable(
                    "contradiction", at: termValue.pointer,
                    "With 'pieces' the output term is affine, which need not be said.")
            }
            outputTerm = .affine
            units = count - 1
        }
        try data.checkSize(units: units, configuration)
        do {
            let problem = try TrainingProblem(
                inputs: data.inputs, columns: data.columns, targets: data.targets, weights: data.weights,
                hiddenUnits: max(1, units), loss: loss, outputTerm: outputTerm)
            try Self.checkLosses(of: problem)
            switch size {
            case .units: task = .network(problem)
            case .pieces(1, let value):
                if wantsCertificate {
                    throw Problem.unprocessable(
                        "contradiction", at: value.pointer,
                        "A certificate is the tree of branch and bound; one piece needs none.")
                }
                task = .line(AffineRegression(problem))
            case .pieces: task = .pieces(problem)
            }
        } catch let fault as TrainingFault {
            throw Self.problem(fault)
        }
    }

    // MARK: Size

    private enum Size {
        case units(Int)
        case pieces(Int, JSONValue)
    }

    private static func size(_ units: JSONValue?, _ pieces: JSONValue?, _ reader: ObjectReader) throws -> Size
    {
        switch (units, pieces) {
        case (let units?, nil):
            return .units(try units.integer(in: 1...TrainingProblem.maximumHiddenUnits))
        case (nil, let pieces?):
            return .pieces(try pieces.integer(in: 1...TrainingProblem.maximumHiddenUnits + 1), pieces)
        case (_?, let pieces?):
            throw Problem.unprocessable(
                "contradiction", at: pieces.pointer, "'pieces' comes in place of 'hiddenUnits'.")
        case (nil, nil):
            throw Problem.unprocessable(
                "missing-member", at: reader.pointer("hiddenUnits"),
                "Exactly one of 'hiddenUnits' and 'pieces' is expected.")
        }
    }

    /// Losses are means in binary64: those of predicting 0, and the weights' sum, are to be well within its range.
    private static func checkLosses(of problem: TrainingProblem) throws {
        guard problem.weights.reduce(0, +).isFinite else {
            throw Problem.unprocessable(
                "out-of-range", at: "#/sampleWeights",
                "The sum of the weights is beyond the range of binary64.")
        }
        let most = 0x1p960
        for (row, target) in problem.targets.enumerated() {
            let loss =
                switch problem.loss {
                case .squared: target * target
                case .huber(let delta): target.magnitude * min(target.magnitude, delta)
                case .absolute, .quantile: target.magnitude
                case .hinge, .squaredHinge, .logistic: 0.0
                }
            guard loss <= most else {
                throw Problem.unprocessable(
                    "out-of-range", at: "#/targets/\(row)", "The loss of predicting 0 is above 2^960.")
            }
        }
    }

    // MARK: Faults

    /// A fault of the mathematics with the place of the body that it is about.
    static func problem(_ fault: TrainingFault) -> Problem {
        switch fault {
        case .noData:
            .unprocessable("empty", at: "#/sampleWeights", "At least one row has a weight greater than 0.")
        case .noInputs: .unprocessable("empty", at: "#/inputs", "The inputs have at least one column.")
        case .noHiddenUnits:
            .unprocessable("out-of-range", at: "#/hiddenUnits", "At least one hidden unit is expected.")
        case .tooManyHiddenUnits(let limit):
            .limit("maximumHiddenUnits", limit, at: "#/hiddenUnits", "There are too many hidden units")
        case .tooManyInputs(let limit):
            .limit("maximumColumns", limit, at: "#/inputs", "The inputs have too many columns")
        case .inputCount(let expected, let actual):
            .unprocessable(
                "shape-mismatch", at: "#/inputs",
                "\(expected) numbers are expected here; there are \(actual).")
        case .targetCount(let expected, let actual):
            .unprocessable(
                "shape-mismatch", at: "#/targets",
                "There are \(expected) rows of inputs and \(actual) targets.")
        case .weightCount(let expected, let actual):
            .unprocessable(
                "shape-mismatch", at: "#/sampleWeights",
                "There are \(expected) rows of inputs and \(actual) weights.")
        case .inputNotFinite(let row, let column): ExactNumbers.beyondBinary64("#/inputs/\(row)/\(column)")
        case .targetNotFinite(let row): ExactNumbers.beyondBinary64("#/targets/\(row)")
        case .weightNotFinite(let row): ExactNumbers.beyondBinary64("#/sampleWeights/\(row)")
        case .negativeWeight(let row):
            .unprocessable("out-of-range", at: "#/sampleWeights/\(row)", "A weight is at least 0.")
        case .labelNotSigned(let row):
            .unprocessable("out-of-range", at: "#/targets/\(row)", "A label for this loss is -1 or 1.")
        case .lossParameter:
            .unprocessable("out-of-range", at: "#/loss", "The loss's parameter is out of its range.")
        case .magnitude(let row, let column):
            .unprocessable(
                "out-of-range", at: column.map { "#/inputs/\(row)/\($0)" } ?? "#/targets/\(row)",
                "The numbers spread over more orders of magnitude than can be scaled without rounding.")
        case .tooManyPrograms(let programs, let limit):
            .unprocessable(
                "too-many-programs", at: "#/method",
                "Enumeration would solve \(programs) convex programs; the limit is \(limit).")
        case .option(let name):
            .unprocessable("out-of-range", at: "#/\(name)", "The option is out of its range.")
        case .notOneDimensional:
            .unprocessable("unsupported-dimension", at: "#/pieces", "'pieces' is for inputs of one column.")
        }
    }
}

/// The numbers of a request, each the nearest binary64.
private struct TrainingData {
    let inputs: [Double]
    let columns: Int
    let targets: [Double]
    let weights: [Double]?
    private let pointer: String

    init(
        _ inputsValue: JSONValue, _ targetsValue: JSONValue, _ weightsValue: JSONValue?,
        _ configuration: ServiceConfiguration
    ) throws {
        let matrix = try inputsValue.matrix()
        guard matrix.rows > 0 else {
            throw Problem.unprocessable("empty", at: matrix.pointer, "At least one row is expected.")
        }
        let limit = configuration.maximumTrainingRows
        guard matrix.rows <= limit else {
            throw Problem.limit(
                "maximumTrainingRows", limit, at: matrix.pointer, "There are \(matrix.rows) rows")
        }
        let targetNumbers = try targetsValue.numbers()
        guard targetNumbers.count == matrix.rows else {
            throw Problem.unprocessable(
                "shape-mismatch", at: targetNumbers.pointer,
                "There are \(matrix.rows) rows of inputs and \(targetNumbers.count) targets.")
        }
        let weightNumbers = try weightsValue?.numbers()
        if let weightNumbers, weightNumbers.count != matrix.rows {
            throw Problem.unprocessable(
                "shape-mismatch", at: weightNumbers.pointer,
                "There are \(matrix.rows) rows of inputs and \(weightNumbers.count) weights.")
        }
        pointer = matrix.pointer
        columns = matrix.columns
        inputs = try Self.doubles(matrix)
        targets = try Self.doubles(targetNumbers)
        weights = try weightNumbers.map(Self.doubles)
    }

    /// Work and memory grow with this product whatever the data are.
    func checkSize(units: Int, _ configuration: ServiceConfiguration) throws {
        let limit = configuration.maximumTrainingSize
        let (product, overflow) = inputs.count.multipliedReportingOverflow(by: max(1, units))
        guard !overflow, product <= limit else {
            throw Problem.limit(
                "maximumTrainingSize", limit, at: pointer,
                "There are \(targets.count) rows × \(columns) columns × \(max(1, units)) hidden units")
        }
    }

    private static func doubles(_ numbers: JSONNumbers) throws -> [Double] {
        var values = numbers.doubles
        guard numbers.firstNotFinite != nil else { return values }
        for index in values.indices where !values[index].isFinite {
            guard numbers.isString(index) else { throw ExactNumbers.beyondBinary64(numbers.pointer(index)) }
            values[index] = try ExactNumbers.rational(numbers, index, .decimal).nearestDouble
            guard values[index].isFinite else { throw ExactNumbers.beyondBinary64(numbers.pointer(index)) }
        }
        return values
    }
}
