// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Owns one `EVP_PKEY`, of which at least the public half is there.
///
/// libcrypto counts references to keys atomically and locks what it computes lazily inside one, so that threads may
/// use one key at the same time as long as nobody changes it; nothing here does.
final class KeyHandle: Sendable {
    nonisolated(unsafe) let pointer: OpaquePointer

    init(owning pointer: OpaquePointer) { self.pointer = pointer }

    deinit { EVP_PKEY_free(pointer) }

    /// Refuses a key that is not exactly what the algorithm wants: kind, curve, strength, a point on the curve.
    func check(for algorithm: SignatureAlgorithm) throws(CryptoError) {
        switch algorithm.family {
        case .hmac:
            throw CryptoError(.keyUnfit, "\(algorithm.rawValue) needs a shared secret, not a key pair")
        case .rsa, .rsaPSS:
            guard isA("RSA") else { throw unfit(algorithm, needs: "an RSA key") }
            let bits = EVP_PKEY_get_bits(pointer)
            guard (2048...16_384).contains(bits) else {
                throw CryptoError(.keyTooShort, "an RSA key must have 2048 to 16384 bits, this one has \(bits)")
            }
            try checkRSANumbers()
        case .ecdsa(let curve, let group, _):
            guard isA("EC"), groupName == group else { throw unfit(algorithm, needs: "an EC key on \(curve)") }
        case .ed25519:
            guard isA("ED25519") else { throw unfit(algorithm, needs: "an Ed25519 key") }
            // libcrypto has no check for these.
            guard !hasLowOrder else {
                throw CryptoError(.keyMalformed, "the Ed25519 key is a point of low order, for which anybody can sign")
            }
            return
        }
        guard let context = EVP_PKEY_CTX_new_from_pkey(nil, pointer, nil) else {
            throw CryptoError(.operationFailed, "out of memory")
        }
        defer { EVP_PKEY_CTX_free(context) }
        guard EVP_PKEY_public_check(context) == 1 else {
            throw CryptoError(.keyMalformed, "the public key's numbers are not those of a valid key")
        }
    }

    private func unfit(_ algorithm: SignatureAlgorithm, needs: String) -> CryptoError {
        CryptoError(.keyUnfit, "\(algorithm.rawValue) needs \(needs)")
    }

    private func isA(_ type: String) -> Bool { EVP_PKEY_is_a(pointer, type) == 1 }

    private var groupName: String? {
        var name = [CChar](repeating: 0, count: 64)
        var length = 0
        guard EVP_PKEY_get_group_name(pointer, &name, name.count, &length) == 1 else {
            clearOpenSSLErrors()
            return nil
        }
        return String(decoding: name[..<length].map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    // MARK: - PEM

    /// A `PUBLIC KEY` in PEM (RFC 7468, section 13).
    convenience init(publicPEM: String) throws(CryptoError) {
        try self.init(pem: publicPEM, what: "a public key (BEGIN PUBLIC KEY)", read: tg_read_public_pem)
    }

    /// An unencrypted `PRIVATE KEY` in PEM (RFC 7468, section 10).
    convenience init(privatePEM: String) throws(CryptoError) {
        try self.init(
            pem: privatePEM,
            what: "an unencrypted private key (BEGIN PRIVATE KEY)",
            read: tg_read_private_pem
        )
    }

    private convenience init(
        pem: String,
        what: String,
        read: (OpaquePointer?) -> OpaquePointer?
    ) throws(CryptoError) {
        var text = pem
        let key = text.withUTF8 { text -> OpaquePointer? in
            guard let start = text.baseAddress, let bio = BIO_new_mem_buf(start, Int32(text.count)) else { return nil }
            defer { BIO_free(bio) }
            return read(bio)
        }
        guard let key else { throw CryptoError(.keyMalformed, "the text is not \(what) in PEM form") }
        clearOpenSSLErrors()
        self.init(owning: key)
    }

    /// The public half as `PUBLIC KEY` in PEM.
    func publicPEM() -> String { pem { PEM_write_bio_PUBKEY($0, pointer) } }

    /// The whole key as unencrypted PKCS #8 in PEM.
    func privatePEM() -> String { pem { PEM_write_bio_PKCS8PrivateKey($0, pointer, nil, nil, 0, nil, nil) } }

    private func pem(_ write: (OpaquePointer) -> Int32) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { preconditionFailure("out of memory") }
        defer { BIO_free(bio) }
        precondition(write(bio) == 1, "a key that was read or made here can be written")
        var start: UnsafePointer<UInt8>?
        let count = tg_bio_contents(bio, &start)
        return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
