/// The OpenAPI document of this build.
enum OpenAPIDocument {
    static let bytes: [UInt8] = PackageResources.openapi_json
}
