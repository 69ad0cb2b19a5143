internal import ExactArithmetic
internal import ReLUNetworks

/// Numbers of breaks inside an open interval.
private struct Breaks {
    /// Where the output's slope changes.
    var ofSlope = BigInteger.zero
    /// Where some unit switches.
    var ofActivation = BigInteger.zero

    static func += (a: inout Breaks, b: Breaks) {
        a.ofSlope += b.ofSlope
        a.ofActivation += b.ofActivation
    }
}

/// Counts pieces over the images of intervals in each layer, each distinct image once.
///
/// The zero crossings of a layer's units cut an image into parts, each of which maps affinely into the next layer.
/// The breaks strictly inside an image are those inside its parts' images, found once for every distinct image, and
/// those crossings at which the slope of the whole path to the output changes. Where layers pass through one
/// dimension, the parts between neighbouring crossings and the paths of the crossings' own images are the only
/// images: about k²w for k layers of width w.
struct SegmentCounting {
    private let network: Network<Rational>
    private let limits: CountingLimits
    private var known: [LineImage: Breaks] = [:]
    private var corners: [LineCorner: Bool] = [:]
    private var bytes = 0
    /// The rational products that may still be formed.
    private var work: Int

    /// An image whose parts are being counted.
    private struct Frame {
        let image: LineImage
        var parts: [LineImage]
        var total: Breaks
    }

    /// - Precondition: the network has one input.
    init(_ network: Network<Rational>, limits: CountingLimits, maximumWork: Int = .max) {
        self.network = network
        self.limits = limits
        work = maximumWork
    }

