internal import Jobs
internal import MicroHTTP

/// Health, metrics and the OpenAPI document.
enum OperationsOperation {
    private static let live = PreparedResponse(
        Response(
            status: 200,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
            body: .bytes(Array("ok\n".utf8))))

    static func livez(_ call: Call) -> Response { Response(live) }

    /// 503 while starting, stopping, or while the queue of requests is full.
    static func readyz(_ call: Call) throws -> Response {
        let service = call.service
        let load = service.workers.load
        let isSaturated = load.queued >= service.workers.capacity
        let checks = [("started and not stopping", service.isReady), ("queue has room", !isSaturated)]
        guard checks.allSatisfy(\.1) else {
            throw Problem(
                status: 503, code: isSaturated ? "saturated" : "not-ready",
                detail: checks.filter { !$0.1 }.map { "Not so: \($0.0)." }.joined(separator: " "),
                headers: [("Retry-After", "1"), ("Cache-Control", "no-store")])
        }
        let isVerbose = call.head.rawQuery == "verbose"
        let text = isVerbose ? checks.map { "[+]\($0.0)\n" }.joined() + "ready\n" : "ready\n"
        return Response(
            status: 200,
            headers: [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")],
            body: .bytes(Array(text.utf8)))
    }

    static func openAPI(_ call: Call) -> Response {
        Response(
            status: 200, headers: [("Content-Type", "application/json"), ("Cache-Control", "max-age=300")],
            body: .bytes(OpenAPIDocument.bytes))
    }

    static func metrics(_ call: Call) -> Response {
        let service = call.service
        var out = PrometheusText()
        out.family("crease_build_info", .gauge, "The version of this build.")
        out.sample("crease_build_info", [("version", ServiceVersion.version)], 1)

        let metrics = service.allRequestMetrics.map { ($0.route, $0.current) }
        out.family(
            "crease_requests_total", .counter, "Requests that ended, by route, method and status code.")
        for (route, figures) in metrics {
            for outcome in figures.requests.sorted(by: { ($0.method, $0.code) < ($1.method, $1.code) }) {
                let code = outcome.code == 0 ? "none" : "\(outcome.code)"
                out.sample(
                    "crease_requests_total", [("route", route), ("method", outcome.method), ("code", code)],
                    outcome.count)
            }
        }
        out.family(
            "crease_request_duration_seconds", .histogram,
            "From a request's first line to the end of its answer.")
        for (route, figures) in metrics where !figures.requests.isEmpty {
            out.histogram("crease_request_duration_seconds", [("route", route)], figures.durations)
        }
        if let server = service.serverStatistics { serverFigures(server, &out) }

        let load = service.workers.load
        out.family("crease_queue_depth", .gauge, "Requests that wait for a thread.")
        out.sample("crease_queue_depth", load.queued)
        out.family("crease_workers_busy", .gauge, "Threads that compute for requests.")
        out.sample("crease_workers_busy", load.running)
        out.family("crease_rejected_total", .counter, "Requests turned away, by reason.")
        let rejected = service.rejected.current
        for reason in RejectionCounters.Reason.allCases {
            out.sample("crease_rejected_total", [("reason", reason.rawValue)], rejected[reason] ?? 0)
        }
        let jobs = service.jobs.counts
        out.family("crease_jobs", .gauge, "Jobs kept, by status.")
        for status in JobStatus.allCases {
            out.sample("crease_jobs", [("status", status.rawValue)], jobs.byStatus[status] ?? 0)
        }
        out.family("crease_job_bytes", .gauge, "Memory of the jobs' requests and results.")
        out.sample("crease_job_bytes", jobs.bytes)
        let stored = service.networks.figures
        out.family("crease_stored_networks", .gauge, "Stored networks.")
        out.sample("crease_stored_networks", stored.networks)
        out.family("crease_stored_network_bytes", .gauge, "Memory of the stored networks.")
        out.sample("crease_stored_network_bytes", stored.bytes)

        let process = ProcessFigures.current
        out.family("process_cpu_seconds_total", .counter, "Processor time spent.")
        out.sample("process_cpu_seconds_total", process.processorSeconds)
        out.family("process_resident_memory_bytes", .gauge, "Resident memory.")
        out.sample("process_resident_memory_bytes", process.residentBytes)
        out.family("process_open_fds", .gauge, "Open file descriptors.")
        out.sample("process_open_fds", process.openFiles)
        out.family("process_threads", .gauge, "Threads.")
        out.sample("process_threads", process.threads)
        out.family("process_uptime_seconds", .gauge, "Seconds since the service started.")
        out.sample("process_uptime_seconds", Moment.now.seconds(since: service.startedAt))
        return Response(
            status: 200,
            headers: [
                ("Content-Type", "text/plain; version=0.0.4; charset=utf-8"), ("Cache-Control", "no-store"),
            ], body: .bytes(Array(out.text.utf8)))
    }

    private static func serverFigures(_ server: ServerStatistics, _ out: inout PrometheusText) {
        out.family("crease_connections", .gauge, "Open connections.")
        out.sample("crease_connections", server.openConnections)
        out.family("crease_connections_accepted_total", .counter, "Connections accepted.")
        out.sample("crease_connections_accepted_total", Int(clamping: server.acceptedConnections))
        out.family(
            "crease_requests_in_flight", .gauge, "Requests that are being received, computed or answered.")
        out.sample("crease_requests_in_flight", server.requestsInFlight)
        out.family("crease_request_body_bytes_total", .counter, "Bytes of request bodies as they came.")
        out.sample("crease_request_body_bytes_total", Int(clamping: server.bodyBytesReceived))
        out.family("crease_response_body_bytes_total", .counter, "Bytes of answers' bodies.")
        out.sample("crease_response_body_bytes_total", Int(clamping: server.bodyBytesSent))
        out.family("crease_request_body_held_bytes", .gauge, "Memory that request bodies hold now.")
        out.sample("crease_request_body_held_bytes", server.bodyBytesHeld)
        out.family("crease_deadlines_missed_total", .counter, "Connections that a deadline ended.")
        out.sample("crease_deadlines_missed_total", Int(clamping: server.deadlinesMissed))
    }
}
