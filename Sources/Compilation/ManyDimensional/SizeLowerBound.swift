internal import ExactArithmetic
internal import ReLUNetworks

/// How few hidden nodes a network can have at all.
enum SizeLowerBound {
    /// A bound for every network that equals these affine functions on open sets, each on one of its own.
    ///
    /// All gradients of a network are combinations of its first layer's rows, so there are at least as many nodes as
    /// the gradients' rank, unless the function is affine. N nodes have at most 2^N activation patterns, and a pattern
    /// has one affine function, so K different ones need ⌈log2 K⌉ nodes.
    static func nodes(for pieces: [AffineForm], inputs: Int) -> Int {
        let different = Set(pieces)
        guard different.count > 1 else { return 0 }
        var bits = 0
        while 1 << bits < different.count { bits += 1 }
        return max(
            bits,
            AffineFrame([[Rational](repeating: .zero, count: inputs)] + different.map { $0.gradient(inputs) })
                .axes.count)
    }

    /// Affine functions that the circuit equals on open sets, found at fixed points.
    static func pieces(of circuit: ReLUCircuit, _ output: AffineForm, points: Int) -> [AffineForm] {
        var state: UInt64 = 1
        func coordinate() -> Rational {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let spread = [1, 10, 1000][Int(state >> 60) % 3]
            return Rational(Int(state >> 33) % (2 * spread * 1009) - spread * 1009, 1009)
        }
        let coordinates = (0..<circuit.inputs).map { axis in
            circuit.affine(gradient: (0..<circuit.inputs).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        return (0..<points).compactMap { _ in
            let point = (0..<circuit.inputs).map { _ in coordinate() }
            var values = coordinates
            for form in circuit.preactivations {
                let here = form.substituting(values)
                let sign = here.value(at: point).sign
                // On a fold the point is in no open set of one pattern.
                if sign == 0, !here.isConstant { return nil }
                values.append(sign > 0 ? here : AffineForm(constant: .zero))
            }
            return output.substituting(values)
        }
    }
}
