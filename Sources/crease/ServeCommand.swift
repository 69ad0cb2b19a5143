internal import ArgumentParser
internal import CreaseService
internal import Foundation
internal import Glibc
internal import Logging
internal import MicroHTTP

/// `crease serve`: runs the HTTP service until SIGTERM or SIGINT.
struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Runs the HTTP service until SIGTERM or SIGINT.",
        discussion: """
            Every flag has an environment variable, named in brackets, that counts where the flag is absent. \
            A value that is not valid ends the program with an error before it listens. Sizes are bytes, with an \
            optional suffix KiB, MiB or GiB; times are seconds. Under systemd socket activation the passed socket \
            is used and host and port are ignored. Exit status: 0 after a graceful stop, 64 for a bad setting, \
            1 where the service could not start.
            """)

    // MARK: Listening

    @Option(
        help: "Address to listen on: a name, an IPv4 or an IPv6 address. [CREASE_HOST, default 127.0.0.1]")
    var host: String?
    @Option(help: "Port to listen on; 0 takes a free one. [CREASE_PORT, default 8080]")
    var port: String?
    @Option(help: "Threads that read and write connections. [CREASE_HTTP_THREADS, default 2]")
    var httpThreads: String?
    @Option(help: "Connections open at once. [CREASE_MAX_CONNECTIONS, default 4096]")
    var maxConnections: String?
    @Option(
        help:
            "Connections open at once from one address; 0 for no limit. [CREASE_MAX_CONNECTIONS_PER_IP, default 0]"
    )
    var maxConnectionsPerIP: String?
    @Option(
        help: """
            Origins that browsers may call from, separated by commas, such as https://app.example.org; none for no \
            cross-origin access. [CREASE_CORS_ORIGINS, default none]
            """)
    var corsOrigins: String?

    // MARK: Request limits

    @Option(help: "Bytes of a request body. [CREASE_MAX_BODY, default 64MiB]")
    var maxBody: String?
    @Option(help: "Bytes of a request body after decompression. [CREASE_MAX_INFLATED_BODY, default 256MiB]")
    var maxInflatedBody: String?
    @Option(help: "Bytes of all request bodies held at once. [CREASE_MAX_BODIES, default 1GiB]")
    var maxBodies: String?
    @Option(help: "Seconds for a request's head to arrive. [CREASE_HEADER_TIMEOUT, default 10]")
    var headerTimeout: String?
    @Option(
        help: """
            Seconds that a body may take before its average rate must be 1 KiB/s or more. \
            [CREASE_BODY_GRACE, default 10]
            """)
    var bodyGrace: String?
    @Option(help: "Seconds after which an idle connection is closed. [CREASE_IDLE_TIMEOUT, default 30]")
    var idleTimeout: String?
    @Option(
        help: """
            Seconds that a request may compute: beyond it is 503, or a job where the route can become one. \
            [CREASE_SYNCHRONOUS_LIMIT, default 30]
            """)
    var synchronousLimit: String?

    // MARK: Work

    @Option(help: "Threads that compute for requests. [CREASE_WORKERS, default: the processors]")
    var workers: String?
    @Option(help: "Requests that wait for such a thread; beyond it is 503. [CREASE_QUEUE, default 256]")
    var queue: String?
    @Option(help: "Breakpoints of a function of one variable. [CREASE_MAX_BREAKPOINTS, default 20000000]")
    var maxBreakpoints: String?
    @Option(help: "Weights and biases of one network. [CREASE_MAX_PARAMETERS, default 50000000]")
    var maxParameters: String?
    @Option(help: "Cells held while pieces are counted. [CREASE_MAX_CELLS, default 50000000]")
    var maxCells: String?
    @Option(
        help: "Bytes that one computation allocates beyond its input. [CREASE_MAX_WORK_BYTES, default 4GiB]")
    var maxWorkBytes: String?
    @Option(
        help: """
            Operations spent on deciding whether a network is minimal (a subset-sum question). \
            [CREASE_SUBSET_SUM_BUDGET, default 200000000]
            """)
    var subsetSumBudget: String?
    @Option(help: "Rows of the data of one training. [CREASE_MAX_TRAINING_ROWS, default 1000000]")
    var maxTrainingRows: String?
    @Option(
        help: "Rows × columns × hidden units of one training. [CREASE_MAX_TRAINING_SIZE, default 100000000]")
    var maxTrainingSize: String?
    @Option(
        help: """
            Bytes that one search holds in open nodes; past it the search goes depth-first. \
            [CREASE_MAX_TRAINING_BYTES, default 1GiB]
            """)
    var maxTrainingBytes: String?
    @Option(help: "Bytes of one certificate. [CREASE_MAX_CERTIFICATE_BYTES, default 128MiB]")
    var maxCertificateBytes: String?

    // MARK: Functions of several variables

    @Option(help: "Variables of a function. [CREASE_MAX_VARIABLES, default 256]")
    var maxVariables: String?
    @Option(
        help: """
            Variables of a function on simplices, a grid or regions. [CREASE_MAX_MESH_VARIABLES, \
            default 6]
            """)
    var maxMeshVariables: String?
    @Option(
        help: """
            Affine functions of a maximum, a sum of maxima or a lattice form. \
            [CREASE_MAX_AFFINE_FUNCTIONS, default 100000]
            """)
    var maxAffineFunctions: String?
    @Option(
        help: """
            Indices in the selections of a lattice form. [CREASE_MAX_SELECTION_INDICES, default \
            1000000]
            """)
    var maxSelectionIndices: String?
    @Option(
        help: """
            Points of a function on simplices or a grid. [CREASE_MAX_VERTICES, default 200000]
            """)
    var maxVertices: String?
    @Option(
        help: """
            Simplices of a function; a cell of a grid is n! of them. [CREASE_MAX_SIMPLICES, default \
            200000]
            """)
    var maxSimplices: String?
    @Option(help: "Regions of a function. [CREASE_MAX_REGIONS, default 2000]")
    var maxRegions: String?
    @Option(
        help: """
            Inequalities of all regions of a function. [CREASE_MAX_REGION_INEQUALITIES, default \
            50000]
            """)
    var maxRegionInequalities: String?
    @Option(help: "Functions inside functions. [CREASE_MAX_NESTING, default 32]")
    var maxNesting: String?
    @Option(
        help: """
            Hidden units on the way to a network. [CREASE_MAX_COMPILATION_UNITS, default 200000]
            """)
    var maxCompilationUnits: String?
    @Option(
        help: """
            Cells that a function is cut into, on the way to a network or to count its pieces. \
            [CREASE_MAX_COMPILATION_CELLS, default 20000]
            """)
    var maxCompilationCells: String?

    // MARK: Stored networks

    @Option(help: "Stored networks. [CREASE_MAX_NETWORKS, default 1000]")
    var maxNetworks: String?
    @Option(help: "Bytes of all stored networks. [CREASE_MAX_NETWORK_BYTES, default 256MiB]")
    var maxNetworkBytes: String?

    // MARK: Jobs

    @Option(help: "Jobs that run at once. [CREASE_JOBS, default 2]")
    var jobs: String?
    @Option(help: "Threads of one job. [CREASE_THREADS_PER_JOB, default: the processors]")
    var threadsPerJob: String?
    @Option(help: "Jobs that wait; beyond it is 429. [CREASE_MAX_QUEUED_JOBS, default 64]")
    var maxQueuedJobs: String?
    @Option(help: "Jobs kept, ended ones included. [CREASE_MAX_JOBS, default 1000]")
    var maxJobs: String?
    @Option(help: "Bytes of all jobs' requests and results. [CREASE_MAX_JOB_BYTES, default 512MiB]")
    var maxJobBytes: String?
    @Option(help: "Seconds that an ended job is kept. [CREASE_JOB_TTL, default 3600]")
    var jobTTL: String?
    @Option(help: "Seconds that a job may run. [CREASE_MAX_JOB_SECONDS, default 3600]")
    var maxJobSeconds: String?

    // MARK: Operation

    @Option(
        help: """
            Seconds that running requests have to end after SIGTERM, before their connections are closed. \
            [CREASE_DRAIN_TIMEOUT, default 20]
            """)
    var drainTimeout: String?
    @Option(
        help: """
            Seconds between 'not ready' and closing the listener, for load balancers to notice. \
            [CREASE_DRAIN_DELAY, default 0]
            """)
    var drainDelay: String?
    @Option(help: "trace, debug, info, notice, warning, error or critical. [CREASE_LOG_LEVEL, default info]")
    var logLevel: String?
    @Option(help: "Format of the log on standard error: json or text. [CREASE_LOG_FORMAT, default json]")
    var logFormat: String?
    @Option(help: "Whether each request is logged: on or off. [CREASE_ACCESS_LOG, default on]")
    var accessLog: String?

    static var version: String { ServiceVersion.version }

    func run() throws {
        let level = try choice(
            logLevel, "log-level", "CREASE_LOG_LEVEL", Logger.Level.allCases.map(\.rawValue), "info")
        let format = try choice(logFormat, "log-format", "CREASE_LOG_FORMAT", ["json", "text"], "json")
        let access = try choice(accessLog, "access-log", "CREASE_ACCESS_LOG", ["on", "off"], "on")
        let handler = LineLogHandler(
            logLevel: Logger.Level(rawValue: level) ?? .info, format: format == "json" ? .json : .text)
        let logger = Logger(label: "crease") { _ in handler }
        let serving = Serving(
            server: try serverConfiguration(logger), service: try serviceConfiguration(), logger: logger,
            logsRequests: access == "on",
            drainDelay: try seconds(drainDelay, "drain-delay", "CREASE_DRAIN_DELAY", 0...3600, 0))
        do {
            try serving.run()
        } catch let error as ServerError {
            switch error {
            case .unknownHost(let host):
                logger.critical("the host has no address", metadata: ["host": "\(host)"])
            case .cannotListen(let host, let port, let errno):
                logger.critical(
                    "cannot listen",
                    metadata: [
                        "host": "\(host)", "port": "\(port)", "reason": "\(String(cString: strerror(errno)))",
                    ])
            case .cannotStart, .alreadyStarted: logger.critical("the server did not start")
            }
            throw ExitCode(1)
        }
    }

    func serverConfiguration(_ logger: Logger) throws -> ServerConfiguration {
        var server = ServerConfiguration()
        server.host = try Setting(flag: "host", variable: "CREASE_HOST", parse: SettingParser.text)
            .resolve(host, default: server.host)
        server.port = UInt16(clamping: try integer(port, "port", "CREASE_PORT", 0...65535, 8080))
        server.listenSocket = SocketActivation.listenSocket()
        server.threads = try integer(
            httpThreads, "http-threads", "CREASE_HTTP_THREADS", 2...256, server.threads)
        server.connectionLimit = try integer(
            maxConnections, "max-connections", "CREASE_MAX_CONNECTIONS", 1...1_000_000, server.connectionLimit
        )
        server.connectionLimitPerAddress = try integer(
            maxConnectionsPerIP, "max-connections-per-ip", "CREASE_MAX_CONNECTIONS_PER_IP", 0...1_000_000, 0)
        server.corsOrigins = Set(
            try Setting(flag: "cors-origins", variable: "CREASE_CORS_ORIGINS", parse: SettingParser.origins)
                .resolve(corsOrigins, default: []))
        server.maximumBodyBytes = try bytes(maxBody, "max-body", "CREASE_MAX_BODY", 64 << 20)
        server.maximumInflatedBytes = try bytes(
            maxInflatedBody, "max-inflated-body", "CREASE_MAX_INFLATED_BODY", 256 << 20)
        server.bodyBudgetBytes = try bytes(maxBodies, "max-bodies", "CREASE_MAX_BODIES", 1 << 30)
        let times = 0.01...86400.0
        server.headerDeadline = .seconds(
            try seconds(headerTimeout, "header-timeout", "CREASE_HEADER_TIMEOUT", times, 10))
        server.bodyGrace = .seconds(try seconds(bodyGrace, "body-grace", "CREASE_BODY_GRACE", times, 10))
        server.idleDeadline = .seconds(
            try seconds(idleTimeout, "idle-timeout", "CREASE_IDLE_TIMEOUT", times, 30))
        server.drainDeadline = .seconds(
            try seconds(drainTimeout, "drain-timeout", "CREASE_DRAIN_TIMEOUT", times, 20))
        server.log = { logger.warning("libmicrohttpd", metadata: ["text": "\($0)"]) }
        return server
    }

    /// A setting in a whole range.
    private func integer(
        _ given: String?, _ flag: String, _ variable: String, _ range: ClosedRange<Int>, _ fallback: Int
    ) throws -> Int {
        try Setting(flag: flag, variable: variable, parse: SettingParser.integer(range))
            .resolve(given, default: fallback)
    }

    private func bytes(_ given: String?, _ flag: String, _ variable: String, _ fallback: Int) throws -> Int {
        try Setting(flag: flag, variable: variable, parse: SettingParser.bytes(1024...(1 << 46)))
            .resolve(given, default: fallback)
    }

    private func seconds(
        _ given: String?, _ flag: String, _ variable: String, _ range: ClosedRange<Double>, _ fallback: Double
    ) throws -> Double {
        try Setting(flag: flag, variable: variable, parse: SettingParser.seconds(range))
            .resolve(given, default: fallback)
    }

    private func choice(
        _ given: String?, _ flag: String, _ variable: String, _ choices: [String], _ fallback: String
    ) throws -> String {
        try Setting(flag: flag, variable: variable, parse: SettingParser.choice(choices))
            .resolve(given, default: fallback)
    }

    func serviceConfiguration() throws -> ServiceConfiguration {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        var service = ServiceConfiguration(cores: cores)
        let many = 1...2_000_000_000
        service.synchronousSeconds = try seconds(
            synchronousLimit, "synchronous-limit", "CREASE_SYNCHRONOUS_LIMIT", 0.01...86400,
            service.synchronousSeconds)
        service.workers = try integer(workers, "workers", "CREASE_WORKERS", 1...1024, service.workers)
        service.queueCapacity = try integer(
            queue, "queue", "CREASE_QUEUE", 1...1_000_000, service.queueCapacity)
        service.maximumBreakpoints = try integer(
            maxBreakpoints, "max-breakpoints", "CREASE_MAX_BREAKPOINTS", many, service.maximumBreakpoints)
        service.maximumParameters = try integer(
            maxParameters, "max-parameters", "CREASE_MAX_PARAMETERS", many, service.maximumParameters)
        service.maximumCells = try integer(
            maxCells, "max-cells", "CREASE_MAX_CELLS", many, service.maximumCells)
        service.maximumWorkBytes = try bytes(
            maxWorkBytes, "max-work-bytes", "CREASE_MAX_WORK_BYTES", service.maximumWorkBytes)
        service.subsetSumBudget = try integer(
            subsetSumBudget, "subset-sum-budget", "CREASE_SUBSET_SUM_BUDGET", 0...1_000_000_000_000,
            service.subsetSumBudget)
        service.maximumTrainingRows = try integer(
            maxTrainingRows, "max-training-rows", "CREASE_MAX_TRAINING_ROWS", many,
            service.maximumTrainingRows)
        service.maximumTrainingSize = try integer(
            maxTrainingSize, "max-training-size", "CREASE_MAX_TRAINING_SIZE", many,
            service.maximumTrainingSize)
        service.maximumTrainingBytes = try bytes(
            maxTrainingBytes, "max-training-bytes", "CREASE_MAX_TRAINING_BYTES", service.maximumTrainingBytes)
        service.maximumCertificateBytes = try bytes(
            maxCertificateBytes, "max-certificate-bytes", "CREASE_MAX_CERTIFICATE_BYTES",
            service.maximumCertificateBytes)
        service.maximumVariables = try integer(
            maxVariables, "max-variables", "CREASE_MAX_VARIABLES", many, service.maximumVariables)
        service.maximumMeshVariables = try integer(
            maxMeshVariables, "max-mesh-variables", "CREASE_MAX_MESH_VARIABLES", 1...12,
            service.maximumMeshVariables)
        service.maximumAffineFunctions = try integer(
            maxAffineFunctions, "max-affine-functions", "CREASE_MAX_AFFINE_FUNCTIONS", many,
            service.maximumAffineFunctions)
        service.maximumSelectionIndices = try integer(
            maxSelectionIndices, "max-selection-indices", "CREASE_MAX_SELECTION_INDICES", many,
            service.maximumSelectionIndices)
        service.maximumVertices = try integer(
            maxVertices, "max-vertices", "CREASE_MAX_VERTICES", many, service.maximumVertices)
        service.maximumSimplices = try integer(
            maxSimplices, "max-simplices", "CREASE_MAX_SIMPLICES", many, service.maximumSimplices)
        service.maximumRegions = try integer(
            maxRegions, "max-regions", "CREASE_MAX_REGIONS", many, service.maximumRegions)
        service.maximumRegionInequalities = try integer(
            maxRegionInequalities, "max-region-inequalities", "CREASE_MAX_REGION_INEQUALITIES", many,
            service.maximumRegionInequalities)
        service.maximumNesting = try integer(
            maxNesting, "max-nesting", "CREASE_MAX_NESTING", 1...200, service.maximumNesting)
        service.maximumCompilationUnits = try integer(
            maxCompilationUnits, "max-compilation-units", "CREASE_MAX_COMPILATION_UNITS", many,
            service.maximumCompilationUnits)
        service.maximumCompilationCells = try integer(
            maxCompilationCells, "max-compilation-cells", "CREASE_MAX_COMPILATION_CELLS", many,
            service.maximumCompilationCells)
        service.maximumNetworks = try integer(
            maxNetworks, "max-networks", "CREASE_MAX_NETWORKS", 1...10_000_000, service.maximumNetworks)
        service.maximumNetworkBytes = try bytes(
            maxNetworkBytes, "max-network-bytes", "CREASE_MAX_NETWORK_BYTES", service.maximumNetworkBytes)
        service.jobThreads = try integer(jobs, "jobs", "CREASE_JOBS", 1...1024, service.jobThreads)
        service.threadsPerJob = try integer(
            threadsPerJob, "threads-per-job", "CREASE_THREADS_PER_JOB", 1...1024, service.threadsPerJob)
        service.maximumQueuedJobs = try integer(
            maxQueuedJobs, "max-queued-jobs", "CREASE_MAX_QUEUED_JOBS", 1...1_000_000,
            service.maximumQueuedJobs)
        service.maximumJobs = try integer(
            maxJobs, "max-jobs", "CREASE_MAX_JOBS", 1...10_000_000, service.maximumJobs)
        service.maximumJobBytes = try bytes(
            maxJobBytes, "max-job-bytes", "CREASE_MAX_JOB_BYTES", service.maximumJobBytes)
        service.jobTimeToLive = try seconds(
            jobTTL, "job-ttl", "CREASE_JOB_TTL", 1...31_536_000, service.jobTimeToLive)
        service.maximumJobSeconds = try seconds(
            maxJobSeconds, "max-job-seconds", "CREASE_MAX_JOB_SECONDS", 0.1...31_536_000,
            service.maximumJobSeconds)
        return service
    }
}
