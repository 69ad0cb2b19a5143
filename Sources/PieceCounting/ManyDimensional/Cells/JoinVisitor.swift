internal import ExactArithmetic
internal import Synchronization

/// The candidates' exact maps and how their cells are joined, filled by all threads.
final class JoinedCells: Sendable {
    struct State {
        /// m (d + 1) integers to the number of the group.
        var groups: [[BigInteger]: Int] = [:]
        var joining: CellJoining
        /// For each joined cell its place in the order of the walk.
        var cells: [Int] = []
    }

    let state: Mutex<State>

    init(layout: SignKeyLayout) {
        state = Mutex(State(joining: CellJoining(layout: layout)))
    }
}

/// Finds the exact maps and the faces of the cells that may have the map of another one.
struct JoinVisitor<Mask: FacetMask>: CellVisitor {
    private let catalogue: CellCatalogue
    private let control: CountingControl
    private let joined: JoinedCells
    private let wantsFaces: Bool
    private var faces: CellFaces<Mask>
    private var cursor = CellCursor()
    private var ticks = 0

    init(
        _ network: CellNetwork, _ catalogue: CellCatalogue, _ joined: JoinedCells, _ control: CountingControl,
        wantsFaces: Bool
    ) {
        self.catalogue = catalogue
        self.control = control
        self.joined = joined
        self.wantsFaces = wantsFaces
        faces = CellFaces(network)
    }

    mutating func begin(part: Int) { cursor.begin(part, catalogue) }

    mutating func lastLayer(
        _ walk: inout Subdivision<Mask>, candidates: UnsafeBufferPointer<Int32>, isWhole: Bool
    ) -> Bool {
        if !isWhole { return true }
        let cells = cursor.nextGroup(catalogue)
        if catalogue.hasCandidate(in: cells) { return true }
        cursor.cell = cells.upperBound
        return false
    }

    mutating func cell(_ walk: inout Subdivision<Mask>) {
        let cell = cursor.cell
        cursor.cell += 1
        guard catalogue.hasCandidate(in: cell..<cell + 1) else { return }
        let map = walk.exact.outputMap().flatMap { form in (0..<walk.width).map { form[$0] } }
        var facets: [UInt64] = []
        var vertices: [UInt64] = []
        if wantsFaces {
            faces.read(&walk)
            facets = faces.facetKeys(walk)
            vertices = faces.vertexKeys()
        }
        let bytes = joined.state.withLock { state in
            let group = state.groups[map, default: state.groups.count]
            state.groups[map] = group
            facets.withUnsafeBufferPointer { facets in
                vertices.withUnsafeBufferPointer { vertices in
                    _ = state.joining.addCell(group: group, facets: facets, vertices: vertices)
                }
            }
            state.cells.append(cell)
            return state.joining.bytes
        }
        if cell & 255 == 0 { control.checkBytes(bytes) }
    }

    mutating func isStopped(_ walk: borrowing Subdivision<Mask>) -> Bool {
        ticks += 1
        return ticks & 63 == 0 && control.poll(newCells: 0)
    }
}

/// Where a later walk is among the cells of the first one.
struct CellCursor {
    /// The next cell.
    var cell = 0
    private var part = 0
    private var group = 0

    mutating func begin(_ part: Int, _ catalogue: CellCatalogue) {
        self.part = part
        cell = catalogue.parts[part].firstCell
        group = 0
    }

    /// The cells of the group that starts, which are all in the part.
    mutating func nextGroup(_ catalogue: CellCatalogue) -> Range<Int> {
        let size = catalogue.groupSize(part: part, group: group)
        group += 1
        return cell..<cell + size
    }
}
