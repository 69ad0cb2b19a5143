internal import ExactArithmetic
internal import ReLUNetworks

/// The walk over a network's cells, in integers where its layers have common denominators of reasonable length and
/// in rationals else.
enum LineWalk {
    case integers(CellWalk<IntegerForms>, InputInterval = .line)
    case rationals(CellWalk<RationalForms>, InputInterval = .line)

    /// Beyond this many bits a layer's common denominator is not taken out.
    private static let maximumDenominatorBits = 8192

    init(_ network: Network<Rational>, limits: CountingLimits) throws(PieceCountingFault) {
        var layers: [IntegerLayer] = []
        if network.inputs == 1 {
            for layer in network.layers {
                guard
                    let integer = IntegerLayer(
                        layer, maximumDenominatorBits: Self.maximumDenominatorBits,
                        maximumBytes: limits.maximumBytes)
                else { break }
                layers.append(integer)
            }
        }
        if layers.count == network.layers.count, IntegerForms.bytes(layers) <= limits.maximumBytes {
            self = .integers(
                CellWalk(
                    forms: IntegerForms(layers), widths: network.layers.map(\.outputs), limits: limits))
        } else {
            try self.init(inRationals: network, limits: limits)
        }
    }

    init(inRationals network: Network<Rational>, limits: CountingLimits) throws(PieceCountingFault) {
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        self = .rationals(
            CellWalk(
                forms: RationalForms(network), widths: network.layers.map(\.outputs), limits: limits))
    }

    init(_ network: Network<Double>, limits: CountingLimits) throws(PieceCountingFault) {
        guard network.inputs == 1 else { throw .wrongInputDimension(expected: 1, actual: network.inputs) }
        var layers: [IntegerLayer] = []
        for (index, layer) in network.layers.enumerated() {
            guard layer.weights.allSatisfy(\.isFinite), layer.bias.allSatisfy(\.isFinite) else {
                throw .notFinite(layer: index)
            }
            guard let integer = IntegerLayer(layer, maximumBytes: limits.maximumBytes) else {
                throw .limitReached(.bytes, limit: limits.maximumBytes, reached: [:])
            }
            layers.append(integer)
        }
        guard IntegerForms.bytes(layers) <= limits.maximumBytes else {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: [:])
        }
        self = .integers(
            CellWalk(forms: IntegerForms(layers), widths: network.layers.map(\.outputs), limits: limits))
    }

    mutating func run(on domain: InputInterval, isCancelled: () -> Bool) throws(PieceCountingFault) {
        switch self {
        case .integers(var walk, _):
            try walk.run(on: domain, isCancelled: isCancelled)
            self = .integers(walk, domain)
        case .rationals(var walk, _):
            try walk.run(on: domain, isCancelled: isCancelled)
            self = .rationals(walk, domain)
        }
    }

    /// After `run`.
    var counts: [PieceDefinition: BigInteger] {
        switch self {
        case .integers(let walk, _): walk.counts
        case .rationals(let walk, _): walk.counts
        }
    }

    /// After `run`: the first `limit` ≥ 1 pieces.
    func pieces(limit: Int, isCancelled: () -> Bool) throws(PieceCountingFault) -> LinePieces {
        switch self {
        case .integers(let walk, let domain):
            try walk.pieces(limit: limit, on: domain, isCancelled: isCancelled)
        case .rationals(let walk, let domain):
            try walk.pieces(limit: limit, on: domain, isCancelled: isCancelled)
        }
    }

    mutating func list(
        on domain: InputInterval, isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> LinePieces {
        try run(on: domain, isCancelled: isCancelled)
        return try pieces(limit: .max, isCancelled: isCancelled)
    }
}
