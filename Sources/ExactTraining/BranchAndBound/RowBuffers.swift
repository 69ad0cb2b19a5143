/// Arrays over the rows of the data, of one thread.
final class RowBuffers {
    private let base: UnsafeMutableRawPointer
    private let stride: Int

    init(count: Int, stride: Int) {
        self.stride = stride
        let bytes = max(1, count * stride * MemoryLayout<Double>.stride)
        base = .allocate(byteCount: bytes, alignment: 64)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
    }

    deinit { base.deallocate() }

    subscript(index: Int) -> UnsafeMutablePointer<Double> {
        (base + index * stride * MemoryLayout<Double>.stride).assumingMemoryBound(to: Double.self)
    }
}

/// A growing list of such arrays.
final class RowColumns {
    private let stride: Int
    private var columns: [UnsafeMutablePointer<Double>] = []
    /// The arrays as C takes them.
    private(set) var pointers: UnsafeMutablePointer<UnsafePointer<Double>?> = .allocate(capacity: 0)

    init(stride: Int) { self.stride = stride }

    deinit {
        for column in columns { column.deallocate() }
        pointers.deallocate()
    }

    func reserve(_ count: Int) {
        guard count > columns.count else { return }
        while columns.count < count + 8 {
            let column = UnsafeMutablePointer<Double>.allocate(capacity: stride)
            column.initialize(repeating: 0, count: stride)
            columns.append(column)
        }
        pointers.deallocate()
        pointers = .allocate(capacity: columns.count)
        for (index, column) in columns.enumerated() {
            (pointers + index).initialize(to: UnsafePointer(column))
        }
    }

    subscript(index: Int) -> UnsafeMutablePointer<Double> { columns[index] }
}
