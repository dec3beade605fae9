// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Which protocol versions and cipher suites a server accepts.
///
/// The names and the choices are those of Mozilla's "Security/Server Side TLS" guidelines 5.8, less what costs the
/// server much more than the client (P-384) and what OpenSSL has from 3.5 on (X25519MLKEM768). All suites give forward secrecy and
/// authenticated encryption. The server's order holds, except that a client that puts ChaCha20 first has it: that
/// leaves to clients without AES in hardware the choice for which the guidelines let clients decide.
public enum TLSPolicy: Sendable, Hashable, CaseIterable {
    /// TLS 1.2 and TLS 1.3.
    case intermediate

    /// TLS 1.3 only.
    case modern

    var minimumVersion: Int32 {
        switch self {
        case .intermediate: TLS1_2_VERSION
        case .modern: TLS1_3_VERSION
        }
    }

    /// Cipher suites of TLS 1.2, best first. AES-128 leads: it is as good as unbreakable and the cheapest.
    static let cipherList = [
        "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
        "ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384",
        "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
    ].joined(separator: ":")

    /// Cipher suites of TLS 1.3, best first.
    static let cipherSuites = [
        "TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
    ].joined(separator: ":")

    /// Key exchange groups, best first. P-384 is left out: OpenSSL 3.0 takes some 15 times as long for it
    /// as for P-256, and the client chooses who pays.
    static let groups = "X25519:P-256"

    /// Signatures that are made and accepted, cheapest first: none with SHA-1 (RFC 9155), in TLS 1.3 none of PKCS #1 v1.5
    /// (RFC 8446 section 4.2.3).
    static let signatures = [
        "ecdsa_secp256r1_sha256", "ed25519", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512",
        "rsa_pss_rsae_sha256", "rsa_pss_rsae_sha384", "rsa_pss_rsae_sha512",
        "rsa_pss_pss_sha256", "rsa_pss_pss_sha384", "rsa_pss_pss_sha512",
        "rsa_pkcs1_sha256", "rsa_pkcs1_sha384", "rsa_pkcs1_sha512",
    ].joined(separator: ":")

    /// The IANA name of a suite; literals, because text from OpenSSL would be allocated for each connection.
    static func name(of cipher: OpaquePointer?) -> String {
        switch SSL_CIPHER_get_protocol_id(cipher) {
        case 0x1301: "TLS_AES_128_GCM_SHA256"
        case 0x1302: "TLS_AES_256_GCM_SHA384"
        case 0x1303: "TLS_CHACHA20_POLY1305_SHA256"
        case 0xC02B: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
        case 0xC02C: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"
        case 0xC02F: "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"
        case 0xC030: "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"
        case 0xCCA8: "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256"
        case 0xCCA9: "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"
        default: SSL_CIPHER_standard_name(cipher).map { String(cString: $0) } ?? ""
        }
    }
}
