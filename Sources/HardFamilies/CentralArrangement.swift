internal import ExactArithmetic

/// The arrangement of the hyperplanes through the origin with given normals: its regions are the vertices of the
/// zonotope that the normals generate.
struct CentralArrangement {
    /// The arrangement's regions and work would pass the caller's limit, or nobody waits for them any more.
    enum Stop: Error {
        case limitReached, cancelled

        var fault: HardFamilyFault { self == .cancelled ? .cancelled : .tooLarge }
    }

    /// Rows of n entries.
    let normals: [[Rational]]
    let dimension: Int

    /// The normals modulo one of them: the arrangement on that hyperplane.
    private static func quotient(_ normals: ArraySlice<[Rational]>, by normal: [Rational]) -> [[Rational]] {
        guard let pivot = normal.firstIndex(where: { !$0.isZero }) else { return [] }
        return normals.map { row in
            let factor = row[pivot] / normal[pivot]
            return row.indices.filter { $0 != pivot }.map { row[$0] - factor * normal[$0] }
        }
    }

    /// The distinct hyperplanes: normals other than 0, scaled to a leading entry of 1.
    private static func hyperplanes(_ normals: [[Rational]]) -> [[Rational]] {
        var seen: Set<[Rational]> = []
        var result: [[Rational]] = []
        for normal in normals {
            guard let leading = normal.first(where: { !$0.isZero }) else { continue }
            let scaled = leading == .one ? normal : normal.map { $0 / leading }
            if seen.insert(scaled).inserted { result.append(scaled) }
        }
        return result
    }

    /// The number of regions, by deletion and restriction: adding a hyperplane cuts as many regions as the
    /// hyperplanes before it make on it. Complexity: O(m^{n−1}) rows.
    ///
    /// - Parameter work: the most entries of rows to reduce; what remains is left there.
    static func regionCount(
        _ normals: [[Rational]], dimension: Int, work: inout Int, _ isCancelled: () -> Bool
    ) throws(Stop) -> Int {
        if isCancelled() { throw .cancelled }
        let distinct = hyperplanes(normals)
        work -= normals.count * dimension
        guard work >= 0 else { throw .limitReached }
        if distinct.isEmpty { return 1 }
        if dimension == 1 { return 2 }
        if dimension == 2 { return 2 * distinct.count }
        var count = 1
        for index in distinct.indices {
            count += try regionCount(
                quotient(distinct[..<index], by: distinct[index]), dimension: dimension - 1, work: &work,
                isCancelled)
        }
        return count
    }

    /// One point in the interior of every region.
    ///
    /// - Parameter work: the most products of entries; what remains is left there.
    static func witnesses(
        _ normals: [[Rational]], dimension: Int, work: inout Int, _ isCancelled: () -> Bool
    ) throws(Stop) -> [[Rational]] {
        let distinct = hyperplanes(normals)
        guard let first = distinct.first else {
            return [[Rational](repeating: .one, count: dimension)]
        }
        if dimension == 1 { return [[.one], [-1]] }
        func signs(_ point: [Rational], _ count: Int) -> [Bool] {
            distinct[..<count].map { dot($0, point).sign > 0 }
        }
        var regions: [[Bool]: [Rational]] = [[true]: first, [false]: first.map { -$0 }]
        for index in 1..<max(1, distinct.count) {
            let normal = distinct[index]
            guard let pivot = normal.firstIndex(where: { !$0.isZero }) else { continue }
            work -= (regions.count + 1) * (index + 1) * dimension
            guard work >= 0 else { throw .limitReached }
            let within = try witnesses(
                quotient(distinct[..<index], by: normal), dimension: dimension - 1, work: &work, isCancelled)
            var next: [[Bool]: [Rational]] = [:]
            for reduced in within {
                if isCancelled() { throw .cancelled }
                // The point of the hyperplane with these other coordinates (the pivot's coefficient is 1).
                var point = reduced
                point.insert(.zero, at: pivot)
                point[pivot] = -dot(normal, point)
                let old = signs(point, index)
                regions[old] = nil
                var step = Rational.one
                for other in distinct[..<index] {
                    let change = dot(other, normal).magnitude
                    if !change.isZero { step = min(step, dot(other, point).magnitude / change / 2) }
                }
                next[old + [true]] = zip(point, normal).map { $0 + step * $1 }
                next[old + [false]] = zip(point, normal).map { $0 - step * $1 }
            }
            for (old, point) in regions { next[old + [dot(normal, point).sign > 0]] = point }
            regions = next
        }
        return Array(regions.values)
    }

    static func dot(_ a: [Rational], _ b: [Rational]) -> Rational {
        zip(a, b).reduce(.zero) { $0 + $1.0 * $1.1 }
    }
}
