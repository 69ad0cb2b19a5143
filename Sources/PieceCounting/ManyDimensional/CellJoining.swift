/// Joins full-dimensional cells with the same affine map into pieces under the definitions `open`, `closed` and
/// `level`: union-find over cells that have a face in common, found by the faces' sign keys, never pair by pair.
///
/// Only cells whose map is that of another cell need to be added; a cell that is alone with its map is a piece
/// under every definition. First all cells are added, then bridges; the counts do not depend on the order among
/// cells and among bridges.
///
/// Complexity: about one table access a key. Keys have the layout given at the start.
struct CellJoining {
    private let layout: SignKeyLayout
    private var facetTable: SignKeyTable
    private var faceTable: SignKeyTable
    private var open = DisjointSets()
    private var closed = DisjointSets()
    /// Cells, by their numbers, and behind them the bridges.
    private var level = DisjointSets()
    /// The group of each cell.
    private(set) var groups: [Int32] = []

    init(layout: SignKeyLayout) {
        self.layout = layout
        facetTable = SignKeyTable(words: layout.words)
        faceTable = SignKeyTable(words: layout.words)
    }

    var cellCount: Int { groups.count }

    /// An estimate of the memory taken.
    var bytes: Int { facetTable.bytes + faceTable.bytes + 16 * cellCount + 4 * level.count }

    /// Adds a cell and answers its number, counted from 0.
    /// - Parameters:
    ///   - group: which of the distinct affine maps the cell has.
    ///   - facets: the keys of its facets that are not on the domain's boundary, one after the other.
    ///   - vertices: the keys of its vertices (faces of dimension 0), one after the other; empty where `closed` and
    ///     `level` are not wanted or are joined by `join`.
    /// - Precondition: no bridge was added.
    @discardableResult
    mutating func addCell(
        group: Int, facets: UnsafeBufferPointer<UInt64>, vertices: UnsafeBufferPointer<UInt64>
    ) -> Int {
        precondition(level.count == cellCount, "bridges come last")
        let cell = cellCount
        groups.append(Int32(group))
        open.addNode()
        closed.addNode()
        level.addNode()
        for key in keys(facets) {
            join(.open, cell, Int(facetTable.find(scope: group, key, orInsert: Int32(cell))))
        }
        for key in keys(vertices) {
            join(.closed, cell, Int(faceTable.find(scope: group, key, orInsert: Int32(cell))))
        }
        return cell
    }

    /// Adds a cell with another map f, on which {f = g} is not empty, g being the map of `group`.
    ///
    /// - Parameter faces: for each vertex v of {f = g} in the cell the key of the face of the cell that has v in its
    ///   relative interior; these faces have no other point of {f = g}.
    mutating func addBridge(group: Int, faces: UnsafeBufferPointer<UInt64>) {
        let node = level.addNode()
        for key in keys(faces) {
            level.join(node, Int(faceTable.find(scope: group, key, orInsert: Int32(node))))
        }
    }

    /// Joins two cells of one group under a definition and all that are coarser.
    mutating func join(_ definition: PieceDefinition, _ a: Int, _ b: Int) {
        switch definition {
        case .open:
            open.join(a, b)
            closed.join(a, b)
            level.join(a, b)
        case .closed:
            closed.join(a, b)
            level.join(a, b)
        case .level: level.join(a, b)
        case .activation, .affine: break
        }
    }

    /// For each cell the number of the least cell of its piece.
    mutating func representatives(_ definition: PieceDefinition) -> [Int] {
        var least: [Int: Int] = [:]
        return (0..<cellCount).map { cell in
            let root =
                switch definition {
                case .activation: cell
                case .open: open.root(cell)
                case .closed: closed.root(cell)
                case .level: level.root(cell)
                case .affine: Int(groups[cell])
                }
            if let first = least[root] { return first }
            least[root] = cell
            return cell
        }
    }

    /// The number of pieces that the cells make.
    mutating func count(_ definition: PieceDefinition) -> Int {
        representatives(definition).enumerated().reduce(0) { $0 + ($1.offset == $1.element ? 1 : 0) }
    }

    private func keys(
        _ keys: UnsafeBufferPointer<UInt64>
    ) -> some Sequence<UnsafePointer<UInt64>> {
        stride(from: 0, to: keys.count, by: max(1, layout.words)).lazy.compactMap { start in
            keys.baseAddress.map { $0 + start }
        }
    }
}

/// A partition of 0, 1, …, joined step by step (union by the least root, with path halving).
struct DisjointSets {
    private var parents: [Int32] = []

    var count: Int { parents.count }

    @discardableResult
    mutating func addNode() -> Int {
        parents.append(Int32(parents.count))
        return parents.count - 1
    }

    mutating func root(_ node: Int) -> Int {
        var node = node
        while Int(parents[node]) != node {
            parents[node] = parents[Int(parents[node])]
            node = Int(parents[node])
        }
        return node
    }

    mutating func join(_ a: Int, _ b: Int) {
        let x = root(a)
        let y = root(b)
        if x < y { parents[y] = Int32(x) } else if y < x { parents[x] = Int32(y) }
    }
}
