/// Sums, products and quotients of doubles rounded away from the true value only where they are not exact.
///
/// Results that overflow are infinite, which keeps every bound true.
enum DirectedRounding {
    /// Below this magnitude the error of a product can itself underflow.
    private static let smallestSafeProduct = 0x1p-960

    /// a + b, rounded up.
    static func sumUp(_ a: Double, _ b: Double) -> Double {
        let sum = a + b
        guard sum.isFinite else { return sum < 0 ? -Double.greatestFiniteMagnitude : sum }
        return sumError(a, b, sum) > 0 ? sum.nextUp : sum
    }

    /// a + b, rounded down.
    static func sumDown(_ a: Double, _ b: Double) -> Double { -sumUp(-a, -b) }

    /// a b, rounded up.
    static func productUp(_ a: Double, _ b: Double) -> Double {
        let product = a * b
        if a == 0 || b == 0 { return 0 }
        guard product.isFinite else { return product < 0 ? -Double.greatestFiniteMagnitude : product }
        guard product.magnitude >= smallestSafeProduct else { return product.nextUp }
        return (-product).addingProduct(a, b) > 0 ? product.nextUp : product
    }

    /// a b, rounded down.
    static func productDown(_ a: Double, _ b: Double) -> Double { 0 - productUp(-a, b) }

    /// a / b, rounded up. `b` is positive and finite.
    static func quotientUp(_ a: Double, _ b: Double) -> Double {
        if a == 0 { return 0 }
        let quotient = a / b
        guard quotient.isFinite else { return quotient < 0 ? -Double.greatestFiniteMagnitude : quotient }
        guard a.magnitude >= smallestSafeProduct, quotient.magnitude >= smallestSafeProduct else {
            return quotient.nextUp
        }
        // The remainder a − q b is a double.
        return a.addingProduct(-quotient, b) > 0 ? quotient.nextUp : quotient
    }

    /// a / b, rounded down. `b` is positive and finite.
    static func quotientDown(_ a: Double, _ b: Double) -> Double { 0 - quotientUp(-a, b) }

    /// (a + b) − sum, exactly (Knuth).
    static func sumError(_ a: Double, _ b: Double, _ sum: Double) -> Double {
        let part = sum - a
        return (a - (sum - part)) + (b - part)
    }
}
