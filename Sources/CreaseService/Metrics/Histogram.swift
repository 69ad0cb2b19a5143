/// Counts of observations by size, as Prometheus' histograms have them. Guarded by whoever holds it.
struct Histogram {
    /// Upper bounds in seconds: from a keep-alive ping to the longest synchronous answer.
    static let bounds: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
        60,
    ]

    private(set) var counts = [Int](repeating: 0, count: Histogram.bounds.count + 1)
    private(set) var sum = 0.0

    mutating func observe(_ seconds: Double) {
        let bucket = Histogram.bounds.firstIndex { seconds <= $0 } ?? Histogram.bounds.count
        counts[bucket] += 1
        sum += seconds
    }
}
