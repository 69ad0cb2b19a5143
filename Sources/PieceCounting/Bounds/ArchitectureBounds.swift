internal import ExactArithmetic

/// Bounds on the number of pieces of networks with n inputs and hidden layers of given widths.
public enum ArchitectureBounds {
    /// The most input dimensions, hidden layers and nodes a layer that bounds are computed for.
    public static let maximumInputs = 1 << 20
    public static let maximumHiddenLayers = 4096
    public static let maximumWidth = 1 << 20
    /// The most additions and products that one bound may take; one that would take more is left out.
    private static let maximumSteps = 20_000_000

    /// Upper bounds on the number of activation cells, hence on the pieces under every definition, of every network
    /// with these widths. A bound whose computation passes the work limit is left out.
    public static func upperBounds(inputs: Int, hiddenWidths: [Int]) throws(BoundFault) -> [NamedBound] {
        try check(inputs, hiddenWidths)
        if hiddenWidths.isEmpty {
            return [
                NamedBound(name: "affine", value: .one, source: "a network without hidden layers is affine")
            ]
        }
        var bounds: [NamedBound] = []
        let size = hiddenWidths.reduce(0, +)
        if size <= 4096 {
            bounds.append(
                NamedBound(
                    name: "allPatterns", value: BigInteger(2).power(size),
                    source: "number of activation patterns; Montúfar, Pascanu, Cho, Bengio (NeurIPS 2014)"))
        }
        if let value = narrowestLayerProduct(inputs, hiddenWidths) {
            bounds.append(
                NamedBound(
                    name: "montufar2017", value: value,
                    source: "Montúfar, Notes on the number of linear regions (2017)"))
        }
        if inputs == 1 {
            bounds.append(
                NamedBound(
                    name: "oneInputProduct",
                    value: hiddenWidths.reduce(.one) { $0 * BigInteger($1 + 1) },
                    source: "all units of a layer share the breakpoints of the layer before"))
            bounds.append(
                NamedBound(
                    name: "paperOneInput", value: paperProduct(hiddenWidths),
                    source: "Arora, Basu, Mianjy, Mukherjee (ICLR 2018), counting for Theorem 3.1"))
        }
        if let value = shrinkingDimensionSum(inputs, hiddenWidths) {
            bounds.append(
                NamedBound(
                    name: "serra2018", value: value,
                    source: "Serra, Tjandraatmadja, Ramalingam (ICML 2018), upper bound"))
        }
        if let value = raghuPower(inputs, hiddenWidths) {
            bounds.append(
                NamedBound(
                    name: "raghu2017", value: value,
                    source:
                        "Raghu, Poole, Kleinberg, Ganguli, Sohl-Dickstein (ICML 2017), as a product"
                ))
        }
        return bounds
    }

    /// Lower bounds on the largest number of pieces: what some network with these widths has. Those whose conditions
    /// on the widths fail are left out.
    public static func lowerBounds(inputs: Int, hiddenWidths: [Int]) throws(BoundFault) -> [NamedBound] {
        try check(inputs, hiddenWidths)
        guard let last = hiddenWidths.last else {
            return [
                NamedBound(name: "affine", value: .one, source: "a network without hidden layers is affine")
            ]
        }
        guard let top = Binomials.sum(last, through: inputs, steps: maximumSteps) else { return [] }
        if hiddenWidths.count == 1 {
            return [
                NamedBound(
                    name: "arrangement", value: top,
                    source: "Zaslavsky (1975): regions of hyperplanes in general position")
            ]
        }
        let before = hiddenWidths.dropLast()
        // The powers below have at most this many bits in all.
        guard before.count.multipliedReportingOverflow(by: inputs).partialValue <= 1 << 16 else { return [] }
        var bounds: [NamedBound] = []
        if before.allSatisfy({ $0 >= inputs }) {
            let product = before.reduce(BigInteger.one) { $0 * BigInteger($1 / inputs) }
            bounds.append(
                NamedBound(
                    name: "pascanu2013", value: product * top,
                    source: "Pascanu, Montúfar, Bengio (2013)"))
            let powers = before.reduce(BigInteger.one) { $0 * BigInteger($1 / inputs).power(inputs) }
            bounds.append(
                NamedBound(
                    name: "montufar2014", value: powers * top,
                    source: "Montúfar, Pascanu, Cho, Bengio (NeurIPS 2014), lower bound"))
        }
        if hiddenWidths.allSatisfy({ $0 / 3 >= inputs }) {
            let powers = before.reduce(BigInteger.one) { $0 * BigInteger($1 / inputs + 1).power(inputs) }
            bounds.append(
                NamedBound(
                    name: "serra2018", value: powers * top,
                    source: "Serra, Tjandraatmadja, Ramalingam (ICML 2018), lower bound"))
        }
        return bounds
    }

