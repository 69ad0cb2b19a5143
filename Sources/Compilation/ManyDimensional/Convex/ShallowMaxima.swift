internal import ExactArithmetic
internal import ReLUNetworks

/// Maxima in few layers.
struct ShallowMaxima {
    /// The layers that a maximum of affine functions may take.
    let layers: Int
    let isCancelled: () -> Bool

    /// max of affine functions of the inputs in at most `layers` layers, ⌈log2(n + 1)⌉ or 2 for n = 4.
    func maximum(of forms: [AffineForm], in circuit: inout ReLUCircuit) throws(ManyDimensionalFault)
        -> AffineForm
    {
        var seen: Set<AffineForm> = []
        let different = forms.filter { seen.insert($0).inserted }
        if different.count <= 1 << layers { return circuit.maximum(of: different) }
        let triangulation = try GradientTriangulation(
            different, inputs: circuit.inputs, isCancelled: isCancelled)
        let terms = triangulation.terms
        var trees = MaximumTrees(
            terms.filter { $0.members.count <= 1 << layers }.map { $0.members.map { different[$0] } })
        var maxima = trees.build(in: &circuit).makeIterator()
        var sum = FormSum()
        for term in terms {
            if isCancelled() { throw .cancelled }
            let value: AffineForm?
            if term.members.count <= 1 << layers {
                value = maxima.next()
            } else {
                value = circuit.maximumOfFive(term.members.map { different[$0] })
            }
            if let value { sum.add(value, times: term.isNegative ? Rational(-1) : .one) }
        }
        return sum.form
    }
}

extension ReLUCircuit {
    /// The maximum of five forms in two layers more (Bakaev, Brunck, Hertrich, Stade, Yehudayoff 2025):
    /// 2/5 Σ max of four + 1/30 Σ max(2a, max(b, c) + max(d, e)) − 1/30 Σ max(max(a, b) + max(a, c), max(b, c) + max(d, e)),
    /// over the 5, 15 and 30 different ways to name the five.
    ///
    /// - Precondition: five forms.
    mutating func maximumOfFive(_ x: [AffineForm]) -> AffineForm {
        precondition(x.count == 5, "five forms")
        var sum = FormSum()
        var pairs: [[Int]: AffineForm] = [:]
        for a in 0..<5 { for b in (a + 1)..<max(5, a + 1) { pairs[[a, b]] = maximum(x[a], x[b]) } }
        func pair(_ a: Int, _ b: Int) -> AffineForm { pairs[[min(a, b), max(a, b)]] ?? x[a] }
        for a in 0..<5 {
            let rest = (0..<5).filter { $0 != a }
            let (b, c, d, e) = (rest[0], rest[1], rest[2], rest[3])
            sum.add(maximum(pair(b, c), pair(d, e)), times: Rational(2, 5))
            for (p, q, r, s) in [(b, c, d, e), (b, d, c, e), (b, e, c, d)] {
                sum.add(maximum(Rational(2) * x[a], pair(p, q) + pair(r, s)), times: Rational(1, 30))
                for (p, q, r, s) in [(p, q, r, s), (r, s, p, q)] {
                    sum.add(
                        maximum(pair(a, p) + pair(a, q), pair(p, q) + pair(r, s)), times: Rational(-1, 30))
                }
            }
        }
        return sum.form
    }
}