    mutating func run(
        on domain: InputInterval, isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> [PieceDefinition: BigInteger] {
        let breaks = network.hiddenLayers == 0 ? Breaks() : try breaks(on: domain, isCancelled)
        let pieces = breaks.ofSlope + .one
        return [
            .activation: breaks.ofActivation + .one, .open: pieces, .closed: pieces, .level: pieces,
        ]
    }

    private mutating func breaks(
        on domain: InputInterval, _ isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> Breaks {
        let first = network.layers[0]
        let direction = first.weights
        func image(of x: Rational) -> [Rational] { first.image(of: [x], withBias: true) }
        switch (domain.lower, domain.upper) {
        case (let lower?, let upper?):
            return try count(LineImage(layer: 0, from: image(of: lower), to: image(of: upper)), isCancelled)
        case (let lower?, nil):
            return try count(
                LineImage(layer: 0, from: image(of: lower), direction: direction), isCancelled)
        case (nil, let upper?):
            return try count(
                LineImage(layer: 0, from: image(of: upper), direction: direction.map { -$0 }), isCancelled)
        case (nil, nil):
            guard let unit = direction.firstIndex(where: { !$0.isZero }) else { return Breaks() }
            // Two rays from a point where some unit switches.
            let point = image(of: -first.bias[unit] / direction[unit])
            var total = Breaks(ofActivation: .one)
            if try isBreak(layer: 0, point, direction, direction, isCancelled) { total.ofSlope = .one }
            total += try count(LineImage(layer: 0, from: point, direction: direction), isCancelled)
            total += try count(
                LineImage(layer: 0, from: point, direction: direction.map { -$0 }), isCancelled)
            return total
        }
    }

    /// The breaks strictly inside an image, none for `nil`.
    private mutating func count(
        _ image: LineImage?, _ isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> Breaks {
        guard let image else { return Breaks() }
        if let found = known[image] { return found }
        // An explicit stack: networks may have more layers than a thread's stack has room for.
        var stack = [try expand(image, isCancelled)]
        while let frame = stack.last {
            guard let part = frame.parts.last else {
                stack.removeLast()
                known[frame.image] = frame.total
                try account(frame.image.bytes)
                if stack.isEmpty { return frame.total }
                continue
            }
            if let found = known[part] {
                stack[stack.count - 1].total += found
                stack[stack.count - 1].parts.removeLast()
            } else {
                stack.append(try expand(part, isCancelled))
            }
        }
        return Breaks()
    }

    private mutating func account(_ more: Int) throws(PieceCountingFault) {
        bytes += more
        let cells = known.count + corners.count
        if cells > limits.maximumCells {
            throw .limitReached(.cells, limit: limits.maximumCells, reached: reached)
        }
        if bytes > limits.maximumBytes {
            throw .limitReached(.bytes, limit: limits.maximumBytes, reached: reached)
        }
    }

    /// Takes the products of one or more passes through a layer from the work that is left.
    private mutating func spend(passes: Int, layer: Int) throws(PieceCountingFault) {
        let map = network.layers[layer]
        work -= passes * map.inputs * map.outputs
        if work < 0 { throw .limitReached(.cells, limit: limits.maximumCells, reached: reached) }
    }

    /// The largest number of pieces on any image counted so far, which the input line has at least.
    private var reached: [PieceDefinition: BigInteger] {
        let slope = known.values.reduce(BigInteger.zero) { max($0, $1.ofSlope) } + .one
        let activation = known.values.reduce(BigInteger.zero) { max($0, $1.ofActivation) } + .one
        return [.activation: activation, .open: slope, .closed: slope, .level: slope]
    }

    /// Cuts an image at its units' zero crossings: the parts' images, and the crossings themselves.
    private mutating func expand(
        _ image: LineImage, _ isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> Frame {
        let direction = image.direction
        var crossings: [Rational] = []
        for (start, slope) in zip(image.start, direction) where start.sign * slope.sign < 0 {
            let parameter = -start / slope
            if image.isRay || parameter < .one { crossings.append(parameter) }
        }
        crossings.sort()
        var parameters: [Rational] = [.zero]
        for crossing in crossings where crossing != parameters[parameters.count - 1] {
            parameters.append(crossing)
        }
        if !image.isRay { parameters.append(.one) }

        let next = network.layers[image.layer + 1]
        var images: [[Rational]] = []
        images.reserveCapacity(parameters.count)
        for parameter in parameters {
            if isCancelled() { throw .cancelled(reached: reached) }
            try spend(passes: 1, layer: image.layer + 1)
            let point = zip(image.start, direction).map { start, slope in
                let value = start + slope * parameter
                return value.sign < 0 ? Rational.zero : value
            }
            images.append(next.image(of: point, withBias: true))
        }
        var derivatives: [[Rational]] = (1..<max(1, parameters.count)).map { index in
            let length = parameters[index] - parameters[index - 1]
            return zip(images[index], images[index - 1]).map { ($0 - $1) / length }
        }
        if image.isRay {
            derivatives.append(
                next.image(of: direction.map { $0.sign < 0 ? .zero : $0 }, withBias: false))
        }

        var total = Breaks(ofActivation: BigInteger(derivatives.count - 1))
        for index in 1..<max(1, derivatives.count) {
            if try isBreak(
                layer: image.layer + 1, images[index], derivatives[index - 1], derivatives[index], isCancelled
            ) {
                total.ofSlope += .one
            }
        }
        var parts: [LineImage] = []
        if image.layer + 1 < network.hiddenLayers {
            for index in 1..<max(1, images.count) {
                if let part = LineImage(layer: image.layer + 1, from: images[index - 1], to: images[index]) {
                    parts.append(part)
                }
            }
            if image.isRay, let point = images.last, let outward = derivatives.last,
                let part = LineImage(layer: image.layer + 1, from: point, direction: outward)
            {
                parts.append(part)
            }
        }
        return Frame(image: image, parts: parts, total: total)
    }

    /// Whether the output's slope changes where a path passes through `point` of a layer's pre-activations (or of
    /// the output), with the given derivatives on its two sides.
    private mutating func isBreak(
        layer: Int, _ point: [Rational], _ left: [Rational], _ right: [Rational], _ isCancelled: () -> Bool
    ) throws(PieceCountingFault) -> Bool {
        var path: [LineCorner] = []
        var (point, left, right, layer) = (point, left, right, layer)
        var answer = false
        while true {
            if layer == network.hiddenLayers {
                answer = left != right
                break
            }
            guard let corner = LineCorner(layer: layer, point: point, left: left, right: right) else { break }
            if let found = corners[corner] {
                answer = found
                break
            }
            if isCancelled() { throw .cancelled(reached: reached) }
            try spend(passes: 3, layer: layer + 1)
            path.append(corner)
            let next = network.layers[layer + 1]
            point = next.image(of: corner.point.map { $0.sign < 0 ? .zero : $0 }, withBias: true)
            left = next.image(
                of: zip(corner.point, corner.left).map { $0.isZero && $1.sign > 0 ? .zero : $1 },
                withBias: false)
            right = next.image(
                of: zip(corner.point, corner.right).map { $0.isZero && $1.sign < 0 ? .zero : $1 },
                withBias: false)
            layer += 1
        }
        for corner in path {
            corners[corner] = answer
            try account(corner.bytes)
        }
        return answer
    }
}
