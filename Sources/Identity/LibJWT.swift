// SPDX-License-Identifier: Apache-2.0

import CJWT
import GatewayCore
import GatewayCrypto
import Glibc

/// libjwt 1.10, for what it can do: HS, RS and ES tokens of `typ` JWT.
///
/// Alone it would be unsafe: an empty key turns its check off, a long part overflows its stack, and it reads sloppy
/// spellings. So it only ever sees what passed the strict gate, and every way out empties the OpenSSL error queue.
enum LibJWT {
    /// Whether libjwt can read such a token at all.
    static func canVerify(_ algorithm: SignatureAlgorithm, type: String?) -> Bool {
        jwtAlgorithm(algorithm) != nil && (type == nil || type?.lowercased() == "jwt")
    }

    /// Whether libjwt finds the signature right, the algorithm the key's, and in the claims what we read there.
    static func confirms(_ token: [UInt8], key: VerificationKey, claims: JSON) -> Bool {
        defer { clearOpenSSLErrors() }
        var decoded: OpaquePointer?
        let status = (token + [0]).withUnsafeBufferPointer { text in
            text.withMemoryRebound(to: CChar.self) { text in
                key.withLibjwtKey { key in
                    precondition(
                        !key.isEmpty && token.count <= CompactJWS.maximumLength,
                        "libjwt only sees gated tokens"
                    )
                    return jwt_decode(&decoded, text.baseAddress, key.baseAddress, Int32(key.count))
                }
            }
        }
        defer { jwt_free(decoded) }
        guard status == 0, let decoded, jwt_get_alg(decoded) == jwtAlgorithm(key.algorithm) else { return false }
        for name in ["iss", "sub", "jti", "client_id", "scope", "tenant"] {
            if case .string(let text) = claims[name] {
                guard let theirs = jwt_get_grant(decoded, name), strcmp(theirs, text) == 0 else { return false }
            }
        }
        for name in ["exp", "nbf", "iat"] {
            if case .integer(let number) = claims[name], jwt_get_grant_int(decoded, name) != Int(number) {
                return false
            }
        }
        return true
    }

    /// Signs the claims.
    ///
    /// The header's `typ` is JWT; libjwt 1.10 lets nobody choose.
    /// - Parameter key: the private key in PEM.
    /// - Returns: the token in compact form; nil when libjwt cannot sign with this key and algorithm.
    static func sign(
        strings: [(String, String)],
        integers: [(String, Int64)],
        keyID: String,
        algorithm: SignatureAlgorithm,
        key: [UInt8]
    ) -> String? {
        defer { clearOpenSSLErrors() }
        guard !key.isEmpty, let algorithm = jwtAlgorithm(algorithm) else { return nil }
        var token: OpaquePointer?
        guard jwt_new(&token) == 0, let token else { return nil }
        defer { jwt_free(token) }
        for (name, value) in strings { guard jwt_add_grant(token, name, value) == 0 else { return nil } }
        for (name, value) in integers { guard jwt_add_grant_int(token, name, Int(value)) == 0 else { return nil } }
        guard jwt_add_header(token, "kid", keyID) == 0,
            jwt_set_alg(token, algorithm, key, Int32(key.count)) == 0,
            let text = jwt_encode_str(token)
        else { return nil }
        defer { free(text) }
        return String(cString: text)
    }

    static func jwtAlgorithm(_ algorithm: SignatureAlgorithm) -> jwt_alg_t? {
        switch algorithm {
        case .hs256: JWT_ALG_HS256
        case .hs384: JWT_ALG_HS384
        case .hs512: JWT_ALG_HS512
        case .rs256: JWT_ALG_RS256
        case .rs384: JWT_ALG_RS384
        case .rs512: JWT_ALG_RS512
        case .es256: JWT_ALG_ES256
        case .es384: JWT_ALG_ES384
        case .es512: JWT_ALG_ES512
        case .ps256, .ps384, .ps512, .ed25519: nil
        }
    }
}
