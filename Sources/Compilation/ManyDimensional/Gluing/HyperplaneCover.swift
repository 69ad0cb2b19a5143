/// Few hyperplanes such that each face lies on one of them.
///
/// Greedy by the number of faces while a hyperplane holds three or more that are not covered; then a matching, in
/// which the face of fewest possible partners comes first (Karp and Sipser). Complexity: near-linear in the number of
/// candidates.
struct HyperplaneCover {
    /// Hyperplanes with the positions of the faces that they cover, disjoint.
    private(set) var chosen: [(hyperplane: Int, faces: [Int])] = []
    private let candidates: [[Int]]
    private var holders: [Int: [Int]] = [:]
    private var isCovered: [Bool]

    /// - Parameter candidates: for each face the hyperplanes that it lies on, at least one.
    init(candidates: [[Int]]) {
        self.candidates = candidates
        isCovered = candidates.map { _ in false }
        for (face, hyperplanes) in candidates.enumerated() {
            for hyperplane in hyperplanes { holders[hyperplane, default: []].append(face) }
        }
        coverGreedily()
        match()
        for face in candidates.indices where !isCovered[face] { choose(candidates[face][0], [face]) }
    }

    private func open(_ hyperplane: Int) -> [Int] { (holders[hyperplane] ?? []).filter { !isCovered[$0] } }

    private mutating func choose(_ hyperplane: Int, _ faces: [Int]) {
        for face in faces { isCovered[face] = true }
        chosen.append((hyperplane, faces))
    }

    private mutating func coverGreedily() {
        var buckets: [Int: [Int]] = [:]
        for (hyperplane, faces) in holders.sorted(by: { $0.key > $1.key }) where faces.count > 2 {
            buckets[faces.count, default: []].append(hyperplane)
        }
        var bound = buckets.keys.max() ?? 0
        while bound > 2 {
            guard let hyperplane = buckets[bound]?.popLast() else {
                bound -= 1
                continue
            }
            let left = open(hyperplane)
            if left.count == bound {
                choose(hyperplane, left)
            } else {
                buckets[left.count, default: []].append(hyperplane)
            }
        }
    }

    /// Hyperplanes with two faces that are not covered are edges of a graph; those of a matching are chosen.
    private mutating func match() {
        var degrees = candidates.indices.map { face in
            isCovered[face] ? 0 : candidates[face].count { open($0).count == 2 }
        }
        var buckets: [Int: [Int]] = [:]
        for face in candidates.indices.reversed() where degrees[face] > 0 {
            buckets[degrees[face], default: []].append(face)
        }
        var degree = 1
        let last = degrees.max() ?? 0
        while degree <= last {
            guard let face = buckets[degree]?.popLast() else {
                degree += 1
                continue
            }
            if isCovered[face] || degrees[face] != degree { continue }
            let edges = candidates[face].compactMap { hyperplane -> (hyperplane: Int, partner: Int)? in
                let faces = open(hyperplane)
                guard faces.count == 2 else { return nil }
                return (hyperplane, faces[0] == face ? faces[1] : faces[0])
            }
            guard let edge = edges.min(by: { degrees[$0.partner] < degrees[$1.partner] }) else { continue }
            choose(edge.hyperplane, [face, edge.partner])
            for covered in [face, edge.partner] {
                for hyperplane in candidates[covered] {
                    for neighbour in open(hyperplane) where degrees[neighbour] > 0 {
                        degrees[neighbour] -= 1
                        if degrees[neighbour] == 0 { continue }
                        buckets[degrees[neighbour], default: []].append(neighbour)
                        degree = min(degree, degrees[neighbour])
                    }
                }
            }
        }
    }
}
