/// One in-process benchmark: `crease-bench NAME [arguments…]` runs it and prints its figures.
struct Benchmark {
    let name: String
    let summary: String
    let run: ([String]) throws -> Void
}
