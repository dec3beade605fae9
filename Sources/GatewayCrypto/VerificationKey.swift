// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import CPreparedKey
public import GatewayCore

/// A key that checks signatures of exactly one algorithm (RFC 8725, section 3.1), parsed once.
///
/// A public key and a shared secret are made by different initialisers and kept as different things, so that a public
/// key can never serve as the secret of an HMAC.
public final class VerificationKey: Sendable, CustomStringConvertible {
    /// The one algorithm it verifies.
    public let algorithm: SignatureAlgorithm
    /// Bytes of every signature of this key.
    public let signatureLength: Int
    private let material: Material

    private enum Material {
        case publicKey(SignatureVerifier, KeyHandle, pem: [UInt8])
        case secret(HMAC, bytes: [UInt8])
    }

    /// Reads a public key in PEM (`PUBLIC KEY`).
    ///
    /// - Throws: `CryptoError` when the text is no public key, RSA has fewer than 2048 bits, or the key is not of the
    ///   algorithm.
    public convenience init(publicPEM: String, algorithm: SignatureAlgorithm) throws(CryptoError) {
        try self.init(key: KeyHandle(publicPEM: publicPEM), algorithm: algorithm)
    }

    /// Reads a public key of a JWK set (RFC 7517).
    ///
    /// - Parameter algorithm: what the key is for when the JWK itself does not say; where both do, they must agree. A
    ///   curve says it too, as it has one algorithm alone.
    /// - Throws: `CryptoError` when the JWK is malformed, too weak, meant for another use, holds private members or a
    ///   shared secret, or names no algorithm.
    public convenience init(jwk: JSON, algorithm given: SignatureAlgorithm? = nil) throws(CryptoError) {
        guard jwk.members != nil else { throw CryptoError(.keyMalformed, "a JWK must be a JSON object") }
        for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] where jwk[member] != nil {
            throw CryptoError(.keyUnfit, "a published JWK must hold no secret, and this one has \"\(member)\"")
        }
        if let use = jwk["use"], use.string != "sig" {
            throw CryptoError(.keyUnfit, "the JWK's \"use\" must be \"sig\"")
        }
        if let operations = jwk["key_ops"], operations.array?.contains("verify") != true {
            throw CryptoError(.keyUnfit, "the JWK's \"key_ops\" must hold \"verify\"")
        }
        var algorithm = given
        if let named = jwk["alg"] {
            guard let name = named.string, let own = SignatureAlgorithm(jose: name), given == nil || given == own
            else { throw CryptoError(.keyUnfit, "the JWK's \"alg\" is not the algorithm expected, or not supported") }
            algorithm = own
        }
        guard let algorithm = algorithm ?? jwk["crv"]?.string.flatMap(SignatureAlgorithm.ofCurve) else {
            throw CryptoError(.keyUnfit, "the JWK has no \"alg\", and none is configured for it")
        }
        try self.init(key: KeyHandle(jwk: jwk, algorithm: algorithm), algorithm: algorithm)
    }

    /// A secret shared with the issuer, for HS256, HS384 and HS512.
    ///
    /// - Throws: `CryptoError` when the secret is shorter than the hash (RFC 7518, section 3.2), is a public key in
    ///   disguise, or the algorithm is not an HMAC.
    public init(secret: [UInt8], algorithm: SignatureAlgorithm) throws(CryptoError) {
        guard case .hmac = algorithm.family, let digest = algorithm.digest else {
            throw CryptoError(.keyUnfit, "\(algorithm.rawValue) needs a public key, not a shared secret")
        }
        guard secret.count >= algorithm.digestLength else {
            throw CryptoError(
                .keyTooShort,
                "a secret for \(algorithm.rawValue) must have at least \(algorithm.digestLength) bytes"
            )
        }
        guard !DisguisedKey.isKeyPair(secret) else {
            throw CryptoError(
                .keyUnfit,
                "the secret is a public or private key, or a certificate, which others may know"
            )
        }
        self.algorithm = algorithm
        signatureLength = algorithm.digestLength
        material = .secret(HMAC(digest: digest, length: algorithm.digestLength, key: secret), bytes: secret)
    }

    init(key: KeyHandle, algorithm: SignatureAlgorithm) throws(CryptoError) {
        try key.check(for: algorithm)
        self.algorithm = algorithm
        switch algorithm.family {
        case .ecdsa(_, _, let field): signatureLength = 2 * field
        case .hmac, .rsa, .rsaPSS, .ed25519: signatureLength = Int(EVP_PKEY_get_size(key.pointer))
        }
        let verifier = try SignatureVerifier(key: key, algorithm: algorithm)
        material = .publicKey(verifier, key, pem: Array(key.publicPEM().utf8))
    }

    // MARK: - Use

    /// Whether the signature, in the form of JWS, is this key's over the bytes. Leaves no OpenSSL error behind.
    public func isValid(signature: UnsafeRawBufferPointer, over bytes: UnsafeRawBufferPointer) -> Bool {
        guard signature.count == signatureLength else { return false }
        switch material {
        case .secret(let hmac, _):
            return constantTimeEqual(hmac.authenticate(bytes), Array(signature))
        case .publicKey(let verifier, _, _):
            if case .ecdsa(_, _, let field) = algorithm.family {
                guard let der = ECDSASignature.der(raw: signature, field: field) else { return false }
                return der.withUnsafeBytes { verifier.isValid(signature: $0, over: bytes) }
            }
            return verifier.isValid(signature: signature, over: bytes)
        }
    }

    /// The public key in PEM; empty for a shared secret, which has no public half.
    public var pem: [UInt8] {
        switch material {
        case .publicKey(_, _, let pem): pem
        case .secret: []
        }
    }

    /// The key as libjwt takes it: the public key in PEM, or the bytes of the shared secret.
    package var libjwtKey: [UInt8] {
        switch material {
        case .publicKey(_, _, let pem): pem
        case .secret(_, let bytes): bytes
        }
    }

    /// Gives the body ``libjwtKey``, whose PEM libjwt need not parse during the call.
    package func withLibjwtKey<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        libjwtKey.withUnsafeBufferPointer { bytes in
            guard case .publicKey(_, let key, _) = material else { return body(bytes) }
            tollgate_prepare_key(key.pointer, bytes.baseAddress, bytes.count)
            defer { tollgate_forget_key() }
            return body(bytes)
        }
    }

    /// Whether both verify the very same signatures.
    package func isSame(as other: VerificationKey) -> Bool {
        algorithm == other.algorithm && constantTimeEqual(libjwtKey, other.libjwtKey)
    }

    /// The algorithm; nothing secret.
    public var description: String { "VerificationKey(\(algorithm.rawValue))" }
}
