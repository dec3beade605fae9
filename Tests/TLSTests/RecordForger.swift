// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Seals records of TLS 1.2 as a client would that its OpenSSL does not send: empty ones, or any handshake message.
///
/// For `TLS_ECDHE_*_WITH_AES_128_GCM_SHA256` after the handshake (RFC 5246 section 6.3, RFC 5288).
struct RecordForger {
    private let key: [UInt8]
    private let salt: [UInt8]
    /// The client's Finished was record 0.
    private var sequence: UInt64 = 1

    init(_ client: TestClient) throws {
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
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        EVP_EncryptInit_ex(context, EVP_aes_128_gcm(), nil, key, salt + number)
        let length = [UInt8(content.count >> 8), UInt8(content.count & 255)]
        let additional = number + [type, 3, 3] + length
        var count: Int32 = 0
        EVP_EncryptUpdate(context, nil, &count, additional, Int32(additional.count))
        var sealed = [UInt8](repeating: 0, count: content.count + 16)
        if !content.isEmpty { EVP_EncryptUpdate(context, &sealed, &count, content, Int32(content.count)) }
        var tag = [UInt8](repeating: 0, count: 16)
        EVP_EncryptFinal_ex(context, &tag, &count)
        EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, 16, &tag)
        sealed.replaceSubrange(content.count..., with: tag)
        let total = 8 + sealed.count
        return [type, 3, 3, UInt8(total >> 8), UInt8(total & 255)] + number + sealed
    }
}
