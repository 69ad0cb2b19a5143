internal import ExactArithmetic
public import PiecewiseLinear
internal import ReLUNetworks

/// Functions on R^n to ReLU networks that equal them.
public enum ManyDimensionalCompiler {
    /// Compiles a function on R^n.
    ///
    /// - Parameters:
    ///   - function: a function on R^n, n ≥ 1, whose parts agree about n.
    ///   - progress: told the phase and how much of it is done, from 0 to 1, on the caller's thread.
    ///   - isCancelled: polled at least every few thousand rational operations.
    /// - Throws: every case of `ManyDimensionalFault`.
    public static func compile(
        _ function: FunctionExpression, options: ManyDimensionalOptions = .init(),
        progress: @escaping @Sendable (_ phase: String, _ fraction: Double) -> Void = { _, _ in },
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ManyDimensionalFault) -> ManyDimensionalCompilation {
        guard let dimension = FunctionDomain.dimension(of: function) else { throw .dimensionsDisagree }
        let search = ConstructionSearch(
            dimension: dimension, options: options, progress: progress, isCancelled: isCancelled)
        return try search.best(for: function)
    }

    /// In words, where a function that is not given on all of R^n is given, and what its network does elsewhere.
    public static func restriction(of function: FunctionExpression) -> String? {
        let domain = FunctionDomain(function)
        return domain.isSpace ? nil : domain.text(function)
    }

    /// Hidden layers that always suffice: L for n + 1 ≤ 5 · 2^(L−2), by pairs and, in the last two layers, by fives. That is at
    /// most ⌈log2(n + 1)⌉ (Theorem 2.1 of Arora et al., ICLR 2018), and one less for n = 4, 8, 9, 16 … 19 and so on.
    public static func hiddenLayerBound(dimension: Int) -> Int {
        var layers = 0
        while ShallowMaxima.capacity(layers: layers) <= dimension { layers += 1 }
        return layers
    }
}
