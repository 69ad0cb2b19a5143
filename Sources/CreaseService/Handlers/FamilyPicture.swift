internal import Drawing
internal import ExactArithmetic
internal import HardFamilies
internal import MicroHTTP
internal import PieceCounting
internal import ReLUNetworks

/// Pictures of the hard families: the function where it has one variable, else the zonotope itself.
enum FamilyPicture {
    static func of(_ sawtooth: SawtoothFamily, _ call: Call) throws -> Response {
        try of(
            sawtooth.network, sawtooth.pieces,
            "\(sawtooth.pieces) pieces from \(layers(sawtooth)) of \(units(sawtooth))", call)
    }

    /// Of a zonotope of one dimension.
    static func of(_ member: ZonotopeFamily, _ pieces: BigInteger, _ call: Call) throws -> Response {
        try of(member.network, pieces, title(member, pieces), call)
    }

    /// The zonotope itself; of a planar one also the plane in the colours of the function's pieces, where they are few
    /// enough to be seen.
    ///
    /// - Parameters:
    ///   - vertices: where they are few enough to be listed.
    ///   - pointer: of the generators.
    static func of(
        _ member: ZonotopeFamily, _ pieces: BigInteger, _ vertices: [[Rational]]?, at pointer: String,
        _ call: Call
    ) throws -> Response {
        let solid = try picture(member.zonotope, vertices, at: pointer, call)
        guard member.zonotope.dimension == 2, pieces <= BigInteger(maximumPlanePieces) else {
            return Answer.svg(solid)
        }
        let plane = try NetworkPicture.plane(member.network, title: title(member, pieces), call)
        return Answer.svg(PictureColumn([solid, plane]).svg())
    }

    private static let maximumPlanePieces = 5000

    private static func title(_ member: ZonotopeFamily, _ pieces: BigInteger) -> String {
        let size = member.zonotope.generators.count
        return "\(pieces) pieces: \(layers(member.sawtooth)) of \(units(member.sawtooth)) after "
            + "\(size) generator\(size == 1 ? "" : "s")"
    }

    private static func layers(_ sawtooth: SawtoothFamily) -> String {
        "\(sawtooth.layers) layer\(sawtooth.layers == 1 ? "" : "s")"
    }

    private static func units(_ sawtooth: SawtoothFamily) -> String {
        "\(sawtooth.units) unit\(sawtooth.units == 1 ? "" : "s")"
    }

    private static func of(
        _ network: Network<Rational>, _ pieces: BigInteger, _ title: String, _ call: Call
    ) throws -> Response {
        guard pieces <= BigInteger(FunctionPicture.maximumPoints) else {
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows at most \(FunctionPicture.maximumPoints) pieces.")
        }
        do {
            let function = try LinePieceCounting.list(network, isCancelled: call.cancellation.closure)
                .function()
            return Answer.svg(
                FunctionPicture(title: title, curves: [FunctionPicture.Curve(function, label: "")]).svg())
        } catch {
            throw PiecesOperation.problem(error)
        }
    }

    private static func picture(
        _ zonotope: Zonotope, _ vertices: [[Rational]]?, at pointer: String, _ call: Call
    ) throws -> [UInt8] {
        guard zonotope.dimension <= 3, let vertices,
            let facets = try? zonotope.facets(isCancelled: call.cancellation.closure)
        else {
            if call.cancellation.isCancelled { throw Problem.cancelled }
            throw Problem(
                status: 406, code: "not-acceptable",
                detail: "A picture shows a zonotope of two or three dimensions with few vertices.")
        }
        let corners = vertices.map(corner)
        let isDrawable = corners.allSatisfy {
            [$0.x, $0.y, $0.z].allSatisfy { $0.magnitude < 1e300 }
        }
        guard isDrawable else {
            throw Problem.unprocessable("out-of-range", at: pointer, "The zonotope is too large to be drawn.")
        }
        let upright = ZonotopePicture.Corner(x: 0, y: 0, z: 1)
        let faces =
            facets.isEmpty
            ? [ZonotopePicture.Face(corners: corners, normal: upright)]
            : facets.map {
                ZonotopePicture.Face(corners: $0.corners.map(corner), normal: direction($0.normal))
            }
        let (count, size) = (vertices.count, zonotope.generators.count)
        return ZonotopePicture(
            title: "\(count) \(count == 1 ? "vertex" : "vertices") from \(size) "
                + "generator\(size == 1 ? "" : "s")",
            faces: faces, vertices: corners, isPlanar: zonotope.dimension == 2
        ).svg()
    }

    /// Of entries up to 1, whose rounding keeps the direction.
    private static func direction(_ normal: [Rational]) -> ZonotopePicture.Corner {
        let reach = normal.reduce(Rational.zero) { max($0, $1.magnitude) }
        return corner(reach.isZero ? normal : normal.map { $0 / reach })
    }

    private static func corner(_ point: [Rational]) -> ZonotopePicture.Corner {
        ZonotopePicture.Corner(
            x: point[0].nearestDouble, y: point[1].nearestDouble,
            z: point.count > 2 ? point[2].nearestDouble : 0)
    }
}
