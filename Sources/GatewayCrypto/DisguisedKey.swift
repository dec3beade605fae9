// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import GatewayCore

/// Finds public keys that stand where a shared secret should.
///
/// Whoever knows an issuer's public key could sign tokens with it as the secret of an HMAC (RFC 8725, section 2.1).
/// Verifiers have fallen for it in PEM, DER, as JWK and as certificate, so here no spelling passes.
enum DisguisedKey {
    /// Whether the bytes are a public or private key or a certificate: PEM, OpenSSH, JWK, DER, or DER in base64.
    static func isKeyPair(_ secret: [UInt8]) -> Bool {
        let text = String(decoding: secret, as: UTF8.self)
        // One dash less than PEM has: SSH2 has a space behind four of them.
        if text.contains("----BEGIN ") || text.contains("---- BEGIN ") { return true }
        let words = text.split(maxSplits: 1, omittingEmptySubsequences: true, whereSeparator: \.isWhitespace)
        if let first = words.first, ["ssh-", "ecdsa-sha2-", "sk-"].contains(where: first.hasPrefix), words.count > 1 {
            return true
        }
        if let json = try? JSON.parse(secret), json["kty"] != nil || json["keys"] != nil { return true }
        if isDER(secret) { return true }
        return base64(secret).map(isDER) ?? false
    }

    private static func isDER(_ bytes: [UInt8]) -> Bool {
        // All of these forms are a sequence.
        guard bytes.first == 0x30 else { return false }
        defer { clearOpenSSLErrors() }
        return bytes.withUnsafeBufferPointer { bytes in
            var next = bytes.baseAddress
            if let certificate = d2i_X509(nil, &next, bytes.count) {
                X509_free(certificate)
                return true
            }
            next = bytes.baseAddress
            if let key = d2i_PUBKEY(nil, &next, bytes.count) {
                EVP_PKEY_free(key)
                return true
            }
            next = bytes.baseAddress
            if let key = d2i_PublicKey(EVP_PKEY_RSA, nil, &next, bytes.count) {
                EVP_PKEY_free(key)
                return true
            }
            next = bytes.baseAddress
            if let key = d2i_AutoPrivateKey(nil, &next, bytes.count) {
                EVP_PKEY_free(key)
                return true
            }
            return false
        }
    }

    /// The bytes behind a text in either alphabet of base64, line breaks and padding left out; nil for no such text.
    private static func base64(_ text: [UInt8]) -> [UInt8]? {
        let plain = text.compactMap { (byte: UInt8) -> UInt8? in
            switch byte {
            case UInt8(ascii: "+"): UInt8(ascii: "-")
            case UInt8(ascii: "/"): UInt8(ascii: "_")
            case UInt8(ascii: "="), 9, 10, 13, 32: nil
            default: byte
            }
        }
        return Base64URL.decode(plain)
    }
}
