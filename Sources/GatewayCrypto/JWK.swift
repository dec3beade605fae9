// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore

/// Public keys as JSON Web Keys (RFC 7517; RFC 7518, section 6; RFC 8037 for Ed25519).
extension KeyHandle {
    /// The key that a JWK's numbers make. What the JWK says about its use is for the caller to check.
    convenience init(jwk: JSON, algorithm: SignatureAlgorithm) throws(CryptoError) {
        switch algorithm.family {
        case .hmac:
            throw CryptoError(.keyUnfit, "a published key cannot be the shared secret that \(algorithm.rawValue) needs")
        case .rsa, .rsaPSS:
            try Self.require(jwk, "kty", "RSA")
            let n = try Self.number(jwk, "n")
            let e = try Self.number(jwk, "e")
            try self.init(made: tg_rsa_public_key(n, Int32(n.count), e, Int32(e.count)))
        case .ecdsa(let curve, let group, let field):
            try Self.require(jwk, "kty", "EC")
            try Self.require(jwk, "crv", curve)
            let point = try [4] + Self.coordinate(jwk, "x", field) + Self.coordinate(jwk, "y", field)
            try self.init(made: tg_ec_public_key(group, point, point.count))
        case .ed25519:
            try Self.require(jwk, "kty", "OKP")
            try Self.require(jwk, "crv", "Ed25519")
            let x = try Self.octets(jwk, "x", count: 32)
            try self.init(made: EVP_PKEY_new_raw_public_key_ex(nil, "ED25519", nil, x, x.count))
        }
    }

    /// The members of the JWK that RFC 7638, section 3.2 requires, in its order.
    func requiredMembers(for algorithm: SignatureAlgorithm) -> [JSON.Member] {
        switch algorithm.family {
        case .hmac:
            preconditionFailure("a key pair never has an HMAC algorithm: check(for:) refuses it")
        case .rsa, .rsaPSS:
            [
                JSON.Member("e", octets(OSSL_PKEY_PARAM_RSA_E)), JSON.Member("kty", "RSA"),
                JSON.Member("n", octets(OSSL_PKEY_PARAM_RSA_N)),
            ]
        case .ecdsa(let curve, _, let field):
            [
                JSON.Member("crv", .string(curve)), JSON.Member("kty", "EC"),
                JSON.Member("x", octets(OSSL_PKEY_PARAM_EC_PUB_X, padded: field)),
                JSON.Member("y", octets(OSSL_PKEY_PARAM_EC_PUB_Y, padded: field)),
            ]
        case .ed25519:
            [
                JSON.Member("crv", "Ed25519"), JSON.Member("kty", "OKP"),
                JSON.Member("x", rawPublicKey()),
            ]
        }
    }

    // MARK: - Out of the key

    private func octets(_ parameter: String, padded length: Int? = nil) -> JSON {
        var number: OpaquePointer?
        precondition(EVP_PKEY_get_bn_param(pointer, parameter, &number) == 1, "a checked key has its \(parameter)")
        defer { BN_free(number) }
        let length = length ?? Int(BN_num_bits(number) + 7) / 8
        var bytes = [UInt8](repeating: 0, count: length)
        precondition(BN_bn2binpad(number, &bytes, Int32(length)) == length, "a coordinate is shorter than its field")
        return .string(Base64URL.encode(bytes))
    }

    private func rawPublicKey() -> JSON {
        var bytes = [UInt8](repeating: 0, count: 32)
        var count = bytes.count
        precondition(
            EVP_PKEY_get_raw_public_key(pointer, &bytes, &count) == 1 && count == 32,
            "Ed25519 keys are 32 bytes"
        )
        return .string(Base64URL.encode(bytes))
    }

    // MARK: - Into the key

    private convenience init(made key: OpaquePointer?) throws(CryptoError) {
        guard let key else { throw CryptoError(.keyMalformed, "the JWK's numbers make no valid public key") }
        self.init(owning: key)
    }

    private static func require(_ jwk: JSON, _ member: String, _ value: String) throws(CryptoError) {
        guard jwk[member]?.string == value else {
            throw CryptoError(.keyUnfit, "the JWK's \"\(member)\" must be \"\(value)\"")
        }
    }

    private static func number(_ jwk: JSON, _ member: String) throws(CryptoError) -> [UInt8] {
        // 2,048 bytes are the 16,384 bits that libcrypto takes at most.
        guard let text = jwk[member]?.string, let bytes = Base64URL.decode(text.utf8), (1...2048).contains(bytes.count)
        else { throw CryptoError(.keyMalformed, "the JWK's \"\(member)\" must be a number in base64url") }
        return bytes
    }

    /// RFC 7518, section 6.2.1.2 wants the coordinate's full length. Authlib leaves leading zeros out, which every other
    /// key on P-521 has; it is the same number.
    private static func coordinate(_ jwk: JSON, _ member: String, _ field: Int) throws(CryptoError) -> [UInt8] {
        let bytes = try number(jwk, member)
        guard bytes.count <= field else {
            throw CryptoError(.keyMalformed, "the JWK's \"\(member)\" must be \(field) bytes in base64url")
        }
        return [UInt8](repeating: 0, count: field - bytes.count) + bytes
    }

    private static func octets(_ jwk: JSON, _ member: String, count: Int) throws(CryptoError) -> [UInt8] {
        guard let text = jwk[member]?.string, let bytes = Base64URL.decode(text.utf8), bytes.count == count else {
            throw CryptoError(.keyMalformed, "the JWK's \"\(member)\" must be \(count) bytes in base64url")
        }
        return bytes
    }
}
