/// Why an evaluation has no result.
public enum EvaluationError: Error, Equatable, Sendable {
    /// The caller's closure answered true.
    case cancelled
    /// A value left the range of binary64 on this row (a pre-activation, an output or a gradient entry), so the
    /// row has no meaningful result in double precision. Of several such rows the first one is named.
    case overflow(row: Int)
    /// The buffers do not have rows × inputs, rows × outputs, … entries, or such a product overflows.
    case shapesDisagree
}
