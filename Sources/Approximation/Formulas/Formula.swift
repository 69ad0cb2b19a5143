internal import ExactArithmetic

/// Why a text is no formula.
public struct FormulaFault: Error, Sendable, Equatable {
    /// Bytes before the place.
    public let position: Int
    public let detail: String
}

/// A formula of one variable x: numbers, `pi`, `e`, + − * / ^ and parentheses, and the functions `abs`, `sqrt`, `exp`,
/// `log`, `sin`, `cos`, `tan`, `atan`, `tanh`, `min`, `max`.
///
/// Compiled to a list of steps on a stack: no loops, no names but these, and a length that bounds the work.
public struct Formula: Sendable {
    enum Step: Sendable {
        case variable
        case constant(Interval)
        case negate, add, subtract, multiply, divide
        case power(Int)
        case function(Function)
    }

    enum Function: String, Sendable, CaseIterable {
        case abs, sqrt, exp, log, sin, cos, tan, atan, tanh, min, max

        var arguments: Int { self == .min || self == .max ? 2 : 1 }
    }

    let steps: [Step]
    public static let maximumLength = 4096
    private static let maximumDepth = 100

    public init(_ text: String) throws(FormulaFault) {
        guard text.utf8.count <= Self.maximumLength else {
            throw FormulaFault(position: 0, detail: "A formula has at most \(Self.maximumLength) bytes.")
        }
        var parser = Parser(bytes: Array(text.utf8), maximumDepth: Self.maximumDepth)
        steps = try parser.formula()
    }

    /// A value with what is known of the function's slope: all difference quotients lie in `slope`.
    struct Enclosure {
        var value: Interval
        var slope: Interval
    }

    /// An enclosure of the function over an interval. Complexity: O(steps).
    func enclosure(over x: Interval) -> Enclosure {
        var stack: [Enclosure] = []
        return enclosure(over: x, stack: &stack)
    }

    /// - Parameter stack: room for the steps, kept from one call to the next.
    func enclosure(over x: Interval, stack: inout [Enclosure]) -> Enclosure {
        stack.removeAll(keepingCapacity: true)
        for step in steps {
            switch step {
            case .variable: stack.append(Enclosure(value: x, slope: Interval(1)))
            case .constant(let value): stack.append(Enclosure(value: value, slope: Interval(0)))
            case .negate:
                guard let a = stack.popLast() else { return Self.unknown }
                stack.append(Enclosure(value: -a.value, slope: -a.slope))
            case .add, .subtract, .multiply, .divide:
                guard let b = stack.popLast(), let a = stack.popLast() else { return Self.unknown }
                stack.append(Self.combine(step, a, b))
            case .power(let exponent):
                guard let a = stack.popLast() else { return Self.unknown }
                stack.append(
                    Enclosure(
                        value: a.value.power(exponent),
                        slope: exponent == 0
                            ? Interval(0)
                            : Interval(Double(exponent)) * a.value.power(exponent - 1) * a.slope))
            case .function(let function):
                guard let b = stack.popLast() else { return Self.unknown }
                if function.arguments == 2 {
                    guard let a = stack.popLast() else { return Self.unknown }
                    stack.append(Self.extreme(function, a, b))
                } else {
                    stack.append(Self.apply(function, b))
                }
            }
        }
        return stack.last ?? Self.unknown
    }

    private static let unknown = Enclosure(value: .everything, slope: .everything)

    private static func combine(_ step: Step, _ a: Enclosure, _ b: Enclosure) -> Enclosure {
        switch step {
        case .add: Enclosure(value: a.value + b.value, slope: a.slope + b.slope)
        case .subtract: Enclosure(value: a.value - b.value, slope: a.slope - b.slope)
        case .multiply:
            Enclosure(value: a.value * b.value, slope: a.slope * b.value + a.value * b.slope)
        default:
            Enclosure(
                value: a.value / b.value,
                slope: (a.slope - a.value / b.value * b.slope) / b.value)
        }
    }

