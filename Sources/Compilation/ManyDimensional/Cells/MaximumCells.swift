internal import ExactArithmetic
internal import LinearProgramming
internal import Threads
internal import ReLUNetworks

/// The cells on which each of several affine functions is the largest.
struct MaximumCells: Sendable {
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
    func needed(threads: Int = 1, isCancelled: @escaping @Sendable () -> Bool) throws(ManyDimensionalFault)
        -> [AffineForm]
    {
        let areNeeded = try parallelMap(forms.count, threads: threads) {
            (index) throws(ManyDimensionalFault) in
            // Larger than all others somewhere? max t with t ≤ form − other, t ≤ 1.
            let zeros = [Rational](repeating: .zero, count: dimension)
            var rows = forms.filter { $0 != forms[index] }.map { other in
                let difference = forms[index] - other
                return LinearInequality(
                    normal: difference.gradient(dimension).map { -$0 } + [.one], offset: difference.constant)
            }
            rows.append(LinearInequality(normal: zeros + [.one], offset: .one))
            let outcome = try faultless { () throws(LinearProgrammingFault) in
                try LinearProgram(maximising: zeros + [.one], inequalities: rows).solved(
                    isCancelled: isCancelled)
            }
            if case .optimal(_, let value, _) = outcome { return value.sign > 0 }
            return true
        }
        return zip(forms, areNeeded).filter(\.1).map(\.0)
    }

    /// In the plane: the polygons. Complexity: O(k²) for k functions, times a polygon's corners.
    func planar(
        within parts: [PlanarPolygon] = PlanarPolygon.quadrants, threads: Int = 1,
        isCancelled: @escaping @Sendable () -> Bool
    ) throws(ManyDimensionalFault) -> PlanarFunction {
        let cells = try parallelMap(forms.count, threads: threads) { (index) throws(ManyDimensionalFault) in
            if isCancelled() { throw .cancelled }
            let form = forms[index]
            let differences = forms.filter { $0 != form }.map { $0 - form }
            return parts.compactMap { part -> PlanarFunction.Cell? in
                var polygon: PlanarPolygon? = part
                for difference in differences {
                    guard let left = polygon else { break }
                    polygon = left.part(below: difference)
                }
                return polygon.map { ($0, form) }
            }
        }
        return PlanarFunction(cells: cells.flatMap(\.self))
    }
}
