/// What a posted number means.
public enum NumberSemantics: Sendable {
    /// The value that its decimal digits write.
    case decimal
    /// The binary64 nearest to that value.
    case binary64
}
