public import ExactArithmetic

/// A facet of a zonotope of space.
public struct ZonotopeFace: Sendable {
    /// In order around the facet.
    public let corners: [[Rational]]
    /// Outwards.
    public let normal: [Rational]
}

extension Zonotope {
    /// For n = 3, the facets: two for each plane that two of the generators span, the zonotope of the generators in
    /// that plane moved by the others, each to the facet's side. A flat zonotope has its two sides.
    ///
    /// Complexity: O(m³).
    /// - Parameter maximumWork: the most products of entries; beyond it `tooLarge` is thrown.
    public func facets(
        maximumWork: Int = 5_000_000, isCancelled: () -> Bool = { false }
    ) throws(HardFamilyFault) -> [ZonotopeFace] {
        guard dimension == 3 else { return [] }
        let count = generators.count
        guard count <= 1000, count * count * count <= maximumWork else { throw .tooLarge }
        var seen: Set<[Rational]> = []
        var faces: [ZonotopeFace] = []
        for first in 0..<count {
            for second in first + 1..<count {
                if isCancelled() { throw .cancelled }
                let normal = Self.cross(generators[first], generators[second])
                guard let leading = normal.first(where: { !$0.isZero }) else { continue }
                let scaled = normal.map { $0 / leading }
                guard seen.insert(scaled).inserted else { continue }
                faces += pair(of: scaled)
            }
        }
        return faces
    }

    /// The facets with a normal and its opposite.
    private func pair(of normal: [Rational]) -> [ZonotopeFace] {
        var centre: [Rational] = [.zero, .zero, .zero]
        var within: [[Rational]] = []
        for generator in generators {
            let sign = CentralArrangement.dot(generator, normal).sign
            if sign == 0 {
                within.append(generator)
            } else {
                centre = zip(centre, generator).map { sign > 0 ? $0 + $1 : $0 - $1 }
            }
        }
        // The plane's points by two of their coordinates: the normal's entry at the third is not 0.
        guard let dropped = normal.firstIndex(where: { !$0.isZero }),
            let shadow = try? Zonotope(
                generators: within.map { generator in
                    (0..<3).filter { $0 != dropped }.map { generator[$0] }
                }),
            let outline = try? shadow.vertices()
        else { return [] }
        let corners = outline.map { point in
            var point = point
            point.insert(.zero, at: dropped)
            point[dropped] = -CentralArrangement.dot(normal, point) / normal[dropped]
            return zip(point, centre).map { $0 + $1 }
        }
        return [
            ZonotopeFace(corners: corners, normal: normal),
            ZonotopeFace(corners: corners.map { $0.map { -$0 } }, normal: normal.map { -$0 }),
        ]
    }

    private static func cross(_ a: [Rational], _ b: [Rational]) -> [Rational] {
        [
            a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0],
        ]
    }
}
