internal import FastJSON
internal import Foundation
internal import Jobs
internal import MicroHTTP
internal import ReLUNetworks
internal import Signatures

/// `/v1/networks`: stored networks.
enum NetworksOperation {
    static let defaultPageSize = 100
    static let maximumPageSize = 1000

    static func list(_ call: Call) throws -> Response {
        let query = try Query(call.head, known: ["pageSize", "pageToken"])
        let size = try query.pageSize(default: defaultPageSize, maximum: maximumPageSize)
        var after = ""
        if let token = query["pageToken"], !token.isEmpty {
            guard let bytes = call.service.signer.open(token, purpose: TokenPurpose.networkPage) else {
                throw Query.badToken
            }
            after = String(decoding: bytes, as: UTF8.self)
        }
        let page = call.service.networks.list(after: after, limit: size)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("networks")
        writer.beginArray()
        for network in page.networks { writer.storedNetwork(network) }
        writer.endArray()
        if page.hasMore, let last = page.networks.last {
            writer.member(
                "nextPageToken",
                call.service.signer.sign(Array(last.name.utf8), purpose: TokenPurpose.networkPage))
        }
        writer.endObject()
        return Answer.json(writer.finish())
    }

    static func get(_ call: Call) throws -> Response {
        let stored = try find(call)
        let tag = [(name: "ETag", value: stored.entityTag)]
        if let field = call.head.headerList("if-none-match") {
            let tags = Preconditions.tags(field)
            // Weak comparison (RFC 9110, 13.1.2).
            let weak = "W/" + stored.entityTag
            if tags.contains("*") || tags.contains(stored.entityTag) || tags.contains(weak) {
                return Response(status: 304, headers: tag)
            }
        }
        return Response(
            status: 200, headers: [("Content-Type", "application/json"), ("Vary", "Accept")] + tag,
            body: .bytes(stored.document))
    }

    static func put(_ call: Call) throws -> Response {
        let name = call.parameters[0]
        guard NetworkStore.isName(name) else {
            throw Problem(
                status: 422, code: "invalid-name",
                detail:
                    "A name has 1 to 128 of the characters A-Z a-z 0-9 . _ - and begins with a letter or digit."
            )
        }
        let precondition = try Preconditions.of(call.head)
        let document = try call.document()
        let network = try NetworkDecoding(service: call.service, reading: .binary64).object(document.root)
        let (stored, created) = try store(network, as: name, if: precondition, call.service)
        var writer = JSONWriter()
        writer.storedNetwork(stored)
        return Answer.json(
            writer.finish(), status: created ? 201 : 200,
            headers: [("ETag", stored.entityTag)] + (created ? [("Location", "/v1/networks/\(name)")] : []))
    }

    static func delete(_ call: Call) throws -> Response {
        let name = call.parameters[0]
        switch call.service.networks.remove(name, if: try Preconditions.of(call.head)) {
        case .removed: return Response(status: 204)
        case .preconditionFailed: throw Preconditions.failed
        default: throw missing(name)
        }
    }

    /// Stores a network and says whether the name was free.
    static func store(
        _ network: ServedNetwork, as name: String, if precondition: NetworkStore.Precondition,
        _ service: CreaseApplication
    ) throws -> (StoredNetwork, created: Bool) {
        var writer = JSONWriter()
        if network.isRoundedExact {
            writer.network(network.rounded, threads: service.configuration.workers)
        } else {
            writer.network(network.exact)
        }
        let document = writer.array()
        let digest = document.withUnsafeBytes { contentDigest($0) }
        let stored = StoredNetwork(
            name: name, network: network, document: document, entityTag: "\"\(digest)\"",
            storedAt: Date().timeIntervalSince1970)
        switch service.networks.store(stored, if: precondition) {
        case .created: return (stored, true)
        case .replaced: return (stored, false)
        case .preconditionFailed: throw Preconditions.failed
        case .tooMany:
            service.rejected.count(.networksFull)
            throw Problem(
                status: 429, code: "too-many-networks",
                detail:
                    "The server keeps at most \(service.networks.maximumNetworks) networks; remove one first.",
                headers: [("Retry-After", "60")])
        default:
            service.rejected.count(.networksFull)
            throw Problem(
                status: 429, code: "networks-too-large",
                detail:
                    "The server keeps at most \(service.networks.maximumBytes) bytes of networks; remove some first.",
                headers: [("Retry-After", "60")])
        }
    }

    private static func find(_ call: Call) throws -> StoredNetwork {
        let name = call.parameters[0]
        guard let stored = call.service.networks[name] else { throw missing(name) }
        return stored
    }

    private static func missing(_ name: String) -> Problem {
        Problem(status: 404, code: "unknown-network", detail: "No network is stored under this name.")
    }
}

extension JSONWriter {
    mutating func storedNetwork(_ stored: StoredNetwork) {
        let network = stored.network.rounded
        beginObject()
        member("name", stored.name)
        member("inputDimension", network.inputs)
        member("outputDimension", network.outputs)
        member("hiddenLayers", network.hiddenLayers)
        member("depth", network.depth)
        member("width", network.width)
        member("size", network.size)
        member("parameters", network.parameters)
        member("bytes", stored.byteCount)
        member("entityTag", stored.entityTag)
        member("storedAt", timestamp(stored.storedAt))
        endObject()
    }
}

/// RFC 3339, UTC, milliseconds.
func timestamp(_ seconds: Double) -> String {
    Date(timeIntervalSince1970: seconds).formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
}
