internal import ExactArithmetic
internal import PiecewiseLinear

/// Where a function is given.
struct FunctionDomain {
    /// A box that holds the domain; `nil` where it is not bounded or not known to be.
    var box: [ClosedRange<Rational>]?
    /// Whether the function is given on all of R^n.
    var isSpace: Bool
    /// Whether all parts are continuous functions.
    var isContinuous: Bool

    init(_ function: FunctionExpression) {
        switch function {
        case .maxAffine, .signedMax, .lattice, .oneDimensional, .network:
            self.init(box: nil, isSpace: true, isContinuous: true)
        case .simplicial(let function):
            let box = (0..<function.dimension).map { axis in
                let coordinates = function.vertices.map { $0[axis] }
                return (coordinates.min() ?? .zero)...(coordinates.max() ?? .zero)
            }
            self.init(box: box, isSpace: false, isContinuous: true)
        case .regions(let function):
            self.init(
                box: function.box, isSpace: function.coversSpace, isContinuous: function.discontinuity.isZero)
        case .sum(let terms): self.init(common: terms.map(\.function))
        case .maximum(let functions), .minimum(let functions): self.init(common: functions)
        case .absolute(let function): self.init(function)
        case .composition(let outer, let inner):
            self.init(common: inner)
            let outside = FunctionDomain(outer)
            isSpace = isSpace && outside.isSpace
            isContinuous = isContinuous && outside.isContinuous
        }
    }

    private init(box: [ClosedRange<Rational>]?, isSpace: Bool, isContinuous: Bool) {
        self.box = box
        self.isSpace = isSpace
        self.isContinuous = isContinuous
    }

    /// Where all of the functions are given.
    private init(common functions: [FunctionExpression]) {
        self.init(box: nil, isSpace: true, isContinuous: true)
        for function in functions {
            let domain = FunctionDomain(function)
            isSpace = isSpace && domain.isSpace
            isContinuous = isContinuous && domain.isContinuous
            guard let other = domain.box else { continue }
            guard let box else {
                self.box = other
                continue
            }
            // Domains without common interior: any of the boxes does.
            guard
                zip(box, other).allSatisfy({
                    max($0.lowerBound, $1.lowerBound) < min($0.upperBound, $1.upperBound)
                })
            else { continue }
            self.box = zip(box, other).map {
                max($0.lowerBound, $1.lowerBound)...min($0.upperBound, $1.upperBound)
            }
        }
    }

    /// n, `nil` where the function has no parts to tell it.
    static func dimension(of function: FunctionExpression) -> Int? {
        switch function {
        case .maxAffine(let pieces), .lattice(let pieces, _): pieces.first?.dimension
        case .signedMax(let terms): terms.first?.pieces.first?.dimension
        case .simplicial(let function): function.dimension
        case .regions(let function): function.dimension
        case .oneDimensional: 1
        case .sum(let terms): terms.first.flatMap { dimension(of: $0.function) }
        case .maximum(let functions), .minimum(let functions): functions.first.flatMap { dimension(of: $0) }
        case .absolute(let function): dimension(of: function)
        case .composition(_, let inner): inner.first.flatMap { dimension(of: $0) }
        case .network(let layers): layers.first?.weights.first?.count
        }
    }
}
