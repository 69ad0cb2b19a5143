internal import MicroHTTP

extension CreaseApplication {
    /// Every route, held against `openapi.json` by a test.
    static func makeRoutes() -> [Route] {
        let json = ["application/json"]
        return [
            Route("/v1/compile", [.post: Operation(consumes: json, .computed(CompileOperation.run))]),
            Route("/v1/evaluate", [.post: Operation(consumes: json, .adaptive(EvaluateOperation.run))]),
            Route(
                "/v1/pieces",
                [
                    .post: Operation(
                        produces: ["application/json", "image/svg+xml"], consumes: json,
                        .computed(PiecesOperation.run))
                ]),
            Route("/v1/algebra", [.post: Operation(consumes: json, .computed(AlgebraOperation.run))]),
            Route("/v1/networks", [.get: Operation(.immediate(NetworksOperation.list))]),
            Route(
                "/v1/networks/{name}",
                [
                    .get: Operation(.immediate(NetworksOperation.get)),
                    .put: Operation(consumes: json, .computed(NetworksOperation.put)),
                    .delete: Operation(produces: [], .immediate(NetworksOperation.delete)),
                ]),
            Route("/livez", [.get: Operation(produces: [], .immediate(OperationsOperation.livez))]),
            Route("/readyz", [.get: Operation(produces: [], .immediate(OperationsOperation.readyz))]),
            Route("/metrics", [.get: Operation(produces: [], .immediate(OperationsOperation.metrics))]),
            Route("/openapi.json", [.get: Operation(.immediate(OperationsOperation.openAPI))]),
        ]
    }
}
