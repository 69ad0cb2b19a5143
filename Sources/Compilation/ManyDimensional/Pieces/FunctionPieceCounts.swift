internal import ExactArithmetic
public import PiecewiseLinear
internal import ReLUNetworks

/// How many pieces a function has on its domain, as piece counting defines them for networks; a posted function has no
/// activation patterns.
public struct FunctionPieceCounts: Sendable, Hashable {
    /// Different affine functions.
    public let affine: Int
    /// Components of their cells, joined through facets.
    public let open: Int
    /// Joined through any common point.
    public let closed: Int
    /// Components with interior of {x : f(x) = g(x)}, over the affine functions g.
    public let level: Int
}

extension RegionFunction {
    /// The number of regions, where each has a function of its own.
    var distinctFunctions: Int? {
        Set(regions.map(\.function)).count == regions.count ? regions.count : nil
    }
}

extension ManyDimensionalCompiler {
    /// The pieces of a maximum of affine functions, of a function on simplices or a grid, of one on regions with a
    /// different function on each, and of one on bounded regions of the plane or that meet in whole faces; `nil` for others.
    public static func pieces(
        of function: FunctionExpression, maximumCells: Int, threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool = { false }
    ) throws(ManyDimensionalFault) -> FunctionPieceCounts? {
        let complex: SimplicialComplex
        switch function {
        case .maxAffine(let pieces):
            guard let dimension = pieces.first?.dimension, pieces.allSatisfy({ $0.dimension == dimension })
            else { throw .dimensionsDisagree }
            let circuit = ReLUCircuit(inputs: dimension)
            let maximum = MaximumCells(
                pieces.map { circuit.affine(gradient: $0.gradient, intercept: $0.intercept) },
                dimension: dimension)
            // Each function that is the largest somewhere is so on one convex set.
            let count =
                dimension == 2
                ? Set(try maximum.planar(threads: threads, isCancelled: isCancelled).cells.map(\.function))
                    .count
                : try maximum.needed(threads: threads, isCancelled: isCancelled).count
            return FunctionPieceCounts(affine: count, open: count, closed: count, level: count)
        case .simplicial(let simplicial):
            complex = try SimplicialComplex(simplicial, threads: threads, isCancelled: isCancelled)
        case .regions(let regions):
            if regions.discontinuity.isZero, let count = regions.distinctFunctions {
                return FunctionPieceCounts(affine: count, open: count, closed: count, level: count)
            }
            guard regions.box != nil, regions.isDomainConvex, regions.discontinuity.isZero else { return nil }
            if regions.dimension == 2 {
                let mesh = try PlanarTriangulation(
                    try PlanarFunction(regions, isCancelled: isCancelled), isCancelled: isCancelled)
                let planar = try SimplicialComplex(mesh, threads: threads, isCancelled: isCancelled)
                guard mesh.isWhole, try planar.isConvexAndFaceToFace(isCancelled) else { return nil }
                complex = planar
            } else {
                let polyhedral = try PolyhedralFunction(regions, threads: threads, isCancelled: isCancelled)
                guard
                    let triangulated = try polyhedral.triangulated(
                        maximumSimplices: maximumCells, threads: threads, isCancelled: isCancelled)
                else { return nil }
                complex = triangulated
            }
        default: return nil
        }
        let counts = try MeshPieces(complex, isCancelled: isCancelled)
        return FunctionPieceCounts(
            affine: counts.affine, open: counts.open, closed: counts.closed, level: counts.level)
    }
}
