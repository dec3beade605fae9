// SPDX-License-Identifier: Apache-2.0

import COpenSSL
public import GatewayCore

/// A private key that signs with one algorithm.
public final class SigningKey: Sendable, CustomStringConvertible {
    /// The one algorithm it signs with.
    public let algorithm: SignatureAlgorithm
    /// The JWK thumbprint (RFC 7638) with SHA-256, in base64url: 43 characters.
    public let keyID: String
    /// The public half.
    public let verificationKey: VerificationKey
    private let key: KeyHandle

    /// Makes a key: RSA with 2048 bits, the algorithm's curve, or Ed25519.
    ///
    /// - Throws: `CryptoError.Code.keyUnfit` for HS*, which has shared secrets instead of key pairs.
    public static func generate(_ algorithm: SignatureAlgorithm) throws(CryptoError) -> SigningKey {
        try SigningKey(key: KeyHandle(generating: algorithm), algorithm: algorithm)
    }

    /// Reads an unencrypted private key in PEM: PKCS #8 (`PRIVATE KEY`) or the older forms of RSA and EC keys.
    ///
    /// - Throws: `CryptoError` when the text is no such key or the key is too weak or not of the algorithm.
    public convenience init(privatePEM: String, algorithm: SignatureAlgorithm) throws(CryptoError) {
        try self.init(key: KeyHandle(privatePEM: privatePEM), algorithm: algorithm)
    }

    private init(key: KeyHandle, algorithm: SignatureAlgorithm) throws(CryptoError) {
        verificationKey = try VerificationKey(key: key, algorithm: algorithm)
        self.key = key
        self.algorithm = algorithm
        let thumbprint = JSON.object(key.requiredMembers(for: algorithm)).serialized()
        keyID = Base64URL.encode(SHA256.hash(thumbprint.utf8))
    }

    /// The secret itself, unencrypted PKCS #8 in PEM: for the key file and libjwt, never for a log.
    public var privatePEM: String { key.privatePEM() }

    /// The public half as `PUBLIC KEY` in PEM.
    public var publicPEM: String { key.publicPEM() }

    /// The public key as an entry of a JWK set (RFC 7517, section 4), with `kid`, `use` and `alg`.
    public var publicJWK: JSON {
        .object(
            key.requiredMembers(for: algorithm) + [
                JSON.Member("kid", .string(keyID)), JSON.Member("use", "sig"),
                JSON.Member("alg", .string(algorithm.rawValue)),
            ]
        )
    }

    /// The signature in the form of JWS (RFC 7518, section 3): for ES*, r and s side by side.
    ///
    /// - Throws: `CryptoError.Code.operationFailed` when libcrypto could not sign.
    public func sign(_ bytes: [UInt8]) throws(CryptoError) -> [UInt8] {
        guard let context = EVP_MD_CTX_new() else { throw CryptoError(.operationFailed, "out of memory") }
        defer { EVP_MD_CTX_free(context) }
        var parameters: OpaquePointer?
        var signature = [UInt8](repeating: 0, count: Int(EVP_PKEY_get_size(key.pointer)))
        var count = signature.count
        guard
            EVP_DigestSignInit_ex(context, &parameters, algorithm.digest, nil, nil, key.pointer, nil) == 1,
            algorithm.configure(parameters),
            EVP_DigestSign(context, &signature, &count, bytes, bytes.count) == 1
        else { throw CryptoError(.operationFailed, "libcrypto could not sign with \(algorithm.rawValue)") }
        signature.removeSubrange(count...)
        guard case .ecdsa(_, _, let field) = algorithm.family else { return signature }
        guard let raw = ECDSASignature.raw(der: signature, field: field) else {
            throw CryptoError(.operationFailed, "libcrypto made a signature that does not fit \(algorithm.rawValue)")
        }
        return raw
    }

    /// Algorithm and id; nothing secret.
    public var description: String { "SigningKey(\(algorithm.rawValue), kid \(keyID))" }
}

extension KeyHandle {
    fileprivate convenience init(generating algorithm: SignatureAlgorithm) throws(CryptoError) {
        let type: String
        var group: String?
        switch algorithm.family {
        case .hmac: throw CryptoError(.keyUnfit, "\(algorithm.rawValue) has no key pair to generate")
        case .rsa, .rsaPSS: type = "RSA"
        case .ecdsa(_, let name, _): (type, group) = ("EC", name)
        case .ed25519: type = "ED25519"
        }
        guard let context = EVP_PKEY_CTX_new_from_name(nil, type, nil) else {
            throw CryptoError(.operationFailed, "libcrypto knows no \(type) keys")
        }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        // libcrypto's default for RSA is 2048 bits.
        guard EVP_PKEY_keygen_init(context) == 1,
            group == nil || EVP_PKEY_CTX_set_group_name(context, group) == 1,
            EVP_PKEY_generate(context, &key) == 1, let key
        else { throw CryptoError(.operationFailed, "libcrypto could not make a key for \(algorithm.rawValue)") }
        self.init(owning: key)
    }
}

extension SignatureAlgorithm {
    /// For PS*: MGF1 with the same digest, and a salt of exactly its length (RFC 7518, section 3.5).
    func configure(_ parameters: OpaquePointer?) -> Bool {
        guard case .rsaPSS = family else { return true }
        return EVP_PKEY_CTX_set_rsa_padding(parameters, RSA_PKCS1_PSS_PADDING) == 1
            && EVP_PKEY_CTX_set_rsa_pss_saltlen(parameters, RSA_PSS_SALTLEN_DIGEST) == 1
    }
}
