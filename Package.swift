// swift-tools-version: 6.2
import PackageDescription

/// What every Swift target of this package is compiled with: language mode 6 (strict concurrency) comes
/// from the tools version; a warning is an error.
let strict: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .treatAllWarnings(as: .error),
]

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let heaps = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
    .target(name: name, dependencies: dependencies, swiftSettings: strict)
}

func tests(
    _ name: String, _ dependencies: [Target.Dependency], exclude: [String] = [], resources: [Resource] = []
) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, exclude: exclude, resources: resources, swiftSettings: strict)
}

let package = Package(
    name: "crease",
    products: [
        .executable(name: "crease", targets: ["crease"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    ],
    targets: [
        // C and C++ boundaries.
        .systemLibrary(
            name: "CMicroHTTPD", path: "CMicroHTTPD", pkgConfig: "libmicrohttpd",
            providers: [.apt(["libmicrohttpd-dev"])]),
        .systemLibrary(
            name: "CGMP", path: "Sources/CGMP", pkgConfig: "gmp", providers: [.apt(["libgmp-dev"])]),
        .systemLibrary(
            name: "CZlib", path: "Sources/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(
            name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium",
            providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CAllocator"),
        .target(
            name: "CSimdJSON",
            cxxSettings: [
                .define("NDEBUG", .when(configuration: .release)),
                .unsafeFlags(["-O3"], .when(configuration: .release)),
            ],
            linkerSettings: [.linkedLibrary("simdjson")]),
        .target(
            name: "CEvaluationKernels",
            cSettings: [.unsafeFlags(["-O3"], .when(configuration: .release))]),

        .target(
            name: "CTrainingKernels",
            cSettings: [.unsafeFlags(["-O3"], .when(configuration: .release))]),

        .target(
            name: "CCellKernels",
            cSettings: [.unsafeFlags(["-O3"], .when(configuration: .release))]),

        // The mathematics: no HTTP, no JSON, no jobs.
        module("Threads"),
        module("ExactArithmetic", ["CGMP"]),
        module("PiecewiseLinear", ["ExactArithmetic", "LinearProgramming", "Threads"]),
        module("ReLUNetworks", ["ExactArithmetic", "CEvaluationKernels", "Threads"]),
        module("LinearProgramming", ["ExactArithmetic"]),
        module(
            "Compilation",
            ["ExactArithmetic", "LinearProgramming", "Threads", "PiecewiseLinear", "ReLUNetworks"]),
        module(
            "PieceCounting",
            [
                "CCellKernels", "ExactArithmetic", "LinearProgramming", "PiecewiseLinear", "ReLUNetworks",
                "Threads",
            ]),
        module("HardFamilies", ["ExactArithmetic", "PieceCounting", "PiecewiseLinear", "ReLUNetworks"]),
        // Its inner loops read and write their own object's storage all the time.
        .target(
            name: "ExactTraining",
            dependencies: ["CTrainingKernels", "ExactArithmetic", "Threads", "ReLUNetworks", heaps],
            swiftSettings: strict + [
                .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))
            ]),

        // The service.
        module("MicroHTTP", ["CMicroHTTPD", "CZlib", "Threads"]),
        module("FastJSON", ["CSimdJSON"]),
        module("Signatures", ["CSodium"]),
        module("Jobs", ["Signatures", "Threads"]),
        module("Drawing"),
        module(
            "Approximation",
            ["ExactArithmetic", "ExactTraining", "PieceCounting", "PiecewiseLinear", "ReLUNetworks"]),
        .target(
            name: "CreaseService",
            dependencies: [
                "MicroHTTP", "FastJSON", "Jobs", "Signatures", "Drawing", "ExactArithmetic",
                "PiecewiseLinear",
                "ReLUNetworks", "Compilation", "PieceCounting", "HardFamilies", "Approximation",
                "ExactTraining", "LinearProgramming", logging,
            ],
            // A link to the document at the root, so that the executable carries what it serves.
            resources: [.embedInCode("openapi.json")], swiftSettings: strict),
        .executableTarget(
            name: "crease",
            dependencies: [
                "CAllocator", "CreaseService", "ExactTraining", "FastJSON", "MicroHTTP", argumentParser,
                logging,
            ],
            swiftSettings: strict),

        // In-process benchmarks and races, one file a subject.
        .executableTarget(
            name: "crease-bench",
            dependencies: [
                "FastJSON", "ExactArithmetic", "PiecewiseLinear", "ReLUNetworks", "Compilation",
                "PieceCounting", "HardFamilies", "ExactTraining", "LinearProgramming",
            ],
            path: "Benchmarks/InProcess", swiftSettings: strict),

        // A bare server for load tools, the service's transport without its application.
        .executableTarget(
            name: "http-bench-server", dependencies: ["MicroHTTP"], path: "Benchmarks/HTTPServer",
            swiftSettings: strict),

        // Tests.
        tests("ThreadsTests", ["Threads"]),
        tests("ExactArithmeticTests", ["ExactArithmetic"]),
        tests("PiecewiseLinearTests", ["PiecewiseLinear", "LinearProgramming", "ExactArithmetic"]),
        tests("ReLUNetworksTests", ["ReLUNetworks", "CEvaluationKernels", "ExactArithmetic"]),
        tests("LinearProgrammingTests", ["LinearProgramming", "ExactArithmetic"]),
        tests(
            "CompilationTests",
            ["Compilation", "LinearProgramming", "PiecewiseLinear", "ReLUNetworks", "ExactArithmetic"]),
        tests(
            "PieceCountingTests",
            [
                "PieceCounting", "HardFamilies", "LinearProgramming", "PiecewiseLinear", "ReLUNetworks",
                "ExactArithmetic",
            ]),
        tests("ApproximationTests", ["Approximation", "ExactArithmetic", "PiecewiseLinear"]),
        tests("DrawingTests", ["Drawing"]),
        tests(
            "HardFamiliesTests",
            ["HardFamilies", "PieceCounting", "PiecewiseLinear", "ReLUNetworks", "ExactArithmetic"]),
        tests("ExactTrainingTests", ["ExactTraining", "ReLUNetworks", "ExactArithmetic"]),
        tests(
            "MicroHTTPTests", ["MicroHTTP", "CMicroHTTPD", "CZlib"],
            exclude: ["README.md"]),
        tests("FastJSONTests", ["FastJSON"]),
        tests("SignaturesTests", ["Signatures"]),
        tests("JobsTests", ["Jobs", "Signatures"]),
        tests(
            "CreaseServiceTests",
            [
                "CreaseService", "MicroHTTP", "FastJSON", "ExactArithmetic", "ExactTraining", "ReLUNetworks",
                "Signatures",
            ]),
    ],
    cxxLanguageStandard: .cxx17
)
