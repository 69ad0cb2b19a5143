internal import ExactArithmetic
internal import ReLUNetworks

/// Maxima in few layers.
struct ShallowMaxima {
    /// The layers that a maximum of affine functions may take.
    let layers: Int
    let isCancelled: () -> Bool

    /// The most numbers whose maximum takes so many layers by pairs and, in the last two layers, by fives.
    static func capacity(layers: Int) -> Int {
        layers < 2 ? 1 << max(0, layers) : 5 << min(layers - 2, 58)
    }

    /// max of affine functions of the inputs in at most `layers` layers.
    ///
    /// - Precondition: `layers` allow for n + 1 functions.
    func maximum(of forms: [AffineForm], in circuit: inout ReLUCircuit) throws(ManyDimensionalFault)
        -> AffineForm
    {
        var seen: Set<AffineForm> = []
        let different = forms.filter { seen.insert($0).inserted }
        if different.count <= 1 << layers { return circuit.maximum(of: different) }
        var sum = circuit
        let value = try sumOfMaxima(of: different, in: &sum)
        if different.count <= Self.capacity(layers: layers) {
            var tree = circuit
            let maximum = tree.maximum(of: different, layers: layers)
            if tree.units < sum.units {
                circuit = tree
                return maximum
            }
        }
        circuit = sum
        return value
    }

    /// By a triangulation of the gradients.
    private func sumOfMaxima(of forms: [AffineForm], in circuit: inout ReLUCircuit)
        throws(ManyDimensionalFault) -> AffineForm
    {
        let triangulation = try GradientTriangulation(
            forms, inputs: circuit.inputs, isCancelled: isCancelled)
        let terms = triangulation.terms
        var fives = MaximaOfFive(layers == 2 ? terms : [])
        try fives.name(isCancelled)
        var sum = FormSum()
        let small: [(members: [Int], coefficient: Rational)] =
            layers == 2
            ? fives.small : terms.filter { $0.members.count <= 1 << layers }.map { ($0.members, $0.sign) }
        var trees = MaximumTrees(small.map { $0.members.map { forms[$0] } })
        for (term, value) in zip(small, trees.build(in: &circuit)) { sum.add(value, times: term.coefficient) }
        for names in fives.chosen {
            sum.add(circuit.gates(of: names.map { forms[$0] }), times: Rational(1, 2))
        }
        // More than two layers: maxima of more than 2^layers, for n = 8, 9, 16 …
        for term in terms where layers > 2 && term.members.count > 1 << layers {
            if isCancelled() { throw .cancelled }
            sum.add(circuit.maximum(of: term.members.map { forms[$0] }, layers: layers), times: term.sign)
        }
        return sum.form
    }
}

/// A signed sum of maxima of at most five, with those of five replaced by smaller ones and three units each.
///
/// max(a, b, c, d, e) = max(a, b, c, d) + ½ (max(b, d, e) + max(a, c, e) + gates), see `ReLUCircuit.gates`. Of each five
/// the one that plays e is chosen so that the maxima of four that the identity adds cancel with those that the sum has with
/// the opposite sign: neighbours in the triangulation, by a spanning tree of each part that hangs together. Then a, b, c, d
/// are named so that the maxima of three are in the sum already, where that can be.
private struct MaximaOfFive {
    /// Sets of at most four, with coefficients other than 0, in a fixed order.
    var small: [(members: [Int], coefficient: Rational)] {
        coefficients.filter { !$0.value.isZero }.map { ($0.key, $0.value) }.sorted {
            ($0.members.count, $0.members.lexicographicKey) < ($1.members.count, $1.members.lexicographicKey)
        }
    }
    /// The fives as (a, b, c, d, e).
    private(set) var chosen: [[Int]] = []

    private var coefficients: [[Int]: Rational] = [:]
    private var fives: [[Int]] = []

    /// - Precondition: no term has more than five members; those of five have sign +.
    init(_ terms: [GradientTriangulation.Term]) {
        for term in terms {
            if term.members.count == 5 {
                fives.append(term.members)
            } else {
                coefficients[term.members] = term.sign
            }
        }
    }

    mutating func name(_ isCancelled: () -> Bool) throws(ManyDimensionalFault) {
        for (five, apex) in zip(fives, apexes()) {
            if isCancelled() { throw .cancelled }
            let (first, rest) = named(five, apex: apex)
            chosen.append(first)
            for (members, factor) in rest { coefficients[members, default: .zero] += factor }
        }
    }

