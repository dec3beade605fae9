// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS

/// Opens tickets with the server's keys, changes what is inside, and seals them again (RFC 5077 section 4).
struct TicketForger {
    private let cipherKey: [UInt8]
    private let codeKey: [UInt8]

    init(_ keys: TLSTicketKeys) {
        let bytes = keys.serialised()
        cipherKey = Array(bytes[24..<56])
        codeKey = Array(bytes[56..<88])
    }

    /// Changes the ticket that the client has in `session`, which must keep its length.
    func change(_ session: OpaquePointer, _ body: (OpaquePointer) -> Void) throws {
        var start: UnsafePointer<UInt8>?
        var length = 0
        SSL_SESSION_get0_ticket(session, &start, &length)
        let ticket = UnsafeMutableBufferPointer(start: UnsafeMutablePointer(mutating: start), count: length)
        guard length > 80 else { throw TestIdentity.Failure(step: "ticket") }
        let vector = Array(ticket[16..<32])
        let state = try crypt(Array(ticket[32..<(length - 32)]), vector, sealing: false)
        let inner: OpaquePointer? = state.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            return d2i_SSL_SESSION(nil, &position, buffer.count)
        }
        guard let inner else { throw TestIdentity.Failure(step: "session in the ticket") }
        defer { SSL_SESSION_free(inner) }
        body(inner)
        var changed = [UInt8](repeating: 0, count: Int(i2d_SSL_SESSION(inner, nil)))
        guard changed.count == state.count else { throw TestIdentity.Failure(step: "length of the ticket") }
        changed.withUnsafeMutableBufferPointer { buffer in
            var position = buffer.baseAddress
            i2d_SSL_SESSION(inner, &position)
        }
        // The client's session owns these bytes, and nobody else reads them.
        let sealed = Array(ticket[..<32]) + (try crypt(changed, vector, sealing: true))
        var code = [UInt8](repeating: 0, count: 32)
        HMAC(EVP_sha256(), codeKey, 32, sealed, sealed.count, &code, nil)
        for (position, byte) in (sealed + code).enumerated() { ticket[position] = byte }
    }

    private func crypt(_ bytes: [UInt8], _ vector: [UInt8], sealing: Bool) throws -> [UInt8] {
        let context = EVP_CIPHER_CTX_new()
        defer { EVP_CIPHER_CTX_free(context) }
        var result = [UInt8](repeating: 0, count: bytes.count + 16)
        var count: Int32 = 0
        var rest: Int32 = 0
        EVP_CipherInit_ex(context, EVP_aes_256_cbc(), nil, cipherKey, vector, sealing ? 1 : 0)
        EVP_CipherUpdate(context, &result, &count, bytes, Int32(bytes.count))
        let isWhole = result.withUnsafeMutableBufferPointer {
            EVP_CipherFinal_ex(context, $0.baseAddress! + Int(count), &rest) == 1
        }
        guard isWhole else { throw TestIdentity.Failure(step: "ticket") }
        return Array(result.prefix(Int(count + rest)))
    }
}
