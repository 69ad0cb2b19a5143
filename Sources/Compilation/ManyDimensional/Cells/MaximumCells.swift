internal import ExactArithmetic
internal import LinearProgramming
internal import ReLUNetworks

/// The cells on which each of several affine functions is the largest.
struct MaximumCells {
    /// Different from each other; of those that differ by a constant only the largest.
    private let forms: [AffineForm]
    private let dimension: Int

    init(_ forms: [AffineForm], dimension: Int) {
        var largest: [[AffineForm.Term]: AffineForm] = [:]
        for form in forms where form.constant > largest[form.terms]?.constant ?? form.constant - .one {
            largest[form.terms] = form
        }
        var seen: Set<AffineForm> = []
        self.forms = forms.compactMap { largest[$0.terms] }.filter { seen.insert($0).inserted }
        self.dimension = dimension
    }

    /// The functions that are largest on a set with interior. Complexity: a linear program for each.
    func needed(isCancelled: () -> Bool) throws(ManyDimensionalFault) -> [AffineForm] {
        var kept = forms
        for form in forms where kept.count > 1 {
            // Larger than all others that are left somewhere? max t with t ≤ form − other, t ≤ 1.
            let zeros = [Rational](repeating: .zero, count: dimension)
            var rows = kept.filter { $0 != form }.map { other in
                let difference = form - other
                return LinearInequality(
                    normal: difference.gradient(dimension).map { -$0 } + [.one], offset: difference.constant)
            }
            rows.append(LinearInequality(normal: zeros + [.one], offset: .one))
            let outcome = try faultless { () throws(LinearProgrammingFault) in
                try LinearProgram(maximising: zeros + [.one], inequalities: rows).solved(
                    isCancelled: isCancelled)
            }
            if case .optimal(_, let value, _) = outcome, value.sign <= 0 { kept.removeAll { $0 == form } }
        }
        return kept
    }

    /// In the plane: the polygons. Complexity: O(k²) for k functions, times a polygon's corners.
    func planar(within parts: [PlanarPolygon] = PlanarPolygon.quadrants, isCancelled: () -> Bool)
        throws(ManyDimensionalFault) -> PlanarFunction
    {
        var cells: [PlanarFunction.Cell] = []
        for form in forms {
            if isCancelled() { throw .cancelled }
            let differences = forms.filter { $0 != form }.map { $0 - form }
            for part in parts {
                var polygon: PlanarPolygon? = part
                for difference in differences {
                    guard let left = polygon else { break }
                    polygon = left.part(below: difference)
                }
                if let polygon { cells.append((polygon, form)) }
            }
        }
        return PlanarFunction(cells: cells)
    }
}