    private static func check(_ inputs: Int, _ hiddenWidths: [Int]) throws(BoundFault) {
        guard inputs >= 1 else { throw .notPositive(.inputs) }
        guard inputs <= maximumInputs else { throw .tooLarge(.inputs) }
        guard hiddenWidths.count <= maximumHiddenLayers else {
            throw .tooLarge(.hiddenLayers(index: maximumHiddenLayers))
        }
        for (index, width) in hiddenWidths.enumerated() {
            guard width >= 1 else { throw .notPositive(.hiddenWidth(index: index)) }
            guard width <= maximumWidth else { throw .tooLarge(.hiddenWidth(index: index)) }
        }
    }

    /// Π_l Σ_{j ≤ min(n_0..n_l)} C(n_l, j) over the hidden layers l.
    private static func narrowestLayerProduct(_ inputs: Int, _ widths: [Int]) -> BigInteger? {
        var narrowest = inputs
        var product = BigInteger.one
        for width in widths {
            narrowest = min(narrowest, width)
            guard let sum = Binomials.sum(width, through: narrowest, steps: maximumSteps / widths.count)
            else { return nil }
            product *= sum
        }
        return product
    }

    /// Π_l Σ_{j ≤ n_0} C(n_l, j): every layer's arrangement as if in R^{n_0}.
    private static func raghuPower(_ inputs: Int, _ widths: [Int]) -> BigInteger? {
        var product = BigInteger.one
        for width in widths {
            guard let sum = Binomials.sum(width, through: inputs, steps: maximumSteps / widths.count)
            else { return nil }
            product *= sum
        }
        return product
    }

    /// 2^{k−1} (w_1 + 1) w_2 ⋯ w_k.
    private static func paperProduct(_ widths: [Int]) -> BigInteger {
        let start = BigInteger((widths.first ?? 0) + 1)
        return widths.dropFirst().reduce(start) { $0 * BigInteger(2 * $1) }
    }

    /// Σ_J Π_l C(n_l, j_l) over J with j_l ≤ min(n_0, n_1 − j_1, …, n_{l−1} − j_{l−1}, n_l): layer by layer, the sum
    /// over all choices so far for each value of the running minimum d.
    private static func shrinkingDimensionSum(_ inputs: Int, _ widths: [Int]) -> BigInteger? {
        let dimension = min(inputs, widths.max() ?? 0)
        guard
            widths.count.multipliedReportingOverflow(by: dimension).partialValue <= maximumSteps
                / (dimension + 1),
            dimension <= 4096
        else { return nil }
        var sums = [BigInteger](repeating: .zero, count: dimension + 1)
        sums[dimension] = .one
        for width in widths {
            let row = Binomials.row(width, through: min(width, dimension))
            var next = [BigInteger](repeating: .zero, count: dimension + 1)
            for (minimum, sum) in sums.enumerated() where sum.sign != 0 {
                for j in 0...min(minimum, width) { next[min(minimum, width - j)] += sum * row[j] }
            }
            sums = next
        }
        return sums.reduce(.zero, +)
    }
}

/// Binomial coefficients.
enum Binomials {
    /// C(n, 0) … C(n, last).
    static func row(_ n: Int, through last: Int) -> [BigInteger] {
        var row = [BigInteger.one]
        var value = BigInteger.one
        for j in 1..<max(1, last + 1) {
            value = (value * BigInteger(n - j + 1)).flooredQuotientAndRemainder(dividingBy: BigInteger(j)).0
            row.append(value)
        }
        return row
    }

    /// Σ_{j ≤ last} C(n, j); `nil` where that takes more than `steps` limb operations.
    static func sum(_ n: Int, through last: Int, steps: Int) -> BigInteger? {
        if last >= n { return n <= 1 << 16 ? BigInteger(2).power(n) : nil }
        let terms = min(last, n)
        let limbs = terms / 4 + 1
        guard terms.multipliedReportingOverflow(by: limbs).partialValue <= steps else { return nil }
        var value = BigInteger.one
        var total = BigInteger.one
        for j in 1..<max(1, terms + 1) {
            value = (value * BigInteger(n - j + 1)).flooredQuotientAndRemainder(dividingBy: BigInteger(j)).0
            total += value
        }
        return total
    }
}

/// Why a bound has no value.
public enum BoundFault: Error, Sendable, Equatable {
    /// A number that must be at least 1 is not.
    case notPositive(BoundArgument)
    /// Computing it would take more than the stated work or digits.
    case tooLarge(BoundArgument)
}

/// The argument that a `BoundFault` is about.
public enum BoundArgument: Sendable, Equatable {
    case inputs
    case hiddenWidth(index: Int)
    case hiddenLayers(index: Int)
    case pieces
    case size
}
