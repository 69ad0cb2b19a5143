/// One in-process benchmark: `crease-bench NAME [arguments…]` runs it and prints its figures.
struct Benchmark: Sendable {
    let name: String
    let summary: String
    let run: @Sendable ([String]) throws -> Void
}
