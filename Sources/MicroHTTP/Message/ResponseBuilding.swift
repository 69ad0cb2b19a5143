internal import CMicroHTTPD
internal import Synchronization

/// A reference to one of libmicrohttpd's response objects, given back when it is no longer referred to.
final class ResponseReference {
    let pointer: OpaquePointer?
    private let owner: PreparedResponse?

    /// Takes over the one reference that the pointer's maker got.
    init(owning pointer: OpaquePointer?) {
        self.pointer = pointer
        owner = nil
    }

    /// Refers to a prepared response's object for as long as the response lives.
    init(_ pointer: OpaquePointer?, of owner: PreparedResponse) {
        self.pointer = pointer
        self.owner = owner
    }

    deinit { if owner == nil, let pointer { MHD_destroy_response(pointer) } }
}

/// An answer ready for libmicrohttpd.
struct BuiltResponse {
    let response: ResponseReference
    let status: UInt32
    let bodyBytes: Int
    let stream: ResponseStream?
}

/// Adds what the server adds, compresses, and makes the response object. On the thread that answers.
func build(_ response: Response, for connection: Connection) -> BuiltResponse {
    let context = connection.context
    let head = RequestHead(storage: connection.storage)
    var response = response
    let closes = response.closesConnection || context.isDraining.load(ordering: .relaxed)
    if case .prepared(let prepared) = response.body {
        if context.crossOrigin == nil {
            let object = closes ? prepared.closing : prepared.kept
            return BuiltResponse(
                response: ResponseReference(object, of: prepared), status: UInt32(prepared.response.status),
                bodyBytes: bodySize(prepared.response.body), stream: nil)
        }
        response = prepared.response
    }
    if !(200...599).contains(response.status) {
        response = context.problem(500, "bad-status", "The server could not answer this request.", head: head)
    }
    var extra: [(name: String, value: String)] = []
    if !response.headers.contains(where: { isField($0.name, "x-request-id") }) {
        extra.append(("X-Request-Id", head.requestID))
    }
    if closes { extra.append(("Connection", "close")) }
    if let crossOrigin = context.crossOrigin { extra += crossOrigin.fields(for: head) }
    compress(&response, head: head, configuration: context.configuration, extra: &extra)
    var stream: ResponseStream?
    if case .stream(let body) = response.body { stream = body }
    let object = makeResponse(response, extra: extra) ?? makeResponse(Response(status: 500), extra: [])
    // libmicrohttpd would end the chunks of a body that HEAD does not have.
    if stream != nil, head.method == .head, let object { microhttpd_end_with_connection(object) }
    return BuiltResponse(
        response: ResponseReference(owning: object), status: UInt32(response.status),
        bodyBytes: bodySize(response.body), stream: stream)
}

private func bodySize(_ body: Response.Body) -> Int {
    switch body {
    case .bytes(let bytes): bytes.count
    case .buffer(let buffer): buffer.count
    case .empty, .stream, .prepared: 0
    }
}

private func compress(
    _ response: inout Response, head: RequestHead, configuration: ServerConfiguration,
    extra: inout [(name: String, value: String)]
) {
    guard let threshold = configuration.compressionThreshold, response.mayCompress,
        bodySize(response.body) >= threshold, response.status != 204, response.status != 304,
        !response.headers.contains(where: { isField($0.name, "content-encoding") })
    else { return }
    extra.append(("Vary", "Accept-Encoding"))
    guard let accepted = head.headerList("accept-encoding"), acceptsGzip(accepted) else { return }
    let compressed: OwnedBuffer? =
        switch response.body {
        case .bytes(let bytes): bytes.withUnsafeBytes { gzipped($0, level: configuration.compressionLevel) }
        case .buffer(let buffer):
            gzipped(
                UnsafeRawBufferPointer(start: buffer.start, count: buffer.count),
                level: configuration.compressionLevel)
        case .empty, .stream, .prepared: nil
        }
    guard let compressed else { return }
    response.body = .buffer(compressed)
    extra.append(("Content-Encoding", "gzip"))
}