    private static func apply(_ function: Function, _ a: Enclosure) -> Enclosure {
        let one = Interval(1)
        let value: Interval
        let derivative: Interval
        switch function {
        case .abs:
            value = a.value.absolute
            derivative =
                a.value.lower >= 0 ? one : a.value.upper <= 0 ? -one : Interval(lower: -1, upper: 1)
        case .sqrt:
            value = a.value.squareRoot
            derivative = one / (Interval(2) * value)
        case .exp:
            value = a.value.exponential
            derivative = value
        case .log:
            value = a.value.logarithm
            derivative = a.value.lower > 0 ? one / a.value : .everything
        case .sin:
            value = a.value.sine
            derivative = a.value.cosine
        case .cos:
            value = a.value.cosine
            derivative = -a.value.sine
        case .tan:
            value = a.value.tangent
            derivative = one + value.power(2)
        case .atan:
            value = a.value.arcTangent
            derivative = one / (one + a.value.power(2))
        case .tanh:
            value = a.value.hyperbolicTangent
            let least = one - value.power(2)
            derivative = Interval(lower: Swift.max(0, least.lower), upper: Swift.min(1, least.upper))
        case .min, .max:
            value = .everything
            derivative = .everything
        }
        return Enclosure(value: value, slope: derivative * a.slope)
    }

    private static func extreme(_ function: Function, _ a: Enclosure, _ b: Enclosure) -> Enclosure {
        let (low, high) = a.value.upper <= b.value.lower ? (a, b) : (b, a)
        if low.value.upper <= high.value.lower { return function == .min ? low : high }
        let pick: (Double, Double) -> Double =
            function == .min ? { Swift.min($0, $1) } : { Swift.max($0, $1) }
        return Enclosure(
            value: Interval(
                lower: pick(a.value.lower, b.value.lower), upper: pick(a.value.upper, b.value.upper)),
            slope: a.slope.hull(b.slope))
    }
}

/// Recursive descent, as deep as it is told at most.
private struct Parser {
    let bytes: [UInt8]
    let maximumDepth: Int
    private var position = 0
    private var depth = 0
    private var steps: [Formula.Step] = []

    init(bytes: [UInt8], maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = maximumDepth
    }

    mutating func formula() throws(FormulaFault) -> [Formula.Step] {
        try sum()
        skipSpaces()
        guard position == bytes.count else { throw fault("An operator or the end is expected here.") }
        return steps
    }

    private func fault(_ detail: String) -> FormulaFault { FormulaFault(position: position, detail: detail) }

    private mutating func skipSpaces() {
        while position < bytes.count,
            bytes[position] == UInt8(ascii: " ") || bytes[position] == UInt8(ascii: "\t")
        {
            position += 1
        }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpaces()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func sum() throws(FormulaFault) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= maximumDepth else {
            throw fault("The formula is nested more than \(maximumDepth) deep.")
        }
        try product()
        while true {
            if take(UInt8(ascii: "+")) {
                try product()
                steps.append(.add)
            } else if take(UInt8(ascii: "-")) {
                try product()
                steps.append(.subtract)
            } else {
                return
            }
        }
    }

    private mutating func product() throws(FormulaFault) {
        try signed()
        while true {
            if take(UInt8(ascii: "*")) {
                try signed()
                steps.append(.multiply)
            } else if take(UInt8(ascii: "/")) {
                try signed()
                steps.append(.divide)
            } else {
                return
            }
        }
    }

    private mutating func signed() throws(FormulaFault) {
        var isNegative = false
        while true {
            if take(UInt8(ascii: "-")) {
                isNegative.toggle()
            } else if !take(UInt8(ascii: "+")) {
                break
            }
        }
        try power()
        if isNegative { steps.append(.negate) }
    }

    /// `base ^ n` for whole n in −64 … 64, and `base ^ exponent` = exp(exponent · log(base)) else.
    private mutating func power() throws(FormulaFault) {
        try atom()
        guard take(UInt8(ascii: "^")) else { return }
        let start = steps.count
        depth += 1
        defer { depth -= 1 }
        guard depth <= maximumDepth else {
            throw fault("The formula is nested more than \(maximumDepth) deep.")
        }
        try signed()
        if let exponent = wholeExponent(from: start) {
            steps.removeSubrange(start...)
            steps.append(.power(Int(exponent.magnitude)))
            if exponent < 0 {
                // 1 / base^n: the reciprocal as a division.
                steps.insert(.constant(Interval(1)), at: baseStart(before: start))
                steps.append(.divide)
            }
            return
        }
        let exponent = Array(steps[start...])
        steps.removeSubrange(start...)
        steps.append(.function(.log))
        steps += exponent
        steps.append(.multiply)
        steps.append(.function(.exp))
    }

