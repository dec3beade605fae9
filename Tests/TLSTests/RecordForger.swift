// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Seals records as a client would that its OpenSSL does not send: empty ones, or any handshake message.
///
/// For AES-128-GCM with SHA-256 after the handshake (RFC 5246 section 6.3 and RFC 5288; RFC 8446 sections 5.2 and 7.3).
struct RecordForger {
    private let key: [UInt8]
    /// Of 4 bytes in TLS 1.2, of 12 in TLS 1.3.
    private let salt: [UInt8]
    private var sequence: UInt64

    init(_ client: TestClient) throws {
        guard SSL_version(client.ssl) != TLS1_3_VERSION else {
            func expand(_ label: String, _ length: Int) -> [UInt8] {
                let label = Array("tls13 \(label)".utf8)
                let info = [0, UInt8(length), UInt8(label.count)] + label + [0, 1]
                return Array(Self.hmac(client.trafficSecret, info).prefix(length))
            }
            key = expand("key", 16)
            salt = expand("iv", 12)
            sequence = 0
            return
        }
        // The client's Finished was record 0.
        sequence = 1
        guard let session = client.session() else { throw TestIdentity.Failure(step: "session") }
        defer { SSL_SESSION_free(session) }
        var secret = [UInt8](repeating: 0, count: 48)
        guard SSL_SESSION_get_master_key(session, &secret, 48) == 48 else { throw TestIdentity.Failure(step: "secret") }
        var randoms = [UInt8](repeating: 0, count: 64)
        randoms.withUnsafeMutableBufferPointer { randoms in
            _ = SSL_get_server_random(client.ssl, randoms.baseAddress, 32)
            _ = SSL_get_client_random(client.ssl, randoms.baseAddress! + 32, 32)
        }
        let seed = Array("key expansion".utf8) + randoms
        var block: [UInt8] = []
        var chain = seed
        while block.count < 40 {
            chain = Self.hmac(secret, chain)
            block += Self.hmac(secret, chain + seed)
        }
        key = Array(block[0..<16])
        salt = Array(block[32..<36])
    }

    private static func hmac(_ key: [UInt8], _ bytes: [UInt8]) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: 32)
        HMAC(EVP_sha256(), key, Int32(key.count), bytes, bytes.count, &code, nil)
        return code
    }

    mutating func record(_ type: UInt8, _ content: [UInt8]) -> [UInt8] {
        let number = withUnsafeBytes(of: sequence.bigEndian) { Array($0) }
        sequence += 1
        guard salt.count == 4 else {
            let nonce = salt.prefix(4) + zip(salt.suffix(8), number).map { $0 ^ $1 }
            let header = [23, 3, 3] + Self.length(content.count + 17)
            return header + seal(content + [type], nonce: Array(nonce), additional: header)
        }
        let additional = number + [type, 3, 3] + Self.length(content.count)
        let sealed = seal(content, nonce: salt + number, additional: additional)
        return [type, 3, 3] + Self.length(8 + sealed.count) + number + sealed
    }

    private static func length(_ count: Int) -> [UInt8] {
        [UInt8(count >> 8), UInt8(count & 255)]
    }

    private func seal(_ content: [UInt8], nonce: [UInt8], additional: [UInt8]) -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nil, key, nonce)
        var count: Int32 = 0
        EVP_EncryptUpdate(context, nil, &count, additional, Int32(additional.count))
        var sealed = [UInt8](repeating: 0, count: content.count + 16)
        if !content.isEmpty { EVP_EncryptUpdate(context, &sealed, &count, content, Int32(content.count)) }
        var tag = [UInt8](repeating: 0, count: 16)
        EVP_EncryptFinal_ex(context, &tag, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        sealed.replaceSubrange(content.count..., with: tag)
        return sealed
    }
}
