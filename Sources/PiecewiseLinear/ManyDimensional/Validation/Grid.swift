public import ExactArithmetic

extension SimplicialFunction {
    /// Values on a grid, interpolated on the Freudenthal (Kuhn) triangulation: each cell is n! simplices, one for each
    /// order in which a path along the axes goes from the cell's lowest corner to its highest.
    ///
    /// - Parameters:
    ///   - axes: n of them, each increasing.
    ///   - values: row-major, the last axis the fastest.
    public init(axes: [[Rational]], values: [Rational]) throws(FunctionFault) {
        for (index, axis) in axes.enumerated() {
            guard axis.count > 1 else { throw .shortAxis(index) }
            for place in axis.indices.dropFirst() where axis[place] <= axis[place - 1] {
                throw .axisNotIncreasing(axis: index, index: place)
            }
        }
        var strides = [Int](repeating: 1, count: axes.count)
        var count = 1
        for index in axes.indices.reversed() {
            strides[index] = count
            let (product, overflow) = count.multipliedReportingOverflow(by: axes[index].count)
            guard !overflow, product <= values.count else { throw .shapesDisagree }
            count = product
        }
        guard !axes.isEmpty, count == values.count else { throw .shapesDisagree }
        let vertices = (0..<values.count).map { place in
            axes.indices.map { axes[$0][place / strides[$0] % axes[$0].count] }
        }
        let orders = Self.orders(axes.count)
        var simplices: [[Int]] = []
        for place in 0..<values.count {
            let isLowest = axes.indices.allSatisfy {
                place / strides[$0] % axes[$0].count + 1 < axes[$0].count
            }
            guard isLowest else { continue }
            for order in orders {
                var corners = [place]
                var corner = place
                for axis in order {
                    corner += strides[axis]
                    corners.append(corner)
                }
                simplices.append(corners)
            }
        }
        self.init(
            uncheckedDimension: axes.count, vertices: vertices, simplices: simplices, values: values)
    }

    /// All orders of 0..<n.
    private static func orders(_ count: Int) -> [[Int]] {
        var orders: [[Int]] = [[]]
        for next in 0..<count {
            orders = orders.flatMap { order in
                (0...order.count).map { Array(order[..<$0]) + [next] + Array(order[$0...]) }
            }
        }
        return orders
    }
}
