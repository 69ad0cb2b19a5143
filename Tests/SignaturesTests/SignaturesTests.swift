import Signatures
import Testing

@Suite struct SignedTokenTests {
    @Test func opensWhatItSigned() {
        let signer = TokenSigner()
        for length in [0, 1, 2, 3, 16, 200] {
            let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 37) }
            let token = signer.sign(payload, purpose: 1)
            #expect(signer.open(token, purpose: 1) == payload)
            #expect(signer.open(token, purpose: 2) == nil)
            #expect(TokenSigner().open(token, purpose: 1) == nil)
        }
    }

    @Test func refusesEveryAlteration() {
        let signer = TokenSigner()
        let token = Array(signer.sign([1, 2, 3, 4, 5], purpose: 1).utf8)
        for index in token.indices {
            for replacement in [UInt8(ascii: "A"), UInt8(ascii: "-"), UInt8(ascii: "9"), 0, 200] {
                guard token[index] != replacement else { continue }
                var altered = token
                altered[index] = replacement
                #expect(signer.open(String(decoding: altered, as: UTF8.self), purpose: 1) == nil)
            }
            #expect(signer.open(String(decoding: token[..<index], as: UTF8.self), purpose: 1) == nil)
        }
        #expect(signer.open("", purpose: 1) == nil)
        #expect(signer.open(String(repeating: "A", count: 100_000), purpose: 1) == nil)
    }

    @Test func base64HasOneTextForEachByteString() {
        for length in 0...40 {
            let bytes = randomBytes(length)
            let text = Base64URL.encode(bytes)
            #expect(Base64URL.decode(text) == bytes)
            #expect(text.utf8.count == (length * 4 + 2) / 3)
        }
        // RFC 4648, section 10, without padding.
        #expect(Base64URL.encode(Array("foobar".utf8)) == "Zm9vYmFy")
        #expect(Base64URL.encode(Array("fooba".utf8)) == "Zm9vYmE")
        #expect(Base64URL.encode([0xfb, 0xff]) == "-_8")
        #expect(Base64URL.decode("Zg==") == nil)
        #expect(Base64URL.decode("Zh") == nil)
        #expect(Base64URL.decode("Z") == nil)
    }

    @Test func digestIsBlake2b() {
        // BLAKE2b with a digest of 16 bytes of the empty string and of "abc".
        let empty = [UInt8]().withUnsafeBytes { contentDigest($0) }
        let abc = Array("abc".utf8).withUnsafeBytes { contentDigest($0) }
        #expect(empty == "cae66941d9efbd404e4d88758ea67670")
        #expect(abc == "cf4ab791c62b8d2b2109c90275287816")
    }
}
