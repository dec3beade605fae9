// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Testing

@testable import GatewayCrypto

/// What `PEM_read_bio_PUBKEY` gives to whoever calls it, as libjwt does.
@Suite struct PreparedKeyTests {
    private func read(_ pem: [UInt8]) -> OpaquePointer? {
        pem.withUnsafeBytes { text in
            let bio = BIO_new_mem_buf(text.baseAddress, Int32(text.count))
            defer { BIO_free(bio) }
            return PEM_read_bio_PUBKEY(bio, nil, nil, nil)
        }
    }

    @Test(arguments: [SignatureAlgorithm.es256, .rs256])
    func `A key's PEM is not parsed again while libjwt has the key, and is before and after`(
        algorithm: SignatureAlgorithm
    ) throws {
        let key = try SigningKey.generate(algorithm).verificationKey
        let parsed = read(key.pem)
        let (first, second) = key.withLibjwtKey { (read(Array($0)), read(Array($0))) }
        let after = read(key.pem)
        let keys = [parsed, first, second, after]
        defer { for key in keys { EVP_PKEY_free(key) } }
        #expect(keys.allSatisfy { $0 != nil && EVP_PKEY_eq($0, parsed) == 1 })
        #expect(first == second)
        #expect(Set(keys).count == 3)
    }

    @Test func `Another text is parsed for what it is, also while a key is prepared`() throws {
        let (key, other) = (try SigningKey.generate(.es256).verificationKey, try SigningKey.generate(.es256))
        let (theirs, longer, nothing) = key.withLibjwtKey {
            (read(other.verificationKey.pem), read(Array($0) + [10]), read(Array($0.dropLast(40))))
        }
        let ours = read(key.pem)
        defer { for key in [theirs, longer, nothing, ours] { EVP_PKEY_free(key) } }
        clearOpenSSLErrors()
        #expect(EVP_PKEY_eq(theirs, ours) != 1)
        #expect(EVP_PKEY_eq(longer, ours) == 1)
        #expect(longer != ours)
        #expect(nothing == nil)
    }

    @Test func `A prepared key that was read and freed is still there`() throws {
        let signer = try SigningKey.generate(.es256)
        let key = signer.verificationKey
        for _ in 0..<3 { key.withLibjwtKey { EVP_PKEY_free(read(Array($0))) } }
        let text = Array("text".utf8)
        let signature = try signer.sign(text)
        #expect(text.withUnsafeBytes { text in signature.withUnsafeBytes { key.isValid(signature: $0, over: text) } })
    }
}
