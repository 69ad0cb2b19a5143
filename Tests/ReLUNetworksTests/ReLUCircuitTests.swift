import ExactArithmetic
import ReLUNetworks
import Testing

@Suite struct ReLUCircuitTests {
    private func circuit(_ inputs: Int) -> (circuit: ReLUCircuit, coordinates: [AffineForm]) {
        let circuit = ReLUCircuit(inputs: inputs)
        let coordinates = (0..<inputs).map { axis in
            circuit.affine(gradient: (0..<inputs).map { $0 == axis ? .one : .zero }, intercept: .zero)
        }
        return (circuit, coordinates)
    }

    @Test func unitsThatDifferByAFactorAreOne() {
        var (circuit, x) = circuit(2)
        let form = x[0] - Rational(2) * x[1]
        let once = circuit.rectified(form)
        #expect(circuit.rectified(Rational(3) * form) == Rational(3) * once)
        // σ(−t) = σ(t) − t.
        #expect(circuit.rectified(-form) == once - form)
        #expect(circuit.units == 1)
        // σ of a sum of units with positive coefficients is the sum, with negative ones 0.
        #expect(circuit.rectified(Rational(2) * once) == Rational(2) * once)
        #expect(circuit.rectified(-once) == AffineForm(constant: .zero))
    }

    /// Random circuits and their networks agree, on all of R^n or on the box, with and without output bias.
    @Test(arguments: [true, false], [true, false])
    func networksEqualTheirCircuits(isBoxed: Bool, outputBias: Bool) throws {
        for seed in 1...60 as ClosedRange<UInt64> {
            var state = seed
            func integer(_ range: ClosedRange<Int>) -> Int {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return range.lowerBound + Int(state >> 33) % range.count
            }
            let inputs = integer(1...3)
            var (circuit, forms) = circuit(inputs)
            func combination() -> AffineForm {
                var sum = AffineForm(constant: Rational(integer(-3...3)))
                for _ in 0..<integer(1...3) {
                    sum = sum + Rational(integer(-2...2)) * forms[integer(0...forms.count - 1)]
                }
                return sum
            }
            for _ in 0..<integer(0...9) { forms.append(circuit.rectified(combination())) }
            let outputs = (0..<integer(1...2)).map { _ in combination() }
            let network = try circuit.network(
                of: outputs,
                options: .init(
                    box: isBoxed ? (0..<inputs).map { _ in Rational(-2)...Rational(3) } : nil,
                    outputBias: outputBias))
            #expect(
                try network.size
                    == circuit.size(
                        of: outputs,
                        options: .init(
                            box: isBoxed ? (0..<inputs).map { _ in Rational(-2)...Rational(3) } : nil,
                            outputBias: outputBias)), "seed \(seed)")
            if !outputBias { #expect(network.layers.last?.bias.allSatisfy(\.isZero) == true, "seed \(seed)") }
            let layers = outputs.map { circuit.level(of: $0) }.max() ?? 0
            #expect(network.hiddenLayers <= max(layers, outputBias ? 0 : 1), "seed \(seed)")
            for _ in 0..<20 {
                let point = (0..<inputs).map { _ in
                    isBoxed ? Rational(integer(-20...30), 10) : Rational(integer(-90...90), 10)
                }
                #expect(network(point) == circuit.values(of: outputs, at: point), "seed \(seed)")
            }
        }
    }

    /// |x| is two nodes, a maximum of m affine functions no more than a balanced tree.
    @Test func carryingIsShared() throws {
        var (circuit, x) = circuit(1)
        let absolute = circuit.maximum(x[0], -x[0])
        #expect(try circuit.network(of: [absolute]).size == 2)
    }
}