    /// The position of e in each five: in each part of the fives that hangs together by facets, each but the first lacks e on
    /// the facet over which it was reached.
    private func apexes() -> [Int] {
        var holders: [[Int]: [(five: Int, apex: Int)]] = [:]
        for (index, five) in fives.enumerated() {
            for apex in five.indices {
                holders[Self.facet(of: five, lacking: apex), default: []].append((index, apex))
            }
        }
        var apexes = [Int](repeating: 4, count: fives.count)
        var seen = [Bool](repeating: false, count: fives.count)
        for first in fives.indices where !seen[first] {
            seen[first] = true
            var open = [first]
            while let index = open.popLast() {
                for apex in fives[index].indices {
                    for other in holders[Self.facet(of: fives[index], lacking: apex)] ?? []
                    where !seen[other.five] {
                        seen[other.five] = true
                        apexes[other.five] = other.apex
                        open.append(other.five)
                    }
                }
            }
        }
        return apexes
    }

    private static func facet(of five: [Int], lacking apex: Int) -> [Int] {
        Array(five[..<apex] + five[(apex + 1)...])
    }

    /// (a, b, c, d, e), and the maxima that the identity adds.
    private func named(_ five: [Int], apex: Int) -> (names: [Int], rest: [([Int], Rational)]) {
        let (four, e) = (Self.facet(of: five, lacking: apex), five[apex])
        var best: (score: Int, names: [Int], triples: [[Int]])?
        for (a, c, b, d) in [(0, 1, 2, 3), (0, 2, 1, 3), (0, 3, 1, 2)] {
            let triples = [[four[b], four[d], e].sorted(), [four[a], four[c], e].sorted()]
            let score = triples.count { coefficients[$0] != nil }
            if score > best?.score ?? -1 {
                best = (score, [four[a], four[b], four[c], four[d], e], triples)
            }
        }
        let half = Rational(1, 2)
        return (
            best?.names ?? five, [(four, .one)] + (best?.triples ?? []).map { ($0, half) }
        )
    }
}

extension ReLUCircuit {
    /// The maximum of the forms over so many layers more: by pairs, and in the last two layers five at once.
    ///
    /// - Precondition: there is a form, and no more than `ShallowMaxima.capacity(layers:)`.
    mutating func maximum(of forms: [AffineForm], layers: Int) -> AffineForm {
        if forms.count <= 1 << layers { return maximum(of: forms) }
        if layers == 2 { return maximumOfFive(forms) }
        let pairs = stride(from: 0, to: forms.count, by: 2).map { place in
            place + 1 < forms.count ? maximum(forms[place], forms[place + 1]) : forms[place]
        }
        return maximum(of: pairs, layers: layers - 1)
    }

    /// The maximum of five forms in two layers more, with 14 units.
    ///
    /// - Precondition: five forms.
    mutating func maximumOfFive(_ x: [AffineForm]) -> AffineForm {
        precondition(x.count == 5, "five forms")
        var sum = FormSum()
        sum.add(maximum(maximum(x[0], x[3]), maximum(x[1], x[2])), times: .one)
        sum.add(maximum(maximum(x[1], x[4]), maximum(x[3], x[4])), times: Rational(1, 2))
        sum.add(maximum(maximum(x[0], x[4]), maximum(x[2], x[4])), times: Rational(1, 2))
        sum.add(gates(of: x), times: Rational(1, 2))
        return sum.form
    }

    /// What max(a, b, c, d, e) lacks of max(a, b, c, d) + ½ (max(b, d, e) + max(a, c, e)), twice: with xy for max(x, y),
    ///
    ///     max(ae + de, be + ce) − max(ac + be, ae + bd) − max(ac + de, bd + ce).
    ///
    /// The exchange of a with b and c with d, and that of a with c and b with d, change nothing, so let a be the largest of the
    /// four: ac = a. If e ≥ a this is 2e − (a + e) − (a + e), and both maxima of three are e: in all a + ½ (4e − 2a − 2e) = e. If
    /// e < a it is max(a + de, be + ce) − a − max(b, d, e) − max(a + de, bd + ce), so what is left to show is that the first and the
    /// last are equal. Where be + ce > a + de, ce ≤ a tells that be > de, so that b > d and b > e, and be = b = bd; where
    /// bd + ce > a + de, that bd > de, and likewise bd = b = be.
    ///
    /// - Precondition: five forms.
    fileprivate mutating func gates(of x: [AffineForm]) -> AffineForm {
        func pair(_ a: Int, _ b: Int) -> AffineForm { maximum(x[a], x[b]) }
        let (ac, bd) = (pair(0, 2), pair(1, 3))
        let (ae, be, ce, de) = (pair(0, 4), pair(1, 4), pair(2, 4), pair(3, 4))
        return maximum(ae + de, be + ce) - maximum(ac + be, ae + bd) - maximum(ac + de, bd + ce)
    }
}
