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

    /// ⌈log2(n + 1)⌉, the hidden layers that always suffice (Theorem 2.1 of Arora et al., ICLR 2018); 2 for n = 4
    /// (Bakaev et al., 2025).
    public static func hiddenLayerBound(dimension: Int) -> Int {
        if dimension == 4 { return 2 }
        var layers = 0
        while layers < 62, 1 << layers < dimension + 1 { layers += 1 }
        return layers
    }
}
