internal import ExactArithmetic

extension Polyhedron {
    /// Indices, increasing, of inequalities that describe the same polyhedron and of which none can be spared. Where
    /// the polyhedron has interior these are its facets, one inequality for each (the first of equal ones).
    ///
    /// Complexity: with interior, one program over the facets found so far for each inequality (K. Clarkson, More
    /// output-sensitive geometric algorithms, FOCS 1994); without, one over all others for each.
    public func irredundantInequalities(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault)
        -> [Int]
    {
        switch try interior(isCancelled: isCancelled) {
        case .point(let point): try facets(around: point, isCancelled)
        case .empty: try sparing(inequalities.indices.map { $0 }, isCancelled)
        }
    }

    /// The same polyhedron by irredundant inequalities.
    public func minimal(isCancelled: () -> Bool = { false }) throws(LinearProgrammingFault) -> Polyhedron {
        let kept = try irredundantInequalities(isCancelled: isCancelled)
        return Polyhedron(dimension: dimension, inequalities: kept.map { inequalities[$0] })
    }

    /// Drops one inequality after the other that the remaining ones imply.
    private func sparing(_ indices: [Int], _ isCancelled: () -> Bool) throws(LinearProgrammingFault) -> [Int]
    {
        var kept = indices
        for index in indices.reversed() {
            let others = kept.filter { $0 != index }
            if try subset(others).implies(inequalities[index], isCancelled: isCancelled) { kept = others }
        }
        return kept
    }

    private func facets(around interior: [Rational], _ isCancelled: () -> Bool) throws(LinearProgrammingFault)
        -> [Int]
    {
        let slacks = inequalities.map { $0.slack(at: interior) }
        var candidates = distinctHalfSpaces(slacks)
        var facets: [Int] = []
        while let index = candidates.last {
            if isCancelled() { throw .cancelled }
            guard let outside = try violation(of: index, over: facets, isCancelled) else {
                candidates.removeLast()
                continue
            }
            // From the interior towards a point that violates `index` but no facet found yet: what is hit first
            // is a new facet, if it is hit alone.
            let direction = zip(outside, interior).map { $0 - $1 }
            var hits: [(index: Int, step: Rational)] = []
            for candidate in candidates {
                let rate = innerProduct(inequalities[candidate].normal, direction)
                guard rate.sign > 0 else { continue }
                let step = slacks[candidate] / rate
                if let first = hits.first, first.step < step { continue }
                if let first = hits.first, step < first.step { hits.removeAll() }
                hits.append((candidate, step))
            }
            if let only = hits.first, hits.count == 1 {
                facets.append(only.index)
                candidates.removeAll { $0 == only.index }
            } else {
                candidates.removeLast()
                let others = subset(facets + candidates)
                if try !others.implies(inequalities[index], isCancelled: isCancelled) { facets.append(index) }
            }
        }
        return facets.sorted()
    }

    /// A point that satisfies the inequalities `facets` and violates `index`; `nil` if there is none.
    private func violation(of index: Int, over facets: [Int], _ isCancelled: () -> Bool)
        throws(LinearProgrammingFault) -> [Rational]?
    {
        let inequality = inequalities[index]
        switch try subset(facets).maximum(of: inequality.normal, isCancelled: isCancelled) {
        case .optimal(let point, let value, _): return value > inequality.offset ? point : nil
        case .infeasible: return nil
        case .unbounded(let point, let ray):
            // Far enough along the ray: ⟨normal, point⟩ + t ⟨normal, ray⟩ = offset + ⟨normal, ray⟩ or more.
            let rate = innerProduct(inequality.normal, ray)
            let slack = inequality.slack(at: point)
            let step = (slack.sign > 0 ? slack / rate : .zero) + .one
            return zip(point, ray).map { $0 + step * $1 }
        }
    }

    private func subset(_ indices: [Int]) -> Polyhedron {
        Polyhedron(dimension: dimension, inequalities: indices.map { inequalities[$0] })
    }

    /// The indices without those of inequalities that are no half-spaces, or equal ones before.
    private func distinctHalfSpaces(_ slacks: [Rational]) -> [Int] {
        var seen: Set<[Rational]> = []
        return inequalities.indices.filter { index in
            let inequality = inequalities[index]
            guard !inequality.normal.allSatisfy(\.isZero) else { return false }
            // The slack at the interior point is positive, so dividing by it leaves equal half-spaces equal.
            let key = (inequality.normal + [inequality.offset]).map { $0 / slacks[index] }
            return seen.insert(key).inserted
        }
    }
}
