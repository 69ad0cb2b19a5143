internal import CSodium

/// Opaque, URL-safe texts that only the holder of the key can make: identifiers that cannot be guessed and page
/// tokens that cannot be altered.
///
/// A token is the payload and the first 16 bytes of its HMAC-SHA-512-256 under the signer's random key, in
/// unpadded base64url.
public struct TokenSigner: Sendable {
    private static let macBytes = 16
    private let key: [UInt8]

    /// A signer with a fresh random key: tokens of another run of the process are foreign to it.
    public init() {
        // Initialises the library's random generator; safe to call more than once and from any thread.
        _ = sodium_init()
        var key = [UInt8](repeating: 0, count: Int(crypto_auth_keybytes()))
        randombytes_buf(&key, key.count)
        self.key = key
    }

    /// - Parameter purpose: tokens of one purpose are not accepted for another.
    public func sign(_ payload: [UInt8], purpose: UInt8) -> String {
        Base64URL.encode(payload + mac(payload, purpose))
    }

    /// The payload of a token that this signer made for `purpose`; `nil` for every other text.
    public func open(_ token: some StringProtocol, purpose: UInt8) -> [UInt8]? {
        guard token.utf8.count <= 512, let bytes = Base64URL.decode(token), bytes.count >= Self.macBytes
        else {
            return nil
        }
        let payload = Array(bytes.dropLast(Self.macBytes))
        let given = Array(bytes.suffix(Self.macBytes))
        return sodium_memcmp(mac(payload, purpose), given, Self.macBytes) == 0 ? payload : nil
    }

    private func mac(_ payload: [UInt8], _ purpose: UInt8) -> [UInt8] {
        let message = [purpose] + payload
        var tag = [UInt8](repeating: 0, count: Int(crypto_auth_bytes()))
        crypto_auth(&tag, message, UInt64(message.count), key)
        return Array(tag.prefix(Self.macBytes))
    }
}

/// Bytes from the system's cryptographic random generator.
public func randomBytes(_ count: Int) -> [UInt8] {
    _ = sodium_init()
    var bytes = [UInt8](repeating: 0, count: count)
    randombytes_buf(&bytes, count)
    return bytes
}

/// BLAKE2b-128 of `bytes` as 32 lower-case hexadecimal digits: entity tags and fingerprints of request bodies.
public func contentDigest(_ bytes: UnsafeRawBufferPointer) -> String {
    _ = sodium_init()
    var digest = [UInt8](repeating: 0, count: 16)
    crypto_generichash(
        &digest, digest.count, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count), nil, 0)
    return hexadecimal(digest)
}

/// SHA-256 of `bytes` as 64 lower-case hexadecimal digits: what other programs compute as well.
public func sha256Digest(_ bytes: UnsafeRawBufferPointer) -> String {
    _ = sodium_init()
    var digest = [UInt8](repeating: 0, count: 32)
    crypto_hash_sha256(&digest, bytes.bindMemory(to: UInt8.self).baseAddress, UInt64(bytes.count))
    return hexadecimal(digest)
}

/// Two lower-case digits a byte.
public func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