    private func wholeExponent(from start: Int) -> Int? {
        guard start < steps.count, case .constant(let value) = steps[start], value.lower == value.upper,
            let whole = Int(exactly: value.lower), whole <= 64
        else { return nil }
        if steps.count == start + 1 { return whole }
        guard steps.count == start + 2, case .negate = steps[start + 1] else { return nil }
        return -whole
    }

    /// Where the steps of the operand that ends before `end` begin.
    private func baseStart(before end: Int) -> Int {
        var needed = 1
        var index = end
        while needed > 0, index > 0 {
            index -= 1
            switch steps[index] {
            case .variable, .constant: needed -= 1
            case .negate, .power: break
            case .add, .subtract, .multiply, .divide: needed += 1
            case .function(let function): needed += function.arguments - 1
            }
        }
        return index
    }

    private mutating func atom() throws(FormulaFault) {
        skipSpaces()
        guard position < bytes.count else { throw fault("The formula breaks off.") }
        let byte = bytes[position]
        if take(UInt8(ascii: "(")) {
            try sum()
            guard take(UInt8(ascii: ")")) else { throw fault("A closing parenthesis is missing here.") }
            return
        }
        if (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            steps.append(.constant(try number()))
            return
        }
        let start = position
        while position < bytes.count,
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(bytes[position] | 0x20)
        {
            position += 1
        }
        let name = String(decoding: bytes[start..<position], as: UTF8.self)
        switch name {
        case "x": steps.append(.variable)
        // The doubles nearest to π and e are below them.
        case "pi": steps.append(.constant(Interval(lower: .pi, upper: Double.pi.nextUp)))
        case "e": steps.append(.constant(Interval(lower: 0x1.5bf0a8b145769p1, upper: 0x1.5bf0a8b14576ap1)))
        default:
            guard let function = Formula.Function(rawValue: name) else {
                position = start
                throw fault(
                    name.isEmpty
                        ? "A number, x, a function or a parenthesis is expected here."
                        : "'\(name)' is not known; known are x, pi, e, "
                            + Formula.Function.allCases.map(\.rawValue).joined(separator: ", ") + ".")
            }
            guard take(UInt8(ascii: "(")) else { throw fault("'\(name)' takes its argument in parentheses.") }
            for argument in 0..<function.arguments {
                if argument > 0, !take(UInt8(ascii: ",")) { throw fault("'\(name)' takes two arguments.") }
                try sum()
            }
            guard take(UInt8(ascii: ")")) else { throw fault("A closing parenthesis is missing here.") }
            steps.append(.function(function))
        }
    }

    /// A decimal, enclosed in binary64.
    private mutating func number() throws(FormulaFault) -> Interval {
        let start = position
        func isDigit(_ index: Int) -> Bool {
            index < bytes.count && (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[index])
        }
        while isDigit(position) { position += 1 }
        if position < bytes.count, bytes[position] == UInt8(ascii: "."), isDigit(position + 1) {
            position += 1
            while isDigit(position) { position += 1 }
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            let signed = position + 1 < bytes.count && [0x2B, 0x2D].contains(bytes[position + 1])
            if isDigit(position + (signed ? 2 : 1)) {
                position += signed ? 2 : 1
                while isDigit(position) { position += 1 }
            }
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = try? Rational(parsing: text) else {
            position = start
            throw fault("'\(text)' is no decimal number, or has too many digits.")
        }
        let interval = Interval(lower: value.double(rounding: .down), upper: value.double(rounding: .up))
        guard interval.isBounded else {
            position = start
            throw fault("'\(text)' is beyond the range of binary64.")
        }
        return interval
    }
}
