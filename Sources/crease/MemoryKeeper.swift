internal import CAllocator

/// Gives memory that the allocator keeps for later back to the system once work has paused.
struct MemoryKeeper {
    private var seen: UInt64 = 0
    private var trimmed: UInt64 = 0
    private var rounds = 0
    /// Under work that never pauses, memory is given back every so many rounds.
    private static let patience = 30

    /// Blocks from this size on, in bytes, are mappings of their own and go back when they are freed. A fixed
    /// threshold: by default it grows with the blocks that were freed, and large bodies would come to lie in the heap.
    private static let mappingThreshold: Int32 = 4 << 20

    /// Less free memory than this at the end of a thread's heap, in bytes, never goes back: with the default of 128 KiB
    /// the ends of busy heaps would come and go with every request.
    private static let trimmingThreshold: Int32 = 1 << 20

    init() {
        mallopt(M_MMAP_THRESHOLD, Self.mappingThreshold)
        mallopt(M_TRIM_THRESHOLD, Self.trimmingThreshold)
    }

    /// One round; milliseconds where there is much to give back.
    /// - Parameters:
    ///   - requests: how many there have been since the start.
    ///   - inFlight: how many are being served now.
    mutating func look(requests: UInt64, inFlight: Int) {
        defer { seen = requests }
        guard requests != trimmed else { return }
        rounds += 1
        guard requests == seen && inFlight == 0 || rounds >= Self.patience else { return }
        malloc_trim(0)
        trimmed = requests
        rounds = 0
    }
}