/// Fields that the server itself is answerable for.
private func isReserved(_ name: String) -> Bool {
    isField(name, "connection") || isField(name, "content-length") || isField(name, "transfer-encoding")
}

/// Whether a field has that name, given in lower case.
private func isField(_ name: String, _ lowercaseName: StaticString) -> Bool {
    var bytes = name.utf8.makeIterator()
    guard name.utf8.count == lowercaseName.utf8CodeUnitCount else { return false }
    for index in 0..<lowercaseName.utf8CodeUnitCount {
        guard let byte = bytes.next(), asciiLowercase(byte) == lowercaseName.utf8Start[index] else {
            return false
        }
    }
    return true
}

/// Makes a response object of libmicrohttpd; the caller owns the reference. `nil` only where memory is short.
func makeResponse(_ response: Response, extra: [(name: String, value: String)]) -> OpaquePointer? {
    let object: OpaquePointer?
    switch response.body {
    case .empty, .prepared:
        object = MHD_create_response_from_buffer(0, nil, .RESPMEM_PERSISTENT)
    case .bytes(let bytes):
        object = bytes.withUnsafeBytes { buffer in
            // The library copies the bytes; its parameter only looks mutable.
            MHD_create_response_from_buffer(
                buffer.count, UnsafeMutableRawPointer(mutating: buffer.baseAddress), .RESPMEM_MUST_COPY)
        }
    case .buffer(let buffer):
        let owner = Unmanaged.passRetained(buffer)
        object = MHD_create_response_from_buffer_with_free_callback_cls(
            buffer.count, buffer.start, releaseBuffer, owner.toOpaque())
        if object == nil { owner.release() }
    case .stream(let stream):
        let owner = Unmanaged.passRetained(stream)
        object = MHD_create_response_from_callback(
            .max, 32 << 10, readStream, owner.toOpaque(), releaseStream)
        if object == nil { owner.release() }
    }
    guard let object else { return nil }
    for field in response.headers where !isReserved(field.name) {
        MHD_add_response_header(object, field.name, field.value)
    }
    for field in extra { MHD_add_response_header(object, field.name, field.value) }
    return object
}

private func releaseBuffer(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<OwnedBuffer>.fromOpaque(owner).release() }
}

private func readStream(
    _ owner: UnsafeMutableRawPointer?, _ position: UInt64, _ buffer: UnsafeMutablePointer<CChar>?,
    _ capacity: Int
) -> Int {
    guard let owner, let buffer else { return -2 }
    return Unmanaged<ResponseStream>.fromOpaque(owner)._withUnsafeGuaranteedRef {
        $0.read(into: buffer, capacity: capacity)
    }
}

private func releaseStream(_ owner: UnsafeMutableRawPointer?) {
    if let owner { Unmanaged<ResponseStream>.fromOpaque(owner).takeRetainedValue().released() }
}

/// A whole message for the socket itself, for answers that libmicrohttpd does not take. Closes the connection.
func serialized(_ response: Response, omitsBody: Bool) -> [UInt8] {
    var body: [UInt8] = []
    switch response.body {
    case .bytes(let bytes): body = bytes
    case .buffer(let buffer): body = Array(UnsafeRawBufferPointer(start: buffer.start, count: buffer.count))
    case .prepared(let prepared): return serialized(prepared.response, omitsBody: omitsBody)
    case .empty, .stream: break
    }
    var text = "HTTP/1.1 \(response.status) \(reasonPhrase(response.status))\r\n"
    for field in response.headers where !isReserved(field.name) {
        guard field.name.utf8.allSatisfy(isTokenByte),
            field.value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else { continue }
        text += "\(field.name): \(field.value)\r\n"
    }
    text += "Date: \(httpDate())\r\nConnection: close\r\nContent-Length: \(body.count)\r\n\r\n"
    return Array(text.utf8) + (omitsBody ? [] : body)
}
