// SPDX-License-Identifier: Apache-2.0

/// How a token is signed, by its JOSE name (RFC 7518, section 3.1; RFC 9864 for Ed25519).
public enum SignatureAlgorithm: String, CaseIterable, Sendable {
    case hs256 = "HS256"
    case hs384 = "HS384"
    case hs512 = "HS512"
    case rs256 = "RS256"
    case rs384 = "RS384"
    case rs512 = "RS512"
    case es256 = "ES256"
    case es384 = "ES384"
    case es512 = "ES512"
    case ps256 = "PS256"
    case ps384 = "PS384"
    case ps512 = "PS512"
    case ed25519 = "Ed25519"

    /// The algorithm of that name in a header or a JWK, byte for byte; nil for one that is not supported.
    ///
    /// `EdDSA` (RFC 8037) is Ed25519 here: of the curves it may stand for, none other is supported, and the key decides.
    public init?(jose name: String) {
        // Not `==`, which holds canonically equivalent texts equal.
        if name.utf8.elementsEqual("EdDSA".utf8) {
            self = .ed25519
        } else if let found = Self.allCases.first(where: { $0.rawValue.utf8.elementsEqual(name.utf8) }) {
            self = found
        } else {
            return nil
        }
    }

    enum Family {
        case hmac, rsa, rsaPSS
        /// `field` is the length of a coordinate in bytes.
        case ecdsa(curve: String, group: String, field: Int)
        case ed25519
    }

    var family: Family {
        switch self {
        case .hs256, .hs384, .hs512: .hmac
        case .rs256, .rs384, .rs512: .rsa
        case .ps256, .ps384, .ps512: .rsaPSS
        case .es256: .ecdsa(curve: "P-256", group: "prime256v1", field: 32)
        case .es384: .ecdsa(curve: "P-384", group: "secp384r1", field: 48)
        case .es512: .ecdsa(curve: "P-521", group: "secp521r1", field: 66)
        case .ed25519: .ed25519
        }
    }

    /// The algorithm of all keys on a JWK's curve; nil for RSA, where a key alone does not tell.
    static func ofCurve(_ name: String) -> SignatureAlgorithm? {
        switch name {
        case "P-256": .es256
        case "P-384": .es384
        case "P-521": .es512
        case "Ed25519": .ed25519
        default: nil
        }
    }

    /// libcrypto's name of the digest; nil where the signature scheme brings its own.
    var digest: String? {
        switch self {
        case .hs256, .rs256, .es256, .ps256: "SHA256"
        case .hs384, .rs384, .es384, .ps384: "SHA384"
        case .hs512, .rs512, .es512, .ps512: "SHA512"
        case .ed25519: nil
        }
    }

    /// Bytes of the digest; for Ed25519 of its SHA-512.
    var digestLength: Int {
        switch self {
        case .hs256, .rs256, .es256, .ps256: 32
        case .hs384, .rs384, .es384, .ps384: 48
        case .hs512, .rs512, .es512, .ps512, .ed25519: 64
        }
    }
}
