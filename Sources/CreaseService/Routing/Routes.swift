internal import MicroHTTP

extension CreaseApplication {
    /// Every route, held against `openapi.json` by a test.
    static func makeRoutes() -> [Route] {
        let json = ["application/json"]
        return [
            Route(
                "/v1/compile",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .preferably(kind: "compile", CompileOperation.run))
                ]),
            Route("/v1/evaluate", [.post: Operation(consumes: json, .adaptive(EvaluateOperation.run))]),
            Route(
                "/v1/pieces",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .preferably(kind: "pieces", PiecesOperation.run))
                ]),
            Route(
                "/v1/families/sawtooth",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .computed(FamiliesOperation.sawtooth))
                ]),
            Route(
                "/v1/families/zonotope",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .computed(FamiliesOperation.zonotope))
                ]),
            Route(
                "/v1/approximate",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .preferably(kind: "approximate", ApproximateOperation.run))
                ]),
            Route("/v1/train", [.post: Operation(consumes: json, .computed(TrainOperation.run))]),
            Route("/v1/bounds", [.post: Operation(consumes: json, .computed(BoundsOperation.run))]),
            Route(
                "/v1/algebra",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .computed(AlgebraOperation.run))
                ]),
            Route("/v1/networks", [.get: Operation(.immediate(NetworksOperation.list))]),
            Route(
                "/v1/networks/{name}",
                [
                    .get: Operation(.immediate(NetworksOperation.get)),
                    .put: Operation(consumes: json, .computed(NetworksOperation.put)),
                    .delete: Operation(produces: [], .immediate(NetworksOperation.delete)),
                ]),
            Route("/v1/jobs", [.get: Operation(.immediate(JobsOperation.list))]),
            Route(
                "/v1/jobs/{id}",
                [
                    .get: Operation(
                        produces: ["application/json", "image/svg+xml"], .deferred(JobsOperation.get)),
                    .delete: Operation(produces: [], .immediate(JobsOperation.delete)),
                ]),
            Route("/v1/jobs/{id}:cancel", [.post: Operation(.immediate(JobsOperation.cancel))]),
            Route(
                "/v1/jobs/{id}/events",
                [.get: Operation(produces: ["text/event-stream"], .immediate(JobsOperation.events))]),
            Route("/v1/jobs/{id}/certificate", [.get: Operation(.immediate(JobsOperation.certificate))]),
            Route("/livez", [.get: Operation(produces: [], .immediate(OperationsOperation.livez))]),
            Route("/readyz", [.get: Operation(produces: [], .immediate(OperationsOperation.readyz))]),
            Route("/metrics", [.get: Operation(produces: [], .immediate(OperationsOperation.metrics))]),
            Route("/openapi.json", [.get: Operation(.immediate(OperationsOperation.openAPI))]),
        ]
    }
}
